"""What can be generated from: `kshot tasks list|show|sample`.

That is programmatic families, files of tasks, and reasoning-gym's datasets where it is installed.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kshot.config_file import hint
from kshot.errors import ConfigError
from kshot.generate.gym import ALL, PREFIX, gym_units, installed
from kshot.generate.units import LISTED, Unit, distinct, select_units
from kshot.prompting import MAIN_TEMPLATE, answer, render
from kshot.seeding import stream


def find(name: str, files: Sequence[Path]) -> Unit:
    """The unit of that id.

    Raises:
        ConfigError: there is none, with the nearest name; or it needs reasoning-gym.
    """
    units = {unit.id: unit for unit in select_units([], files)}
    if name not in units and name.startswith(PREFIX):
        units |= {unit.id: unit for unit in gym_units([ALL])}
    if name not in units:
        raise ConfigError([f"no task {name!r}; {hint(name, units, LISTED)}"])
    return units[name]


def listing(files: Sequence[Path]) -> list[dict[str, Any]]:
    """All tasks, sorted by category and id; reasoning-gym's are among them where it is installed."""
    found = distinct([*select_units([], files), *gym_units([ALL] if installed() else [])])
    units = sorted(found, key=lambda unit: (unit.category, unit.id))
    return [
        {
            "id": unit.id, "kind": unit.source, "family": unit.family, "category": unit.category,
            "rationale": unit.reasons, "min_k": unit.min_k, "description": unit.descriptions[0],
        }
        for unit in units
    ]  # fmt: skip


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
