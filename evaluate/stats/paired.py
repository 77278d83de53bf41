"""Paired gains: what is estimated, how sure it is, and how small a gain would have gone unseen.

The unit that is generalised over is the task; tasks of one family are siblings and make up one unit together. Base and
student answer the same items after the same demonstrations, so all is computed from the difference item by item; every
task counts alike.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from itertools import product
from math import sqrt
from statistics import NormalDist
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import stdtr, stdtrit

from kshot.core.seeding import digest

LEVEL = 0.95
POWER = 0.8
EXACT = 16
"""Up to so many differences all sign patterns are enumerated."""

Array = npt.NDArray[np.float64]
Scores = Mapping[str, Sequence[float] | Sequence[Sequence[float]]]
"""task -> scores of its items, in the same order for both models; or one such row for each demo seed."""
Families = Mapping[str, str]
"""task -> its family; a task that is not in it is alone in its own."""


@dataclass(frozen=True)
class Gain:
    """Mean scores over tasks and demo seeds, their paired difference, and what is known about it.

    Shares, not percent. `items` counts those of all tasks once, whatever the number of seeds. The spreads are standard
    deviations over demo seeds of the mean over tasks, null with one seed; the worsts are of the least favourable seed.
    """

    base: float
    student: float
    gain: float
    low: float
    high: float
    tasks: int
    families: int
    items: int
    p: float
    """Two-sided, of no gain: `sign_flip`; of several trainings that or `over_trainings`, whichever is higher."""
    mde: float | None
    """The smallest gain that would have been found with 80 % power at 5 %; above 1 for none at all, null where there is
    no spread to tell by."""
    seeds: int
    worst_seed_gain: float
    spread: float | None
    """Of the gain."""
    base_worst: float
    base_spread: float | None
    student_worst: float
    student_spread: float | None


def paired_gain(
    base: Scores, student: Scores, resamples: int, seed: int, *names: object, trainings: int = 1,
    families: Families = MappingProxyType({}),
) -> Gain:  # fmt: skip
    """The gain of the student over the base on the same items of the same tasks.

    Args:
        base, student: task -> (items,) or (seeds, items) of scores from 0 to 1; no task is empty, none is missing. One
            row stands against several, as zero-shot scores against those of several demo seeds.
        names: name the random streams, so that each cell of a table has its own.
        trainings: the rows are those of so many trainings, one after another, with as many demo seeds each. The
            interval, p and `mde` then speak of other trainings too.
        families: the interval, p and `mde` speak of other families, not of other siblings of these.

    Raises:
        ValueError: the two do not hold the same items, there are none, or a score is missing (NaN).
    """
    before, after = _arrays(base), _arrays(student)
    if not before or set(before) != set(after) or any(not _pairs(before[t], after[t]) for t in before):
        raise ValueError("both models must have scores for the same items, at least one a task")
    differences = [after[t] - before[t] for t in before]
    if any(np.isnan(d).any() for d in differences):
        raise ValueError("a score is missing; a missing score is no score of zero, so measure it first")
    rng = np.random.default_rng(int(digest(seed, "bootstrap", *names), 16))
    siblings = _siblings(list(before), families)
    units = _units(differences, siblings)
    low, high = interval(units, resamples, rng, trainings)
    means = _means(differences)
    # One family can only be judged by its items.
    flipped = np.array([means[f].sum() for f in siblings]) if len(siblings) > 1 else _items(differences)
    by_seed, base_seeds, student_seeds = (
        np.mean([row.mean(axis=1) for row in rows], axis=0) for rows in (differences, before.values(), after.values())
    )
    gain = float(by_seed.mean())
    return Gain(
        base=float(base_seeds.mean()),
        student=float(student_seeds.mean()),
        gain=gain,
        # Where nothing varies the ends differ from the gain by a rounding error only.
        low=min(low, gain),
        high=max(high, gain),
        tasks=len(differences),
        families=len(siblings),
        items=sum(row.shape[1] for row in differences),
        p=max(sign_flip(flipped, resamples, rng), over_trainings(units, trainings)),
        mde=minimum_detectable_effect(units, trainings),
        seeds=len(by_seed),
        worst_seed_gain=float(by_seed.min()),
        spread=_spread(by_seed),
        base_worst=float(base_seeds.min()),
        base_spread=_spread(base_seeds),
        student_worst=float(student_seeds.min()),
        student_spread=_spread(student_seeds),
    )


def paired_gains(
    before: Mapping[tuple[str, int], Mapping[str, Scores]],
    after: Mapping[tuple[str, int], Mapping[str, Scores]],
    resamples: int,
    seed: int,
    trainings: int = 1,
    families: Mapping[str, Families] = MappingProxyType({}),
) -> list[dict[str, Any]]:
    """A row for each panel, number of shots and score: the paired gain of one model over another.

    Args:
        before, after: (panel, shots) -> score -> what `paired_gain` takes, as `trainings`.
        families: panel -> what it takes.
    """
    rows = []
    for (panel, k), found in before.items():
        for score, scores in found.items():
            other, more = after[panel, k].get(score, {}), families.get(panel, {})
            # lm-eval's metrics beyond 0 to 1 are not there for a model that has such values (harness.py).
            tasks = [task for task in scores if task in other]
            if not tasks:
                continue
            one, two = ({task: rows[task] for task in tasks} for rows in (scores, other))
            gain = paired_gain(one, two, resamples, seed, panel, score, k, trainings=trainings, families=more)
            rows.append({"panel": panel, "score": score, "k": k} | asdict(gain))
    return rows


def interval(
    differences: Sequence[Array], resamples: int, rng: np.random.Generator, trainings: int = 1
) -> tuple[float, float]:
    """The 95 % interval of the mean over tasks: tasks are resampled, then each one's items and demo seeds.

    The plain form of this bootstrap (percentiles of means of means) is wrong in two ways, which
    `benchmarks/interval_coverage.py` shows under `plain`. The spread among the task means already holds the noise of
    their items, so drawing items again counts that noise twice: too few false alarms where tasks hardly differ. And
    percentiles know nothing of a small number of tasks: too many where the difference between tasks prevails. So:

    - Task means are first drawn towards their mean, as far as the noise of items and seeds had pushed them apart, and
      widened by n / (n - 1): the shrinkage correction of Davison and Hinkley, Bootstrap Methods and their Application
      (1997), section 3.8, as in Ng, Grieve and Carpenter, Stata Journal 13 (2013) 141. Between and within then add up
      to the variance of the mean, neither counted twice.
    - The percentiles' distances from the estimate are widened by t / z with n - 1 degrees of freedom, for the spread
      is itself estimated from n tasks (Hesterberg, arXiv:1411.5279, takes percentiles farther out to the same end;
      those stop at the largest draw, which is too near where tasks are few).

    A training moves all tasks together, so several of them are no further rows of a task: tasks and items are drawn
    from the means over trainings, and the variance of the mean over trainings is added as a normal draw. Its few
    degrees of freedom count by Satterthwaite's rule (Biometrics Bulletin 2 (1946) 110): where trainings differ more
    than tasks, three of them widen the interval as three observations do.

    With one task, the interval speaks of other items of that task only.

    Args:
        differences: for each task (trainings x seeds, items).
    """
    differences, apart = _over_trainings(differences, trainings)
    n = len(differences)
    means = _means(differences)
    middle = means.mean()
    within = _within(differences)
    between = means.var(ddof=1) if n > 1 else 0.0
    kept = sqrt(n / (n - 1) * max(0.0, 1 - within.mean() / between)) if between > 0 else 0.0
    centres = middle + kept * (means - middle)
    drawn = rng.integers(n, size=(resamples, n))
    values = np.empty(drawn.shape)
    for place, difference in enumerate(differences):
        chosen = drawn == place
        noise = _resampled(difference, int(chosen.sum()), rng) - means[place]
        plain = _variance(difference, 0)
        values[chosen] = centres[place] + (noise * sqrt(within[place] / plain) if plain > 0 else 0.0)
    tail = (1 - LEVEL) / 2
    found = values.mean(axis=1)
    df = _df(found.var(), differences, apart, trainings)
    if apart > 0:
        found = found + rng.normal(0, sqrt(apart), resamples)
    wider = stdtrit(df, 1 - tail) / NormalDist().inv_cdf(1 - tail) if df else 1.0
    low, high = middle + wider * (np.quantile(found, [tail, 1 - tail]) - middle)
    return float(np.clip(low, -1, 1)), float(np.clip(high, -1, 1))


def sign_flip(differences: npt.ArrayLike, resamples: int, rng: np.random.Generator) -> float:
    """The two-sided p of no gain: the share of sign patterns whose sum is as far from zero as the one seen.

    Fisher's paired randomisation test (The Design of Experiments, 1935, section 21) on the mean differences of the
    tasks: were base and student exchangeable, each could as well have had the other sign. Differences of zero say
    nothing and are left out. Up to 16 others all patterns are enumerated and p is exact; beyond, `resamples` are drawn
    and p is (hits + 1) / (draws + 1). With n tasks p cannot be below 2 / 2^n: five tasks never reach 5 %.
    """
    values = np.asarray(differences, dtype=np.float64)
    values = values[values != 0]
    if not len(values):
        return 1.0
    seen = abs(values.sum()) - 1e-9
    if len(values) <= EXACT:
        return float((abs(_signs(len(values)) @ values) >= seen).mean())
    drawn = rng.integers(2, size=(resamples, len(values))) * 2 - 1
    return float(((abs(drawn @ values) >= seen).sum() + 1) / (resamples + 1))


def holm(values: Sequence[float]) -> list[float]:
    """p-values adjusted for being one of several, in their order (Holm, Scand. J. Statist. 6 (1979) 65)."""
    order = sorted(range(len(values)), key=values.__getitem__)
    adjusted = [0.0] * len(values)
    highest = 0.0
    for rank, place in enumerate(order):
        highest = max(highest, min(1.0, (len(values) - rank) * values[place]))
        adjusted[place] = highest
    return adjusted


def with_holm(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows of a table, each with `p_holm` beside its `p`."""
    return [{**row, "p_holm": p} for row, p in zip(rows, holm([row["p"] for row in rows]), strict=True)]


def minimum_detectable_effect(differences: Sequence[Array], trainings: int = 1) -> float | None:
    """The smallest gain that this panel would have shown with 80 % power in a two-sided test at 5 %.

    (t[0.975, n-1] + t[0.8, n-1]) * se (Bloom, Evaluation Review 19 (1995) 547), where se is the standard deviation of
    the n paired task differences over the square root of n, or what the noise of their items alone makes of it where
    that is more. With one task its items take the place of tasks. The variance over trainings is added as in
    `interval`. None where nothing varies.
    """
    error, df = _error(differences, trainings)
    return float((stdtrit(df, 1 - (1 - LEVEL) / 2) + stdtrit(df, POWER)) * error) if error > 0 and df else None


def over_trainings(differences: Sequence[Array], trainings: int) -> float:
    """The two-sided p of no gain, over other tasks and other trainings: Student's t of the mean.

    The test of signs knows the tasks of these trainings only: where trainings differ as tasks do it calls every third
    of three useless ones a gain (`benchmarks/interval_coverage.py`). Standard error and degrees of freedom are those of
    `minimum_detectable_effect`. 0 where trainings do not differ at all, so that the other test stands.
    """
    if not _over_trainings(differences, trainings)[1]:
        return 0.0
    error, df = _error(differences, trainings)
    gain = abs(float(_means(differences).mean()))
    return float(2 * stdtr(df, -gain / error)) if df else 1.0


def _error(differences: Sequence[Array], trainings: int) -> tuple[float, int]:
    """The standard error of the mean over tasks and trainings, and its degrees of freedom."""
    differences, apart = _over_trainings(differences, trainings)
    n = len(differences)
    within = float(_within(differences).mean())
    variance = max(float(_means(differences).var(ddof=1)), within) / n if n > 1 else within
    return sqrt(variance + apart), _df(variance, differences, apart, trainings)


def _siblings(tasks: Sequence[str], families: Families) -> list[list[int]]:
    """The places of each family's tasks."""
    found: dict[tuple[bool, str], list[int]] = {}
    for place, task in enumerate(tasks):
        found.setdefault((task in families, families.get(task, task)), []).append(place)
    return list(found.values())


def _units(differences: Sequence[Array], siblings: Sequence[Sequence[int]]) -> list[Array]:
    """The items of each family's tasks together, weighted so that the mean over families is that over tasks.

    A family of more tasks moves the mean by more. Weighted are distances from the mean, which is what a ratio of two
    sums (of scores and of tasks) varies by, to first order, where families are drawn (Davison and Hinkley, 2.7.2).
    """
    if len(siblings) == len(differences):
        return list(differences)
    middle = _means(differences).mean()
    units = []
    for places in siblings:
        weight = len(places) * len(siblings) / len(differences)
        # Items of a task with fewer of them weigh more, so that its family's tasks count alike.
        size = sum(differences[place].shape[1] for place in places)
        shares = [size / len(places) / differences[place].shape[1] for place in places]
        apart = [share * (differences[place] - middle) for place, share in zip(places, shares, strict=True)]
        units.append(middle + weight * np.concatenate(apart, axis=1))
    return units


def _items(differences: Sequence[Array]) -> Array:
    """The items of all tasks, those of a task with fewer of them weighing more; zero where nothing differs."""
    size = sum(row.shape[1] for row in differences) / len(differences)
    return np.concatenate([size / row.shape[1] * row.mean(axis=0) for row in differences])


def _arrays(scores: Scores) -> dict[str, Array]:
    return {task: np.atleast_2d(np.asarray(rows, dtype=np.float64)) for task, rows in scores.items()}


def _pairs(one: Array, other: Array) -> bool:
    return one.shape[1] == other.shape[1] > 0 and (len(one) == len(other) or 1 in (len(one), len(other)))


def _means(differences: Sequence[Array]) -> Array:
    return np.array([row.mean() for row in differences])


def _over_trainings(differences: Sequence[Array], trainings: int) -> tuple[list[Array], float]:
    """For each task (seeds, items), the mean over trainings; and the variance, over trainings, of the mean of all."""
    parted = [row.reshape(trainings, -1, row.shape[1]) for row in differences]
    means = np.mean([row.mean(axis=(1, 2)) for row in parted], axis=0)
    apart = float(means.var(ddof=1)) / trainings if trainings > 1 else 0.0
    return [row.mean(axis=0) for row in parted], apart


def _df(variance: float, differences: Sequence[Array], apart: float, trainings: int) -> int:
    """Degrees of freedom of the mean over tasks (over items, with one task), and over trainings if they differ.

    Those of the sum of the two variances are by Satterthwaite's rule, down to a whole number.
    """
    n = len(differences)
    df = n - 1 if n > 1 else differences[0].shape[1] - 1
    if apart <= 0 or df < 1:
        return df
    found = (variance + apart) ** 2 / (variance**2 / df + apart**2 / (trainings - 1))
    return max(1, int(found + 1e-9))


def _within(differences: Sequence[Array]) -> Array:
    """For each task the variance of its mean, by its items and demo seeds."""
    return np.array([_variance(row, 1) for row in differences])


def _variance(difference: Array, ddof: int) -> float:
    """Variance of the mean of (seeds, items), crossed: that over items and that over seeds."""
    parts = (difference.mean(axis=0), difference.mean(axis=1))
    return float(sum(part.var(ddof=ddof) / len(part) for part in parts if len(part) > 1))


def _resampled(difference: Array, size: int, rng: np.random.Generator) -> Array:
    """Means of (seeds, items) with both drawn anew, `size` times.

    Items differ in few ways, so a resample of them is a draw of counts of the distinct ones.
    """
    distinct, counts = np.unique(difference, axis=1, return_counts=True)
    items = rng.multinomial(difference.shape[1], counts / counts.sum(), size=size) / difference.shape[1]
    by_seed: Array = items @ distinct.T
    seeds = len(difference)
    if seeds == 1:
        return by_seed[:, 0]
    means: Array = (by_seed * rng.multinomial(seeds, [1 / seeds] * seeds, size=size)).sum(axis=1) / seeds
    return means


@lru_cache(maxsize=EXACT)
def _signs(n: int) -> Array:
    """Every sign pattern of n numbers but for its mirror image, whose sum is as far from zero."""
    return np.array(list(product([1.0], *[[1.0, -1.0]] * (n - 1))), dtype=np.float64)


def _spread(values: Array) -> float | None:
    return float(values.std(ddof=1)) if len(values) > 1 else None
