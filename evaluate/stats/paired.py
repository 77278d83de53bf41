"""Paired gains: the mean difference of two models on the same items, with interval, p and minimum detectable effect.

The unit of generalisation is the task; tasks of one family are siblings and form one unit. Base and student answer the
same items after the same demonstrations, so everything is computed from the difference item by item. Every task counts
alike.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np

from kshot.core.seeding import digest
from kshot.evaluate.run_files import Gain, SuiteGain
from kshot.evaluate.stats.bootstrap import (
    Array,
    bootstrap_interval,
    items_interval,
    minimum_detectable_effect,
    task_means,
)
from kshot.evaluate.stats.significance import adjust_holm, sign_flip_p, training_t_p

Scores = Mapping[str, Sequence[float] | Sequence[Sequence[float]]]
"""task -> scores of its items, in the same order for both models; or one such row for each few-shot seed."""
Families = Mapping[str, str]
"""task -> its family; a task that is not in it is alone in its own."""
SuiteScores = Mapping[tuple[str, int], Mapping[str, Scores]]
"""(suite, shots) -> score -> scores by task."""


def paired_gain(
    base: Scores, student: Scores, resamples: int, seed: int, *names: object, trainings: int = 1,
    families: Families = MappingProxyType({}),
) -> Gain:  # fmt: skip
    """The gain of the student over the base on the same items of the same tasks.

    Args:
        base, student: task -> (items,) or (seeds, items) of scores from 0 to 1; no task is empty, none is missing. One
            row stands against several, as zero-shot scores against those of several few-shot seeds.
        names: name the random streams, so that each row of a table has its own.
        trainings: the rows are those of so many trainings, one after another, with as many seeds each. Interval, p and
            `mde` then cover other trainings too.
        families: siblings are resampled together, so interval, p and `mde` cover other families.

    Raises:
        ValueError: the two do not hold the same items, there are none, or a score is missing (NaN).
    """
    before, after = _as_arrays(base), _as_arrays(student)
    if not before or set(before) != set(after) or any(not _is_paired(before[t], after[t]) for t in before):
        raise ValueError("both models must have scores for the same items, at least one a task")
    differences = [after[task] - before[task] for task in before]
    if any(np.isnan(rows).any() for rows in differences):
        raise ValueError("a score is missing; measure it first, since a missing score is not zero")
    rng = np.random.default_rng(int(digest(seed, "bootstrap", *names), 16))
    siblings = _group_siblings(list(before), families)
    units = _pool_siblings(differences, siblings)
    # One task, or one family of them, says nothing about others.
    low, high = bootstrap_interval(units, resamples, rng, trainings) if len(units) > 1 else (None, None)
    items_rng = np.random.default_rng(int(digest(seed, "items", *names), 16))
    within = items_interval(differences, resamples, items_rng, trainings)
    means = task_means(differences)
    # One family can only be judged by its items.
    flipped = np.array([means[f].sum() for f in siblings]) if len(siblings) > 1 else _pool_items(differences)
    by_seed, base_seeds, student_seeds = (
        np.mean([rows.mean(axis=1) for rows in group], axis=0)
        for group in (differences, before.values(), after.values())
    )
    gain = float(by_seed.mean())
    return Gain(
        base=float(base_seeds.mean()),
        student=float(student_seeds.mean()),
        gain=gain,
        # Where nothing varies the ends differ from the gain by a rounding error only.
        low=None if low is None else min(low, gain),
        high=None if high is None else max(high, gain),
        items_low=min(within[0], gain) if within else None,
        items_high=max(within[1], gain) if within else None,
        tasks=len(differences),
        families=len(siblings),
        items=sum(rows.shape[1] for rows in differences),
        p=max(sign_flip_p(flipped, resamples, rng), training_t_p(units, trainings)),
        mde=minimum_detectable_effect(units, trainings),
        seeds=len(by_seed),
        worst_seed_gain=float(by_seed.min()),
        seed_sd=_standard_deviation(by_seed),
        base_worst=float(base_seeds.min()),
        base_seed_sd=_standard_deviation(base_seeds),
        student_worst=float(student_seeds.min()),
        student_seed_sd=_standard_deviation(student_seeds),
    )


def paired_gains(
    before: SuiteScores,
    after: SuiteScores,
    resamples: int,
    seed: int,
    trainings: int = 1,
    families: Mapping[str, Families] = MappingProxyType({}),
) -> list[SuiteGain]:
    """A row for each suite, number of shots and score: the paired gain of one model over another.

    Args:
        before, after: scores as `paired_gain` takes them.
        families: suite -> its families.
    """
    rows = []
    for (suite, k), by_score in before.items():
        for score, scores in by_score.items():
            other = after[suite, k].get(score, {})
            # A metric of lm-eval beyond 0 to 1 is absent for a model that has such values.
            tasks = [task for task in scores if task in other]
            if not tasks:
                continue
            one, two = ({task: side[task] for task in tasks} for side in (scores, other))
            siblings = families.get(suite, {})
            gain = paired_gain(one, two, resamples, seed, suite, score, k, trainings=trainings, families=siblings)
            rows.append(SuiteGain(suite=suite, score=score, k=k, **dict(gain)))
    return rows


def holm_of(rows: Sequence[Gain]) -> list[float]:
    """The adjusted p of each row of a table."""
    return adjust_holm([row.p for row in rows])


def _group_siblings(tasks: Sequence[str], families: Families) -> list[list[int]]:
    """The positions of each family's tasks."""
    groups: dict[tuple[bool, str], list[int]] = {}
    for position, task in enumerate(tasks):
        groups.setdefault((task in families, families.get(task, task)), []).append(position)
    return list(groups.values())


def _pool_siblings(differences: Sequence[Array], siblings: Sequence[Sequence[int]]) -> list[Array]:
    """The items of each family's tasks together, weighted so that the mean over families is that over tasks.

    A family of more tasks moves the mean by more. Weighted are distances from the mean, which is what a ratio of two
    sums (of scores and of tasks) varies by, to first order, where families are drawn (Davison and Hinkley, 2.7.2).
    """
    if len(siblings) == len(differences):
        return list(differences)
    middle = task_means(differences).mean()
    units = []
    for positions in siblings:
        weight = len(positions) * len(siblings) / len(differences)
        # Items of a task with fewer of them weigh more, so that its family's tasks count alike.
        size = sum(differences[position].shape[1] for position in positions)
        shares = [size / len(positions) / differences[position].shape[1] for position in positions]
        apart = [s * (differences[position] - middle) for position, s in zip(positions, shares, strict=True)]
        units.append(middle + weight * np.concatenate(apart, axis=1))
    return units


def _pool_items(differences: Sequence[Array]) -> Array:
    """The items of all tasks, those of a task with fewer of them weighing more; zero where nothing differs."""
    size = sum(rows.shape[1] for rows in differences) / len(differences)
    return np.concatenate([size / rows.shape[1] * rows.mean(axis=0) for rows in differences])


def _as_arrays(scores: Scores) -> dict[str, Array]:
    return {task: np.atleast_2d(np.asarray(rows, dtype=np.float64)) for task, rows in scores.items()}


def _is_paired(base: Array, student: Array) -> bool:
    rows = {len(base), len(student)}
    return base.shape[1] == student.shape[1] > 0 and (len(rows) == 1 or 1 in rows)


def _standard_deviation(values: Array) -> float | None:
    return float(values.std(ddof=1)) if len(values) > 1 else None
