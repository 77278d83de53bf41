"""The mode `invert`: the reverse task, output to input, with its own instruction (FLAN, arXiv:2301.13688, section 3.2).

A task file may give the reverse instruction (`inverse`); otherwise the teacher writes one. That one is kept if the
teacher, given it and two reversed examples, finds the input of a third example.
"""

from collections.abc import Sequence
from dataclasses import replace

from kshot.config import InvertConfig
from kshot.core.answers import normalize_answer
from kshot.core.types import Example, Reject, Task
from kshot.generate.synthesis.paraphrase_inputs import MODE as AUGMENT
from kshot.generate.synthesis.shared.context import SynthesisContext, SynthesisRequest
from kshot.generate.synthesis.shared.verify import Claim, verify_claims
from kshot.generate.teacher import InstructionOnly, Reply, read_reply

VERSION = 1
"""Raise when the same replies give other tasks, or the same tasks other requests."""

MODE = "invert"
SHOWN_EXAMPLES = 2


def is_reversible(task: Task) -> bool:
    """True if every output leads to one input, and the outputs are no labels."""
    outputs = [normalize_answer(example.output) for example in task.examples]
    return not task.labels and len(outputs) > SHOWN_EXAMPLES and len(set(outputs)) == len(outputs)


def invert_tasks(
    tasks: Sequence[Task], settings: InvertConfig, context: SynthesisContext | None
) -> tuple[list[Task], list[Reject]]:
    """Return the reverse tasks alone, and the rejects with reasons.

    Args:
        context: None where there is no teacher.

    Raises:
        TeacherError: see `Teacher.ask`.
        ConfigError: see `PromptTemplates.render`.
    """
    candidates = [task for task in map(_drop_augmented, tasks) if is_reversible(task)]
    inverted = [_reverse(task, task.inverse, None) for task in candidates if task.inverse and settings.given]
    if context is None or not settings.ask:
        return inverted, []
    written, rejects = _write_inversions([task for task in candidates if not task.inverse], context)
    return inverted + written, rejects


def _write_inversions(tasks: Sequence[Task], context: SynthesisContext) -> tuple[list[Task], list[Reject]]:
    """Let the teacher write the instruction of each reverse task, and verify it."""
    requests = []
    for number, task in enumerate(tasks):
        examples = task.examples[:SHOWN_EXAMPLES]
        prompt = context.prompts.render(MODE, instruction=task.descriptions[0], examples=examples)
        requests.append(SynthesisRequest(MODE, task, number, context.build_request(prompt, 0, InstructionOnly)))
    replies = context.teacher.ask([request.teacher_request for request in requests], "inverting tasks")
    rejects: list[Reject] = []
    candidates: list[tuple[SynthesisRequest, str, Reply]] = []
    for request, reply in zip(requests, replies, strict=True):
        content = read_reply(reply, InstructionOnly)
        if isinstance(content, str):
            rejects.append(request.reject(content, reply))
        elif near := context.decontaminator.find_similar_instruction(content.instruction):
            rejects.append(request.reject(f"like a held-out task: {near!r}", reply))
        else:
            candidates.append((request, content.instruction, reply))
    claims = [_build_claim(request.task, instruction) for request, instruction, _ in candidates]
    verdicts = verify_claims(claims, context.teacher, context.verify, context.prompts, MODE)
    inverted = []
    for (request, instruction, reply), verdict in zip(candidates, verdicts, strict=True):
        if verdict.verified_by:
            inverted.append(_reverse(request.task, (instruction,), verdict.verified_by))
        else:
            rejects.append(request.reject(verdict.reason, reply))
    return inverted, rejects


def _build_claim(task: Task, instruction: str) -> Claim:
    """Claim that with two reversed examples the instruction leads to the third one's input."""
    flipped = _flip(task.examples, "gold")
    query = flipped[SHOWN_EXAMPLES]
    return Claim(instruction, query.input, query.output, flipped[:SHOWN_EXAMPLES])


def _drop_augmented(task: Task) -> Task:
    """Drop paraphrased inputs: they share the output of their example, which leads back to one input only."""
    return replace(task, examples=tuple(example for example in task.examples if example.mode != AUGMENT))


def _flip(examples: Sequence[Example], verified_by: str | None) -> tuple[Example, ...]:
    """Swap input and output. None keeps each example's own `verified_by`."""
    return tuple(
        Example(e.output, e.input, mode=MODE, verified_by=verified_by or e.verified_by, teacher=e.teacher)
        for e in examples
    )


def _reverse(task: Task, instructions: Sequence[str], verified_by: str | None) -> Task:
    return replace(
        task,
        id=f"{task.id}_inverse",
        family=f"{task.family}_inverse",
        descriptions=tuple(instructions),
        examples=_flip(task.examples, verified_by),
        anchors=(),
        inverse=(),
        no_label_instructions=(),
        mode=MODE,
    )
