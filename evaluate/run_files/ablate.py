"""ablate.json: every setting of a grid against its base and against the best."""

from typing import Literal

from pydantic import JsonValue

from kshot.core.run_files import FileModel
from kshot.evaluate.run_files.label_bias import LabelBiasFile
from kshot.evaluate.run_files.measured import MeasuredOn


class TrialState(FileModel):
    """A trial of the grid, done or failed."""

    label: str
    setting: str
    """The varied values, without the seed."""
    values: dict[str, JsonValue]
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
    values: dict[str, JsonValue]
    base: float
    student: float
    gain: float
    low: float | None
    high: float | None
    items_low: float | None
    items_high: float | None
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
    values: dict[str, JsonValue]
    mean: float
    difference: float
    low: float | None
    high: float | None
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
