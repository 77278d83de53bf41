"""Records from units: which form, how many shots, which wording, which template; each drawn from its own stream."""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from kshot.config import Generate
from kshot.console import Ticker
from kshot.families import Params
from kshot.generate.screen import Screen
from kshot.generate.units import Unit
from kshot.prompting import MAIN_TEMPLATE, TEMPLATES, answer, fits, render
from kshot.schema import Description, Example, Form, Kind, Record, Reject
from kshot.seeding import digest, stream

ATTEMPTS = 20
DEMOS_TO_SHOW_A_TASK = 2
"""Without an instruction; a rule that only demonstrations show may need more (`min_k`)."""
OTHERS = tuple(name for name in TEMPLATES if name != MAIN_TEMPLATE)


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


def quotas(units: Sequence[Unit], settings: Generate) -> dict[str, int]:
    """Records for each unit: even shares, capped for gold examples, what is over going to the families.

    Returns:
        Counts that add up to `settings.records`, or to less if only capped units are left.
    """
    capped = {u.id: settings.examples_cap * u.size for u in units if u.size is not None}
    even = settings.records // max(1, len(units))
    counts = {name: min(cap, even) for name, cap in capped.items()}
    free = [u.id for u in units if u.size is None]
    left = settings.records - sum(counts.values())
    for place, name in enumerate(free):
        counts[name] = left // len(free) + (place < left % len(free))
    return counts


def compose(
    units: Sequence[Unit],
    variants: dict[str, list[Description]],
    settings: Generate,
    screen: Screen,
    seed: int,
    tick: Ticker,
) -> tuple[list[Record], list[Reject]]:
    """All records in their final, shuffled order, and the rejected drafts with reasons.

    The same arguments give the same records in the same order.
    """
    records: list[Record] = []
    rejects: list[Reject] = []
    seen: set[tuple[str, str]] = set()
    counts = quotas(units, settings)
    for unit in units:
        descriptions = [*(Description(text) for text in unit.descriptions), *variants.get(unit.id, [])]
        for index in range(counts[unit.id]):
            for attempt in range(ATTEMPTS):
                draft = _draft(unit, descriptions, settings, seed, index, attempt)
                if isinstance(draft, str):
                    rejects.append(_reject(unit, index, attempt, draft, ""))
                    continue
                record = _record(draft, seed)
                fault = _fault(draft, record, screen, seen)
                if fault is None:
                    seen.add((record.instruction, record.output))
                    records.append(record)
                    break
                rejects.append(_reject(unit, index, attempt, fault, record.instruction))
            tick()
    stream(seed, "order").shuffle(records)
    return records, rejects


def _draft(
    unit: Unit, descriptions: Sequence[Description], settings: Generate, seed: int, index: int, attempt: int
) -> Draft | str:
    """One draw, or why it came to nothing."""
    rng = stream(seed, "compose", unit.id, index, attempt)
    params = unit.params(rng)
    form, k = _form_and_shots(rng, unit, settings)
    reason = unit.reasons and rng.random() < settings.cot
    examples = unit.problems(rng, params, k + 1, rng.random() < settings.skew)
    if len(examples) < k + 1:
        return f"only {len(examples)} distinct examples for {k} shots and a query"
    texts = [text for example in examples for text in (example.input, answer(example, reason))]
    others = [name for name in OTHERS if fits(name, texts)]
    template = MAIN_TEMPLATE if rng.random() < settings.main_template else rng.choice(others)
    # Without an instruction the prompt must look like an example of something.
    if form == "instruction" and template == "quoted":
        template = MAIN_TEMPLATE
    description = rng.choice(descriptions)
    return Draft(unit, index, attempt, params, form, reason, description, template, tuple(examples[:k]), examples[k])


def _form_and_shots(rng: Random, unit: Unit, settings: Generate) -> tuple[Form, int]:
    weights = settings.forms
    forms: list[Form] = ["instruction", "both", "demos"]
    form = rng.choices(forms, [weights.instruction, weights.both, weights.demos])[0]
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
    return ("both", min(least, most)) if most >= 1 else ("instruction", 0)


def _record(draft: Draft, seed: int) -> Record:
    unit, query = draft.unit, draft.query
    instruction = None if draft.form == "demos" else draft.description.text.format(**draft.params)
    prompt = render(draft.template, instruction, draft.demos, query.input, draft.reason)
    # The first outputs cannot be known where only the demonstrations tell the rule.
    needed = max(unit.min_k, DEMOS_TO_SHOW_A_TASK if draft.form == "demos" else 0)
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
        "targets": [list(span) for span in prompt.answers[needed:]],
        "teacher": wrote.teacher,
        "verified_by": unit.verified_by,
        "seed": seed,
    }
    return Record(prompt.text, output, meta)


def _fault(draft: Draft, record: Record, screen: Screen, seen: set[tuple[str, str]]) -> str | None:
    if (record.instruction, record.output) in seen:
        return "duplicate"
    if not record.output.strip():
        return "empty output"
    shared = screen.shared_input([draft.query.input, *(demo.input for demo in draft.demos)])
    return f"shares text with a panel: {shared!r}" if shared else None


def _reject(unit: Unit, index: int, attempt: int, reason: str, candidate: str) -> Reject:
    return Reject(digest(unit.id, index, attempt), "compose", unit.id, reason, candidate)
