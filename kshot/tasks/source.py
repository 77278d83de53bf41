"""A unit is what records are drawn from: a programmatic family, or an example-based task from YAML.

Both give the same three things: descriptions, a drawn task with its problems, and the anchors of its meaning.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from kshot.core.errors import DataError
from kshot.core.seeding import digest
from kshot.core.types import Example, Task
from kshot.tasks.family import Family, Params

REDRAWS = 40
RIVALS = 300


def count_draws(n: int) -> int:
    """How many candidates are drawn for n examples: some have the same input, or another label than is wanted."""
    return max(60, 3 * n)


def no_labels(params: Params) -> tuple[str, ...]:
    """Of a task whose answers are open."""
    return ()


@dataclass(frozen=True)
class TaskSource:
    """One source of records.

    Args:
        id: of the family or of the YAML task.
        params: draws the parameters of one task.
        problems: draws up to n examples with distinct inputs, fewer where the space is too small; their outputs are the
            wanted ones in the wanted order as far as the task gives them, and as they come where none are wanted.
        briefs: descriptions that leave the labels to the demonstrations.
        stated: never without its instruction.
        size: how many distinct examples there are, None where they are drawn by a program.
    """

    id: str
    family: str
    category: str
    origin: str
    descriptions: tuple[str, ...]
    anchors: tuple[tuple[str, ...], ...]
    params: Callable[[Random], Params]
    sample_examples: Callable[[Random, Params, int, Sequence[str]], list[Example]]
    labels: Callable[[Params], tuple[str, ...]] = no_labels
    min_k: int = 0
    has_rationales: bool = False
    example_count: int | None = None
    no_label_instructions: tuple[str, ...] = ()
    needs_instruction: bool = False

    @property
    def has_labels(self) -> bool:
        return self.labels is not no_labels

    def task_id(self, params: Params) -> str:
        return f"{self.id}-{digest(sorted(params.items()), size=6)}" if params else self.id


def choose_examples(candidates: Iterable[Example], n: int, wanted: Sequence[str] = ()) -> list[Example]:
    """Up to n candidates with distinct inputs: the first ones, or those with the wanted outputs in the wanted order.

    Where the candidates lack a wanted output, others take its place; the last place, that of a query, is filled first.
    """
    pool: dict[str, Example] = {}
    lacking = Counter(wanted)
    for candidate in candidates:
        if candidate.input not in pool:
            pool[candidate.input] = candidate
            lacking -= Counter([candidate.output])
        if len(pool) >= n and not lacking:
            break
    places: list[Example | None] = []
    for output in reversed(wanted):
        match = next((example for example in pool.values() if example.output == output), None)
        places.append(match and pool.pop(match.input))
    left = iter(pool.values())
    filled = [place or next(left, None) for place in reversed(places)]
    return [*(example for example in filled if example), *left][:n]


def source_from_family(family: Family) -> TaskSource:
    """The unit of a programmatic family: outputs come from its solver.

    Where only demonstrations show the rule, examples are drawn again until all but the last tell the last one's answer.
    """

    def drawn(rng: Random, params: Params, n: int, facts: dict[str, Any]) -> Iterator[Example]:
        for _ in range(count_draws(n)):
            problem = family.sample(rng, params)
            facts.setdefault(problem.text, problem.facts)
            steps = family.rationale(problem.facts, params) if family.rationale else None
            yield Example(problem.text, family.solve(problem.facts, params), steps, "programmatic", "solver")

    def sample_examples(rng: Random, params: Params, n: int, wanted: Sequence[str] = ()) -> list[Example]:
        for _ in range(REDRAWS):
            facts: dict[str, Any] = {}
            examples = choose_examples(drawn(rng, params, n, facts), n, wanted)
            known = [facts[example.input] for example in examples]
            if not family.min_k or len(examples) <= family.min_k or _told(family, rng, params, known):
                return examples
        return []

    return TaskSource(
        id=family.id,
        family=family.id,
        category=family.category,
        origin="programmatic",
        descriptions=family.descriptions,
        anchors=family.anchors,
        params=family.params,
        sample_examples=sample_examples,
        labels=family.labels or no_labels,
        min_k=family.min_k,
        has_rationales=family.rationale is not None,
        no_label_instructions=family.no_label_instructions,
        needs_instruction=family.needs_instruction,
    )


def _told(family: Family, rng: Random, params: Params, facts: Sequence[Any]) -> bool:
    """Whether no other rule of the family gives all demonstrations their answers and the query, the last, another.

    The labels' names say nothing about the rule: another rule may give them to its groups in any order.
    """
    labels = family.labels or no_labels

    def answer(one: Any, rule: Params, names: Mapping[str, str]) -> str | None:
        try:
            output = family.solve(one, rule)
        except (LookupError, ValueError):  # this rule says nothing about such a problem
            return None
        return names.get(output, output)

    right, own = [family.solve(one, params) for one in facts], labels(params)
    for _ in range(RIVALS):
        rival = family.params(rng)
        names = dict(zip(labels(rival), rng.sample(own, len(own)), strict=False))
        fits = all(answer(one, rival, names) == output for one, output in zip(facts[:-1], right[:-1], strict=True))
        if fits and answer(facts[-1], rival, names) not in (None, right[-1]):
            return False
    return True


def source_from_task(task: Task) -> TaskSource:
    """The unit of an example-based task: outputs are its gold examples."""

    def sample_examples(rng: Random, params: Params, n: int, wanted: Sequence[str] = ()) -> list[Example]:
        return choose_examples(rng.sample(task.examples, len(task.examples)), n, wanted)

    return TaskSource(
        id=task.id,
        family=task.family,
        category=task.category,
        origin="examples",
        descriptions=_plain(task.descriptions),
        anchors=task.anchors,
        params=lambda rng: {},
        sample_examples=sample_examples,
        labels=(lambda params: task.labels) if task.labels else no_labels,
        has_rationales=any(example.rationale for example in task.examples),
        example_count=len(task.examples),
        no_label_instructions=_plain(task.no_label_instructions),
    )


def _plain(texts: Sequence[str]) -> tuple[str, ...]:
    """As descriptions whose braces are no slots."""
    return tuple(text.replace("{", "{{").replace("}", "}}") for text in texts)


def check_unique_ids(units: Sequence[TaskSource]) -> list[TaskSource]:
    """The units, if no two have one id.

    Raises:
        DataError: names those that do.
    """
    ids = [unit.id for unit in units]
    doubled = sorted({name for name in ids if ids.count(name) > 1})
    if doubled:
        raise DataError(f"task id used twice: {', '.join(doubled)}; rename one")
    return list(units)
