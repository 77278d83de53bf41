"""Augmentation: a real example said otherwise. The answer stays, which is shown by solving the rewrite again."""

from collections.abc import Sequence

from kshot.config import AugmentConfig
from kshot.core.seeding import stream
from kshot.core.types import Reject, Task
from kshot.generate.synthesis.context import SynthesisContext, SynthesisRequest
from kshot.generate.synthesis.examples import collect_examples
from kshot.generate.teacher.structured import InputOnly

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


def paraphrase_inputs(
    tasks: Sequence[Task], settings: AugmentConfig, shop: SynthesisContext
) -> tuple[list[Task], list[Reject]]:
    """The tasks with rewrites of their gold examples added, and the rejects with reasons.

    Raises:
        TeacherError, ConfigError: see `TeacherClient.ask` and `PromptTemplates.render`.
    """
    asks: list[tuple[SynthesisRequest, str]] = []
    for task in tasks:
        gold = [e for e in task.examples if e.mode == "gold" and len(e.input.split()) >= SHORTEST]
        for number in range(settings.per_example * len(gold)):
            example = gold[number % len(gold)]
            way = stream(shop.seed, MODE, task.id, number).choice(WAYS)
            prompt = shop.prompts.render(MODE, instruction=task.descriptions[0], example=example, way=way)
            asks.append((SynthesisRequest(MODE, task, number, shop.request(prompt, number, InputOnly)), example.output))
    return collect_examples(tasks, asks, "augmenting", shop)
