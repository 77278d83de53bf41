"""The cells of a grid by numbers alone: their gains over the base, and which of them differs from the best."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from kshot.evaluate.measure.measurement import Groups
from kshot.evaluate.stats.paired import Families, holm, paired_gain, paired_gains, with_holm

Row = dict[str, Any]
Scores = dict[str, list[list[float]]]
"""task -> a row of scores, item by item, for each seed."""
KEPT = ("base", "student", "gain", "low", "high", "p", "mde", "tasks", "items")
LEVEL = 0.05
BEST, REAL, OPEN = "best", "real", "not told apart"


@dataclass(frozen=True)
class ScoredTrial:
    """A setting of the grid with the scores of its base, and its own by training seed."""

    name: str
    values: Mapping[str, Any]
    base: Groups
    seeds: Mapping[int, Groups]


def stacked(every: Sequence[Groups]) -> Groups:
    """The scores of several trainings as rows of one, as those of several demo seeds are."""
    return {
        names: {
            score: {task: [row for one in every for row in one[names][score][task]] for task in tasks}
            for score, tasks in found.items()
        }
        for names, found in every[0].items()
    }


def gain_rows(
    scored: Sequence[ScoredTrial], resamples: int, seed: int, families: Mapping[str, Families] = MappingProxyType({})
) -> list[Row]:
    """A row for each panel, score, k and setting; its interval speaks of other trainings as well.

    `seed_low` and `seed_high` are the least and the greatest gain of one training seed, its demo seeds together.
    """
    rows = []
    for place, one in enumerate(scored):
        # Each training stands against the same answers of the base.
        base = stacked([one.base] * len(one.seeds))
        students = stacked(list(one.seeds.values()))
        for row in paired_gains(base, students, resamples, seed, len(one.seeds), families):
            names = (row["panel"], row["k"])
            own = [mean(found[names][row["score"]]) - row["base"] for found in one.seeds.values()]
            made = {"panel": row["panel"], "score": row["score"], "k": row["k"], "cell": one.name}
            made |= {"values": dict(one.values)} | {name: row[name] for name in KEPT}
            made |= {"seeds": list(one.seeds), "seed_low": min(own), "seed_high": max(own)}
            rows.append((place, made))
    rows.sort(key=lambda each: (each[1]["panel"], each[1]["score"], each[1]["k"], each[0]))
    return with_holm([row for _, row in rows])


def mean(scores: Scores) -> float:
    """The mean over tasks, every task alike."""
    return float(np.mean([np.mean(rows) for rows in scores.values()]))


def over_shots(groups: Groups, panel: str, score: str) -> Scores:
    """The mean over all k of each item's score; one row of a k stands against several of another."""
    found: dict[str, list[Any]] = {}
    for (name, _), scores in groups.items():
        for task, rows in scores.get(score, {}).items() if name == panel else ():
            found.setdefault(task, []).append(np.asarray(rows, dtype=np.float64))
    means = {}
    for task, every in found.items():
        shape = (max(len(rows) for rows in every), every[0].shape[1])
        means[task] = np.mean([np.broadcast_to(rows, shape) for rows in every], axis=0).tolist()
    return means


def ranking(
    scored: Sequence[ScoredTrial], resamples: int, seed: int, families: Mapping[str, Families] = MappingProxyType({})
) -> list[Row]:
    """For each panel and score the settings by their mean over all k, and the paired difference of each to the best.

    p is that of `paired_gain`, `p_holm` adjusted for the number of settings beside the best. Settings
    are paired on the training seeds that both have; where they share none, on the means over their seeds.
    """
    rows: list[Row] = []
    if not scored:
        return rows
    asked = sorted({(panel, score) for (panel, _), found in scored[0].base.items() for score in found})
    for panel, score in asked:
        seeds = {one.name: {n: over_shots(g, panel, score) for n, g in one.seeds.items()} for one in scored}
        means = {name: float(np.mean([mean(own) for own in found.values()])) for name, found in seeds.items()}
        # Rounded, since the same scores in another order may differ in the last bit.
        best, *others = sorted(scored, key=lambda one: -round(means[one.name], 9))
        table: list[Row] = []
        for place, one in enumerate([best, *others], 1):
            names = {"panel": panel, "score": score, "place": place, "cell": one.name, "values": dict(one.values)}
            pair, trainings = _paired(seeds[best.name], seeds[one.name])
            more = families.get(panel, {})
            gain = paired_gain(*pair, resamples, seed, "ranking", panel, score, trainings=trainings, families=more)
            found = {name: getattr(gain, name) for name in ("low", "high", "p", "mde", "tasks", "items")}
            table.append(names | {"mean": means[one.name], "difference": gain.gain, **found, "seeds": list(one.seeds)})
        adjusted = [1.0, *holm([row["p"] for row in table[1:]])]
        verdicts = [BEST, *(REAL if p < LEVEL else OPEN for p in adjusted[1:])]
        rows += [
            row | {"p_holm": p, "verdict": verdict}
            for row, p, verdict in zip(table, adjusted, verdicts, strict=True)
        ]  # fmt: skip
    return rows


def _paired(best: Mapping[int, Scores], other: Mapping[int, Scores]) -> tuple[tuple[Scores, Scores], int]:
    """The two to be compared, and of how many trainings each holds rows."""
    common = [seed for seed in best if seed in other]
    if common:
        return (_rows(best, common), _rows(other, common)), len(common)
    return (_mean_rows(best), _mean_rows(other)), 1


def _rows(found: Mapping[int, Scores], seeds: Sequence[int]) -> Scores:
    tasks = next(iter(found.values()))
    return {task: [row for seed in seeds for row in found[seed][task]] for task in tasks}


def _mean_rows(found: Mapping[int, Scores]) -> Scores:
    tasks = next(iter(found.values()))
    return {task: [np.mean([np.mean(own[task], axis=0) for own in found.values()], axis=0).tolist()] for task in tasks}
