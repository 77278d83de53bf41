"""Augmentation: a real example said otherwise. The answer stays, which is shown by solving the rewrite again."""

from collections.abc import Sequence

from kshot.config import Augment
from kshot.core.seeding import stream
from kshot.core.types import Reject, Task
from kshot.generate.synthesis.context import Ask, Shop
from kshot.generate.synthesis.examples import examples_of
from kshot.generate.teacher.structured import Input

MODE = "augment"
WAYS = (
    "in other words",
    "in a more casual tone",
    "in a more formal tone",
    "a little longer",
    "more briefly",
    "with other names and places where that does not touch the answer",
)
SHORTEST = 4
"""Words of an input that can be said otherwise: of "umbrella" or "le chat noir" nothing comes but itself."""


def augment(tasks: Sequence[Task], settings: Augment, shop: Shop) -> tuple[list[Task], list[Reject]]:
    """The tasks with rewrites of their gold examples added, and the rejects with reasons.

    Raises:
        TeacherError, ConfigError: see `Asker.ask` and `Prompts.render`.
    """
    asks: list[tuple[Ask, str]] = []
    for task in tasks:
        gold = [e for e in task.examples if e.mode == "gold" and len(e.input.split()) >= SHORTEST]
        for number in range(settings.per_example * len(gold)):
            example = gold[number % len(gold)]
            way = stream(shop.seed, MODE, task.id, number).choice(WAYS)
            prompt = shop.prompts.render(MODE, instruction=task.descriptions[0], example=example, way=way)
            asks.append((Ask(MODE, task, number, shop.request(prompt, number, Input)), example.output))
    return examples_of(tasks, asks, "augmenting", shop)
