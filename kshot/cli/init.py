"""`kshot init NAME --from FILE`: from a table of examples to a project that runs."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from kshot.config.config import QUICKSTART_STUDENT
from kshot.core.console import say
from kshot.core.errors import DataError


def init(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The new folder, and the task's name.")],
    source: Annotated[
        str,
        typer.Option("--from", metavar="FILE|HUB_ID", help="CSV, TSV, JSONL, JSON, Parquet or XLSX; or OWNER/NAME."),
    ],
    input: Annotated[str | None, typer.Option(metavar="COL", help="The column of the inputs.")] = None,
    output: Annotated[str | None, typer.Option(metavar="COL", help="The column of the right outputs.")] = None,
    instruction: Annotated[str | None, typer.Option(metavar="TEXT", help="What the task is, in a sentence.")] = None,
    test: Annotated[str | None, typer.Option(metavar="FILE", help="Held-out rows of your own.")] = None,
    test_fraction: Annotated[
        float, typer.Option(min=0.05, max=0.9, help="Fraction of the rows to hold out where --test names none.")
    ] = 0.25,
    student: Annotated[str, typer.Option(metavar="MODEL", help="The model to train.")] = QUICKSTART_STUDENT,
    teacher: Annotated[
        str, typer.Option(metavar="ENDPOINT", help="A preset (openai, vllm, ...) or URL; see docs/how-to.")
    ] = "",
    model: Annotated[str, typer.Option(metavar="NAME", help="The teacher's model.")] = "",
) -> None:
    """Make a project of your own from a table of examples: a config, a task and a suite of held-out rows."""
    from kshot.project.columns import choose_columns
    from kshot.project.examples import drop_near_duplicates, read_examples, split_rows, survey_examples
    from kshot.project.tables import read_table
    from kshot.project.write import Project, default_instruction, write_project

    if bool(teacher) != bool(model):
        raise DataError("--teacher and --model belong together; give both, or none")
    if Path(name).exists():
        raise DataError(f"{name}: exists already; name another folder, or remove it")
    table = read_table(source)
    if not table.has_header:
        say(f"{source}: its first row names no columns; they are {', '.join(map(repr, table.columns))}")
    guess = choose_columns(table, input, output)
    if not guess.is_sure:
        input, output = _ask_columns(source, table.columns, guess.input, guess.output)
        guess = choose_columns(table, input, output)
    say(f"{source}: input {guess.input!r}, output {guess.output!r}")
    survey = survey_examples(table, read_examples(table, guess.input, guess.output))
    for line in survey.lines:
        say(f"  {line}")
    if instruction is None:
        default = default_instruction(survey)
        instruction = typer.prompt("What is the task, in a sentence?", default) if _is_terminal() else default
        if not _is_terminal():
            say(f"  no --instruction: {default!r}")
    if test is None:
        train, held_out = split_rows(survey.rows, survey.labels, test_fraction, seed=7)
    else:
        held_out = read_examples(read_table(test), guess.input, guess.output)
        train = drop_near_duplicates(survey.rows, held_out)
        if len(train) < len(survey.rows):
            say(f"  {len(survey.rows) - len(train)} rows nearly repeat a held-out one and are left out")
    if not held_out:
        raise DataError(f"{source}: no row can be held out; add rows, or name held-out rows with --test FILE")
    project = Project(
        Path(name).name, source, instruction, survey, train, held_out, student,
        {"endpoint": teacher, "model": model} if teacher else {},
    )  # fmt: skip
    files = write_project(Path(name), project)
    say(f"  {len(train)} rows train, {len(held_out)} are held out")
    for path in files:
        say(f"wrote {path}")
    say(f"next: kshot run {files[0]}")


def _is_terminal() -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty()


def _ask_columns(source: str, columns: "tuple[str, ...]", input: str, output: str) -> tuple[str, str]:
    """Ask for the columns on a terminal.

    Raises:
        DataError: there is no terminal.
    """
    if not _is_terminal():
        names = ", ".join(map(repr, columns))
        raise DataError(
            f"{source}: which of {names} are input and output? Perhaps --input {input!r} --output {output!r}; say so"
        )
    say(f"{source}: columns {', '.join(map(repr, columns))}")
    return typer.prompt("The input", input), typer.prompt("The output", output)
