"""A way to answer a task's items: how often it is right, what it costs, and how it compares with another way."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kshot.core.seeding import digest
from kshot.evaluate.run_files import AlternativeRow
from kshot.evaluate.stats.bootstrap import items_interval
from kshot.evaluate.stats.significance import sign_flip_p

RESAMPLES = 10_000
SEED = 7


@dataclass(frozen=True)
class Answered:
    """A way to answer, and its score on each item, from 0 to 1."""

    row: AlternativeRow
    scores: tuple[float, ...]


def make_answered(scores: Sequence[float], **facts: object) -> Answered:
    """The row of a way to answer, with its mean score and the 95 % interval over items.

    Wilson's interval where each answer is right or wrong, else a bootstrap.

    Args:
        scores: one for each item, from 0 to 1.
        facts: the other fields of the row.
    """
    low, high = _interval(scores)
    mean = sum(scores) / len(scores)
    row = AlternativeRow.model_validate({**facts, "mean": mean, "low": low, "high": high, "items": len(scores)})
    return Answered(row, tuple(scores))


def _interval(scores: Sequence[float]) -> tuple[float, float]:
    from scipy.stats import binomtest

    if is_binary(scores):
        interval = binomtest(int(sum(scores)), len(scores)).proportion_ci(method="wilson")
        return float(interval.low), float(interval.high)
    ends = items_interval([np.array([scores], float)], RESAMPLES, np.random.default_rng(SEED))
    return ends or (0.0, 1.0)


def is_binary(scores: Sequence[float]) -> bool:
    """Whether each answer is right or wrong."""
    return set(scores) <= {0.0, 1.0}


def compare_paired(one: Sequence[float], other: Sequence[float]) -> tuple[float, str]:
    """Two-sided p of no difference on the same items, and the test's name.

    McNemar's exact test (Psychometrika 12, 1947) where each answer is right or wrong, 1 where the two never differ;
    else sign flips over the items.
    """
    from scipy.stats import binomtest

    if not (is_binary(one) and is_binary(other)):
        rng = np.random.default_rng(int(digest(SEED, "alternatives"), 16))
        return sign_flip_p(np.array(one) - np.array(other), RESAMPLES, rng), "sign-flip p"
    wins = sum(a > b for a, b in zip(one, other, strict=True))
    losses = sum(b > a for a, b in zip(one, other, strict=True))
    p = float(binomtest(wins, wins + losses).pvalue) if wins + losses else 1.0
    return p, "McNemar's p"


def measure_bytes(folder: Path) -> int:
    """Bytes of a model's files, links followed."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
