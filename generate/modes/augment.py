"""Augmentation: a real example said otherwise. The answer stays, which is shown by solving the rewrite again."""

from collections.abc import Sequence

from kshot.config import Augment
from kshot.generate.modes.demonstrate import add_verified
from kshot.generate.modes.shop import Ask, Shop, fault_of_example
from kshot.generate.replies import Input, read_reply
from kshot.schema import Example, Reject, Task
from kshot.seeding import stream

MODE = "augment"
WAYS = (
    "in other words",
    "in a more casual tone",
    "in a more formal tone",
    "a little longer",
    "more briefly",
    "with other names and places where that does not touch the answer",
)


def augment(tasks: Sequence[Task], settings: Augment, shop: Shop) -> tuple[list[Task], list[Reject]]:
    """The tasks with rewrites of their gold examples added, and the rejects with reasons.

    Raises:
        TeacherError, ConfigError: see `Asker.ask` and `Prompts.render`.
    """
    asks: list[tuple[Ask, Example]] = []
    for task in tasks:
        gold = [example for example in task.examples if example.mode == "gold"]
        for number in range(settings.per_example * len(gold)):
            example = gold[number % len(gold)]
            way = stream(shop.seed, MODE, task.id, number).choice(WAYS)
            prompt = shop.prompts.render(MODE, instruction=task.descriptions[0], example=example, way=way)
            asks.append((Ask(MODE, task, number, shop.request(prompt, number, Input)), example))
    replies = shop.asker.ask([ask.request for ask, _ in asks], "augmenting")
    known = {task.id: [example.input for example in task.examples] for task in tasks}
    claims: list[tuple[Ask, Example, str]] = []
    rejects: list[Reject] = []
    for (ask, source), reply in zip(asks, replies, strict=True):
        found = read_reply(reply, Input)
        if isinstance(found, str):
            rejects.append(ask.reject(found, reply))
            continue
        example = Example(found.input, source.output, mode=MODE, teacher=shop.teacher)
        if fault := fault_of_example(example, known[ask.task.id], shop):
            rejects.append(ask.reject(fault, reply))
            continue
        known[ask.task.id].append(example.input)
        claims.append((ask, example, reply))
    return add_verified(tasks, claims, shop, rejects)
