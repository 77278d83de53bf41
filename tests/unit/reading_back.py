"""A family's answers worked out again from what the student reads, without the facts and the solver."""

from collections.abc import Callable, Mapping

from kshot.core.seeding import stream
from kshot.generate.bank import by_id
from kshot.tasks.family import Params

FromText = Mapping[str, Callable[[str, Params], str]]
"""By family, the answer to a problem's text under these params."""


def misread(family_id: str, from_text: FromText, name: str, tasks: int, problems: int) -> list[str]:
    """The texts whose answer comes out otherwise, of `problems` each of `tasks` tasks drawn from the stream `name`."""
    family = by_id(family_id)
    wrong = []
    for seed in range(tasks):
        rng = stream(seed, name, family_id)
        params = family.params(rng)
        for _ in range(problems):
            problem = family.sample(rng, params)
            if from_text[family_id](problem.text, params) != family.solve(problem.facts, params):
                wrong.append(problem.text)
    return wrong
