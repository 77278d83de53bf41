"""One record before it is checked: its form, shots, wording, template and examples, drawn from one stream."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random
from zlib import crc32

from kshot.config import GenerateConfig
from kshot.core.prompting import (
    EVAL_TEMPLATE,
    TEMPLATES,
    can_show,
    literal_pattern,
    names_all,
    render_answer,
    render_prompt,
)
from kshot.core.seeding import digest, stream
from kshot.core.types import Description, Example, Form, Kind, Record
from kshot.generate.bank import by_id
from kshot.generate.bank.words import made_up
from kshot.generate.compose.wrappers import InstructionWrapper, can_list_labels, sample_wrapper
from kshot.tasks.family import Params
from kshot.tasks.source import TaskSource

DEMOS_TO_SHOW_A_TASK = 2
"""Without an instruction; a rule that only demonstrations show may need more (`min_k`)."""
NO_LABELS = "no_labels"
"""The mode of a wording that leaves the labels to the demonstrations."""
ENOUGH_TO_COUNT = 3
"""Demonstrations whose labels tell which one is frequent; with fewer, heeding them means copying one of them."""
MAX_LABELS = 10
PLACES = 1 << 14
EXAMPLES_OF_A_LABEL = 3
OTHERS = tuple(name for name in TEMPLATES if name != EVAL_TEMPLATE)


class LabelTurns:
    """Whose turn it is among labels, so that over a whole set each one is the answer as often as its alternatives.

    A task gives a few records only: with free draws a set held 9 answers like `yes` and 25 like `no`. Counted for each
    set of labels, apart without demonstrations, in so many places that it always takes the same memory.
    """

    def __init__(self) -> None:
        self._counts = [0] * PLACES

    def take(self, rng: Random, labels: Sequence[str], k: int) -> str:
        """One of those that were the answer least often, which now counts once more."""
        space = "\0".join([str(min(k, 1)), *sorted(label.casefold() for label in labels)])
        places = {label: crc32(f"{space}\0\0{label.casefold()}".encode()) % PLACES for label in labels}
        least = min(self._counts[place] for place in places.values())
        label = rng.choice([label for label, place in places.items() if self._counts[place] == least])
        self._counts[places[label]] += 1
        return label


@dataclass(frozen=True)
class SampledRecord:
    """A record before it is checked."""

    source: TaskSource
    index: int
    attempt: int
    params: Params
    form: Form
    with_rationale: bool
    description: Description
    template: str
    demos: tuple[Example, ...]
    query: Example
    imbalanced: bool
    """Its labels come unevenly. What stands in the demonstrations is then no target: early ones, before there is
    anything to count, would teach to copy the label before."""
    symbols: Mapping[str, str]
    """Made-up words for the labels, which only the demonstrations explain; empty for the labels' own names."""
    wrapper: InstructionWrapper
    """What stands around the wording."""


def sample_record(
    unit: TaskSource, descriptions: Sequence[Description], settings: GenerateConfig, turns: LabelTurns, seed: int, index: int,
    attempt: int,
) -> SampledRecord | str:  # fmt: skip
    """One draw, or why it came to nothing."""
    rng = stream(seed, "compose", unit.id, index, attempt)
    params = unit.params(rng)
    form, k = _form_and_shots(rng, unit, settings)
    reason = unit.has_rationales and rng.random() < settings.cot_fraction
    labels = unit.labels(params)
    framed = form != "demos_only" and not reason and rng.random() < settings.wrapped_fraction
    # Labels that the wording leaves out must be told by a list or by demonstrations.
    told = (framed and can_list_labels(labels)) or (form == "few_shot" and k > 1)
    brief = bool(unit.no_label_instructions) and not reason and told and rng.random() < settings.no_label_fraction
    description = Description(rng.choice(unit.no_label_instructions), NO_LABELS) if brief else rng.choice(descriptions)
    wording = description.text.format(**params)
    symbols: Mapping[str, str] = {}
    if (
        not reason
        and not framed
        and k > 1
        and labels
        and not unit.needs_instruction
        and rng.random() < settings.symbol_tuning_fraction
    ):
        symbols = dict(zip(labels, made_up(rng, len(labels)), strict=True))
        if not brief and not names_all(wording, labels):
            form = "demos_only"
    frame = sample_wrapper(rng, labels, brief) if framed else InstructionWrapper()
    shown = bool((brief and not frame.listing) or symbols or unit.min_k or form == "demos_only")
    skewed = bool(labels) and k >= ENOUGH_TO_COUNT and rng.random() < settings.label_imbalance_fraction
    wanted = choose_labels(rng, labels, k, skewed, shown, turns) if labels else []
    examples = unit.sample_examples(rng, params, k + 1, wanted)
    if len(examples) < k + 1:
        return f"only {len(examples)} distinct examples for {k} shots and a query"
    reason = reason and all(example.rationale for example in examples)
    examples = [replace(e, output=symbols.get(e.output, e.output)) for e in examples]
    if form == "demos_only" and _untold(examples, wording):
        return "only the instruction tells its answer"
    texts = [text for example in examples for text in (example.input, render_answer(example, reason))]
    others = [name for name in OTHERS if can_show(name, texts)]
    template = EVAL_TEMPLATE if rng.random() < settings.eval_template_fraction else rng.choice(others)
    # Without an instruction the prompt must look like an example of something.
    if form == "zero_shot" and template == "quoted":
        template = EVAL_TEMPLATE
    *demos, query = examples[: k + 1]
    return SampledRecord(
        unit, index, attempt, params, form, reason, description, template, tuple(demos), query, skewed, symbols, frame
    )


def choose_labels(
    rng: Random, labels: Sequence[str], k: int, skewed: bool, shown: bool, turns: LabelTurns
) -> list[str]:
    """The labels of k demonstrations and, last, of the query, whose turn it is.

    Args:
        skewed: in uneven shares (Dirichlet, 1), as most real tasks have them, so that counting the demonstrations'
            labels tells something about the query's; else in even shares.
        shown: only the demonstrations tell what the labels are or stand for, so that all have to be among theirs as far
            as there is room, the query's first: where all show one label, copying it answers without any rule.
    """
    weights = [rng.expovariate(1) for _ in labels] if skewed else None
    drawn = rng.choices(labels, weights, k=k + 1)
    last = turns.take(rng, labels, k)
    # Two names change places, which leaves the shares as they are.
    other = {drawn[-1]: last, last: drawn[-1]}
    demos = [other.get(label, label) for label in drawn[:-1]]
    if shown:
        for label in (last, *rng.sample(labels, len(labels))):
            held = Counter(demos)
            spare = [place for place, name in enumerate(demos) if label == last or held[name] > 1]
            if label not in held and spare:
                demos[rng.choice(spare)] = label
    if demos:
        # Each label is last as often as the others: counting the labels helps, copying the last one does not.
        end = rng.choice([label for label in labels if label in demos])
        place = rng.choice([place for place, label in enumerate(demos) if label == end])
        demos[place], demos[-1] = demos[-1], demos[place]
    return [*demos, last]


def _form_and_shots(rng: Random, unit: TaskSource, settings: GenerateConfig) -> tuple[Form, int]:
    weights = settings.mixture
    forms: list[Form] = ["zero_shot", "few_shot", "demos_only"]
    form = rng.choices(forms, [weights.zero_shot, weights.few_shot, weights.demos_only])[0]
    if form == "demos_only" and unit.needs_instruction:
        form = "few_shot"
    most = len(settings.shots) and max(settings.shots)
    if form == "zero_shot" and unit.min_k:
        form = "few_shot"
    if form == "zero_shot":
        return form, 0
    least = max(unit.min_k, DEMOS_TO_SHOW_A_TASK if form == "demos_only" else 1)
    if unit.example_count is not None:
        most = min(most, unit.example_count - 1)
    choices = [k for k in settings.shots if least <= k <= most]
    if choices:
        return form, rng.choice(choices)
    # Too few examples for any of the wanted counts: as many as there are.
    return ("few_shot", most) if most >= 1 else ("zero_shot", 0)


def _untold(examples: Sequence[Example], wording: str) -> bool:
    """Whether the last example's output, such as 'none', is a word of the wording that the others do not show."""
    *demos, query = examples
    shown = {demo.output for demo in demos}
    return query.output not in shown and query.output not in query.input and names_all(wording, [query.output])


def build_record(draft: SampledRecord, seed: int) -> Record:
    unit, query = draft.source, draft.query
    instruction = None if draft.form == "demos_only" else _worded(draft)
    prompt = render_prompt(draft.template, instruction, draft.demos, query.input, draft.with_rationale)
    # The first outputs cannot be known where only the demonstrations tell the rule.
    untold = draft.form == "demos_only" or (draft.description.mode == NO_LABELS and not draft.wrapper.listing)
    needed = max(unit.min_k, DEMOS_TO_SHOW_A_TASK if untold else 0)
    output = render_answer(query, draft.with_rationale)
    kind: Kind = "cot" if draft.with_rationale else "fsl" if draft.demos else "zsl"
    task = unit.task_id(draft.params)
    wrote = draft.description if instruction else Description("", "none")
    meta = {
        "id": digest(prompt.text, output),
        "kind": kind,
        "k": len(draft.demos),
        "form": draft.form,
        "task": task,
        "family": unit.family,
        "category": unit.category,
        "source": unit.origin,
        "mode": wrote.mode,
        "demo_ids": [digest(task, demo.input, demo.output) for demo in draft.demos],
        "query_id": digest(task, query.input, query.output),
        "template": draft.template,
        "targets": [] if draft.imbalanced else [list(span) for span in prompt.answers[needed:]],
        "example_mode": query.mode,
        "symbols": bool(draft.symbols),
        "wrapped": draft.wrapper != InstructionWrapper(),
        "teacher": wrote.teacher or query.teacher,
        "verified_by": query.verified_by,
        "seed": seed,
    }
    return Record(prompt.text, output, meta)


def _worded(draft: SampledRecord) -> str:
    """The instruction with the task's details, with the made-up labels where there are some, and with its frame."""
    if not draft.symbols or draft.description.mode == NO_LABELS:
        return draft.wrapper.around(draft.description.text.format(**draft.params))
    text = draft.description.text.format(**{name: draft.symbols.get(v, v) for name, v in draft.params.items()})
    # Labels that are no parameter stand in the text itself, in quotes if they could be taken for another word.
    rest = sorted(set(draft.symbols) - set(draft.params.values()), key=len, reverse=True)
    if rest:
        quoted = all(f"'{label}'" in text for label in rest)
        either = "|".join(
            f"(?<='){re.escape(label)}(?=')" if quoted else literal_pattern(label).pattern for label in rest
        )
        text = re.sub(either, lambda found: draft.symbols[found.group()], text)
    return text


def example_text(draft: SampledRecord) -> str:
    """All that a record shows beside the instruction, which its whole unit shares."""
    examples = [*draft.demos, draft.query]
    return "\n".join(
        text for example in examples for text in (example.input, render_answer(example, draft.with_rationale))
    )


def label_space_of(unit: TaskSource) -> frozenset[str]:
    """The label space of an example-based unit: few answers, each of several examples; else empty."""
    if unit.example_count is None:
        return frozenset()
    counts = Counter(example.output for example in unit.sample_examples(Random(0), {}, unit.example_count, ()))
    few = len(counts) <= MAX_LABELS and min(counts.values()) >= EXAMPLES_OF_A_LABEL
    return frozenset(counts) if few else frozenset()


def answer_label(draft: SampledRecord, answers: frozenset[str]) -> str | None:
    """Which of the labels the query has, None where answers are open or made-up words.

    Args:
        answers: of the draft's unit, see `label_space_of`; a family's labels that are drawn anew for each task go by place.
    """
    if draft.symbols:
        return None
    output = draft.query.output
    if draft.source.origin != "programmatic":
        return output if output in answers else None
    labels = by_id(draft.source.id).labels
    space = labels(draft.params) if labels else ()
    if output not in space:
        return None
    return f"label {space.index(output) + 1}" if draft.params else output
