"""What can be generated from: `kshot tasks list|show|sample`.

That is programmatic families, files of tasks, and reasoning-gym's datasets where it is installed.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from kshot.core.prompting import EVAL_TEMPLATE, render_answer, render_prompt
from kshot.core.seeding import stream
from kshot.tasks.source import TaskSource


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


def list_tasks(units: Sequence[TaskSource]) -> list[CatalogRow]:
    """All tasks, sorted by category and id."""
    return [
        CatalogRow(u.id, u.origin, u.family, u.category, u.has_rationales, u.min_k, u.descriptions[0])
        for u in sorted(units, key=lambda unit: (unit.category, unit.id))
    ]


def describe_task(unit: TaskSource) -> str:
    """All that is known about a task, for reading."""
    size = f", {unit.example_count} examples" if unit.example_count is not None else ""
    more = f", needs {unit.min_k} shots" if unit.min_k else ""
    steps = ", with rationales" if unit.has_rationales else ""
    head = f"{unit.id}: {unit.category}, family {unit.family}, {unit.origin}{size}{more}{steps}"
    anchors = f"a rewording keeps: {'; '.join('|'.join(group) for group in unit.anchors)}" if unit.anchors else ""
    no_label_instructions = [f"with demonstrations: {text}" for text in unit.no_label_instructions]
    return "\n".join(
        [head, *(f"- {text}" for text in unit.descriptions), *no_label_instructions, *([anchors] if anchors else [])]
    )


def sample_prompts(unit: TaskSource, count: int, shots: int, seed: int) -> list[str]:
    """Prompts with their answers, as the evaluation's template shows them."""
    texts = []
    for number in range(count):
        rng = stream(seed, "sample", unit.id, number)
        params = unit.params(rng)
        examples = unit.sample_examples(rng, params, max(shots, unit.min_k) + 1, ())
        if not examples:
            continue
        instruction = rng.choice(unit.descriptions).format(**params)
        prompt = render_prompt(EVAL_TEMPLATE, instruction, examples[:-1], examples[-1].input).text
        steps = f"\n(steps: {examples[-1].rationale})" if examples[-1].rationale else ""
        texts.append(f"{prompt} {render_answer(examples[-1])}{steps}")
    return texts
