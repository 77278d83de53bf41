"""Reads example-based tasks from YAML: `id`, `category`, `descriptions`, `examples` and optional fields."""

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import PydanticCustomError

from kshot.core.errors import DataError
from kshot.core.safe_yaml import describe_fault, find_line, read_yaml
from kshot.core.types import Example, Task


def _not_blank(text: str) -> str:
    if not text.strip():
        raise PydanticCustomError("blank", "the text is blank")
    return text


Words = Annotated[str, AfterValidator(_not_blank)]


class _ExampleRow(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    input: Words
    output: Words
    rationale: str | None = None


class _TaskRow(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    id: str = Field(pattern=r"^[a-z0-9_]+$")
    family: str = ""
    category: str
    descriptions: list[Words] = Field(min_length=1)
    anchors: list[list[str]] = []
    labels: list[str] = []
    inverse: list[Words] = []
    no_label_instructions: list[Words] = []
    examples: list[_ExampleRow] = Field(min_length=2)


def load_tasks(path: Path) -> list[Task]:
    """Load the tasks of a YAML file: a list of `id`, `category`, `descriptions`, `examples`.

    Raises:
        DataError: names the file, the task and the field.
    """
    try:
        node, tree = read_yaml(path, as_written=True)
    except FileNotFoundError:
        raise DataError(f"{path}: no such file of tasks") from None
    if not isinstance(tree, list) or not tree:
        raise DataError(f"{path}: no task in it; expected a list of tasks with id, category, descriptions and examples")
    tasks: list[Task] = []
    for number, raw in enumerate(tree):
        try:
            row = _TaskRow.model_validate(raw)
        except ValidationError as error:
            detail = error.errors(include_url=False)[0]
            name = raw.get("id", number) if isinstance(raw, dict) else number
            where = ".".join(str(part) for part in detail["loc"])
            line = find_line(node, (number, *detail["loc"]))
            raise DataError(f"{path}:{line}: task {name!r}: {where}: {describe_fault(detail)}") from None
        unknown = next((e.output for e in row.examples if row.labels and e.output not in row.labels), None)
        if unknown is not None:
            raise DataError(f"{path}: task {row.id!r}: the output {unknown!r} is none of its labels {row.labels}")
        tasks.append(
            Task(
                id=row.id,
                family=row.family or row.id,
                category=row.category,
                descriptions=tuple(row.descriptions),
                examples=tuple(Example(e.input, e.output, e.rationale) for e in row.examples),
                anchors=tuple(tuple(words) for words in row.anchors),
                labels=tuple(row.labels),
                inverse=tuple(row.inverse),
                no_label_instructions=tuple(row.no_label_instructions),
            )
        )
    return tasks
