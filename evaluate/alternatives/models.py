"""Base and student as ways to answer: what they write, and the choice among a task's labels where it has some."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from kshot.evaluate.alternatives.answered import Answered, make_answered, measure_bytes
from kshot.evaluate.measure.measurement import Measurement
from kshot.evaluate.measure.results import read_measurement
from kshot.evaluate.run_files import Sample
from kshot.evaluate.scoring.text import CHOICE_SCORES, LOGLIKELIHOOD
from kshot.suites.format import SuiteTask

WRITTEN_ORDER = ("normalized_match", "exact_match", "contains", "numeric", "rouge_l")
"""A written answer counts by the first of these that the task has, free text by ROUGE-L."""


@dataclass(frozen=True)
class Usage:
    """What answering takes, for one model.

    Args:
        size: bytes of its files.
        writing: seconds for a thousand written answers, by suite and number of shots; for each that was measured.
        choosing: the same for a thousand choices. kshot's own backend does both in one pass: then both count.
    """

    size: int
    writing: Mapping[tuple[str, int], float]
    choosing: Mapping[tuple[str, int], float]


def choose_written_score(task: SuiteTask) -> str:
    """The score by which a written answer to the task counts."""
    scores = task.spec.written_scores
    return "rouge_l" if "rouge_l" in scores else next(score for score in WRITTEN_ORDER if score in scores)


def answer_with_models(
    suite: str, task: SuiteTask, samples: Sequence[Sample], items: int, usages: Mapping[str, Usage], seed: int = 0
) -> Iterator[Answered]:
    """Each model with each number of demonstrations, at the first few-shot seed, by each way to answer.

    Args:
        items: of the task; what answered fewer is left out.
        usages: by model.
        seed: the first few-shot seed.
    """
    wanted = {choose_written_score(task), *CHOICE_SCORES}
    own = [
        s for s in samples
        if (s.suite, s.task, s.seed) == (suite, task.name, seed if s.k else 0) and s.score in wanted
    ]  # fmt: skip
    own.sort(key=lambda s: (s.model, s.score in CHOICE_SCORES, s.score == LOGLIKELIHOOD, s.k, s.item))
    for (model, score, k), group in groupby(own, key=lambda s: (s.model, s.score, s.k)):
        scores = [float(s.right or 0) for s in group]
        if len(scores) != items or model not in ("base", "student"):
            continue
        usage = usages.get(model)
        seconds = (usage.choosing if score in CHOICE_SCORES else usage.writing).get((suite, k)) if usage else None
        yield make_answered(
            scores, suite=suite, task=task.name, method=model, score=score, trained_on="", train_rows=0, k=k,
            seconds=seconds, size=usage.size if usage else None,
        )  # fmt: skip


def measure_usage(folder: Path, measurements: Sequence[Measurement], seed: int, is_one_pass: bool) -> Usage:
    """Size and speed of a model, from its finished measurements.

    Args:
        seed: the first few-shot seed, whose measurements count.
        is_one_pass: the backend scores options while it writes, so the seconds of both are those of either.
    """
    writing: dict[tuple[str, int], float] = {}
    choosing: dict[tuple[str, int], float] = {}
    for measurement in measurements:
        if measurement.seed != (seed if measurement.k else 0) or measurement.labels != "gold":
            continue
        measured = read_measurement(measurement)
        names = measurement.suite.name, measurement.k
        for kind, by_names in (("generate_until", writing), ("loglikelihood", choosing)):
            if measured.items and kind in measured.seconds:
                seconds = sum(measured.seconds.values()) if is_one_pass else measured.seconds[kind]
                by_names[names] = 1000 * seconds / measured.items
    return Usage(measure_bytes(folder), writing, choosing)
