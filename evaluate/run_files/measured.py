"""samples.jsonl, measurement.json and manifest.json: answers, and how they were measured."""

from pydantic import Field

from kshot.core.run_files import FileModel


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
    unfinished: bool | None = None
    """Whether the generated text filled its budget of tokens and was cut there."""
    options: list[str] | None = None
    """The options of a multiple-choice item."""
    log_probs: list[float] | None = None
    """Log-probability of each option, in nats."""
    right: bool | float | None
    """Whether the answer is right, or its score from 0 to 1."""
    answer: str
    """The generated text, or the chosen option."""


class MeasurementFile(FileModel):
    """measurement.json: a finished measurement."""

    key: str
    """Changes with everything that shapes the answers."""
    truncated: int
    """Number of items with a prompt longer than the model's context."""
    truncated_by_task: dict[str, int] = Field(default_factory=dict)
    """The same by task, where there are some."""
    differences: dict[str, int] = Field(default_factory=dict)
    """Why numbers of lm-eval's tasks may differ from those of the command `lm_eval`: "task: reason" -> items."""
    answers: int = 0
    """Number of generated answers."""
    unfinished: int = 0
    """Number of them that filled their budget of tokens."""
    seconds: dict[str, float] = Field(default_factory=dict)
    """Seconds of all answers together: `generate_until` for written ones, `loglikelihood` for choices."""
    items: int = 0
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
    ties: list[str] = Field(default_factory=list)
    is_constant: bool = False


class AnswerCount(FileModel):
    """Generated answers of a model, and how many of them filled their budget of tokens."""

    answers: int
    unfinished: int


class MeasuredOn(FileModel):
    """The facts that every comparison states."""

    seed: int
    bootstrap_resamples: int
    device: DeviceFile | None
    versions: dict[str, str]
    truncated: dict[str, int]
    """Items with a prompt longer than the model's context, by measurement and task."""
    lm_eval_differences: dict[str, int] = Field(default_factory=dict)
    """Why numbers of lm-eval's tasks may differ from those of the command `lm_eval`, and the items of each reason."""
    unfinished: dict[str, AnswerCount] = Field(default_factory=dict)
    """Answers that filled their budget of tokens, by model."""


class EvaluateManifest(MeasuredOn):
    """manifest.json of the evaluate stage."""

    run: str
    base: str
    trained: str = ""
    """The key of the training whose student was measured."""
    fewshot_seeds: list[int]
    shots: list[int]
    backend: str
    other_metrics: list[OtherMetric]
    by_task: list[TaskScore]
    measurements: dict[str, str]
    """Folder of each measurement -> its key."""
