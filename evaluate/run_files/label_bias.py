"""label_bias.json: whether the models separate the labels, and which one they prefer."""

from kshot.core.run_files import FileModel


class LabelBias(FileModel):
    """Label bias of a model on tasks with the same options for every item."""

    pairwise_auroc: float
    """Fraction of pairs of items with different right labels whose log-probabilities are in the right order."""
    majority_prediction_rate: float
    """Fraction of the items that got the most frequent prediction."""
    majority_label_rate: float
    """Fraction of the items whose right answer is the most frequent one."""
    score: float
    """Accuracy of the choice."""
    calibrated: float
    """Accuracy after batch calibration."""


class LabelBiasTask(LabelBias):
    """Label bias on one task."""

    suite: str
    k: int
    model: str
    task: str


class LabelBiasMean(LabelBias):
    """Mean label bias over tasks."""

    suite: str
    k: int
    model: str
    tasks: int


class LabelBiasGain(FileModel):
    """Paired change of a measure of label bias, over tasks."""

    suite: str
    k: int
    model: str
    measure: str
    before: float
    after: float
    gain: float
    low: float | None
    high: float | None
    p: float
    tasks: int


class LabelPriors(FileModel):
    """A row of label_priors.json: how to choose among a task's labels without the student's preference for some.

    Choose the label with the highest log_softmax(log-probabilities of the labels) - log_priors.
    """

    suite: str
    task: str
    k: int
    """Demonstrations before each input; other numbers have other priors."""
    seed: int
    """Few-shot seed."""
    labels: list[str]
    log_priors: list[float]
    """Log of each label's mean share of the probability over the items, in the order of the labels."""
    items: int
    accuracy: float
    """Of the choice with these priors, on the items that they come from."""
    uncalibrated_accuracy: float
    """Of the choice without them."""


class LabelBiasFile(FileModel):
    """label_bias.json: whether the models separate the labels, and which one they prefer."""

    means: list[LabelBiasMean]
    tasks: list[LabelBiasTask]
    gains: list[LabelBiasGain]
