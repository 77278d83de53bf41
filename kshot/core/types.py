"""What flows through the pipeline: examples, tasks, records."""

from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal["zsl", "fsl", "cot"]
Form = Literal["zero_shot", "few_shot", "demos_only"]


@dataclass(frozen=True)
class Example:
    """One input with its right output, and the reasoning between them where there is one.

    `mode` is how it was made, `teacher` who made it, and `verified_by` what showed that it is right.
    """

    input: str
    output: str
    rationale: str | None = None
    mode: str = "gold"
    verified_by: str = "gold"
    teacher: str | None = None


@dataclass(frozen=True)
class Description:
    """One wording of a task: `text` may hold `{param}` slots; `mode` says who wrote it."""

    text: str
    mode: str = "handwritten"
    teacher: str | None = None


@dataclass(frozen=True)
class Task:
    """An example-based task as read from YAML; `labels` are all its possible outputs, empty where they are open."""

    id: str
    family: str
    category: str
    descriptions: tuple[str, ...]
    examples: tuple[Example, ...]
    anchors: tuple[tuple[str, ...], ...] = ()
    labels: tuple[str, ...] = ()
    inverse: tuple[str, ...] = ()
    """Wordings of the reverse task, output to input, where there is one."""
    no_label_instructions: tuple[str, ...] = ()
    """Wordings that do not name the labels, for records whose demonstrations show them."""
    mode: str = "handwritten"


@dataclass(frozen=True)
class Reject:
    """A candidate that was not taken: a wording (`mode` is its describe mode) or a record (`mode` is compose)."""

    id: str
    mode: str
    task: str
    reason: str
    candidate: str
    source: str = ""


@dataclass(frozen=True)
class Record:
    """One training row; `meta` traces how it came about."""

    instruction: str
    output: str
    meta: dict[str, Any] = field(default_factory=dict)
