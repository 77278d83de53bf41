"""The mode `invent`: new tasks with an example, from a pool of seed tasks and earlier inventions.

The teacher sees a few tasks of the pool and writes another one (Self-Instruct, arXiv:2212.10560).
"""

from collections.abc import Sequence

from kshot.config import InventConfig
from kshot.core.seeding import draw_in_turn, stream
from kshot.core.types import Reject, Task
from kshot.generate.synthesis.new_tasks import collect_tasks
from kshot.generate.synthesis.novelty import TaskNovelty
from kshot.generate.synthesis.shared.context import SynthesisContext, SynthesisRequest
from kshot.generate.teacher import InventedTask

VERSION = 1
"""Raise when the same replies give other tasks, or the same seeds other requests."""

MODE = "invent"
SEED_FRACTION = 0.6
"""Fraction of seeds among the tasks shown; the others are earlier inventions, once there are some."""


def invent_tasks(
    seeds: Sequence[Task], settings: InventConfig, context: SynthesisContext
) -> tuple[list[Task], list[Reject]]:
    """Return new tasks with one example each, and the rejects with reasons.

    Raises:
        TeacherError: see `Teacher.ask`.
        ConfigError: see `PromptTemplates.render`.
    """
    invented: list[Task] = []
    rejects: list[Reject] = []
    novelty = TaskNovelty([text for task in seeds for text in task.descriptions])

    def reject_known(instruction: str, _: Task) -> str | None:
        known = novelty.find_known(instruction)
        if known is None:
            return None
        return f"not new: {known!r}"

    for round_ in range(settings.rounds):
        requests = [
            _build_request(seeds, invented, settings, round_, number, context) for number in range(settings.per_round)
        ]
        tasks, round_rejects = collect_tasks(requests, context, "inventing tasks", reject_known, novelty.add)
        invented += tasks
        rejects += round_rejects
    return invented, rejects


def _build_request(
    seeds: Sequence[Task],
    invented: Sequence[Task],
    settings: InventConfig,
    round_: int,
    number: int,
    context: SynthesisContext,
) -> SynthesisRequest:
    rng = stream(context.seed, MODE, round_, number)
    drawn = _draw_attributes(settings, context.seed, round_ * settings.per_round + number)
    invented_count = round(settings.shown * (1 - SEED_FRACTION))
    shown = rng.sample(list(invented), min(invented_count, len(invented)))
    shown += rng.sample(list(seeds), min(settings.shown - len(shown), len(seeds)))
    rng.shuffle(shown)
    prompt = context.prompts.render(MODE, tasks=shown, attributes=drawn)
    request = context.build_request(prompt, number, InventedTask)
    attributes = (tuple(drawn.items()),) if drawn else ()
    return SynthesisRequest(MODE, shown[0], round_ * settings.per_round + number, request, attributes=attributes)


def _draw_attributes(settings: InventConfig, seed: int, number: int) -> dict[str, str]:
    """Return what the invention of that number shall be like. Each entry of a list is drawn as often as the others."""
    return {name: draw_in_turn(values, number, seed, MODE, name) for name, values in settings.attributes.items()}
