"""Examples in replies: asks, reads, checks and verifies them. `demonstrate` and `augment` share it."""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from kshot.core.seeding import stream
from kshot.core.types import Example, Reject, Task
from kshot.generate.curation.copies.known_inputs import KnownInputs
from kshot.generate.synthesis.examples.requests import draw_shown_examples
from kshot.generate.synthesis.shared.context import SynthesisContext, SynthesisRequest, reject_example
from kshot.generate.synthesis.shared.verify import Claim, verify_claims
from kshot.generate.teacher import InputOnly, InputOutput, Reply, read_items

VERSION = 4
"""Raise when the same replies give other examples."""


class _Candidate(NamedTuple):
    request: SynthesisRequest
    example: Example
    reply: Reply
    number: int
    """Distinguishes the rejects of one reply."""

    def reject(self, reason: str) -> Reject:
        fields = {"input": self.example.input, "output": self.example.output}
        return self.request.reject(reason, self.reply, json.dumps(fields, ensure_ascii=False), self.number)


def collect_examples(
    tasks: Sequence[Task], requests: Sequence[SynthesisRequest], label: str, context: SynthesisContext
) -> tuple[list[Task], list[Reject]]:
    """Ask, read and verify. Return the tasks with accepted examples added, and the rejects with reasons.

    Args:
        requests: requests of one mode; a reply holds one or several examples.
    """
    replies = context.teacher.ask([request.teacher_request for request in requests], label)
    known = {task.id: KnownInputs([example.input for example in task.examples]) for task in tasks}
    gold = {task.id: [example.input for example in task.examples if example.mode == "gold"] for task in tasks}
    candidates: list[_Candidate] = []
    rejects: list[Reject] = []
    for request, reply in zip(requests, replies, strict=True):
        read, unread = _read_examples(request, reply, context)
        rejects += unread
        for candidate in read:
            example, task = candidate.example, request.task
            reason = reject_example(example, known[task.id], context, gold[task.id], task.labels, task.descriptions[0])
            if reason:
                rejects.append(candidate.reject(reason))
            else:
                known[task.id].add(example.input)
                candidates.append(candidate)
    return _add_verified(tasks, candidates, context, rejects)


def _read_examples(
    request: SynthesisRequest, reply: Reply, context: SynthesisContext
) -> tuple[list[_Candidate], list[Reject]]:
    """Return the examples in a reply, and a reject for each item that is none."""
    shape: type[InputOnly] = InputOnly if request.output else InputOutput
    items = read_items(reply, shape)
    if isinstance(items, str):
        return [], [request.reject(items, reply)]
    whole = [item for item in items if not isinstance(item, str)]
    rejects = [
        request.reject(item, reply, item=number) for number, item in enumerate(items, 1) if isinstance(item, str)
    ]
    # Only where each wanted example came is it known which of them has which attributes.
    drawn = request.attributes if len(whole) == len(request.attributes) else ((),) * len(whole)
    candidates: list[_Candidate] = []
    for item, attributes in zip(whole, drawn, strict=True):
        output = item.output if isinstance(item, InputOutput) else request.output
        example = Example(item.input, output, mode=request.mode, teacher=context.teacher_name, attributes=attributes)
        candidates.append(_Candidate(request, example, reply, len(items) + len(candidates) + 1))
    return candidates, rejects


def _add_verified(
    tasks: Sequence[Task], candidates: Sequence[_Candidate], context: SynthesisContext, rejects: list[Reject]
) -> tuple[list[Task], list[Reject]]:
    """Verify the candidates; add those that stand to their tasks and the others to the rejects."""
    claims = [
        Claim(
            request.task.descriptions[0],
            example.input,
            example.output,
            _draw_solve_examples(request, example, context),
            request.task.labels,
        )
        for request, example, *_ in candidates
    ]
    new: dict[str, list[Example]] = {task.id: [] for task in tasks}
    mode = candidates[0].request.mode if candidates else ""
    verdicts = verify_claims(claims, context.teacher, context.verify, context.prompts, mode)
    for candidate, verdict in zip(candidates, verdicts, strict=True):
        if verdict.verified_by:
            new[candidate.request.task.id].append(replace(candidate.example, verified_by=verdict.verified_by))
        else:
            rejects.append(candidate.reject(verdict.reason))
    return [replace(task, examples=(*task.examples, *new[task.id])) for task in tasks], rejects


def _draw_solve_examples(request: SynthesisRequest, example: Example, context: SynthesisContext) -> tuple[Example, ...]:
    """Draw the examples that the solves of a candidate see: not the one whose input it rewords."""
    rng = stream(context.seed, "solve", request.task.id, example.input)
    pool = [other for other in request.task.examples if other.input != request.model_input]
    return draw_shown_examples(pool, example.output if request.task.labels else "", rng)
