"""`kshot tasks list|show|sample|training-suite`."""

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from kshot.cli.options import TaskFiles, TaskName
from kshot.core.console import say

group = typer.Typer(no_args_is_help=True, help="Look at the tasks that data is made from.")


@group.command("list")
def list_all(
    files: TaskFiles = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON list instead of lines.")] = False,
) -> None:
    """List all tasks by category: programmatic families, those of the files named, and reasoning-gym's if installed."""
    import orjson

    from kshot.generate.sources import all_sources
    from kshot.tasks.catalog import list_tasks

    rows = list_tasks(all_sources(files or []))
    if as_json:
        sys.stdout.write(orjson.dumps([asdict(row) for row in rows], option=orjson.OPT_INDENT_2).decode() + "\n")
        return
    for row in rows:
        say(f"{row.category:22} {row.id:28} {row.description}")


@group.command()
def show(name: TaskName, files: TaskFiles = None) -> None:
    """Show one task: its instructions and what is known about it."""
    from kshot.generate.sources import find_source
    from kshot.tasks.catalog import describe_task

    say(describe_task(find_source(name, files or [])))


@group.command()
def sample(
    name: TaskName,
    files: TaskFiles = None,
    count: Annotated[int, typer.Option("-n", min=1, help="Number of prompts.")] = 3,
    shots: Annotated[int, typer.Option("-k", min=0, help="Demonstrations in each.")] = 0,
    seed: Annotated[int, typer.Option(help="Seed of the draw.")] = 7,
) -> None:
    """Print prompts of a task with their answers, as a student sees them."""
    from kshot.generate.sources import find_source
    from kshot.tasks.catalog import sample_prompts

    say("\n\n----\n\n".join(sample_prompts(find_source(name, files or []), count, shots, seed)))


@group.command("training-suite")
def training_suite(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where to write it; must not exist.")],
    files: TaskFiles = None,
    demos: Annotated[int, typer.Option(min=0, help="Demonstrations of each task.")] = 4,
    items: Annotated[int, typer.Option(min=1, help="Maximum items of each task.")] = 20,
    seed: Annotated[int, typer.Option(help="Seed of the draw.")] = 7,
) -> None:
    """Write a suite of the training tasks with labels, freshly drawn: has the student learnt what it was trained on?

    `kshot compare RUN --suite FOLDER` measures that. It is no held-out suite, and a gain on it is none on new tasks.
    """
    from kshot.generate.dataset.training_suite import write_training_suite
    from kshot.generate.sources import select_sources

    count = write_training_suite(folder, select_sources([], files or []), demos, items, seed)
    say(f"{folder}: {count} tasks; `kshot compare RUN --suite {folder}` measures a run's student on them")
