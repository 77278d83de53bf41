"""The mode `reason`: rationales for known answers. A rationale is kept only if it ends in the right answer."""

from collections.abc import Sequence
from dataclasses import replace

from kshot.config import ReasonConfig
from kshot.core.text import count_words
from kshot.core.types import Example, Reject, Task
from kshot.generate.curation.languages import identify_language
from kshot.generate.curation.rationale_checks import find_rationale_fault
from kshot.generate.synthesis.shared.context import SynthesisContext, SynthesisRequest
from kshot.generate.synthesis.shared.verify import (
    Claim,
    build_solve_prompt,
    extract_answer,
    gives_answer,
    split_at_answer,
)
from kshot.generate.teacher import ANSWER_LINE, Reply, Request

VERSION = 4
"""Raise when the same replies give other rationales, or the same tasks other requests."""

MODE = "reason"
MIN_LANGUAGE_WORDS = 3
"""Fewer words of a task do not show its language."""


def write_rationales(
    tasks: Sequence[Task], settings: ReasonConfig, context: SynthesisContext
) -> tuple[list[Task], list[Reject]]:
    """Return the tasks with rationales where the teacher reached the right answer, and the rejects with reasons.

    Raises:
        TeacherError: see `Teacher.ask`.
    """
    requests: list[tuple[SynthesisRequest, Example]] = []
    for task in tasks:
        bare = [example for example in task.examples if example.rationale is None][: settings.per_task]
        for number, example in enumerate(bare):
            claim = Claim(task.descriptions[0], example.input, example.output, labels=task.labels, with_rationale=True)
            prompt = build_solve_prompt(claim)
            for sample in range(settings.samples):
                teacher_request = Request(
                    prompt, sample, temperature=context.temperature, max_tokens=context.max_tokens
                )
                request_number = number * settings.samples + sample
                requests.append((SynthesisRequest(MODE, task, request_number, teacher_request), example))
    replies = context.teacher.ask([request.teacher_request for request, _ in requests], "writing rationales")
    rationales: dict[tuple[str, str], str] = {}
    rejects: list[Reject] = []
    for (request, example), reply in zip(requests, replies, strict=True):
        key = (request.task.id, example.input)
        rationale = _read_rationale(reply)
        if (
            reason := "has a rationale"
            if key in rationales
            else _reject_rationale(rationale, reply, request.task, example)
        ):
            rejects.append(request.reject(reason, reply))
        else:
            rationales[key] = rationale
    return [_add_rationales(task, rationales) for task in tasks], rejects


def _read_rationale(reply: Reply) -> str:
    lines, _ = split_at_answer(reply.text)
    return " ".join(line for line in lines if not ANSWER_LINE.match(line))


def _reject_rationale(rationale: str, reply: Reply, task: Task, example: Example) -> str | None:
    """Return the reason to reject a rationale, or None."""
    if not extract_answer(reply.text, with_rationale=True):
        return reply.problem or "malformed: no line that begins with Answer:"
    if not gives_answer(reply.text, example.output, with_rationale=True):
        return "wrong answer"
    texts = (task.descriptions[0], example.input)
    languages = sorted({identify_language(text) for text in texts if count_words(text) >= MIN_LANGUAGE_WORDS})
    return find_rationale_fault(rationale, example.output, task.labels, languages)


def _add_rationales(task: Task, rationales: dict[tuple[str, str], str]) -> Task:
    examples = (
        replace(example, rationale=rationales.get((task.id, example.input)) or example.rationale)
        for example in task.examples
    )
    return replace(task, examples=tuple(examples))
