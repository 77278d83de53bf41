"""The settings of a grid by numbers alone: their gains over the base, and which of them differs from the best."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

import numpy as np

from kshot.evaluate.measure.results import ScoresBySuite
from kshot.evaluate.run_files import Gain, RankedTrial, TrialGain
from kshot.evaluate.stats.paired import Families, holm_of, paired_gain, paired_gains
from kshot.evaluate.stats.significance import MAX_P, adjust_holm

TaskScores = dict[str, list[list[float]]]
"""task -> a row of scores, item by item, for each seed."""
Verdict = Literal["best", "significant", "inconclusive"]


@dataclass(frozen=True)
class ScoredTrial:
    """A setting of the grid with the scores of its base, and its own by training seed."""

    setting: str
    values: Mapping[str, Any]
    base: ScoresBySuite
    seeds: Mapping[int, ScoresBySuite]


def stack(scores: Sequence[ScoresBySuite]) -> ScoresBySuite:
    """The scores of several trainings as rows of one, as those of several few-shot seeds are."""
    return {
        names: {
            score: {task: [row for one in scores for row in one[names][score][task]] for task in tasks}
            for score, tasks in by_score.items()
        }
        for names, by_score in scores[0].items()
    }


def rank_gains(
    trials: Sequence[ScoredTrial], resamples: int, seed: int, families: Mapping[str, Families] = MappingProxyType({})
) -> list[TrialGain]:
    """A row for each suite, score, k and setting, sorted so; intervals cover other trainings as well."""
    pairs = []
    for number, trial in enumerate(trials):
        # Each training stands against the same answers of the base.
        base = stack([trial.base] * len(trial.seeds))
        students = stack(list(trial.seeds.values()))
        for gain in paired_gains(base, students, resamples, seed, len(trial.seeds), families):
            pairs.append((number, trial, gain))
    pairs.sort(key=lambda pair: (pair[2].suite, pair[2].score, pair[2].k, pair[0]))
    adjusted = holm_of([gain for _, _, gain in pairs])
    rows = []
    for (_, trial, gain), p in zip(pairs, adjusted, strict=True):
        by_seed = [mean(scores[gain.suite, gain.k][gain.score]) - gain.base for scores in trial.seeds.values()]
        rows.append(
            TrialGain(
                suite=gain.suite, score=gain.score, k=gain.k, setting=trial.setting, values=dict(trial.values),
                base=gain.base, student=gain.student, gain=gain.gain, low=gain.low, high=gain.high,
                items_low=gain.items_low, items_high=gain.items_high, p=gain.p, mde=gain.mde, tasks=gain.tasks,
                items=gain.items, seeds=list(trial.seeds), seed_low=min(by_seed),
                seed_high=max(by_seed), p_holm=p,
            )
        )  # fmt: skip
    return rows


def mean(scores: TaskScores) -> float:
    """The mean over tasks, every task alike."""
    return float(np.mean([np.mean(rows) for rows in scores.values()]))


def average_shots(scores: ScoresBySuite, suite: str, score: str) -> TaskScores:
    """The mean over all k of each item's score; one row of a k stands against several of another."""
    by_task: dict[str, list[Any]] = {}
    for (name, _), by_score in scores.items():
        for task, rows in by_score.get(score, {}).items() if name == suite else ():
            by_task.setdefault(task, []).append(np.asarray(rows, dtype=np.float64))
    means = {}
    for task, arrays in by_task.items():
        shape = (max(len(rows) for rows in arrays), arrays[0].shape[1])
        means[task] = np.mean([np.broadcast_to(rows, shape) for rows in arrays], axis=0).tolist()
    return means


def rank(
    trials: Sequence[ScoredTrial], resamples: int, seed: int, families: Mapping[str, Families] = MappingProxyType({})
) -> list[RankedTrial]:
    """For each suite and score the settings by their mean over all k, with the paired difference of each to the best.

    p is that of `paired_gain`, `p_holm` adjusted for the number of settings beside the best. Settings are paired on
    the training seeds that both have; where they share none, on the means over their seeds.
    """
    if not trials:
        return []
    names = sorted({(suite, score) for (suite, _), by_score in trials[0].base.items() for score in by_score})
    return [row for suite, score in names for row in _rank_one(trials, suite, score, resamples, seed, families)]


def _rank_one(
    trials: Sequence[ScoredTrial], suite: str, score: str, resamples: int, seed: int, families: Mapping[str, Families]
) -> list[RankedTrial]:
    by_seed = {t.setting: {n: average_shots(s, suite, score) for n, s in t.seeds.items()} for t in trials}
    means = {name: float(np.mean([mean(scores) for scores in seeds.values()])) for name, seeds in by_seed.items()}
    # Rounded, since the same scores in another order may differ in the last bit.
    best, *others = sorted(trials, key=lambda trial: -round(means[trial.setting], 9))
    gains: list[Gain] = []
    for trial in (best, *others):
        pair, trainings = _pair(by_seed[best.setting], by_seed[trial.setting])
        siblings = families.get(suite, {})
        names = ("ranking", suite, score)
        gains.append(paired_gain(*pair, resamples, seed, *names, trainings=trainings, families=siblings))
    adjusted = [1.0, *adjust_holm([gain.p for gain in gains[1:]])]
    verdicts: list[Verdict] = ["best", *("significant" if p < MAX_P else "inconclusive" for p in adjusted[1:])]
    return [
        RankedTrial(
            suite=suite, score=score, rank=number, setting=trial.setting, values=dict(trial.values),
            mean=means[trial.setting], difference=gain.gain, low=gain.low, high=gain.high, p=gain.p, mde=gain.mde,
            tasks=gain.tasks, items=gain.items, seeds=list(trial.seeds), p_holm=p, verdict=verdict,
        )
        for number, (trial, gain, p, verdict) in enumerate(
            zip([best, *others], gains, adjusted, verdicts, strict=True), 1
        )
    ]  # fmt: skip


def _pair(best: Mapping[int, TaskScores], other: Mapping[int, TaskScores]) -> tuple[tuple[TaskScores, TaskScores], int]:
    """The two to be compared, and of how many trainings each holds rows."""
    common = [seed for seed in best if seed in other]
    if common:
        return (_rows(best, common), _rows(other, common)), len(common)
    return (_mean_rows(best), _mean_rows(other)), 1


def _rows(by_seed: Mapping[int, TaskScores], seeds: Sequence[int]) -> TaskScores:
    tasks = next(iter(by_seed.values()))
    return {task: [row for seed in seeds for row in by_seed[seed][task]] for task in tasks}


def _mean_rows(by_seed: Mapping[int, TaskScores]) -> TaskScores:
    tasks = next(iter(by_seed.values()))
    return {task: [np.mean([np.mean(s[task], axis=0) for s in by_seed.values()], axis=0).tolist()] for task in tasks}
