"""Reads example-based tasks from YAML, or JSONL: `id`, `category`, `descriptions`, `examples` and optional fields."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import PydanticCustomError

from kshot.core.answers import normalize_answer, unify_forms
from kshot.core.errors import DataError
from kshot.core.files import read_jsonl
from kshot.core.safe_yaml import describe_fault, find_line, read_yaml
from kshot.core.types import Example, Task


def _not_blank(text: str) -> str:
    if not text.strip():
        raise PydanticCustomError("blank", "the text is blank")
    return text


Words = Annotated[str, AfterValidator(_not_blank)]
ExampleMode = Literal["gold", "demonstrate", "augment", "vary", "invent", "invert", "questions"]
Locate = Callable[..., str]
"""Names file and line of a field of a task, from its keys and positions."""
MIN_WRITTEN_EXAMPLES = 2
"""Examples of a task that a person wrote; one that a teacher made may have one."""


class _ExampleRow(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    input: Words
    output: str
    rationale: str | None = None
    mode: ExampleMode = "gold"
    verified_by: Words | None = None
    teacher: Words | None = None
    attributes: dict[str, str] = {}


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
    allow_empty_outputs: bool = Field(False, strict=False)
    """Not strict: the YAML gives it as it is written."""
    system: str = ""
    mode: Literal["handwritten", "vary", "invent", "invert"] = "handwritten"
    examples: list[_ExampleRow] = Field(min_length=1)


def load_tasks(path: Path) -> list[Task]:
    """Load the tasks of a file: a YAML list of `id`, `category`, `descriptions`, `examples`, or JSONL with one a line.

    Raises:
        DataError: names the file, the line, the task and the field.
    """
    try:
        rows = _read_lines(path) if path.suffix == ".jsonl" else _read_list(path)
    except FileNotFoundError:
        raise DataError(f"{path}: no such file of tasks") from None
    if not rows:
        raise DataError(f"{path}: no task in it; expected a list of tasks with id, category, descriptions and examples")
    return [_read_task(raw, number, locate) for number, (raw, locate) in enumerate(rows)]


def _read_list(path: Path) -> list[tuple[Any, Locate]]:
    """The entries of a YAML list, each with what names the line of a field."""
    node, tree = read_yaml(path, as_written=True)

    def locate_in(number: int) -> Locate:
        return lambda *location: f"{path}:{find_line(node, (number, *location))}"

    return [(raw, locate_in(number)) for number, raw in enumerate(tree)] if isinstance(tree, list) else []


def _read_lines(path: Path) -> list[tuple[Any, Locate]]:
    def locate_at(line: int) -> Locate:
        return lambda *location: f"{path}:{line}"

    return [(raw, locate_at(line)) for line, raw in read_jsonl(path)]


def _read_task(raw: Any, number: int, locate: Locate) -> Task:
    try:
        row = _TaskRow.model_validate(raw)
    except ValidationError as error:
        detail = error.errors(include_url=False)[0]
        name = raw.get("id", number) if isinstance(raw, dict) else number
        field = ".".join(str(part) for part in detail["loc"])
        raise DataError(f"{locate(*detail['loc'])}: task {name!r}: {field}: {describe_fault(detail)}") from None
    _check_labels(row, locate)
    _check_examples(row, locate)
    return Task(
        id=row.id,
        family=row.family or row.id,
        category=row.category,
        descriptions=tuple(row.descriptions),
        examples=tuple(map(_read_example, row.examples)),
        anchors=tuple(tuple(words) for words in row.anchors),
        labels=tuple(row.labels),
        inverse=tuple(row.inverse),
        no_label_instructions=tuple(row.no_label_instructions),
        mode=row.mode,
        allow_empty_outputs=row.allow_empty_outputs,
        system=row.system.strip(),
    )


def _read_example(row: _ExampleRow) -> Example:
    return Example(
        row.input,
        row.output,
        row.rationale,
        row.mode,
        row.verified_by or Example.verified_by,
        row.teacher,
        tuple(row.attributes.items()),
    )


def _check_labels(row: _TaskRow, locate: Locate) -> None:
    """Refuse two labels that exact match cannot tell apart: they differ in case, quotes or a final stop at most."""
    first: dict[str, int] = {}
    for number, label in enumerate(row.labels):
        earlier = first.setdefault(normalize_answer(label), number)
        if earlier != number:
            raise DataError(
                f"{locate('labels', number)}: task {row.id!r}: labels.{number} {label!r} and labels.{earlier} "
                f"{row.labels[earlier]!r} ({locate('labels', earlier)}) are one answer: case, quotes and a final stop "
                "do not count; keep one"
            )


def _check_examples(row: _TaskRow, locate: Locate) -> None:
    """Refuse outputs that are empty or no label, and two outputs of one input."""
    if row.mode == "handwritten" and len(row.examples) < MIN_WRITTEN_EXAMPLES:
        raise DataError(
            f"{locate('examples')}: task {row.id!r}: examples: {len(row.examples)} example; write at least "
            f"{MIN_WRITTEN_EXAMPLES}"
        )
    first: dict[str, int] = {}
    for number, example in enumerate(row.examples):
        where = f"{locate('examples', number, 'output')}: task {row.id!r}:"
        if not example.output.strip() and not row.allow_empty_outputs:
            raise DataError(
                f"{where} examples.{number}.output: the text is blank; where nothing is the right answer, write "
                "`allow_empty_outputs: true` in the task"
            )
        if not example.output.strip() and row.inverse:
            raise DataError(
                f"{where} examples.{number}.output: blank, and so no input for `inverse`; remove one of them"
            )
        if row.labels and example.output not in row.labels:
            raise DataError(f"{where} the output {example.output!r} is none of its labels {row.labels}")
        if example.mode != "gold" and not example.verified_by:
            raise DataError(
                f"{where} examples.{number} has the mode {example.mode!r}; say in `verified_by` what confirmed its "
                "output, `person` where you did"
            )
        earlier = first.setdefault(unify_forms(example.input).strip(), number)
        if row.examples[earlier].output != example.output:
            raise DataError(
                f"{where} examples.{number} has the output {example.output!r:.80} and examples.{earlier} "
                f"({locate('examples', earlier, 'output')}) {row.examples[earlier].output!r:.80} for one input, "
                f"{example.input!r:.80}; keep one"
            )
