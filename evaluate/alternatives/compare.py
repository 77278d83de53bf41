"""Compares all ways to answer a user's own tasks, on the same held-out items, item by item.

It is computed for tasks that the run trained on (`trained` in the suite). The classifiers need a task with labels whose
rows stand in the training records.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from kshot.evaluate.alternatives.advice import advise
from kshot.evaluate.alternatives.classifiers import answer_with_classifiers
from kshot.evaluate.alternatives.models import Usage, answer_with_models
from kshot.evaluate.alternatives.teacher import TeacherWay, answer_with_teacher
from kshot.evaluate.alternatives.training_rows import read_training_pairs
from kshot.evaluate.run_files import AlternativeRow, AlternativesFile, Sample
from kshot.suites.format import Suite


def compare_alternatives(
    suites: Sequence[Suite],
    train: Path,
    samples: Sequence[Sample],
    limit: int | None,
    encoder: str | None = None,
    usages: Mapping[str, Usage] | None = None,
    teacher: TeacherWay | None = None,
    seed: int = 0,
) -> AlternativesFile:
    """Compare on each task that the run trained on; an empty file where there is none.

    Args:
        train: the run's train.jsonl.
        samples: the answers of both models.
        limit: how many items of each task were measured.
        encoder: see `embed_texts`; None: no classifier over embeddings.
        usages: what each model's answers take.
        teacher: asked too, where it is given.
        seed: the first few-shot seed, whose demonstrations all ways get.

    Raises:
        WeightsError: the encoder cannot be used.
        TeacherError: the teacher cannot be reached.
    """
    tasks = [(suite, task) for suite in suites if not suite.lm_eval for task in suite.tasks if task.spec.trained]
    if not tasks or not train.is_file():
        return AlternativesFile(rows=[], advice=[])
    pairs = read_training_pairs(train, {task.name for _, task in tasks})
    rows: list[AlternativeRow] = []
    advice: list[str] = []
    for suite, task in tasks:
        items = task.items[:limit]
        ways = list(answer_with_models(suite.name, task, samples, len(items), usages or {}, seed))
        if task.is_multiple_choice:
            own = pairs.get(task.name, [])
            ways += answer_with_classifiers(suite.name, task.name, items, own, encoder)
        if teacher:
            ways += answer_with_teacher(teacher, suite, task, limit, seed)
        rows += [way.row for way in ways]
        advice += advise(task.name, ways)
    return AlternativesFile(rows=rows, advice=advice)
