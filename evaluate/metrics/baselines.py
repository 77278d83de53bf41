"""What can be scored without understanding the task. A student below one of these has not shown that it does.

    majority       always the most frequent answer among the task's demonstrations; where it has none, or at 0 shots,
                   of the options
    random         one of the options at random, expected value
    copy_first     the first, the last, or any demonstration's output (expected value) instead of an answer
    copy_last
    copy_any
    random_labels  the model itself, shown demonstrations whose labels are drawn at random (where it was asked for)

Each is None where it does not exist: no options, no demonstrations.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean
from typing import Any

from kshot.core.answers import normalize_answer
from kshot.evaluate.measure.measurement import Seeds
from kshot.evaluate.measure.requests import choose_demonstrations
from kshot.evaluate.scoring.text import LOGLIKELIHOOD, SCORES
from kshot.suites.format import Suite, SuiteRow, SuiteTask

BASELINE_NAMES = {
    "majority": "majority class",
    "random": "random choice",
    "copy_first": "first demo's output",
    "copy_last": "last demo's output",
    "copy_any": "any demo's output",
    "random_labels": "random labels",
}
Controls = dict[str, float | None]
SLACK = 1e-9


def trivial_baselines(task: SuiteTask, score: str, k: int, seeds: Sequence[int], items: int | None) -> Controls:
    """The controls that need no model, as shares; those of demonstrations are means over the demo seeds.

    Args:
        score: answers are scored as a model's would be; for `loglikelihood` only the option itself is right.
        items: how many are measured, as in `evaluate.limit`.
    """
    rows = task.items[:items]
    shown = [choose_demonstrations(task, k, seed) for seed in seeds] if k else []
    return {
        "majority": _majority(task, rows, score, k),
        "random": _random(rows) if task.multiple_choice else None,
        "copy_first": _mean(_constant(rows, score, demos[:1]) for demos in shown),
        "copy_last": _mean(_constant(rows, score, demos[-1:]) for demos in shown),
        "copy_any": _mean(_constant(rows, score, demos) for demos in shown),
    }


def baseline_rows(
    panel: Suite,
    k: int,
    seeds: Sequence[int],
    items: int | None,
    base: Seeds,
    student: Seeds,
    random_labels: Mapping[str, Seeds] | None = None,
) -> list[dict[str, Any]]:
    """A row for each task and score: base, student, every control, and `missed_baselines`, the controls that the student misses.

    Args:
        base, student: results of all demo seeds on the panel at k shots.
        random_labels: those with random labels, by model.
    """
    rows = []
    for task in panel.tasks:
        for score in sorted(student):
            if task.name not in student[score]:
                continue
            controls = _chance(panel, task, score, items) or trivial_baselines(task, score, k, seeds, items)
            asked = {model: _score(results, score, task.name) for model, results in (random_labels or {}).items()}
            controls["random_labels"] = asked.get("student")
            before, after = (_score(results, score, task.name) for results in (base, student))
            row = {"panel": panel.name, "task": task.name, "score": score, "k": k, "base": before, "student": after}
            rows.append(
                {**row, **controls, "base_random_labels": asked.get("base"), "below": missed_baselines(after, controls)}
            )
    return rows


def _chance(panel: Suite, task: SuiteTask, score: str, items: int | None) -> Controls | None:
    """Of lm-eval's tasks only the accuracy of a random choice is known; None for other panels."""
    if panel.lm_eval is None:
        return None
    accuracy = task.multiple_choice and score.startswith("acc")
    return {**dict.fromkeys(BASELINE_NAMES), "random": _random(task.items[:items]) if accuracy else None}


def missed_baselines(student: float, controls: Controls) -> list[str]:
    """The controls that score more than the student."""
    return [name for name, value in controls.items() if value is not None and student < value - SLACK]


def baseline_means(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Means over the tasks, a row for each panel, score and number of shots.

    Not every task has every control, so each stands beside the student's mean over the tasks that have it:
    `controls[name]` is {"score", "student", "tasks"}, and `missed_baselines` compares these two.
    """
    groups: dict[tuple[str, str, int], list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault((row["panel"], row["score"], row["k"]), []).append(row)
    means = []
    for (panel, score, k), group in sorted(groups.items()):
        found: dict[str, dict[str, Any]] = {}
        for name in BASELINE_NAMES:
            having = [row for row in group if row[name] is not None]
            if having:
                found[name] = {
                    "score": fmean(row[name] for row in having),
                    "student": fmean(row["student"] for row in having),
                    "tasks": len(having),
                }
        missed = [name for name, each in found.items() if each["student"] < each["score"] - SLACK]
        means.append({"panel": panel, "score": score, "k": k, "controls": found, "below": missed})
    return means


def _majority(task: SuiteTask, rows: Sequence[SuiteRow], score: str, k: int) -> float | None:
    """Several most frequent classes score their mean. Where options change by item, a class is a place among them."""
    pool = task.demos if k else ()
    if task.multiple_choice and not task.spec.options_fixed:
        places = _commonest(
            place for demo in pool for place, option in enumerate(demo.options) if option in demo.output
        )
        if not places:
            return _random(rows)
        return fmean(
            fmean(place < len(row.options) and row.options[place] in row.output for place in places) for row in rows
        )
    if task.multiple_choice and not pool:
        return _random(rows)
    if not pool:
        return None
    wording = {normalize_answer(demo.output[0]): demo for demo in pool}
    commonest = _commonest(normalize_answer(demo.output[0]) for demo in pool)
    return _constant(rows, score, [wording[label] for label in commonest])


def _commonest(values: Iterable[Any]) -> list[Any]:
    counts = Counter(values)
    return [value for value, n in counts.items() if n == max(counts.values())]


def _random(rows: Sequence[SuiteRow]) -> float:
    return fmean(fmean(option in row.output for option in row.options) for row in rows)


def _constant(rows: Sequence[SuiteRow], score: str, demos: Sequence[SuiteRow]) -> float:
    """Every item is answered with the output of one of the demonstrations, each as likely."""
    return fmean(fmean(_right(score, demo.output[0], row) for demo in demos) for row in rows)


def _right(score: str, answer: str, row: SuiteRow) -> float:
    return float(answer in row.output) if score == LOGLIKELIHOOD else float(SCORES[score](answer, row.output))


def _score(results: Seeds, score: str, task: str) -> float:
    return fmean(fmean(seed) for seed in results[score][task])


def _mean(values: Iterable[float]) -> float | None:
    found = list(values)
    return fmean(found) if found else None
