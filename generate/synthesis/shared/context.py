"""What every synthesis mode works with: the teacher, the prompts, the verification, and what is rejected at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kshot.config import VerifyConfig
from kshot.core.answers import tidy_answer
from kshot.core.seeding import digest
from kshot.core.types import Example, Reject, Task
from kshot.generate.curation.copies.known_inputs import KnownInputs
from kshot.generate.curation.decontaminate import Decontaminator
from kshot.generate.curation.filters import Filter, first_rejection
from kshot.generate.curation.input_checks import find_input_fault
from kshot.generate.synthesis.shared.prompt_templates import PromptTemplates
from kshot.generate.teacher import Reply, ReplyShape, Request, Teacher, list_schema


@dataclass(frozen=True)
class SynthesisContext:
    """The teacher and everything that the modes share.

    Args:
        temperature: of what the teacher writes; `verify` has its own for the solves.
        max_tokens: of a reply.
    """

    teacher: Teacher
    prompts: PromptTemplates
    verify: VerifyConfig
    decontaminator: Decontaminator
    seed: int
    temperature: float
    max_tokens: int
    filters: Sequence[Filter] = ()

    @property
    def teacher_name(self) -> str:
        return Path(self.teacher.name).name

    def build_request(
        self, prompt: str, sample: int, shape: type[ReplyShape], items: int = 1, as_list: bool = False
    ) -> Request:
        """Build a request for an object of that shape.

        Args:
            items: the reply may be so many times as long as `max_tokens`.
            as_list: ask for a list of objects of the shape, see `read_items`.
        """
        schema = list_schema(shape) if as_list else shape.model_json_schema()
        return Request(prompt, sample, schema=schema, temperature=self.temperature, max_tokens=items * self.max_tokens)


@dataclass(frozen=True)
class SynthesisRequest:
    """One request of a mode: the task that it is for, its number in the mode, and what the teacher gets."""

    mode: str
    task: Task
    number: int
    teacher_request: Request
    model_input: str | None = None
    """The input that the request asks to reword."""
    output: str = ""
    """The right output of each input in the reply; "" where the reply gives it."""
    attributes: tuple[tuple[tuple[str, str], ...], ...] = ()
    """For each example that the request asks for, the attributes that it shall have, as (name, value)."""

    def reject(self, reason: str, reply: Reply, candidate: str | None = None, item: int = 0) -> Reject:
        """Build the reject of this request's reply, or of one item in it.

        Args:
            candidate: the item; None: the whole reply.
            item: its number in the reply.
        """
        key = digest(self.task.id, self.mode, self.number, self.teacher_request.prompt, *([item] if item else []))
        text = reply.text if candidate is None else candidate
        return Reject(key, self.mode, self.task.id, reason, text, request=self.teacher_request.id)


def reject_example(
    example: Example,
    known: KnownInputs,
    context: SynthesisContext,
    gold: Sequence[str] = (),
    labels: Sequence[str] = (),
    instruction: str = "",
) -> str | None:
    """Return the reason to reject an example before it is verified, or None.

    Args:
        known: inputs that it must not repeat.
        gold: inputs of the task's gold examples; what they have is no fault.
        labels: of the task, empty where answers are open.
        instruction: of the task.
    """
    if example.input in known:
        return "copy of a known input"
    if len(example.output) > 2 and tidy_answer(example.output) == tidy_answer(example.input):
        return "the output is the input"
    if fault := find_input_fault(example.input, example.output, gold, labels, instruction):
        return fault
    if shared := context.decontaminator.find_shared_input([example.input]):
        return f"shares text with a suite: {shared!r}"
    return first_rejection(f"{example.input}\n{example.output}", context.filters)
