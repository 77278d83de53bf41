"""`kshot init NAME --from FILE`: from a table of examples, or from documents, to a project that runs."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kshot.cli.documents import make_project as make_document_project
from kshot.config.config import QUICKSTART_STUDENT
from kshot.core.console import say
from kshot.core.errors import DataError

if TYPE_CHECKING:
    from kshot.project.columns import ColumnGuess
    from kshot.project.examples import ExampleSet, LabelledRow, Survey
    from kshot.project.tables import ExampleTable
    from kshot.project.write import Project

SEED = 7
"""Of the rows that are held out."""
MIN_ITEMS = 30
"""Of fewer items, chance moves a paired gain by tens of points."""


def init(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The new folder, and the task's name.")],
    source: Annotated[
        str | None,
        typer.Option("--from", metavar="FILE|HUB_ID", help="CSV, TSV, JSONL, JSON, Parquet or XLSX; or OWNER/NAME."),
    ] = None,
    docs: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="In place of --from: PDF, DOCX, HTML, Markdown or text to ask about."),
    ] = None,
    input: Annotated[str | None, typer.Option(metavar="COL", help="The column of the inputs.")] = None,
    output: Annotated[
        list[str] | None,
        typer.Option(metavar="COL", help="The column of the right outputs. Repeatable: each holds a right one."),
    ] = None,
    instruction: Annotated[str | None, typer.Option(metavar="TEXT", help="What the task is, in a sentence.")] = None,
    test: Annotated[str | None, typer.Option(metavar="FILE", help="Held-out rows of your own.")] = None,
    test_fraction: Annotated[
        float, typer.Option(min=0.05, max=0.9, help="Fraction of the rows to hold out where --test names none.")
    ] = 0.25,
    questions: Annotated[int, typer.Option(min=1, max=16, help="With --docs: questions for each passage.")] = 3,
    student: Annotated[str, typer.Option(metavar="MODEL", help="The model to train.")] = QUICKSTART_STUDENT,
    teacher: Annotated[
        str, typer.Option(metavar="ENDPOINT", help="A preset (openai, vllm, ...) or URL; see docs/how-to.")
    ] = "",
    model: Annotated[str, typer.Option(metavar="NAME", help="The teacher's model.")] = "",
) -> None:
    """Make a project of your own from a table of examples, or from documents: a config, a task, a held-out suite."""
    from kshot.project.write import write_project

    if (source is None) == (docs is None):
        raise DataError("name a table of examples with --from, or a folder of documents with --docs; one of them")
    if docs and (input or output or test):
        raise DataError("--input, --output and --test are of a table, not of --docs; leave them out")
    if bool(teacher) != bool(model):
        raise DataError("--teacher and --model belong together; give both, or none")
    if Path(name).exists():
        raise DataError(f"{name}: exists already; name another folder, or remove it")
    asked = {"endpoint": teacher, "model": model} if teacher else {}
    further: dict[str, str] = {}
    if docs:
        project, further = make_document_project(name, docs, instruction, test_fraction, student, asked, questions)
    else:
        assert source  # noqa: S101 - for mypy
        project = _make_table_project(name, source, (input, output), instruction, (test, test_fraction), student, asked)
    if project.too_long:
        say(
            f"  {project.too_long} training rows are probably longer than {project.max_length} tokens, and are then "
            "left out; cut them, or raise train.max_length"
        )
    files = write_project(Path(name), project, further)
    say(f"  {len(project.train)} rows train, {len(project.test)} are held out")
    if len(project.test) < MIN_ITEMS:
        say(f"  fewer than {MIN_ITEMS} items show large gains only; label more rows, and name them with --test FILE")
    for path in files:
        say(f"wrote {path}")
    say(f"next: kshot run {files[0]}")


def _make_table_project(
    name: str,
    source: str,
    names: tuple[str | None, list[str] | None],
    instruction: str | None,
    held_out_by: tuple[str | None, float],
    student: str,
    teacher: dict[str, str],
) -> "Project":
    """Read the table, say what it holds, and split it.

    Args:
        names: of the columns of inputs and outputs, as far as the user gave them.
        held_out_by: the file of held-out rows, and the fraction to hold out without one.
    """
    from kshot.generate.curation.copies.known_inputs import identify_common_language
    from kshot.project.examples import describe_examples, read_examples
    from kshot.project.split import group_near_duplicates
    from kshot.project.tables import read_table
    from kshot.project.write import Project, default_instruction

    table = read_table(source)
    columns = _choose_columns(table, *names)
    say(f"{source}: {columns.spelled}")
    examples = read_examples(table, columns.input, columns.outputs)
    test, fraction = held_out_by
    rows, survey = _draw(examples, test is None)
    groups = group_near_duplicates(rows)
    facts = describe_examples(table, examples, len(rows) - len(groups))
    if language := identify_common_language([row.input for row in rows]):
        facts.append(f"the inputs' language is probably {language!r}")
    for line in facts:
        say(f"  {line}")
    instruction = instruction or _ask_instruction(default_instruction(survey))
    if test is None:
        train, held_out = _hold_out(rows, survey, fraction, groups)
    else:
        train, held_out = _take_test(test, columns, rows, survey)
    if not held_out:
        raise DataError(f"{source}: no row can be held out; add rows, or name held-out rows with --test FILE")
    return Project(Path(name).name, source, instruction, survey, facts, train, held_out, student, teacher)


def _draw(examples: "ExampleSet", has_items: bool) -> "tuple[Sequence[LabelledRow], Survey]":
    """The rows that a run can use, and their kind. More of them would only cost time."""
    from kshot.project.split import MAX_TEST_ROWS, MAX_TRAIN_ROWS, draw_rows

    most = MAX_TRAIN_ROWS + (MAX_TEST_ROWS if has_items else 0)
    rows = draw_rows(examples.rows, most, examples.survey.labels, SEED)
    if len(rows) < len(examples.rows):
        say(
            f"  {len(rows)} of {len(examples.rows)} examples are drawn, since a run uses no more; "
            "`generate.tasks: [{file: ...}]` takes all"
        )
    return rows, examples.survey


def _hold_out(
    rows: "Sequence[LabelledRow]", survey: "Survey", fraction: float, groups: "Sequence[list[int]]"
) -> "tuple[list[LabelledRow], list[LabelledRow]]":
    from kshot.project.split import MAX_TEST_ROWS, split_rows

    return split_rows(rows, survey.labels, min(fraction, MAX_TEST_ROWS / len(rows)), SEED, groups)


def _take_test(
    test: str, columns: "ColumnGuess", rows: "Sequence[LabelledRow]", survey: "Survey"
) -> "tuple[list[LabelledRow], list[LabelledRow]]":
    """The training rows that repeat no row of `test`, and the rows of `test`.

    Raises:
        DataError: it cannot be read, or has a label that no example has.
    """
    from kshot.project.columns import choose_columns
    from kshot.project.examples import describe_left_out, read_examples
    from kshot.project.split import MAX_TEST_ROWS, draw_rows, drop_near_duplicates
    from kshot.project.tables import read_table

    table = read_table(test)
    outputs = [name for name in columns.outputs if name in table.columns] or columns.outputs
    choose_columns(table, columns.input, outputs)
    given = read_examples(table, columns.input, outputs, survey.labels)
    for line in (*table.notes, *describe_left_out(given)):
        say(f"  {test}: {line}")
    if unknown := [row for row in given.rows if survey.labels and row.output not in survey.labels]:
        raise DataError(
            f"{unknown[0].place}: no example has the label {unknown[0].output!r:.60} ({len(unknown)} such rows); "
            "add examples of it, or leave these rows out"
        )
    held_out = draw_rows(given.rows, MAX_TEST_ROWS, survey.labels, SEED)
    if len(held_out) < len(given.rows):
        say(f"  {len(held_out)} of {len(given.rows)} rows of {test} are drawn; `evaluate.suites` takes all as a table")
    train = drop_near_duplicates(rows, held_out)
    if len(train) < len(rows):
        say(f"  {len(rows) - len(train)} rows nearly repeat a held-out one and are left out")
    return train, held_out


def _is_terminal() -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty()


def _choose_columns(table: "ExampleTable", input: str | None, output: list[str] | None) -> "ColumnGuess":
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
            f"Perhaps --input {guess.input!r} --output {guess.outputs[0]!r}; say so"
        )
    say(f"{table.source}: columns {names}")
    return choose_columns(table, typer.prompt("The input", guess.input), [typer.prompt("The output", guess.outputs[0])])


def _ask_instruction(default: str) -> str:
    """Ask for the instruction on a terminal; elsewhere take the default, and say so."""
    if _is_terminal():
        return str(typer.prompt("What is the task, in a sentence?", default))
    say(f"  no --instruction: {default!r}")
    return default
