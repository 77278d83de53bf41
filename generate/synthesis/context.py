"""What every synthesis mode works with: the teacher, the prompts, the verification, and what is rejected at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rapidfuzz import fuzz, process

from kshot.config import VerifyConfig
from kshot.core.answers import normalize_answer, tidy_answer
from kshot.core.seeding import digest
from kshot.core.text import MAX_INPUT_SIMILARITY, signs
from kshot.core.types import Example, Reject, Task
from kshot.generate.curation.decontaminate import Decontaminator
from kshot.generate.curation.filters import Filter, first_rejection
from kshot.generate.curation.input_checks import find_input_fault
from kshot.generate.synthesis.prompt_templates import PromptTemplates
from kshot.generate.teacher import Reply, ReplyShape, Request, Teacher


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

    def build_request(self, prompt: str, sample: int, shape: type[ReplyShape]) -> Request:
        """Build a request for an object of that shape."""
        return Request(
            prompt, sample, schema=shape.model_json_schema(), temperature=self.temperature, max_tokens=self.max_tokens
        )


@dataclass(frozen=True)
class SynthesisRequest:
    """One request of a mode: the task that it is for, its number in the mode, and what the teacher gets."""

    mode: str
    task: Task
    number: int
    teacher_request: Request
    model_input: str | None = None
    """The input that the request asks to reword."""

    def reject(self, reason: str, reply: Reply) -> Reject:
        """Build the reject of this request's reply."""
        key = digest(self.task.id, self.mode, self.number, self.teacher_request.prompt)
        return Reject(key, self.mode, self.task.id, reason, reply.text)


def is_known_input(text: str, known: Sequence[str]) -> bool:
    """True if an input repeats a known one, word for word or nearly, with the same numbers and operators."""
    normalized, numbers = normalize_answer(text), signs(text)
    matches = process.extract_iter(
        normalized, [normalize_answer(other) for other in known], scorer=fuzz.ratio, score_cutoff=MAX_INPUT_SIMILARITY
    )
    return any(other == normalized or signs(known[position]) == numbers for other, _, position in matches)


def reject_example(
    example: Example,
    known: Sequence[str],
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
    if is_known_input(example.input, known):
        return "copy of a known input"
    if len(example.output) > 2 and tidy_answer(example.output) == tidy_answer(example.input):
        return "the output is the input"
    if fault := find_input_fault(example.input, example.output, gold, labels, instruction):
        return fault
    if shared := context.decontaminator.find_shared_input([example.input]):
        return f"shares text with a suite: {shared!r}"
    return first_rejection(f"{example.input}\n{example.output}", context.filters)
