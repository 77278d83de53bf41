"""Rationales: the steps to an answer that is known. Steps are kept only if they end in that answer."""

from collections.abc import Sequence
from dataclasses import replace

from kshot.config import ReasonConfig
from kshot.core.types import Example, Reject, Task
from kshot.generate.synthesis.context import SynthesisContext, SynthesisRequest
from kshot.generate.synthesis.verify import ANSWER, Claim, final_answer, gives_answer, solve_prompt, split_at_answer
from kshot.generate.teacher.messages import Reply, Request

MODE = "reason"
FEWEST_WORDS, MOST_WORDS = 5, 120


def write_rationales(
    tasks: Sequence[Task], settings: ReasonConfig, shop: SynthesisContext
) -> tuple[list[Task], list[Reject]]:
    """The tasks with rationales for those examples where the teacher found its way to the right answer.

    Raises:
        TeacherError: see `TeacherClient.ask`.
    """
    asks: list[tuple[SynthesisRequest, Example]] = []
    for task in tasks:
        bare = [example for example in task.examples if example.rationale is None][: settings.per_task]
        for number, example in enumerate(bare):
            prompt = solve_prompt(Claim(task.descriptions[0], example.input, example.output, reason=True))
            for sample in range(settings.samples):
                request = Request(prompt, sample, temperature=shop.temperature, max_tokens=shop.max_tokens)
                asks.append((SynthesisRequest(MODE, task, number * settings.samples + sample, request), example))
    replies = shop.teacher.ask([ask.request for ask, _ in asks], "reasoning")
    found: dict[tuple[str, str], str] = {}
    rejects: list[Reject] = []
    for (ask, example), reply in zip(asks, replies, strict=True):
        key = (ask.task.id, example.input)
        steps = _steps(reply)
        if fault := "has a rationale already" if key in found else _fault(steps, reply, example):
            rejects.append(ask.reject(fault, reply))
        else:
            found[key] = steps
    return [
        replace(task, examples=tuple(_with(example, found.get((task.id, example.input))) for example in task.examples))
        for task in tasks
    ], rejects


def _steps(reply: Reply) -> str:
    steps, _ = split_at_answer(reply.text)
    return " ".join(line for line in steps if not line.lower().startswith(ANSWER))


def _fault(steps: str, reply: Reply, example: Example) -> str | None:
    if not final_answer(reply.text, reasoned=True):
        return reply.problem or "malformed: no line that begins with Answer:"
    if not gives_answer(reply.text, example.output, reasoned=True):
        return "wrong answer"
    words = len(steps.split())
    return None if FEWEST_WORDS <= words <= MOST_WORDS else f"steps of {words} words"


def _with(example: Example, steps: str | None) -> Example:
    return replace(example, rationale=steps) if steps else example
