"""Trivial baselines: what scores without understanding the task. A student below one has not shown that it does.

    majority       always the most frequent answer among the task's demonstrations; where it has none, or at 0 shots,
                   of the options
    random         one of the options at random, expected value
    copy_first     the first, the last, or any demonstration's output (expected value) instead of an answer
    copy_last
    copy_any
    random_labels  the model itself, shown demonstrations whose labels are drawn at random (where the config asks)

Each is None where it does not exist: no options, no demonstrations. A student that ties one, or gives one answer to all
items, is marked too: `spam` for each of 16 messages gains 50 points on a base that chats, and knows nothing.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from statistics import fmean
from typing import TypeVar

from kshot.core.answers import normalize_answer
from kshot.evaluate.measure.results import SeedScores
from kshot.evaluate.run_files import BaselineMean, BaselineScore, BaselineTask, Sample
from kshot.evaluate.scoring.text import CHOICE_SCORES, JUDGE, score_answer
from kshot.suites.format import Suite, SuiteRow, SuiteTask
from kshot.suites.prompts import choose_demonstrations

BASELINE_NAMES = {
    "majority": "majority class",
    "random": "random choice",
    "copy_first": "first demo's output",
    "copy_last": "last demo's output",
    "copy_any": "any demo's output",
    "random_labels": "random labels",
}
Baselines = dict[str, float | None]
TOLERANCE = 1e-9
Value = TypeVar("Value")


def trivial_baselines(task: SuiteTask, score: str, k: int, seeds: Sequence[int], limit: int | None) -> Baselines:
    """The baselines that need no model, as fractions; those of demonstrations are means over the few-shot seeds.

    Args:
        score: answers are scored as a model's would be; of a choice only the option itself is right. Nobody judges
            the baselines.
        limit: how many items are measured.
    """
    if score == JUDGE:
        return dict.fromkeys(("majority", "random", "copy_first", "copy_last", "copy_any"))
    rows = task.items[:limit]
    demos_by_seed = [choose_demonstrations(task, k, seed) for seed in seeds] if k else []
    return {
        "majority": _majority(task, rows, score, k),
        "random": _random_choice(rows) if task.is_multiple_choice else None,
        "copy_first": _mean(_constant(rows, score, demos[:1]) for demos in demos_by_seed),
        "copy_last": _mean(_constant(rows, score, demos[-1:]) for demos in demos_by_seed),
        "copy_any": _mean(_constant(rows, score, demos) for demos in demos_by_seed),
    }


def baseline_rows(
    suite: Suite,
    k: int,
    seeds: Sequence[int],
    limit: int | None,
    base: SeedScores,
    student: SeedScores,
    random_labels: Mapping[str, SeedScores] | None = None,
    constant: Collection[tuple[str, str, str, int]] = (),
) -> list[BaselineTask]:
    """A row for each task and score: base, student, every baseline, and those that score more than the student.

    Args:
        base, student: results of all few-shot seeds on the suite at k shots.
        random_labels: those with random labels, by model.
        constant: (suite, task, score, k) where the student gives one answer always, see `constant_answers`.
    """
    rows = []
    for task in suite.tasks:
        for score in sorted(student):
            if task.name not in student[score]:
                continue
            baselines = _chance(suite, task, score, limit) or trivial_baselines(task, score, k, seeds, limit)
            random = {
                model: _task_mean(results, score, task.name)
                for model, results in (random_labels or {}).items()
                if score in results
            }
            baselines["random_labels"] = random.get("student")
            before, after = (_task_mean(results, score, task.name) for results in (base, student))
            rows.append(
                BaselineTask(
                    suite=suite.name,
                    task=task.name,
                    score=score,
                    k=k,
                    base=before,
                    student=after,
                    baselines=baselines,
                    base_random_labels=random.get("base"),
                    below=missed_baselines(after, baselines),
                    ties=tied_baselines(after, baselines),
                    is_constant=(suite.name, task.name, score, k) in constant,
                )
            )
    return rows


def missed_baselines(student: float, baselines: Baselines) -> list[str]:
    """The baselines that score more than the student."""
    return [name for name, value in baselines.items() if value is not None and student < value - TOLERANCE]


def tied_baselines(student: float, baselines: Baselines) -> list[str]:
    """The baselines without a model that score as much as the student, where that is more than nothing."""
    return [
        name
        for name, value in baselines.items()
        if value is not None and name != "random_labels" and student > TOLERANCE and abs(student - value) <= TOLERANCE
    ]


def constant_answers(samples: Iterable[Sample], model: str = "student") -> set[tuple[str, str, str, int]]:
    """(suite, task, score, k) where a model gives one answer to all of several items, and it is wrong for some."""
    answers: dict[tuple[str, str, str, int], list[tuple[str, bool]]] = {}
    for sample in samples:
        if sample.model == model:
            names = sample.suite, sample.task, sample.score, sample.k
            answers.setdefault(names, []).append((normalize_answer(sample.answer), bool(sample.right)))
    return {
        names
        for names, rows in answers.items()
        if len(rows) > 1 and len({text for text, _ in rows}) == 1 and not all(right for _, right in rows)
    }


def trivial_tasks(rows: Iterable[BaselineTask]) -> dict[tuple[str, str, int], list[str]]:
    """(suite, score, k) -> tasks with a gain that a trivial baseline has too, in their order."""
    tasks: dict[tuple[str, str, int], list[str]] = {}
    for row in rows:
        if row.is_trivial and row.student > row.base + TOLERANCE:
            tasks.setdefault((row.suite, row.score, row.k), []).append(row.task)
    return tasks


def baseline_means(rows: Sequence[BaselineTask]) -> list[BaselineMean]:
    """Means over the tasks, a row for each suite, score and number of shots.

    Not every task has every baseline, so each stands beside the student's mean over the tasks that have it, and
    `below` compares these two.
    """
    groups: dict[tuple[str, str, int], list[BaselineTask]] = {}
    for row in rows:
        groups.setdefault((row.suite, row.score, row.k), []).append(row)
    means = []
    for (suite, score, k), group in sorted(groups.items()):
        by_name: dict[str, BaselineScore] = {}
        for name in BASELINE_NAMES:
            values = [(value, row.student) for row in group if (value := row.baselines.get(name)) is not None]
            if values:
                baseline, student = (fmean(column) for column in zip(*values, strict=True))
                by_name[name] = BaselineScore(score=baseline, student=student, tasks=len(values))
        below = [name for name, mean in by_name.items() if mean.student < mean.score - TOLERANCE]
        ties = [
            name
            for name, mean in by_name.items()
            if name != "random_labels" and mean.student > TOLERANCE and abs(mean.student - mean.score) <= TOLERANCE
        ]
        means.append(BaselineMean(suite=suite, score=score, k=k, baselines=by_name, below=below, ties=ties))
    return means


def _chance(suite: Suite, task: SuiteTask, score: str, limit: int | None) -> Baselines | None:
    """Of lm-eval's tasks only the accuracy of a random choice is known; None for other suites."""
    if suite.lm_eval is None:
        return None
    is_accuracy = task.is_multiple_choice and score.startswith("acc")
    return {**dict.fromkeys(BASELINE_NAMES), "random": _random_choice(task.items[:limit]) if is_accuracy else None}


def _majority(task: SuiteTask, rows: Sequence[SuiteRow], score: str, k: int) -> float | None:
    """Several most frequent classes score their mean. Where options change by item, a class is a position in them."""
    pool = task.demos if k else ()
    if task.is_multiple_choice and not task.spec.options_fixed:
        positions = _most_frequent(
            position for demo in pool for position, option in enumerate(demo.options) if option in demo.output
        )
        if not positions:
            return _random_choice(rows)
        return fmean(fmean(p < len(row.options) and row.options[p] in row.output for p in positions) for row in rows)
    if task.is_multiple_choice and not pool:
        return _random_choice(rows)
    if not pool:
        return None
    by_label = {normalize_answer(demo.output[0]): demo for demo in pool}
    labels = _most_frequent(normalize_answer(demo.output[0]) for demo in pool)
    return _constant(rows, score, [by_label[label] for label in labels])


def _most_frequent(values: Iterable[Value]) -> list[Value]:
    counts = Counter(values)
    return [value for value, n in counts.items() if n == max(counts.values())]


def _random_choice(rows: Sequence[SuiteRow]) -> float:
    return fmean(fmean(option in row.output for option in row.options) for row in rows)


def _constant(rows: Sequence[SuiteRow], score: str, demos: Sequence[SuiteRow]) -> float:
    """Every item is answered with the output of one of the demonstrations, each as likely."""
    return fmean(fmean(_score(score, demo.output[0], row) for demo in demos) for row in rows)


def _score(score: str, answer: str, row: SuiteRow) -> float:
    return (
        float(answer in row.output) if score in CHOICE_SCORES else score_answer(score, answer, row.output, row.options)
    )


def _task_mean(results: SeedScores, score: str, task: str) -> float:
    return fmean(fmean(seed) for seed in results[score][task])


def _mean(values: Iterable[float]) -> float | None:
    numbers = list(values)
    return fmean(numbers) if numbers else None
