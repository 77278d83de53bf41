"""New tasks in replies: what `invent` and `vary` share. Reads, checks and verifies each task with its example."""

import re
from collections.abc import Callable, Sequence

from kshot.core.answers import tidy_answer
from kshot.core.seeding import digest
from kshot.core.types import Example, Reject, Task
from kshot.generate.curation.copies.known_inputs import KnownInputs
from kshot.generate.curation.filters import first_rejection
from kshot.generate.synthesis.shared.context import SynthesisContext, SynthesisRequest, reject_example
from kshot.generate.synthesis.shared.verify import Claim, verify_claims
from kshot.generate.teacher import InventedTask, Reply, read_reply

VERSION = 4
"""Raise when the same replies give other tasks."""

RejectInstruction = Callable[[str, Task], str | None]
"""Takes a new instruction and the task that its request showed first; returns the reason to reject it, or None."""


def _ignore(instruction: str) -> None:
    pass


def collect_tasks(
    requests: Sequence[SynthesisRequest],
    context: SynthesisContext,
    label: str,
    reject_instruction: RejectInstruction,
    on_candidate: Callable[[str], None] = _ignore,
    family_of_model: bool = False,
) -> tuple[list[Task], list[Reject]]:
    """Ask, read and verify. Return the well-formed, new and verified tasks, and the rejects with reasons.

    Args:
        requests: requests of one mode.
        on_candidate: called with each instruction that passes the checks, before the next one is checked.
        family_of_model: put a new task into the family and category of its request's task.
    """
    replies = context.teacher.ask([request.teacher_request for request in requests], label)
    candidates: list[tuple[SynthesisRequest, InventedTask, Reply]] = []
    rejects: list[Reject] = []
    for request, reply in zip(requests, replies, strict=True):
        content = read_reply(reply, InventedTask)
        if isinstance(content, str):
            rejects.append(request.reject(content, reply))
        elif reason := _reject_task(content, request.task, context, reject_instruction):
            rejects.append(request.reject(reason, reply))
        else:
            candidates.append((request, content, reply))
            on_candidate(content.instruction)
    claims = [
        Claim(content.instruction, content.input, content.output, labels=tuple(content.labels))
        for _, content, _ in candidates
    ]
    mode = candidates[0][0].mode if candidates else ""
    verdicts = verify_claims(claims, context.teacher, context.verify, context.prompts, mode)
    tasks = []
    for (request, content, reply), verdict in zip(candidates, verdicts, strict=True):
        if verdict.verified_by:
            tasks.append(_build_task(request, content, verdict.verified_by, context.teacher_name, family_of_model))
        else:
            rejects.append(request.reject(verdict.reason, reply))
    return tasks, rejects


def _reject_task(
    content: InventedTask, model: Task, context: SynthesisContext, reject_instruction: RejectInstruction
) -> str | None:
    """Return the reason to reject a task before its example is verified, or None."""
    if content.labels and len(set(content.labels)) < 2:
        return "only one label"
    if reason := first_rejection(content.instruction, context.filters):
        return reason
    if near := context.decontaminator.find_similar_instruction(content.instruction):
        return f"like a held-out task: {near!r}"
    if reason := reject_instruction(content.instruction, model):
        return reason
    # A neighbour may use its model's input with another output.
    output = tidy_answer(content.output)
    known = KnownInputs([example.input for example in model.examples if tidy_answer(example.output) == output])
    example = Example(content.input, content.output)
    return reject_example(example, known, context, labels=content.labels, instruction=content.instruction)


def _build_task(
    request: SynthesisRequest, content: InventedTask, verified_by: str, teacher: str, family_of_model: bool
) -> Task:
    """Build the task. Its ids hold letters, digits and underscores only, so a teacher can name no path."""
    stem = _build_id(content.name or content.instruction)[:40] or "task"
    name = f"{stem}_{digest(content.instruction, size=3)}"
    if family_of_model:
        family, category = request.task.family, request.task.category
    else:
        drawn = dict(request.attributes[0]) if request.attributes else {}
        family, category = _build_id(content.family) or name, _build_id(drawn.get("domain", "")) or "invented"
    example = Example(content.input, content.output, mode=request.mode, verified_by=verified_by, teacher=teacher)
    return Task(
        name,
        family,
        category,
        (content.instruction,),
        (example,),
        labels=tuple(content.labels),
        mode=request.mode,
    )


def _build_id(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")
