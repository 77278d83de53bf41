"""Tables of examples that a config names: as a task to train on, or as a suite of held-out items."""

from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Discriminator, Field, Tag

from kshot.config.section import Section

Columns = Annotated[tuple[str, ...], BeforeValidator(lambda given: (given,) if isinstance(given, str) else given)]


class TableConfig(Section):
    """A table of examples as a task: CSV, TSV, JSONL, JSON, Parquet, XLSX, or `OWNER/NAME[:SPLIT]` of the hub."""

    file: str
    """The file, relative to the config, or the dataset's name."""
    input: str | None = None
    """The column of the inputs; null: guessed."""
    output: Columns | None = None
    """The column of the right outputs, or several, each with a right one; null: guessed."""
    instruction: str | None = None
    """What the task is, in a sentence; null: a plain one."""
    id: str | None = None
    """The task's id; null: the file's name."""


class TableSuiteConfig(Section):
    """A table of held-out rows as a suite of one task, read as `generate.tasks` reads one."""

    file: str
    """The file, relative to the config, or the dataset's name."""
    input: str | None = None
    """The column of the inputs; null: guessed."""
    output: Columns | None = None
    """The column of the right outputs, or several, each with a right one; null: guessed."""
    instruction: str | None = None
    """What the task is, in a sentence; null: a plain one."""
    name: str | None = None
    """The suite's name; null: the file's. Where a trained task has this id, the report sets a classifier beside it."""
    demos: str | Annotated[int, Field(ge=0)] | None = None
    """Another table whose rows demonstrate, e.g. the training rows; or how many rows of this one, which are then no
    items. null: a quarter of the rows, from 4 to 16."""
    scores: tuple[str, ...] | None = None
    """How answers are scored, as in a suite's YAML; null: by the kind of task."""
    rubric: str = ""
    """What makes an answer better, for the score `judge`."""
    trained: bool = True
    """Other rows of this task are trained on: only the inputs of its items are kept out of training. false: its
    instruction, labels and demonstrations too."""


def _kind_of_entry(entry: Any) -> str:
    return "table" if isinstance(entry, dict | TableConfig | TableSuiteConfig) else "name"


TaskEntry = Annotated[
    Annotated[Path, Tag("name")] | Annotated[TableConfig, Tag("table")], Discriminator(_kind_of_entry)
]
SuiteEntries = list[
    Annotated[Annotated[str, Tag("name")] | Annotated[TableSuiteConfig, Tag("table")], Discriminator(_kind_of_entry)]
]
