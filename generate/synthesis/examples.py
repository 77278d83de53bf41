"""The mode `demonstrate`: more examples of a task, spread over topics, lengths and levels, each verified.

For a task with labels kshot chooses the label in turn, and the teacher writes an input for it (output first, as in
Self-Instruct, arXiv:2212.10560, section 2.2). For other tasks the teacher writes an input with its output.
"""

from collections.abc import Sequence
from dataclasses import replace
from random import Random

from kshot.config import DemonstrateConfig
from kshot.core.seeding import stream
from kshot.core.types import Example, Reject, Task
from kshot.generate.synthesis.context import SynthesisContext, SynthesisRequest, reject_example
from kshot.generate.synthesis.diversity import draw_example_attributes
from kshot.generate.synthesis.verify import Claim, verify_claims
from kshot.generate.teacher import InputOnly, InputOutput, Reply, read_reply

VERSION = 3
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
    gold = {task.id: [example.input for example in task.examples if example.mode == "gold"] for task in tasks}
    candidates: list[tuple[SynthesisRequest, Example, Reply]] = []
    rejects: list[Reject] = []
    for (request, output), reply in zip(requests, replies, strict=True):
        content = read_reply(reply, InputOnly) if output else read_reply(reply, InputOutput)
        if isinstance(content, str):
            rejects.append(request.reject(content, reply))
            continue
        claimed = content.output if isinstance(content, InputOutput) else output
        example = Example(content.input, claimed, mode=request.mode, teacher=context.teacher_name)
        task = request.task
        if reason := reject_example(example, known[task.id], context, gold[task.id], task.labels, task.descriptions[0]):
            rejects.append(request.reject(reason, reply))
            continue
        known[task.id].append(example.input)
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
            _draw_solve_examples(request, example, context),
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


def _draw_solve_examples(request: SynthesisRequest, example: Example, context: SynthesisContext) -> tuple[Example, ...]:
    """Draw the examples that the solves of a candidate see: not the one whose input it rewords."""
    rng = stream(context.seed, "solve", request.task.id, example.input)
    pool = [other for other in request.task.examples if other.input != request.model_input]
    return draw_shown_examples(pool, example.output if request.task.labels else "", rng)


def draw_shown_examples(examples: Sequence[Example], label: str, rng: Random) -> tuple[Example, ...]:
    """Draw examples to show: one with the label first, where there is one, then others with as many outputs as fit.

    Args:
        label: "" for a task without labels.
    """
    shuffled = rng.sample(examples, len(examples))
    chosen = [example for example in shuffled if label and example.output == label][:1]
    shown = {example.output for example in chosen}
    for example in shuffled:
        if example.output not in shown:
            shown.add(example.output)
            chosen.append(example)
    chosen += [example for example in shuffled if example not in chosen]
    return tuple(chosen[:SHOWN_EXAMPLES])


def _build_request(task: Task, number: int, context: SynthesisContext) -> tuple[SynthesisRequest, str]:
    """Return the request, and the label that the new input must have ("" for a task without labels)."""
    rng = stream(context.seed, MODE, task.id, number)
    label = task.labels[number % len(task.labels)] if task.labels else ""
    prompt = context.prompts.render(
        "demonstrate_label" if label else "demonstrate",
        instruction=rng.choice(task.descriptions),
        examples=draw_shown_examples(task.examples, label, rng),
        label=label,
        labels=task.labels,
        **draw_example_attributes(task, rng),
    )
    request = context.build_request(prompt, number, InputOnly if label else InputOutput)
    return SynthesisRequest(MODE, task, number, request), label
