"""Paired gains with intervals: tasks are resampled, then items within each task."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from kshot.seeding import digest

LEVEL = 0.95


@dataclass(frozen=True)
class Gain:
    """Mean scores over tasks, their difference, and its 95 % interval."""

    base: float
    student: float
    gain: float
    low: float
    high: float
    tasks: int
    items: int


def paired_gain(
    base: Mapping[str, Sequence[bool]], student: Mapping[str, Sequence[bool]], resamples: int, seed: int, *names: object
) -> Gain:
    """The gain of the student over the base on the same items of the same tasks.

    Every task counts alike. A draw takes tasks with replacement and, for each, items with replacement (the two-stage
    bootstrap, Davison and Hinkley 1997, section 3.8); the interval is the percentile one.

    Args:
        base, student: task -> right or wrong, item by item in the same order; no task is empty.
        names: name the random stream, so that each cell of a table has its own.

    Raises:
        ValueError: the two do not hold the same items, or there are none.
    """
    tasks = list(base)
    if not tasks or set(tasks) != set(student) or any(len(base[t]) != len(student[t]) or not base[t] for t in tasks):
        raise ValueError("both models must have scores for the same items, at least one a task")
    rng = np.random.default_rng(int(digest(seed, "bootstrap", *names), 16))
    differences = [np.asarray(student[t], int) - np.asarray(base[t], int) for t in tasks]
    drawn = rng.integers(len(tasks), size=(resamples, len(tasks)))
    means = np.empty(drawn.shape)
    for place, difference in enumerate(differences):
        shares = [np.mean(difference == value) for value in (1, -1, 0)]
        chosen = drawn == place
        # Items differ by 1, -1 or 0, so a resample of them is a draw of three counts.
        counts = rng.multinomial(len(difference), shares, size=int(chosen.sum()))
        means[chosen] = (counts[:, 0] - counts[:, 1]) / len(difference)
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(means.mean(axis=1), [tail, 1 - tail])
    before = float(np.mean([np.mean(base[t]) for t in tasks]))
    after = float(np.mean([np.mean(student[t]) for t in tasks]))
    items = sum(len(base[t]) for t in tasks)
    return Gain(before, after, after - before, float(low), float(high), len(tasks), items)
