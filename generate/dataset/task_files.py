"""Writes the tasks of a data set: examples.jsonl with every example's key, and task files for a person to edit."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from kshot.core.files import atomic_file
from kshot.core.types import Description, Task
from kshot.generate.run_files import EXAMPLES, TASKS, TaskExamples
from kshot.tasks.writer import is_edited, write_task


def write_examples(folder: Path, tasks: Sequence[Task]) -> None:
    """Write examples.jsonl: a row for each example-based task, before a person's decisions."""
    with atomic_file(folder / EXAMPLES) as temporary, temporary.open("wb") as handle:
        handle.writelines(TaskExamples.of(task).to_line() for task in tasks)


def write_task_files(
    folder: Path, tasks: Sequence[Task], changed: Collection[str], paraphrases: Mapping[str, Sequence[Description]]
) -> list[Path]:
    """Write a task file for each task that a mode made or added to, and remove those of earlier data.

    Args:
        changed: ids of the tasks that a mode made or added to.
        paraphrases: by id, further descriptions, which the files hold too.

    Returns:
        The files that stay as they are, since a person edited them.
    """
    target = folder / TASKS
    own = {
        target / f"{task.id}.yaml": _add_descriptions(task, paraphrases.get(task.id, ()))
        for task in tasks
        if task.id in changed or paraphrases.get(task.id)
    }
    kept = [path for path, task in own.items() if not write_task(path, task)]
    for path in sorted(target.glob("*.yaml")):
        if path not in own and not is_edited(path):
            path.unlink()
    return kept


def _add_descriptions(task: Task, paraphrases: Sequence[Description]) -> Task:
    """The task with the texts of the paraphrases, whose braces are written twice, behind its own descriptions."""
    return replace(task, descriptions=(*task.descriptions, *(text.text.format() for text in paraphrases)))
