"""The rows of gains.json and fewshot.json, and what stands beside them, from the scores of base and student."""

from collections.abc import Mapping, Sequence
from statistics import fmean
from types import MappingProxyType

from kshot.evaluate.measure.measurement import Measurement
from kshot.evaluate.measure.results import ScoresBySuite, read_measurement
from kshot.evaluate.run_files import BaselineMean, BaselineTask, CleanGain, FewshotRow, GainRow, OtherMetric
from kshot.evaluate.scoring.text import JUDGE
from kshot.evaluate.stats.paired import Families, holm_of, paired_gain, paired_gains
from kshot.evaluate.stats.significance import judge

ModelScores = dict[str, ScoresBySuite]
"""model -> (suite, shots) -> scores."""


def gain_rows(
    scores: ModelScores, families: Mapping[str, Families], means: Sequence[BaselineMean],
    clean: Mapping[tuple[str, str, int], CleanGain], resamples: int, seed: int,
    trivial: Mapping[tuple[str, str, int], list[str]] = MappingProxyType({}),
) -> list[GainRow]:  # fmt: skip
    """The student against its base, a row for each suite, score and number of shots, in this order.

    Args:
        trivial: tasks whose gain a trivial baseline has too.
    """
    by_names = {(row.suite, row.score, row.k): row for row in means}
    gains = paired_gains(scores["base"], scores["student"], resamples, seed, families=families)
    gains.sort(key=lambda row: (row.suite, row.score, row.k))
    rows = []
    for gain, p in zip(gains, holm_of(gains), strict=True):
        names = gain.suite, gain.score, gain.k
        mean = by_names[names]
        is_trivial = bool(mean.ties or [name for name in mean.below if name != "random_labels"])
        rows.append(
            GainRow(
                **dict(gain), p_holm=p, verdict=judge(gain.gain, p, is_trivial), below=mean.below, ties=mean.ties,
                trivial_tasks=trivial.get(names, []), clean=clean.get(names),
            )
        )  # fmt: skip
    return rows


def fewshot_rows(scores: ModelScores, families: Mapping[str, Families], resamples: int, seed: int) -> list[FewshotRow]:
    """Each model with k demonstrations against itself with none; no rows where 0 shots were not measured."""
    pairs = []
    for model, by_suite in scores.items():
        for (suite, k), few in by_suite.items():
            zero = by_suite.get((suite, 0), {}) if k else {}
            # The judge compares the models at one number of shots, so its scores at two of them do not compare.
            for score in zero.keys() - {JUDGE}:
                names = (resamples, seed, "fewshot", model, suite, score, k)
                gain = paired_gain(zero[score], few[score], *names, families=families.get(suite, {}))
                pairs.append(((suite, score, model, k), gain))
    pairs.sort(key=lambda pair: pair[0])
    return [
        FewshotRow(
            model=model, suite=suite, score=score, k=k, zero=gain.base, few=gain.student, gain=gain.gain, low=gain.low,
            high=gain.high, items_low=gain.items_low, items_high=gain.items_high, tasks=gain.tasks, items=gain.items,
            p=gain.p, mde=gain.mde, seeds=gain.seeds, worst_seed_gain=gain.worst_seed_gain, seed_sd=gain.seed_sd,
            p_holm=p,
        )
        for ((suite, score, model, k), gain), p in zip(pairs, holm_of([gain for _, gain in pairs]), strict=True)
    ]  # fmt: skip


def other_metric_rows(measurements: Sequence[Measurement]) -> list[OtherMetric]:
    """lm-eval's metrics that are no mean over items: base and student beside one another.

    One of them is None where its values were all from 0 to 1, which makes the metric one of its scores.
    """
    values: dict[tuple[str, str, str, int, int], dict[str, float]] = {}
    for measurement in measurements:
        for task, metrics in read_measurement(measurement).other_metrics.items():
            for metric, value in metrics.items():
                names = (measurement.suite.name, task, metric, measurement.k, measurement.seed)
                values.setdefault(names, {})[measurement.model] = value
    return [
        OtherMetric(
            suite=suite, task=task, metric=metric, k=k, seed=seed, base=by_model.get("base"),
            student=by_model.get("student"),
        )
        for (suite, task, metric, k, seed), by_model in values.items()
    ]  # fmt: skip


def chance_scores(rows: Sequence[BaselineTask]) -> dict[tuple[str, str], float]:
    """(suite, score) -> the mean score of a random choice over all tasks, 0 where a task has no options.

    Suites without any multiple-choice task are left out.
    """
    by_suite: dict[tuple[str, str], dict[str, float]] = {}
    for row in rows:
        by_suite.setdefault((row.suite, row.score), {})[row.task] = row.baselines.get("random") or 0.0
    return {names: fmean(by_task.values()) for names, by_task in by_suite.items() if any(by_task.values())}
