"""The description mode: a teacher rewords task descriptions, and checks say which wordings still state the task.

rephrase  the same task in other words
abstract  the same task stated more generally
vary      the task with other details (newly drawn labels, literals, rules), set in another style
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2.sandbox import SandboxedEnvironment

from kshot.config import Describe
from kshot.families import Params
from kshot.generate.checks import Candidate, reason_to_reject, with_slots
from kshot.generate.teacher import Asker, Request
from kshot.generate.units import Unit
from kshot.schema import Description, Reject
from kshot.seeding import digest, stream

PROMPTS = Path(__file__).parent / "prompts"
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


def plan(units: Sequence[Unit], settings: Describe, seed: int) -> list[Ask]:
    """The requests, drawn from named streams so that adding a unit moves no other's."""
    environment = SandboxedEnvironment(autoescape=False, keep_trailing_newline=False)
    asks = []
    for mode in settings.modes:
        template = environment.from_string((PROMPTS / f"{mode}.j2").read_text(encoding="utf-8"))
        for unit in _drawn(units, settings, seed, mode):
            for sample in range(settings.per_mode):
                rng = stream(seed, "describe", unit.id, mode, sample)
                params = unit.params(rng)
                source = unit.descriptions[(sample + rng.randrange(64)) % len(unit.descriptions)].format(**params)
                prompt = template.render(source=source, style=STYLES[rng.randrange(len(STYLES))])
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
    units: Sequence[Unit], settings: Describe, asker: Asker, seed: int
) -> tuple[dict[str, list[Description]], list[Reject]]:
    """Variants that passed, by unit id, and the rejects with their reasons.

    Raises:
        TeacherError: see `Asker.ask`.
    """
    asks = plan(units, settings, seed)
    replies = asker.ask([ask.request for ask in asks], "describing")
    kept: dict[str, list[Description]] = {unit.id: [] for unit in units}
    rejects: list[Reject] = []
    for ask, reply in zip(asks, replies, strict=True):
        text = clean(reply)
        wordings = [*ask.unit.descriptions, *(d.text for d in kept[ask.unit.id])]
        known = [ask.source, *(wording.format(**ask.params) for wording in wordings)]
        reason = reason_to_reject(Candidate(text, ask.source, ask.params, ask.unit.must, known))
        template = with_slots(text, ask.params)
        if reason is None and template.format(**ask.params) != text:
            reason = "cannot be told apart from its details"
        if reason is None:
            kept[ask.unit.id].append(Description(template, ask.mode, Path(asker.name).name))
        else:
            rejects.append(_reject(ask, reply, reason))
    return kept, rejects


def _reject(ask: Ask, reply: str, reason: str) -> Reject:
    key = digest(ask.unit.id, ask.mode, ask.request.prompt, ask.request.sample)
    return Reject(key, ask.mode, ask.unit.id, reason, reply, ask.source)
