"""Writes the tasks of a data set: examples.jsonl with every example's key, and task files for a person to edit."""

from collections.abc import Collection, Sequence
from pathlib import Path

from kshot.core.files import atomic_file
from kshot.core.types import Task
from kshot.generate.run_files import EXAMPLES, TASKS, TaskExamples
from kshot.tasks.yaml_writer import is_edited, write_task


def write_examples(folder: Path, tasks: Sequence[Task]) -> None:
    """Write examples.jsonl: a row for each example-based task, before a person's decisions."""
    with atomic_file(folder / EXAMPLES) as temporary, temporary.open("wb") as handle:
        handle.writelines(TaskExamples.of(task).to_line() for task in tasks)


def write_task_files(folder: Path, tasks: Sequence[Task], changed: Collection[str]) -> list[Path]:
    """Write a task file for each task that a mode made or added to, and remove those of earlier data.

    Returns:
        The files that stay as they are, since a person edited them.
    """
    target = folder / TASKS
    own = {target / f"{task.id}.yaml": task for task in tasks if task.id in changed}
    kept = [path for path, task in own.items() if not write_task(path, task)]
    for path in sorted(target.glob("*.yaml")):
        if path not in own and not is_edited(path):
            path.unlink()
    return kept
