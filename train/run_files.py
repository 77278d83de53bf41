"""The files that a training writes: one frozen model each."""

from typing import Any

from kshot.core.run_files import FileModel


class TrainFacts(FileModel):
    """What was trained, for the manifest and the model card."""

    run: str
    base: str
    """The student's reference in the config."""
    base_fingerprint: str = ""
    """Of the student's weights, architecture, tokenizer and chat template."""
    data: str
    """SHA-256 of train.jsonl, or of the file that `train.data` names."""
    origin: str = ""
    """The name and format of that file; empty where the run made its data."""
    rows: int
    """Rows trained on, those of every epoch."""
    validation_rows: int
    tokens: int
    """Tokens trained on, prompts included."""
    dropped: dict[str, int]
    """Rows longer than max_length, by shots."""
    steps: int
    processes: int = 1
    """Processes in which the last part of the training ran."""
    step_rows: int | None = None
    """Rows of a step, in all processes together: the global batch. null: trained before this was noted."""
    loss: float
    """Mean training loss of the last 10 steps."""
    validation: float | None
    """Last validation loss."""
    method: str = "lora"
    """lora, or full where all weights were trained."""
    quantize: str | None = None
    """How the frozen weights were held in training; null: as they are."""
    lora: dict[str, Any]
    sft: dict[str, Any]
    device: dict[str, Any]
    """The device settings, see settings.json."""
    adapter_scale: float
    template_date: str | None
    """The date that the chat template shows, in training and measuring alike; null where it shows none."""
    stop_token: str
    """The token that ends an answer."""


class TrainManifest(TrainFacts):
    """manifest.json of the train stage, which is written last."""

    peak_memory: int | None = None
    """Most bytes that the first process held: on a GPU those of torch, else its resident memory."""

    key: str
    """Changes with everything that shapes the student."""
    seed: int
    training_seed: int
    versions: dict[str, str]


class MetricsRow(FileModel):
    """A row of metrics.jsonl: what TRL logged at a step."""

    step: int
    loss: float | None = None
    eval_loss: float | None = None
    learning_rate: float | None = None
    grad_norm: float | None = None
    mean_token_accuracy: float | None = None
    epoch: float | None = None
    num_tokens: float | None = None
    seconds: float | None = None
    """Since this process began to train."""


class AnswerDifference(FileModel):
    """An item that the exported model answers otherwise than the trained one."""

    task: str
    item: int
    """Index of the item in its task."""
    trained: str
    exported: str


class ExportFile(FileModel):
    """export.json in the folder of an export: what it holds, and how its answers compare with the trained student's."""

    run: str
    base: str | None
    """The student's reference; null where it is a file or folder of the machine that trained."""
    trained: str
    """The key of the training whose student was exported."""
    base_hub_id: str | None
    base_fingerprint: str
    target: str
    dtype: str | None
    """Of the weights; null where they are quantised."""
    quantization: str | None
    converter: str | None
    """What made the file, with its version; null for kshot itself."""
    weights_bytes: int
    trained_bytes: int
    """Size of the merged student in float32."""
    base_bytes: int
    load_seconds: float
    trained_load_seconds: float
    loaded_with: str
    """What answered from the export."""
    suites: list[str]
    compared: int
    """Items that both answered, greedily and without demonstrations; white space at the ends does not count."""
    equal: int
    differences: list[AnswerDifference]
    versions: dict[str, str]


FILES: dict[str, type[FileModel]] = {"train_manifest": TrainManifest, "metrics": MetricsRow, "export": ExportFile}
"""Every file of the stage by the name of its schema; metrics.jsonl holds a row each."""
