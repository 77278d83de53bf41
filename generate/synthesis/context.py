"""What every mode of making data works with, and what they have in common."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from rapidfuzz import fuzz, process

from kshot.config import VerifyConfig
from kshot.core.answers import normalize_answer, tidy_answer
from kshot.core.seeding import digest
from kshot.core.types import Example, Reject, Task
from kshot.generate.curation.decontaminate import Decontaminator
from kshot.generate.curation.filters import Filter, first_rejection
from kshot.generate.synthesis.prompt_templates import PromptTemplates
from kshot.generate.teacher.budget import BudgetExceededError
from kshot.generate.teacher.messages import Reply, Request
from kshot.generate.teacher.structured import ReplyShape

MAX_INPUT_SIMILARITY = 90.0
"""Inputs more alike than this (rapidfuzz ratio, 0 to 100) are one input."""


class Teacher(Protocol):
    """An asker, or what stands in for one (`kshot.generate.synthesis.pipeline.EstimatingTeacher`)."""

    name: str
    spent: BudgetExceededError | None

    def ask(self, requests: Sequence[Request], label: str) -> list[Reply]:
        """The replies in the order of the requests; one that came to nothing has a fault."""
        ...


@dataclass(frozen=True)
class SynthesisContext:
    """The teacher, its prompts, how its claims are verified, and what must stay out.

    Args:
        temperature: of what is made; solves have their own in `verify`.
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

    def request(self, prompt: str, sample: int, shape: type[ReplyShape]) -> Request:
        """Asks for an object of that shape; the teacher's endpoint is told its schema where it can be."""
        return Request(
            prompt, sample, schema=shape.model_json_schema(), temperature=self.temperature, max_tokens=self.max_tokens
        )


@dataclass(frozen=True)
class SynthesisRequest:
    """One request of a mode: what for, and under which number."""

    mode: str
    task: Task
    number: int
    request: Request

    def reject(self, reason: str, reply: Reply) -> Reject:
        key = digest(self.task.id, self.mode, self.number, self.request.prompt)
        return Reject(key, self.mode, self.task.id, reason, reply.text)


def is_known_input(text: str, others: Sequence[str]) -> bool:
    """Whether an input is there already, word for word or nearly."""
    plain = normalize_answer(text)
    return (
        process.extractOne(plain, map(normalize_answer, others), scorer=fuzz.ratio, score_cutoff=MAX_INPUT_SIMILARITY)
        is not None
    )


def reject_example(example: Example, known: Sequence[str], shop: SynthesisContext) -> str | None:
    """What speaks against an example before anything is asked about it."""
    if is_known_input(example.input, known):
        return "copy of a known input"
    if len(example.output) > 2 and tidy_answer(example.output) == tidy_answer(example.input):
        return "the output is the input"
    if shared := shop.decontaminator.shared_input([example.input]):
        return f"shares text with a panel: {shared!r}"
    return first_rejection(f"{example.input}\n{example.output}", shop.filters)
