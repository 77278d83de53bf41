"""The files that an evaluation writes: one frozen model each. Scores and gains are fractions, not percent."""

from typing import Any, Literal

from kshot.core.run_files import FileModel


class Gain(FileModel):
    """Mean scores over tasks and few-shot seeds, their paired difference, and its uncertainty."""

    base: float
    """Mean score of the base."""
    student: float
    """Mean score of the student."""
    gain: float
    """Mean paired difference."""
    low: float
    """Lower end of the 95 % interval of the gain."""
    high: float
    """Upper end of the 95 % interval of the gain."""
    tasks: int
    """Number of tasks."""
    families: int
    """Number of task families, which are resampled together."""
    items: int
    """Items of all tasks, each counted once whatever the number of seeds."""
    p: float
    """Two-sided p of no gain: sign flips over tasks; with several trainings also a t-test, the higher of both."""
    mde: float | None
    """Minimum detectable effect at 80 % power and 5 %; above 1: none; null: nothing varies."""
    seeds: int
    """Number of few-shot seeds (times trainings)."""
    worst_seed_gain: float
    """Gain of the least favourable seed."""
    seed_sd: float | None
    """Standard deviation of the gain over seeds; null with one seed."""
    base_worst: float
    """Score of the base with its least favourable seed."""
    base_seed_sd: float | None
    """Standard deviation of the base's score over seeds."""
    student_worst: float
    """Score of the student with its least favourable seed."""
    student_seed_sd: float | None
    """Standard deviation of the student's score over seeds."""


class SuiteGain(Gain):
    """The paired gain on a suite at one number of shots."""

    suite: str
    score: str
    """The name of the score, e.g. exact_match or loglikelihood."""
    k: int
    """Number of demonstrations."""


class CleanGain(FileModel):
    """The gain without contaminated items."""

    base: float
    student: float
    gain: float
    low: float
    high: float
    tasks: int
    items: int
    left_out: int
    """Number of contaminated items."""


class GainRow(SuiteGain):
    """A row of gains.json: the student against its base."""

    p_holm: float
    """p adjusted for the number of rows (Holm)."""
    below: list[str]
    """Trivial baselines that score more than the student."""
    clean: CleanGain | None
    """The same without contaminated items; null where no item of the suite is contaminated."""


class FewshotRow(FileModel):
    """A row of fewshot.json: a model with k demonstrations against itself with none."""

    model: str
    suite: str
    score: str
    k: int
    zero: float
    """Score without demonstrations."""
    few: float
    """Score with k demonstrations."""
    gain: float
    low: float
    high: float
    tasks: int
    items: int
    p: float
    mde: float | None
    seeds: int
    worst_seed_gain: float
    seed_sd: float | None
    p_holm: float


class BaselineTask(FileModel):
    """A row of baselines.json by task: base, student and every trivial baseline; null where one does not exist."""

    suite: str
    task: str
    score: str
    k: int
    base: float
    student: float
    baselines: dict[str, float | None]
    """By name, see `BASELINE_NAMES`."""
    base_random_labels: float | None
    """The base after demonstrations with random labels."""
    below: list[str]
    """Baselines that score more than the student."""


class BaselineScore(FileModel):
    """A baseline's mean beside the student's, over the tasks that have this baseline."""

    score: float
    student: float
    tasks: int


class BaselineMean(FileModel):
    """Means of the baselines on a suite."""

    suite: str
    score: str
    k: int
    baselines: dict[str, BaselineScore]
    below: list[str]


class BaselinesFile(FileModel):
    """baselines.json: what scores without understanding the task."""

    means: list[BaselineMean]
    tasks: list[BaselineTask]


class Sample(FileModel):
    """A row of samples.jsonl: one item, one score, one model."""

    suite: str
    task: str
    score: str
    k: int
    item: int
    """Index of the item in its task."""
    seed: int
    """Few-shot seed."""
    model: str
    prompt: str
    """The whole prompt after the chat template."""
    input: str
    accepted: list[str]
    truncated: bool
    """Whether the prompt was longer than the model's context."""
    options: list[str] | None = None
    """The options of a multiple-choice item."""
    log_probs: list[float] | None = None
    """Log-probability of each option, in nats."""
    right: bool | float | None
    """Whether the answer is right, or its score from 0 to 1."""
    answer: str
    """The generated text, or the chosen option."""


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
    low: float
    high: float
    p: float
    tasks: int


class LabelBiasFile(FileModel):
    """label_bias.json: whether the models separate the labels, and which one they prefer."""

    means: list[LabelBiasMean]
    tasks: list[LabelBiasTask]
    gains: list[LabelBiasGain]


class TaskText(FileModel):
    """What a task looks like: an instruction and an input."""

    instruction: str
    input: str


class NearestTrainingTask(TaskText):
    """A training task and its similarity, from 0 to 1, to a held-out one."""

    task: str
    family: str
    category: str
    similarity: float


class NearestTasks(TaskText):
    """A held-out task with the nearest training task by name, by word trigrams and by wording."""

    suite: str
    task: str
    name: NearestTrainingTask
    trigrams: NearestTrainingTask
    wording: NearestTrainingTask


class ContaminatedItem(FileModel):
    """A held-out item that shares text with a training record."""

    suite: str
    task: str
    item: int
    how: str
    """Which rule found it."""
    span: str
    """The shared words."""
    record: str
    """Id of the training record."""
    training_task: str


class ContaminationFile(FileModel):
    """contamination.json: text that the suites share with the training data."""

    key: str
    training: str
    """The training data looked into."""
    records: int | None
    """Number of training records; null: no training data there."""
    tasks: int
    """Number of training tasks."""
    items: int
    """Number of held-out items."""
    nearest: list[NearestTasks]
    contaminated: list[ContaminatedItem]


class TextKind(FileModel):
    """Bits per byte of one kind of English text."""

    kind: str
    base: float
    student: float
    paragraphs: int


class TextForgetting(FileModel):
    """Bits per byte (UTF-8) of English text, means over paragraphs; more is worse."""

    base: float
    student: float
    difference: float
    low: float
    high: float
    paragraphs: int
    kinds: list[TextKind]


class ChatStyle(FileModel):
    """How a model answers plain questions."""

    words: float
    """Mean length in words."""
    one_word: float
    """Fraction of answers of one word or none."""
    repeated: float
    """Mean fraction of an answer's word 4-grams that occurred before in it."""


class ChatForgetting(FileModel):
    """Chat style of base and student."""

    base: ChatStyle
    student: ChatStyle


class ChatAnswer(FileModel):
    """Answers of base and student to a plain question."""

    question: str
    base: str
    student: str


class ForgottenTask(FileModel):
    """A task that the base solved above every trivial baseline, with the student's paired change."""

    suite: str
    score: str
    k: int
    task: str
    baseline: float
    """The best trivial baseline."""
    base: float
    student: float
    gain: float
    low: float
    high: float
    p: float
    items: int
    p_holm: float


class ForgettingFile(FileModel):
    """forgetting.json: what the student lost."""

    text: TextForgetting | None
    chat: ChatForgetting | None
    answers: list[ChatAnswer]
    tasks: list[ForgottenTask]


class ForgettingAnswers(FileModel):
    """forgetting/MODEL.json: what one model answered."""

    key: str
    bits: list[float]
    """Bits of each paragraph."""
    answers: list[str]


class MeasurementFile(FileModel):
    """measurement.json: a finished measurement."""

    key: str
    """Changes with everything that shapes the answers."""
    truncated: int
    """Number of prompts longer than the model's context."""
    other_metrics: dict[str, dict[str, float]]
    """Metrics of lm-eval that are no mean over items: task -> metric -> value."""


class DeviceFile(FileModel):
    """The device that a stage computed on."""

    type: str
    threads: int
    dtype: str
    attention: str
    seconds: dict[str, float]
    """Seconds of a probe step, by dtype and attention."""


class OtherMetric(FileModel):
    """A metric of lm-eval that is no mean over items; null where the model has it as a score."""

    suite: str
    task: str
    metric: str
    k: int
    seed: int
    base: float | None
    student: float | None


class TaskScore(FileModel):
    """Scores of base and student on one task at k shots."""

    suite: str
    task: str
    score: str
    k: int
    base: float
    student: float
    below: list[str]


class MeasuredOn(FileModel):
    """The facts that every comparison states."""

    seed: int
    bootstrap_resamples: int
    device: DeviceFile | None
    versions: dict[str, str]
    truncated: dict[str, int]
    """Prompts longer than the model's context, by measurement."""


class EvaluateManifest(MeasuredOn):
    """manifest.json of the evaluate stage."""

    run: str
    base: str
    fewshot_seeds: list[int]
    shots: list[int]
    backend: str
    other_metrics: list[OtherMetric]
    by_task: list[TaskScore]
    measurements: dict[str, str]
    """Folder of each measurement -> its key."""


class ComparedModel(FileModel):
    """A model of compare.json."""

    label: str
    reference: str
    """As it was named on the command line."""
    folder: str
    adapter: str | None
    fingerprint: str


class CompareRow(FileModel):
    """The paired gain of a model over the baseline."""

    model: str
    suite: str
    score: str
    k: int
    baseline: float
    student: float
    gain: float
    low: float
    high: float
    p: float
    mde: float | None
    seeds: int
    worst_seed_gain: float
    tasks: int
    items: int
    p_holm: float


class CompareFile(MeasuredOn):
    """compare.json: checkpoints against one baseline."""

    baseline: str
    models: list[ComparedModel]
    gains: list[CompareRow]
    label_bias: LabelBiasFile
    limit: int | None


class TrialState(FileModel):
    """A trial of the grid, done or failed."""

    label: str
    setting: str
    """The varied values, without the seed."""
    values: dict[str, Any]
    seed: int
    data: str
    """Name of its data set."""
    state: Literal["done", "failed"]
    cause: str = ""


class TrialGain(FileModel):
    """The gain of a setting over its base, its trainings pooled."""

    suite: str
    score: str
    k: int
    setting: str
    values: dict[str, Any]
    base: float
    student: float
    gain: float
    low: float
    high: float
    p: float
    mde: float | None
    tasks: int
    items: int
    seeds: list[int]
    seed_low: float
    """Smallest gain of one training seed."""
    seed_high: float
    """Greatest gain of one training seed."""
    p_holm: float


class RankedTrial(FileModel):
    """A setting by its mean score over all k, with its paired difference to the best."""

    suite: str
    score: str
    rank: int
    setting: str
    values: dict[str, Any]
    mean: float
    difference: float
    low: float
    high: float
    p: float
    mde: float | None
    tasks: int
    items: int
    seeds: list[int]
    p_holm: float
    verdict: Literal["best", "significant", "inconclusive"]


class AblateFile(MeasuredOn):
    """ablate.json: every setting of a grid against its base and against the best."""

    varied: list[str]
    trials: list[TrialState]
    gains: list[TrialGain]
    ranking: list[RankedTrial]
    label_bias: LabelBiasFile
    resample_data: bool
    limit: int | None


FILES: dict[str, type[FileModel]] = {
    "gains": GainRow,
    "fewshot": FewshotRow,
    "baselines": BaselinesFile,
    "samples": Sample,
    "label_bias": LabelBiasFile,
    "contamination": ContaminationFile,
    "forgetting": ForgettingFile,
    "forgetting_answers": ForgettingAnswers,
    "measurement": MeasurementFile,
    "evaluate_manifest": EvaluateManifest,
    "compare": CompareFile,
    "ablate": AblateFile,
}
"""Every file of the stage by the name of its schema; gains, fewshot and samples hold a row each."""
