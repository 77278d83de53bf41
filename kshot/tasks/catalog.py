"""Lists, describes and samples task sources: `kshot tasks list|show|sample`."""

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


def list_tasks(sources: Sequence[TaskSource]) -> list[CatalogRow]:
    """List all tasks, sorted by category and id."""
    return [
        CatalogRow(s.id, s.origin, s.family, s.category, s.has_rationales, s.min_k, s.descriptions[0])
        for s in sorted(sources, key=lambda source: (source.category, source.id))
    ]


def describe_task(source: TaskSource) -> str:
    """Describe a task for a reader: its properties, instructions and anchors."""
    size = f", {source.example_count} examples" if source.example_count is not None else ""
    more = f", needs {source.min_k} shots" if source.min_k else ""
    steps = ", with rationales" if source.has_rationales else ""
    head = f"{source.id}: {source.category}, family {source.family}, {source.origin}{size}{more}{steps}"
    anchors = f"a paraphrase keeps: {'; '.join('|'.join(group) for group in source.anchors)}" if source.anchors else ""
    no_label_instructions = [f"with demonstrations: {text}" for text in source.no_label_instructions]
    return "\n".join(
        [head, *(f"- {text}" for text in source.descriptions), *no_label_instructions, *([anchors] if anchors else [])]
    )


def sample_prompts(source: TaskSource, count: int, shots: int, seed: int) -> list[str]:
    """Sample prompts with their answers, in the evaluation's template."""
    texts = []
    for number in range(count):
        rng = stream(seed, "sample", source.id, number)
        params = source.params(rng)
        examples = source.sample_examples(rng, params, max(shots, source.min_k) + 1, ())
        if not examples:
            continue
        instruction = rng.choice(source.descriptions).format(**params)
        prompt = render_prompt(EVAL_TEMPLATE, instruction, examples[:-1], examples[-1].input).text
        steps = f"\n(steps: {examples[-1].rationale})" if examples[-1].rationale else ""
        texts.append(f"{prompt} {render_answer(examples[-1])}{steps}")
    return texts
