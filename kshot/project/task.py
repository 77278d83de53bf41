"""A task of a table that a config names, without a task file."""

from collections.abc import Sequence
from pathlib import Path

from kshot.core.errors import DataError
from kshot.core.types import Example, Task
from kshot.project.columns import choose_columns
from kshot.project.examples import ExampleSet, read_examples
from kshot.project.tables import read_table
from kshot.project.write import default_instruction, make_task_id


def load_table_task(
    source: str,
    input: str | None = None,
    output: Sequence[str] | None = None,
    instruction: str | None = None,
    id: str | None = None,
) -> Task:
    """Read a table as one task: its rows are gold examples, its labels are found.

    Args:
        source: a file, or a dataset of the hub, see `read_table`.
        input, output: the columns; guessed where they are not named.
        instruction: what the task is; a plain one by default.
        id: by default the file's name.

    Raises:
        DataError: an unusable table, or columns that need a name.
    """
    examples = load_examples(source, input, output)
    task_id = make_task_id(id or Path(source).stem)
    return Task(
        id=task_id,
        family=task_id,
        category="own",
        descriptions=(instruction or default_instruction(examples.survey),),
        examples=tuple(Example(row.input, row.output) for row in examples.rows),
        labels=examples.survey.labels,
    )


def load_examples(
    source: str, input: str | None = None, output: Sequence[str] | None = None, labels: Sequence[str] | None = None
) -> ExampleSet:
    """Read the examples of a table that a config names.

    Args:
        labels: see `read_examples`.

    Raises:
        DataError: an unusable table, or columns that need a name.
    """
    table = read_table(source)
    guess = choose_columns(table, input, output)
    if not guess.is_sure:
        names = ", ".join(map(repr, table.columns))
        raise DataError(f"{source}: which of {names} are input and output? Name them: input: ..., output: ...")
    return read_examples(table, guess.input, guess.outputs, labels)
