"""Tests of no gain: exact sign flips over tasks, Student's t over trainings, Holm's correction."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.special import stdtr
from scipy.stats import permutation_test

from kshot.evaluate.stats.bootstrap import Array, standard_error, task_means, training_variance

Verdict = Literal["gain", "loss", "inconclusive", "trivial"]
MAX_P = 0.05
"""A difference is significant below it, after adjustment for the number of rows of its table."""
MAX_EXACT_DIFFERENCES = 16
"""Up to so many differences all sign patterns are enumerated."""


def sign_flip_p(differences: npt.ArrayLike, resamples: int, rng: np.random.Generator) -> float:
    """Two-sided p of no gain: the fraction of sign patterns whose sum is as far from zero as the observed one.

    Fisher's paired randomisation test (The Design of Experiments, 1935, section 21). Differences of zero carry no
    information and are left out. Up to 16 others p is exact; beyond, `resamples` patterns are drawn. With n tasks p
    cannot be below 2 / 2^n: five tasks never reach 5 %.

    Args:
        differences: shape (tasks,), the mean difference of each task.
    """
    values = np.asarray(differences, dtype=np.float64)
    values = values[values != 0]
    if len(values) < 2:
        # One difference has one sign pattern and its mirror image; permutation_test refuses it.
        return 1.0
    patterns = np.inf if len(values) <= MAX_EXACT_DIFFERENCES else resamples
    result = permutation_test(
        (values,), np.sum, permutation_type="samples", vectorized=True, n_resamples=patterns, batch=1 << 14, rng=rng
    )
    return float(result.pvalue)


def training_t_p(differences: Sequence[Array], trainings: int) -> float:
    """Two-sided p of no gain, over other tasks and other trainings: Student's t of the mean.

    Sign flips know the tasks of these trainings only: where trainings differ as tasks do, they call every third of
    three useless trainings a gain (`benchmarks/interval_coverage.py`). Returns 0 where trainings do not differ, so
    that the other test decides.

    Args:
        differences: for each task (trainings x seeds, items).
    """
    if not training_variance(differences, trainings)[1]:
        return 0.0
    error, df = standard_error(differences, trainings)
    gain = abs(float(task_means(differences).mean()))
    return float(2 * stdtr(df, -gain / error)) if df else 1.0


def judge(gain: float, p_holm: float, is_trivial: bool = False) -> Verdict:
    """The one verdict on a row, by its adjusted p alone; intervals are for one row by itself and decide nothing.

    Args:
        is_trivial: the student scores no more than a trivial baseline, so that its gain is none.
    """
    if p_holm >= MAX_P or gain == 0:
        return "inconclusive"
    if gain < 0:
        return "loss"
    return "trivial" if is_trivial else "gain"


def adjust_holm(values: Sequence[float]) -> list[float]:
    """p-values adjusted for their number, in their order (Holm, Scand. J. Statist. 6 (1979) 65)."""
    order = sorted(range(len(values)), key=values.__getitem__)
    adjusted = [0.0] * len(values)
    highest = 0.0
    for rank, position in enumerate(order):
        highest = max(highest, min(1.0, (len(values) - rank) * values[position]))
        adjusted[position] = highest
    return adjusted
