"""The mode `demonstrate`: more examples of a task, spread over topics, lengths and levels, each verified.

For a task with labels kshot chooses the label in turn, and the teacher writes an input for it (output first, as in
Self-Instruct, arXiv:2212.10560, section 2.2). For other tasks the teacher writes an input with its output.
"""

from collections.abc import Sequence
from dataclasses import replace

from kshot.config import DemonstrateConfig
from kshot.core.seeding import stream
from kshot.core.types import Example, Reject, Task
from kshot.generate.synthesis.context import SynthesisContext, SynthesisRequest, reject_example
from kshot.generate.synthesis.diversity import draw_example_attributes
from kshot.generate.synthesis.verify import Claim, verify_claims
from kshot.generate.teacher import InputOnly, InputOutput, Reply, read_reply

VERSION = 1
"""Raise when the same replies give other examples, or the same tasks other requests."""

MODE = "demonstrate"
SHOWN_EXAMPLES = 3


def write_examples(
    tasks: Sequence[Task], settings: DemonstrateConfig, context: SynthesisContext
) -> tuple[list[Task], list[Reject]]:
    """Return the tasks with accepted new examples added, and the rejects with reasons.

    Raises:
        TeacherError: see `Teacher.ask`.
        ConfigError: see `PromptTemplates.render`.
    """
    requests = [_build_request(task, number, context) for task in tasks for number in range(settings.per_task)]
    return collect_examples(tasks, requests, "writing examples", context)


def collect_examples(
    tasks: Sequence[Task], requests: Sequence[tuple[SynthesisRequest, str]], label: str, context: SynthesisContext
) -> tuple[list[Task], list[Reject]]:
    """Ask, read and verify. Return the tasks with accepted examples added, and the rejects with reasons.

    Args:
        requests: requests of one mode, each with its known output, or "" where the reply gives the output.
    """
    replies = context.teacher.ask([request.teacher_request for request, _ in requests], label)
    known = {task.id: [example.input for example in task.examples] for task in tasks}
    candidates: list[tuple[SynthesisRequest, Example, Reply]] = []
    rejects: list[Reject] = []
    for (request, output), reply in zip(requests, replies, strict=True):
        content = read_reply(reply, InputOnly) if output else read_reply(reply, InputOutput)
        if isinstance(content, str):
            rejects.append(request.reject(content, reply))
            continue
        claimed = content.output if isinstance(content, InputOutput) else output
        example = Example(content.input, claimed, mode=request.mode, teacher=context.teacher_name)
        if reason := reject_example(example, known[request.task.id], context):
            rejects.append(request.reject(reason, reply))
            continue
        known[request.task.id].append(example.input)
        candidates.append((request, example, reply))
    return _add_verified(tasks, candidates, context, rejects)


def _add_verified(
    tasks: Sequence[Task],
    candidates: Sequence[tuple[SynthesisRequest, Example, Reply]],
    context: SynthesisContext,
    rejects: list[Reject],
) -> tuple[list[Task], list[Reject]]:
    """Verify the candidates; add those that stand to their tasks and the others to the rejects."""
    claims = [
        Claim(
            request.task.descriptions[0],
            example.input,
            example.output,
            request.task.examples[:SHOWN_EXAMPLES],
            request.task.labels,
        )
        for request, example, _ in candidates
    ]
    new: dict[str, list[Example]] = {task.id: [] for task in tasks}
    mode = candidates[0][0].mode if candidates else ""
    verdicts = verify_claims(claims, context.teacher, context.verify, context.prompts, mode)
    for (request, example, reply), verdict in zip(candidates, verdicts, strict=True):
        if verdict.verified_by:
            new[request.task.id].append(replace(example, verified_by=verdict.verified_by))
        else:
            rejects.append(request.reject(verdict.reason, reply))
    return [replace(task, examples=(*task.examples, *new[task.id])) for task in tasks], rejects


def _build_request(task: Task, number: int, context: SynthesisContext) -> tuple[SynthesisRequest, str]:
    """Return the request, and the label that the new input must have ("" for a task without labels)."""
    rng = stream(context.seed, MODE, task.id, number)
    label = task.labels[number % len(task.labels)] if task.labels else ""
    prompt = context.prompts.render(
        "demonstrate_label" if label else "demonstrate",
        instruction=rng.choice(task.descriptions),
        examples=rng.sample(task.examples, min(SHOWN_EXAMPLES, len(task.examples))),
        label=label,
        labels=task.labels,
        **draw_example_attributes(task, rng),
    )
    request = context.build_request(prompt, number, InputOnly if label else InputOutput)
    return SynthesisRequest(MODE, task, number, request), label
