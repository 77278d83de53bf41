"""`kshot init NAME --from FILE`: from a table of examples to a project that runs."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kshot.config.config import QUICKSTART_STUDENT
from kshot.core.console import say
from kshot.core.errors import DataError

if TYPE_CHECKING:
    from kshot.project.columns import ColumnGuess
    from kshot.project.tables import ExampleTable


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
    from kshot.project.examples import (
        describe_examples,
        drop_near_duplicates,
        read_examples,
        split_rows,
        survey_examples,
    )
    from kshot.project.tables import read_table
    from kshot.project.write import Project, default_instruction, write_project

    if bool(teacher) != bool(model):
        raise DataError("--teacher and --model belong together; give both, or none")
    if Path(name).exists():
        raise DataError(f"{name}: exists already; name another folder, or remove it")
    table = read_table(source)
    columns = _choose_columns(table, input, output)
    say(f"{source}: input {columns.input!r}, output {columns.output!r}")
    rows = read_examples(table, columns.input, columns.output)
    survey = survey_examples(rows)
    facts = describe_examples(table, rows, survey)
    for line in facts:
        say(f"  {line}")
    instruction = instruction or _ask_instruction(default_instruction(survey))
    if test is None:
        train, held_out = split_rows(rows, survey.labels, test_fraction, seed=7)
    else:
        held_out = read_examples(read_table(test), columns.input, columns.output)
        train = drop_near_duplicates(rows, held_out)
        if len(train) < len(rows):
            say(f"  {len(rows) - len(train)} rows nearly repeat a held-out one and are left out")
    if not held_out:
        raise DataError(f"{source}: no row can be held out; add rows, or name held-out rows with --test FILE")
    asked = {"endpoint": teacher, "model": model} if teacher else {}
    project = Project(Path(name).name, source, instruction, survey, facts, train, held_out, student, asked)
    files = write_project(Path(name), project)
    say(f"  {len(train)} rows train, {len(held_out)} are held out")
    for path in files:
        say(f"wrote {path}")
    say(f"next: kshot run {files[0]}")


def _is_terminal() -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty()


def _choose_columns(table: "ExampleTable", input: str | None, output: str | None) -> "ColumnGuess":
    """Take the named columns, guess the others, and ask on a terminal where the guess is not sure.

    Raises:
        DataError: a named column is missing, or the guess is not sure and there is no terminal.
    """
    from kshot.project.columns import choose_columns

    names = ", ".join(map(repr, table.columns))
    if not table.has_header:
        say(f"{table.source}: its first row names no columns; they are {names}")
    guess = choose_columns(table, input, output)
    if guess.is_sure:
        return guess
    if not _is_terminal():
        raise DataError(
            f"{table.source}: which of {names} are input and output? "
            f"Perhaps --input {guess.input!r} --output {guess.output!r}; say so"
        )
    say(f"{table.source}: columns {names}")
    return choose_columns(table, typer.prompt("The input", guess.input), typer.prompt("The output", guess.output))


def _ask_instruction(default: str) -> str:
    """Ask for the instruction on a terminal; elsewhere take the default, and say so."""
    if _is_terminal():
        return str(typer.prompt("What is the task, in a sentence?", default))
    say(f"  no --instruction: {default!r}")
    return default
