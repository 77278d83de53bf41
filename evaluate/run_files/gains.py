"""gains.json and fewshot.json: paired gains, a row for each suite, score and number of shots."""

from typing import Literal

from kshot.core.run_files import FileModel


class Gain(FileModel):
    """Mean scores over tasks and few-shot seeds, their paired difference, and its uncertainty."""

    base: float
    """Mean score of the base."""
    student: float
    """Mean score of the student."""
    gain: float
    """Mean paired difference."""
    low: float | None
    """Lower end of the 95 % interval on tasks like these (tasks and items resampled); null with one task or family."""
    high: float | None
    """Upper end of the same."""
    items_low: float | None
    """Lower end of the 95 % interval on these tasks (items resampled); null where a task has one item."""
    items_high: float | None
    """Upper end of the same."""
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
    low: float | None
    high: float | None
    items_low: float | None
    items_high: float | None
    tasks: int
    items: int
    left_out: int
    """Number of contaminated items."""


class GainRow(SuiteGain):
    """A row of gains.json: the student against its base."""

    p_holm: float
    """p adjusted for the number of rows (Holm)."""
    verdict: Literal["gain", "loss", "inconclusive", "trivial"]
    """By p_holm alone; trivial: the student scores no more than a trivial baseline."""
    below: list[str]
    """Trivial baselines that score more than the student."""
    ties: list[str]
    """Trivial baselines that score as much."""
    trivial_tasks: list[str]
    """Tasks with a gain on which the student only ties a trivial baseline, is below one, or gives one answer always."""
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
    low: float | None
    high: float | None
    items_low: float | None
    items_high: float | None
    tasks: int
    items: int
    p: float
    mde: float | None
    seeds: int
    worst_seed_gain: float
    seed_sd: float | None
    p_holm: float
