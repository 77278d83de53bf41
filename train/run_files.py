"""The files that a training writes: one frozen model each."""

from typing import Any

from kshot.core.run_files import FileModel


class TrainFacts(FileModel):
    """What was trained, for the manifest and the model card."""

    run: str
    base: str
    """The student's reference in the config."""
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
    loss: float
    """Mean training loss of the last 10 steps."""
    validation: float | None
    """Last validation loss."""
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


FILES: dict[str, type[FileModel]] = {"train_manifest": TrainManifest, "metrics": MetricsRow}
"""Every file of the stage by the name of its schema; metrics.jsonl holds a row each."""
