"""Invention: new tasks with an example, grown from a pool of seeds and earlier inventions; and neighbours of a task.

invent  a new task, after a few of the pool were shown (Self-Instruct, arXiv:2212.10560)
vary    a neighbouring task: the same kind of work with other details
"""

import re
from collections.abc import Sequence

from rapidfuzz import fuzz

from kshot.config import InventConfig
from kshot.core.answers import tidy_answer
from kshot.core.seeding import digest, stream
from kshot.core.types import Example, Reject, Task
from kshot.generate.curation.filters import first_rejection
from kshot.generate.synthesis.context import SynthesisContext, SynthesisRequest, reject_example
from kshot.generate.synthesis.novelty import TaskNovelty
from kshot.generate.synthesis.verify import Claim, verify_claims
from kshot.generate.teacher.messages import Reply
from kshot.generate.teacher.structured import InventedTask, read_reply

INVENT, VARY = "invent", "vary"
SEEDS_SHOWN = 0.6
"""Share of seeds among the tasks that are shown; the rest are earlier inventions, once there are some."""
UNCHANGED = 92.0


def invent_tasks(
    seeds: Sequence[Task], settings: InventConfig, shop: SynthesisContext
) -> tuple[list[Task], list[Reject]]:
    """New tasks with one example each, and the rejects with reasons.

    Raises:
        TeacherError, ConfigError: see `TeacherClient.ask` and `PromptTemplates.render`.
    """
    made: list[Task] = []
    rejects: list[Reject] = []
    novelty = TaskNovelty([text for task in seeds for text in task.descriptions])
    for round_ in range(settings.rounds):
        asks = []
        for number in range(settings.per_round):
            rng = stream(shop.seed, INVENT, round_, number)
            own = round(settings.shown * (1 - SEEDS_SHOWN))
            shown = rng.sample(made, min(own, len(made)))
            shown += rng.sample(list(seeds), min(settings.shown - len(shown), len(seeds)))
            rng.shuffle(shown)
            prompt = shop.prompts.render(INVENT, tasks=shown)
            asks.append(
                SynthesisRequest(
                    INVENT, shown[0], round_ * settings.per_round + number, shop.request(prompt, number, InventedTask)
                )
            )
        found = _read(asks, shop, novelty, rejects, None)
        made += found
    return made, rejects


def vary_tasks(tasks: Sequence[Task], per_task: int, shop: SynthesisContext) -> tuple[list[Task], list[Reject]]:
    """Neighbours of the tasks, each a task of the same family with one example, and the rejects with reasons.

    Raises:
        TeacherError, ConfigError: see `TeacherClient.ask` and `PromptTemplates.render`.
    """
    asks = []
    for task in tasks:
        for number in range(per_task):
            rng = stream(shop.seed, VARY, task.id, number)
            prompt = shop.prompts.render(
                "vary_task", instruction=rng.choice(task.descriptions), example=rng.choice(task.examples)
            )
            asks.append(SynthesisRequest(VARY, task, number, shop.request(prompt, number, InventedTask)))
    rejects: list[Reject] = []
    return _read(asks, shop, None, rejects, UNCHANGED), rejects


def _read(
    asks: Sequence[SynthesisRequest],
    shop: SynthesisContext,
    novelty: TaskNovelty | None,
    rejects: list[Reject],
    unchanged: float | None,
) -> list[Task]:
    """The tasks in the replies that are well-formed, new and verified; the others go to `rejects`."""
    replies = shop.teacher.ask([ask.request for ask in asks], f"{asks[0].mode}ing" if asks else "")
    claims: list[tuple[SynthesisRequest, InventedTask, Reply]] = []
    for ask, reply in zip(asks, replies, strict=True):
        found = read_reply(reply, InventedTask)
        fault = found if isinstance(found, str) else _fault(found, ask, shop, novelty, unchanged)
        if fault or isinstance(found, str):
            rejects.append(ask.reject(str(fault), reply))
            continue
        claims.append((ask, found, reply))
        if novelty:
            novelty.add(found.instruction)
    cases = [Claim(new.instruction, new.input, new.output, labels=tuple(new.labels)) for _, new, _ in claims]
    verdicts = verify_claims(cases, shop.teacher, shop.verify, shop.prompts, claims[0][0].mode if claims else "")
    made = []
    for (ask, new, reply), verdict in zip(claims, verdicts, strict=True):
        if verdict.verified_by:
            made.append(_task(ask, new, verdict.verified_by, shop.teacher_name))
        else:
            rejects.append(ask.reject(verdict.reason, reply))
    return made


def _fault(
    new: InventedTask,
    ask: SynthesisRequest,
    shop: SynthesisContext,
    novelty: TaskNovelty | None,
    unchanged: float | None,
) -> str | None:
    if new.labels and len(set(new.labels)) < 2:
        return "a label space of one"
    if fault := first_rejection(new.instruction, shop.filters):
        return fault
    if near := shop.decontaminator.resembles(new.instruction):
        return f"like a held-out task: {near!r}"
    if unchanged and any(fuzz.ratio(new.instruction, text) >= unchanged for text in ask.task.descriptions):
        return "the task is unchanged"
    if novelty and (near := novelty.nearest(new.instruction)):
        return f"not new: {near!r}"
    # A neighbour may take the input of its model, to which it then gives another output.
    known = [example.input for example in ask.task.examples if tidy_answer(example.output) == tidy_answer(new.output)]
    return reject_example(Example(new.input, new.output), known, shop)


def _task(ask: SynthesisRequest, new: InventedTask, by: str, teacher: str) -> Task:
    """The teacher's names become plain ids: nothing that it writes can name a path or a template."""
    stem = re.sub(r"[^a-z0-9]+", "_", (new.name or new.instruction).lower()).strip("_")[:40] or "task"
    name = f"{stem}_{digest(new.instruction, size=3)}"
    family = ask.task.family if ask.mode == VARY else re.sub(r"[^a-z0-9]+", "_", new.family.lower()).strip("_") or name
    category = ask.task.category if ask.mode == VARY else "invented"
    example = Example(new.input, new.output, mode=ask.mode, verified_by=by, teacher=teacher)
    return Task(name, family, category, (new.instruction,), (example,), labels=tuple(new.labels), mode=ask.mode)
