"""A task source is what records are drawn from: a programmatic family, or an example-based task from YAML.

Both give the same three things: descriptions, a drawn task with its examples, and the anchors of its meaning.
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
from kshot.tasks.registry import describe_error
from kshot.tasks.rival_rules import Shown, find_rival_rule

VERSION = 3
"""Raise it with every change of an output; the data's cache key contains it."""
MAX_REDRAWS = 40
"""Draws of examples until the demonstrations identify the rule."""
ALTERNATIVE_RULES = 300
"""Rules drawn to find one that fits the demonstrations and answers the query otherwise."""


def count_draws(n: int) -> int:
    """The number of candidates to draw for n examples: some have an input or a label that is not needed."""
    return max(60, 3 * n)


def no_labels(params: Params) -> tuple[str, ...]:
    """The label space of a task with open answers."""
    return ()


@dataclass(frozen=True)
class TaskSource:
    """One source of records.

    Args:
        id: of the family or of the YAML task.
        origin: programmatic, examples, or the package that draws the examples.
        params: draws the parameters of one task.
        sample_examples: draws up to n examples with distinct inputs, fewer where the space is too small. Their outputs
            are the given ones in the given order as far as the task has them, and unconstrained where none are given.
        example_count: the number of distinct examples; None where a program draws them.
        no_label_instructions: instructions that leave the labels to the demonstrations.
        needs_instruction: a record of it always shows the instruction.
        allow_empty_outputs: nothing may be the right answer.
        system: the system prompt before its records.
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
    allow_empty_outputs: bool = False
    system: str = ""

    @property
    def has_labels(self) -> bool:
        return self.labels is not no_labels

    def task_id(self, params: Params) -> str:
        return f"{self.id}-{digest(sorted(params.items()), size=6)}" if params else self.id


def choose_examples(candidates: Iterable[Example], n: int, outputs: Sequence[str] = ()) -> list[Example]:
    """Choose up to n candidates with distinct inputs: the first ones, or those with the given outputs in their order.

    Other candidates take the position of an output that none has. The last position, the query's, is filled first.
    """
    pool: dict[str, Example] = {}
    missing = Counter(outputs)
    for candidate in candidates:
        if candidate.input not in pool:
            pool[candidate.input] = candidate
            missing -= Counter([candidate.output])
        if len(pool) >= n and not missing:
            break
    matches: list[Example | None] = []
    for output in reversed(outputs):
        match = next((example for example in pool.values() if example.output == output), None)
        matches.append(match and pool.pop(match.input))
    others = iter(pool.values())
    chosen = [match or next(others, None) for match in reversed(matches)]
    return [*(example for example in chosen if example), *others][:n]


def source_from_family(family: Family) -> TaskSource:
    """The task source of a programmatic family: its solver gives the outputs.

    Where only demonstrations show the rule, examples are drawn until the demonstrations identify the query's answer: no
    other rule of the family and no plain rule (`rival_rules`) fits them and answers the query otherwise.
    """

    def draw(rng: Random, params: Params, n: int, facts: dict[str, Any]) -> Iterator[Example]:
        for _ in range(count_draws(n)):
            try:
                problem = family.sample(rng, params)
                facts.setdefault(problem.text, problem.facts)
                steps = family.rationale(problem.facts, params) if family.rationale else None
                example = Example(problem.text, family.solve(problem.facts, params), steps, "programmatic", "solver")
            except Exception as error:
                raise DataError(f"family {family.id!r}: {describe_error(error)}") from error
            yield example

    def sample_examples(rng: Random, params: Params, n: int, outputs: Sequence[str] = ()) -> list[Example]:
        for _ in range(MAX_REDRAWS):
            facts: dict[str, Any] = {}
            examples = choose_examples(draw(rng, params, n, facts), n, outputs)
            shown = [facts[example.input] for example in examples]
            needs_no_check = not family.min_k or len(examples) <= family.min_k
            if needs_no_check:
                return examples
            *demos, query = (Shown(example.input, example.output) for example in examples)
            if not find_rival_rule(demos, query) and _is_rule_identified(family, rng, params, shown):
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


def _is_rule_identified(family: Family, rng: Random, params: Params, facts: Sequence[Any]) -> bool:
    """True if the demonstrations identify the rule: every rule that fits them also gives the query's answer.

    The labels' names say nothing about the rule: another rule may assign them to its groups in any order.
    """
    labels = family.labels or no_labels

    def answer(problem: Any, rule: Params, names: Mapping[str, str]) -> str | None:
        try:
            output = family.solve(problem, rule)
        except (LookupError, ValueError):  # this rule has no answer to such a problem
            return None
        return names.get(output, output)

    outputs, label_space = [family.solve(problem, params) for problem in facts], labels(params)
    for _ in range(ALTERNATIVE_RULES):
        rule = family.params(rng)
        names = dict(zip(labels(rule), rng.sample(label_space, len(label_space)), strict=False))
        demos = zip(facts[:-1], outputs[:-1], strict=True)
        fits = all(answer(problem, rule, names) == output for problem, output in demos)
        if fits and answer(facts[-1], rule, names) not in (None, outputs[-1]):
            return False
    return True


def source_from_task(task: Task) -> TaskSource:
    """The task source of an example-based task: its gold examples give the outputs."""

    def sample_examples(rng: Random, params: Params, n: int, outputs: Sequence[str] = ()) -> list[Example]:
        return choose_examples(rng.sample(task.examples, len(task.examples)), n, outputs)

    return TaskSource(
        id=task.id,
        family=task.family,
        category=task.category,
        origin="examples",
        descriptions=_escape_braces(task.descriptions),
        anchors=task.anchors,
        params=lambda rng: {},
        sample_examples=sample_examples,
        labels=(lambda params: task.labels) if task.labels else no_labels,
        has_rationales=any(example.rationale for example in task.examples),
        example_count=len(task.examples),
        no_label_instructions=_escape_braces(task.no_label_instructions),
        allow_empty_outputs=task.allow_empty_outputs,
        system=task.system,
    )


def _escape_braces(texts: Sequence[str]) -> tuple[str, ...]:
    """The texts as descriptions whose braces are no slots."""
    return tuple(text.replace("{", "{{").replace("}", "}}") for text in texts)


def check_unique_ids(sources: Sequence[TaskSource]) -> list[TaskSource]:
    """Return the sources if no two share an id.

    Raises:
        DataError: names the ids that occur twice.
    """
    counts = Counter(source.id for source in sources)
    repeated = sorted(name for name, count in counts.items() if count > 1)
    if repeated:
        raise DataError(f"task id used twice: {', '.join(repeated)}; rename one")
    return list(sources)
