"""Inversion: the reverse task, output to input, in its own words (FLAN, arXiv:2301.13688, section 3.2).

A task says in its file that it can be reversed (`inverse`, its wordings), or the teacher is asked for a wording, which
stands if the teacher, given that wording and two reversed examples, finds the input of another one back.
"""

from collections.abc import Sequence
from dataclasses import replace

from kshot.config import InvertConfig
from kshot.core.answers import normalize_answer
from kshot.core.types import Example, Reject, Task
from kshot.generate.synthesis.context import SynthesisContext, SynthesisRequest
from kshot.generate.synthesis.paraphrase_inputs import MODE as REWRITES
from kshot.generate.synthesis.verify import Claim, verify_claims
from kshot.generate.teacher.messages import Reply
from kshot.generate.teacher.structured import InstructionOnly, read_reply

MODE = "invert"
SHOWN = 2


def is_reversible(task: Task) -> bool:
    """Whether every output leads back to one input, and is not one of a few labels."""
    outputs = [normalize_answer(example.output) for example in task.examples]
    return not task.labels and len(outputs) > SHOWN and len(set(outputs)) == len(outputs)


def invert_tasks(
    tasks: Sequence[Task], settings: InvertConfig, shop: SynthesisContext | None
) -> tuple[list[Task], list[Reject]]:
    """The reversed tasks alone, and the rejects with reasons.

    Args:
        shop: None where no teacher is there to ask.

    Raises:
        TeacherError, ConfigError: see `TeacherClient.ask` and `PromptTemplates.render`.
    """
    tasks = [_without_rewrites(task) for task in tasks]
    given = [task for task in tasks if task.inverse and is_reversible(task)]
    made = [_reversed(task, task.inverse, None) for task in given if settings.given]
    if shop is None or not settings.ask:
        return made, []
    wanted = [task for task in tasks if not task.inverse and is_reversible(task)]
    asks = []
    for number, task in enumerate(wanted):
        prompt = shop.prompts.render(MODE, instruction=task.descriptions[0], examples=task.examples[:SHOWN])
        asks.append(SynthesisRequest(MODE, task, number, shop.request(prompt, 0, InstructionOnly)))
    replies = shop.teacher.ask([ask.request for ask in asks], "inverting")
    rejects: list[Reject] = []
    claims: list[tuple[SynthesisRequest, str, Reply]] = []
    for ask, reply in zip(asks, replies, strict=True):
        found = read_reply(reply, InstructionOnly)
        if isinstance(found, str):
            rejects.append(ask.reject(found, reply))
        elif near := shop.decontaminator.resembles(found.instruction):
            rejects.append(ask.reject(f"like a held-out task: {near!r}", reply))
        else:
            claims.append((ask, found.instruction, reply))
    # The same case for every wording: with two reversed examples shown, the third one's input is found back.
    cases = []
    for ask, wording, _ in claims:
        flipped = _flipped(ask.task.examples, "gold")
        cases.append(Claim(wording, flipped[SHOWN].input, flipped[SHOWN].output, flipped[:SHOWN]))
    for (ask, wording, reply), verdict in zip(
        claims, verify_claims(cases, shop.teacher, shop.verify, shop.prompts, MODE), strict=True
    ):
        if verdict.verified_by:
            made.append(_reversed(ask.task, (wording,), verdict.verified_by))
        else:
            rejects.append(ask.reject(verdict.reason, reply))
    return made, rejects


def _without_rewrites(task: Task) -> Task:
    """A rewrite has the output of its example, which leads back to one input only."""
    return replace(task, examples=tuple(example for example in task.examples if example.mode != REWRITES))


def _flipped(examples: Sequence[Example], by: str | None) -> tuple[Example, ...]:
    """Verified as the wording of the reverse was; with None each as it was itself."""
    return tuple(
        Example(e.output, e.input, mode=MODE, verified_by=by or e.verified_by, teacher=e.teacher) for e in examples
    )


def _reversed(task: Task, wordings: Sequence[str], by: str | None) -> Task:
    return replace(
        task,
        id=f"{task.id}_inverse",
        family=f"{task.family}_inverse",
        descriptions=tuple(wordings),
        examples=_flipped(task.examples, by),
        anchors=(),
        inverse=(),
        no_label_instructions=(),
        mode=MODE,
    )
