"""What flows through the pipeline: examples, tasks, records, rejects."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["zsl", "fsl", "cot"]
Form = Literal["zero_shot", "few_shot", "demos_only"]


@dataclass(frozen=True)
class Example:
    """One input with its right output, and the reasoning between them where there is one.

    `mode` says how it was written, `teacher` by whom, and `verified_by` what confirmed its output.
    """

    input: str
    output: str
    rationale: str | None = None
    mode: str = "gold"
    verified_by: str = "gold"
    teacher: str | None = None
    attributes: tuple[tuple[str, str], ...] = ()
    """(name, value) of what a teacher was asked to give it: topic, length, level, style, writer."""


@dataclass(frozen=True)
class Description:
    """One instruction of a task: `text` may hold `{param}` slots; `mode` says who wrote it."""

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
    """Instructions of the reverse task, output to input, where there is one."""
    no_label_instructions: tuple[str, ...] = ()
    """Instructions that do not name the labels, for records whose demonstrations show them."""
    mode: str = "handwritten"
    allow_empty_outputs: bool = False
    """Nothing may be the right answer."""
    system: str = ""
    """A system prompt before every record of the task; "" for none."""


@dataclass(frozen=True)
class Reject:
    """A rejected candidate: an instruction (`mode` is its paraphrase mode) or a record (`mode` is compose)."""

    id: str
    mode: str
    task: str
    reason: str
    candidate: str
    original: str = ""
    """The instruction that a paraphrase rewords."""
    request: str = ""
    """Digest of the request in whose reply the candidate was; "" for a candidate of no single reply."""


@dataclass(frozen=True)
class Demonstration:
    """An input and its output as the prompt shows them."""

    input: str
    output: str


@dataclass(frozen=True)
class Turn:
    """A turn of a chat."""

    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True)
class RecordMeta:
    """The structure of a record and how it was composed. The fields' order is that of the JSON object."""

    id: str
    """Digest of the record's instruction and output."""
    kind: Kind
    """zsl, fsl, or cot where the output reasons before the answer."""
    k: int
    """Number of demonstrations."""
    form: Form
    """Instruction only, instruction and demonstrations, or demonstrations only."""
    task: str
    """The task: the family with a digest of its drawn parameters, or the id in the user's file."""
    family: str
    """The task family."""
    category: str
    """The family's category."""
    origin: str
    """programmatic, examples, or the package that draws the examples."""
    mode: str
    """Who worded the instruction: handwritten, a paraphrase mode, no_labels, or none without an instruction."""
    task_instruction: str
    """The task's instruction as shown, wrapper included; empty in `demos_only` records."""
    demonstrations: tuple[Demonstration, ...]
    query: Demonstration
    """The input to answer, and the record's output."""
    template: str
    """A key of `kshot.core.prompting.TEMPLATES`."""
    loss_spans: tuple[tuple[int, int], ...]
    """[start, end) in `instruction`, in characters, of the demonstrations' outputs that also carry loss."""
    demo_ids: tuple[str, ...]
    """Digests of the demonstrations' examples."""
    query_id: str
    """Digest of the query's example: records of one example share it."""
    example_mode: str
    """How the query's example was written."""
    symbol_tuned: bool
    """Whether made-up words replace the labels."""
    wrapped: bool
    """Whether an instruction wrapper surrounds the instruction."""
    teacher: str | None
    """Who paraphrased the instruction or wrote the example; None without a teacher."""
    verified_by: str
    """What confirmed the output: solver, gold, score_answer or a check of the teacher's answers."""
    seed: int
    """The config's seed."""
    turns: tuple[Turn, ...] | None = None
    """The chat before the output, where it is more than one message: a system prompt, demonstrations as turns."""


@dataclass(frozen=True)
class Record:
    """One training row."""

    instruction: str
    """All that the student reads: the prompt, demonstrations included."""
    output: str
    meta: RecordMeta
