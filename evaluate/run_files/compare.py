"""compare.json: checkpoints against one baseline."""

from typing import Literal

from kshot.core.run_files import FileModel
from kshot.evaluate.run_files.label_bias import LabelBiasFile
from kshot.evaluate.run_files.measured import MeasuredOn


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
    low: float | None
    high: float | None
    items_low: float | None
    items_high: float | None
    p: float
    mde: float | None
    seeds: int
    worst_seed_gain: float
    tasks: int
    items: int
    p_holm: float
    verdict: Literal["gain", "loss", "inconclusive", "trivial"]


class ComparedMetric(FileModel):
    """A metric of lm-eval that is no mean over items, of one model."""

    model: str
    suite: str
    task: str
    metric: str
    k: int
    seed: int
    value: float


class CompareFile(MeasuredOn):
    """compare.json: checkpoints against one baseline."""

    baseline: str
    models: list[ComparedModel]
    gains: list[CompareRow]
    other_metrics: list[ComparedMetric]
    label_bias: LabelBiasFile
    limit: int | None
