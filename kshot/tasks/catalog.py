"""What can be generated from: `kshot tasks list|show|sample`.

That is programmatic families, files of tasks, and reasoning-gym's datasets where it is installed.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from kshot.core.prompting import MAIN_TEMPLATE, answer, render
from kshot.core.seeding import stream
from kshot.tasks.source import Unit


@dataclass(frozen=True)
class CatalogRow:
    """A line of `kshot tasks list`."""

    id: str
    kind: str
    family: str
    category: str
    rationale: bool
    min_k: int
    description: str


def listing(units: Sequence[Unit]) -> list[CatalogRow]:
    """All tasks, sorted by category and id."""
    return [
        CatalogRow(u.id, u.source, u.family, u.category, u.reasons, u.min_k, u.descriptions[0])
        for u in sorted(units, key=lambda unit: (unit.category, unit.id))
    ]


def shown(unit: Unit) -> str:
    """All that is known about a task, for reading."""
    size = f", {unit.size} examples" if unit.size is not None else ""
    more = f", needs {unit.min_k} shots" if unit.min_k else ""
    steps = ", with rationales" if unit.reasons else ""
    head = f"{unit.id}: {unit.category}, family {unit.family}, {unit.source}{size}{more}{steps}"
    must = f"a rewording keeps: {'; '.join('|'.join(group) for group in unit.must)}" if unit.must else ""
    briefs = [f"with demonstrations: {text}" for text in unit.briefs]
    return "\n".join([head, *(f"- {text}" for text in unit.descriptions), *briefs, *([must] if must else [])])


def sampled(unit: Unit, count: int, shots: int, seed: int) -> list[str]:
    """Prompts with their answers, as the evaluation's template shows them."""
    texts = []
    for number in range(count):
        rng = stream(seed, "sample", unit.id, number)
        params = unit.params(rng)
        examples = unit.problems(rng, params, max(shots, unit.min_k) + 1, ())
        if not examples:
            continue
        instruction = rng.choice(unit.descriptions).format(**params)
        prompt = render(MAIN_TEMPLATE, instruction, examples[:-1], examples[-1].input).text
        steps = f"\n(steps: {examples[-1].rationale})" if examples[-1].rationale else ""
        texts.append(f"{prompt} {answer(examples[-1])}{steps}")
    return texts
