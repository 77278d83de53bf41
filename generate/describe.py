"""The description mode: a teacher rewords task descriptions, and checks say which wordings still state the task.

rephrase  the same task in other words
abstract  the same task stated more generally
restyle   the task with newly drawn details (labels, literals, rules), set in another style

Checks are lexical. For programmatic tasks `prove` adds a proof: with the variant alone the teacher solves held-back
inputs as well as with the original wording.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kshot.answers import tidy
from kshot.config import Describe
from kshot.families import Params
from kshot.generate.checks import Candidate, reason_to_reject, with_slots
from kshot.generate.modes.shop import Asks
from kshot.generate.teacher import Request
from kshot.generate.templates import Prompts
from kshot.generate.units import Unit
from kshot.generate.verify import final_answer
from kshot.prompting import MAIN_TEMPLATE, render
from kshot.schema import Description, Reject
from kshot.seeding import digest, stream

STYLES = (
    "a polite request to a colleague",
    "a question",
    "a short note",
    "an exercise in a textbook",
    "a message to an assistant",
)


@dataclass(frozen=True)
class Ask:
    """One request: which unit and mode, and the wording shown to the teacher with these params filled in."""

    unit: Unit
    mode: str
    source: str
    params: Params
    request: Request


def plan(units: Sequence[Unit], settings: Describe, prompts: Prompts, seed: int) -> list[Ask]:
    """The requests, drawn from named streams so that adding a unit moves no other's."""
    asks = []
    for mode in settings.modes:
        for unit in _drawn(units, settings, seed, mode):
            for sample in range(settings.per_mode):
                rng = stream(seed, "describe", unit.id, mode, sample)
                params = unit.params(rng)
                source = unit.descriptions[(sample + rng.randrange(64)) % len(unit.descriptions)].format(**params)
                prompt = prompts.render(mode, source=source, style=STYLES[rng.randrange(len(STYLES))])
                asks.append(Ask(unit, mode, source, params, Request(prompt, sample)))
    return asks


def _drawn(units: Sequence[Unit], settings: Describe, seed: int, mode: str) -> list[Unit]:
    """All units, or as many as the settings allow, drawn for the mode and in their usual order."""
    if settings.tasks is None or settings.tasks >= len(units):
        return list(units)
    chosen = stream(seed, "describe", mode).sample(range(len(units)), settings.tasks)
    return [units[place] for place in sorted(chosen)]


def clean(reply: str) -> str:
    """The reply's first paragraph, without the quotes that models like to put around it."""
    text = reply.strip().split("\n\n")[0].strip()
    if len(text) > 1 and (text[0], text[-1]) in {('"', '"'), ("“", "”")} and text.count(text[0]) <= 2:
        text = text[1:-1].strip()
    return text


def describe(
    units: Sequence[Unit], settings: Describe, asker: Asks, prompts: Prompts, seed: int
) -> tuple[dict[str, list[Description]], list[Reject]]:
    """Variants that passed, by unit id, and the rejects with their reasons.

    Raises:
        TeacherError: see `Asker.ask`.
    """
    asks = plan(units, settings, prompts, seed)
    replies = asker.ask([ask.request for ask in asks], "describing")
    kept: dict[str, list[Description]] = {unit.id: [] for unit in units}
    rejects: list[Reject] = []
    passed: list[tuple[Ask, str, str]] = []
    for ask, reply in zip(asks, replies, strict=True):
        text = clean(reply)
        taken = [template for other, template, _ in passed if other.unit.id == ask.unit.id]
        known = [ask.source, *(wording.format(**ask.params) for wording in (*ask.unit.descriptions, *taken))]
        reason = reason_to_reject(Candidate(text, ask.source, ask.params, ask.unit.must, known))
        template = with_slots(text, ask.params)
        if reason is None and template.format(**ask.params) != text:
            reason = "cannot be told apart from its details"
        if reason is None:
            passed.append((ask, template, reply))
        else:
            rejects.append(_reject(ask, reply, reason))
    faults = prove([(ask, template) for ask, template, _ in passed], settings.prove, asker, seed)
    for (ask, template, reply), fault in zip(passed, faults, strict=True):
        if fault:
            rejects.append(_reject(ask, reply, fault))
        else:
            kept[ask.unit.id].append(Description(template, ask.mode, Path(asker.name).name))
    return kept, rejects


def prove(variants: Sequence[tuple[Ask, str]], inputs: int, asker: Asks, seed: int) -> list[str | None]:
    """What is against each variant, or None: held-back inputs are solved as often with it as with the original."""
    if not inputs:
        return [None] * len(variants)
    requests: list[Request] = []
    answers: list[list[str]] = []
    for ask, template in variants:
        rng = stream(seed, "prove", ask.unit.id, ask.mode)
        held = ask.unit.problems(rng, ask.params, inputs, ()) if ask.unit.size is None else []
        answers.append([example.output for example in held])
        for wording in (ask.source, template.format(**ask.params)):
            requests += [Request(render(MAIN_TEMPLATE, wording, (), e.input).text, temperature=0.0) for e in held]
    replies = iter(asker.ask(requests, "proving"))
    faults: list[str | None] = []
    for right in answers:
        before, after = (sum(_solves(next(replies), answer) for answer in right) for _ in range(2))
        if not right:
            faults.append(None)
        elif not before:
            faults.append(f"not proved: the teacher solves none of {len(right)} with the original wording")
        else:
            worse = f"not proved: the teacher solves {after} of {len(right)}, and {before} with the original wording"
            faults.append(worse if after < before else None)
    return faults


def _solves(reply: str, answer: str) -> bool:
    return tidy(final_answer(reply, reasoned=False)) == tidy(answer)


def _reject(ask: Ask, reply: str, reason: str) -> Reject:
    key = digest(ask.unit.id, ask.mode, ask.request.prompt, ask.request.sample)
    return Reject(key, ask.mode, ask.unit.id, reason, reply, ask.source)
