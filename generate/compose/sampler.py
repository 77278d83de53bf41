"""One record before it is checked: its form, shots, wording, template and examples, drawn from one stream."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random
from zlib import crc32

from kshot.config import Generate
from kshot.core.prompting import MAIN_TEMPLATE, TEMPLATES, answer, fits, names, render, standing
from kshot.core.seeding import digest, stream
from kshot.core.types import Description, Example, Form, Kind, Record
from kshot.generate.bank import by_id
from kshot.generate.bank.words import made_up
from kshot.generate.compose.wrappers import Frame, draw_frame, listable
from kshot.tasks.family import Params
from kshot.tasks.source import Unit

DEMOS_TO_SHOW_A_TASK = 2
"""Without an instruction; a rule that only demonstrations show may need more (`min_k`)."""
BRIEF = "brief"
"""The mode of a wording that leaves the labels to the demonstrations."""
ENOUGH_TO_COUNT = 3
"""Demonstrations whose labels tell which one is frequent; with fewer, heeding them means copying one of them."""
MOST_LABELS = 10
PLACES = 1 << 14
EXAMPLES_OF_A_LABEL = 3
OTHERS = tuple(name for name in TEMPLATES if name != MAIN_TEMPLATE)


class Turns:
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
class Draft:
    """A record before it is checked."""

    unit: Unit
    index: int
    attempt: int
    params: Params
    form: Form
    reason: bool
    description: Description
    template: str
    demos: tuple[Example, ...]
    query: Example
    skewed: bool
    """Its labels come unevenly. What stands in the demonstrations is then no target: early ones, before there is
    anything to count, would teach to copy the label before."""
    symbols: Mapping[str, str]
    """Made-up words for the labels, which only the demonstrations explain; empty for the labels' own names."""
    frame: Frame
    """What stands around the wording."""


def draw(
    unit: Unit, descriptions: Sequence[Description], settings: Generate, turns: Turns, seed: int, index: int,
    attempt: int,
) -> Draft | str:  # fmt: skip
    """One draw, or why it came to nothing."""
    rng = stream(seed, "compose", unit.id, index, attempt)
    params = unit.params(rng)
    form, k = _form_and_shots(rng, unit, settings)
    reason = unit.reasons and rng.random() < settings.cot
    labels = unit.labels(params)
    framed = form != "demos" and not reason and rng.random() < settings.framed
    # Labels that the wording leaves out must be told by a list or by demonstrations.
    told = (framed and listable(labels)) or (form == "both" and k > 1)
    brief = bool(unit.briefs) and not reason and told and rng.random() < settings.briefs
    description = Description(rng.choice(unit.briefs), BRIEF) if brief else rng.choice(descriptions)
    wording = description.text.format(**params)
    symbols: Mapping[str, str] = {}
    if not reason and not framed and k > 1 and labels and not unit.stated and rng.random() < settings.symbols:
        symbols = dict(zip(labels, made_up(rng, len(labels)), strict=True))
        if not brief and not names(wording, labels):
            form = "demos"
    frame = draw_frame(rng, labels, brief) if framed else Frame()
    shown = bool((brief and not frame.listing) or symbols or unit.min_k or form == "demos")
    skewed = bool(labels) and k >= ENOUGH_TO_COUNT and rng.random() < settings.skew
    wanted = wanted_labels(rng, labels, k, skewed, shown, turns) if labels else []
    examples = unit.problems(rng, params, k + 1, wanted)
    if len(examples) < k + 1:
        return f"only {len(examples)} distinct examples for {k} shots and a query"
    reason = reason and all(example.rationale for example in examples)
    examples = [replace(e, output=symbols.get(e.output, e.output)) for e in examples]
    if form == "demos" and _untold(examples, wording):
        return "only the instruction tells its answer"
    texts = [text for example in examples for text in (example.input, answer(example, reason))]
    others = [name for name in OTHERS if fits(name, texts)]
    template = MAIN_TEMPLATE if rng.random() < settings.main_template else rng.choice(others)
    # Without an instruction the prompt must look like an example of something.
    if form == "instruction" and template == "quoted":
        template = MAIN_TEMPLATE
    *demos, query = examples[: k + 1]
    return Draft(
        unit, index, attempt, params, form, reason, description, template, tuple(demos), query, skewed, symbols, frame
    )


def wanted_labels(rng: Random, labels: Sequence[str], k: int, skewed: bool, shown: bool, turns: Turns) -> list[str]:
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


def _form_and_shots(rng: Random, unit: Unit, settings: Generate) -> tuple[Form, int]:
    weights = settings.forms
    forms: list[Form] = ["instruction", "both", "demos"]
    form = rng.choices(forms, [weights.instruction, weights.both, weights.demos])[0]
    if form == "demos" and unit.stated:
        form = "both"
    most = len(settings.shots) and max(settings.shots)
    if form == "instruction" and unit.min_k:
        form = "both"
    if form == "instruction":
        return form, 0
    least = max(unit.min_k, DEMOS_TO_SHOW_A_TASK if form == "demos" else 1)
    if unit.size is not None:
        most = min(most, unit.size - 1)
    choices = [k for k in settings.shots if least <= k <= most]
    if choices:
        return form, rng.choice(choices)
    # Too few examples for any of the wanted counts: as many as there are.
    return ("both", most) if most >= 1 else ("instruction", 0)


def _untold(examples: Sequence[Example], wording: str) -> bool:
    """Whether the last example's output, such as 'none', is a word of the wording that the others do not show."""
    *demos, query = examples
    shown = {demo.output for demo in demos}
    return query.output not in shown and query.output not in query.input and names(wording, [query.output])


def record_of(draft: Draft, seed: int) -> Record:
    unit, query = draft.unit, draft.query
    instruction = None if draft.form == "demos" else _worded(draft)
    prompt = render(draft.template, instruction, draft.demos, query.input, draft.reason)
    # The first outputs cannot be known where only the demonstrations tell the rule.
    untold = draft.form == "demos" or (draft.description.mode == BRIEF and not draft.frame.listing)
    needed = max(unit.min_k, DEMOS_TO_SHOW_A_TASK if untold else 0)
    output = answer(query, draft.reason)
    kind: Kind = "cot" if draft.reason else "fsl" if draft.demos else "zsl"
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
        "source": unit.source,
        "mode": wrote.mode,
        "demo_ids": [digest(task, demo.input, demo.output) for demo in draft.demos],
        "query_id": digest(task, query.input, query.output),
        "template": draft.template,
        "targets": [] if draft.skewed else [list(span) for span in prompt.answers[needed:]],
        "example_mode": query.mode,
        "symbols": bool(draft.symbols),
        "framed": draft.frame != Frame(),
        "teacher": wrote.teacher or query.teacher,
        "verified_by": query.verified_by,
        "seed": seed,
    }
    return Record(prompt.text, output, meta)


def _worded(draft: Draft) -> str:
    """The instruction with the task's details, with the made-up labels where there are some, and with its frame."""
    if not draft.symbols or draft.description.mode == BRIEF:
        return draft.frame.around(draft.description.text.format(**draft.params))
    text = draft.description.text.format(**{name: draft.symbols.get(v, v) for name, v in draft.params.items()})
    # Labels that are no parameter stand in the text itself, in quotes if they could be taken for another word.
    rest = sorted(set(draft.symbols) - set(draft.params.values()), key=len, reverse=True)
    if rest:
        quoted = all(f"'{label}'" in text for label in rest)
        either = "|".join(f"(?<='){re.escape(label)}(?=')" if quoted else standing(label).pattern for label in rest)
        text = re.sub(either, lambda found: draft.symbols[found.group()], text)
    return text


def content(draft: Draft) -> str:
    """All that a record shows beside the instruction, which its whole unit shares."""
    examples = [*draft.demos, draft.query]
    return "\n".join(text for example in examples for text in (example.input, answer(example, draft.reason)))


def answers_of(unit: Unit) -> frozenset[str]:
    """The label space of an example-based unit: few answers, each of several examples; else empty."""
    if unit.size is None:
        return frozenset()
    counts = Counter(example.output for example in unit.problems(Random(0), {}, unit.size, ()))
    few = len(counts) <= MOST_LABELS and min(counts.values()) >= EXAMPLES_OF_A_LABEL
    return frozenset(counts) if few else frozenset()


def label_of(draft: Draft, answers: frozenset[str]) -> str | None:
    """Which of the labels the query has, None where answers are open or made-up words.

    Args:
        answers: of the draft's unit, see `answers_of`; a family's labels that are drawn anew for each task go by place.
    """
    if draft.symbols:
        return None
    output = draft.query.output
    if draft.unit.source != "programmatic":
        return output if output in answers else None
    labels = by_id(draft.unit.id).labels
    space = labels(draft.params) if labels else ()
    if output not in space:
        return None
    return f"label {space.index(output) + 1}" if draft.params else output
