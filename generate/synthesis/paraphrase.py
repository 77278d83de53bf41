"""The description mode: a teacher rewords task descriptions, and checks say which wordings still state the task.

rephrase  the same task in other words
abstract  the same task stated more generally
restyle   the task with newly drawn details (labels, literals, rules), set in another style

Checks are lexical. `validate_paraphrases` adds a proof: with the variant alone the teacher solves held-back inputs of a programmatic
task as well as with the original wording. Where a check only doubts a variant, of any task, all of them must be solved.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path

from kshot.config import ParaphraseConfig
from kshot.core.prompting import EVAL_TEMPLATE, render_prompt
from kshot.core.seeding import digest, stream
from kshot.core.types import Description, Example, Reject
from kshot.generate.synthesis.checks import ParaphraseCandidate, as_template, hard_failure, soft_failure
from kshot.generate.synthesis.context import Teacher
from kshot.generate.synthesis.prompt_templates import PromptTemplates
from kshot.generate.synthesis.verify import gives_answer
from kshot.generate.teacher.messages import Reply, Request
from kshot.tasks.family import Params
from kshot.tasks.source import TaskSource

STYLES = (
    "a polite request to a colleague",
    "a question",
    "a short note",
    "an exercise in a textbook",
    "a message to an assistant",
)

UNTOLD = "cannot be told apart from its details"
ENDS = "\n\n"
"""After a wording, where a reply goes on."""


@dataclass(frozen=True)
class ParaphraseRequest:
    """One request: which unit and mode, and the wording shown to the teacher with these params filled in."""

    unit: TaskSource
    mode: str
    template: str
    """The wording before that."""
    source: str
    params: Params
    request: Request


@dataclass(frozen=True)
class Paraphrase:
    """A reply without fault."""

    ask: ParaphraseRequest
    template: str
    reply: str
    doubt: str | None
    """What a check has against it, which a proof refutes."""


def plan_requests(
    units: Sequence[TaskSource], settings: ParaphraseConfig, prompts: PromptTemplates, seed: int
) -> list[ParaphraseRequest]:
    """The requests, drawn from named streams so that adding a unit moves no other's."""
    asks = []
    for mode in settings.modes:
        for unit in _drawn(units, settings, seed, mode):
            for sample in range(settings.per_mode):
                rng = stream(seed, "describe", unit.id, mode, sample)
                params = unit.params(rng)
                template = unit.descriptions[(sample + rng.randrange(64)) % len(unit.descriptions)]
                source = template.format(**params)
                prompt = prompts.render(mode, source=source, style=STYLES[rng.randrange(len(STYLES))])
                asks.append(ParaphraseRequest(unit, mode, template, source, params, Request(prompt, sample)))
    return asks


def _drawn(units: Sequence[TaskSource], settings: ParaphraseConfig, seed: int, mode: str) -> list[TaskSource]:
    """All units, or as many as the settings allow, drawn for the mode and in their usual order."""
    if settings.tasks is None or settings.tasks >= len(units):
        return list(units)
    chosen = stream(seed, "describe", mode).sample(range(len(units)), settings.tasks)
    return [units[place] for place in sorted(chosen)]


def first_paragraph(reply: str) -> str:
    """The reply's first paragraph, without the quotes that models like to put around it."""
    text = reply.strip().split(ENDS)[0].strip()
    if len(text) > 1 and (text[0], text[-1]) in {('"', '"'), ("“", "”")} and text.count(text[0]) <= 2:
        text = text[1:-1].strip()
    return text


def paraphrase_descriptions(
    units: Sequence[TaskSource], settings: ParaphraseConfig, asker: Teacher, prompts: PromptTemplates, seed: int
) -> tuple[dict[str, list[Description]], list[Reject]]:
    """Variants that passed, by unit id, and the rejects with their reasons.

    Raises:
        TeacherError: see `TeacherClient.ask`.
    """
    asks = plan_requests(units, settings, prompts, seed)
    replies = asker.ask([ask.request for ask in asks], "describing")
    kept: dict[str, list[Description]] = {unit.id: [] for unit in units}
    rejects: list[Reject] = []
    passed: list[Paraphrase] = []
    for ask, reply in zip(asks, replies, strict=True):
        text = first_paragraph(reply.text)
        taken = [other.template for other in passed if other.ask.unit.id == ask.unit.id]
        known = [ask.source, *(wording.format(**ask.params) for wording in (*ask.unit.descriptions, *taken))]
        candidate = ParaphraseCandidate(text, ask.source, ask.params, ask.unit.anchors, known)
        # What is wrong with a text says more than that it was cut off, which a whole first paragraph does not mind.
        cut = "" if ENDS in reply.text.strip() else reply.problem
        fault = reply.problem if reply.error else hard_failure(candidate) or cut
        doubt = soft_failure(candidate)
        template = None if fault else as_template(text, ask.template, ask.params)
        if template is None or (doubt and not settings.validate_inputs):
            rejects.append(_reject(ask, reply.text, fault or (str(doubt) if template else UNTOLD)))
        else:
            passed.append(Paraphrase(ask, template, reply.text, doubt))
    for variant, against in zip(
        passed, validate_paraphrases(passed, settings.validate_inputs, asker, seed), strict=True
    ):
        ask = variant.ask
        if against:
            rejects.append(_reject(ask, variant.reply, against))
        else:
            kept[ask.unit.id].append(Description(variant.template, ask.mode, Path(asker.name).name))
    return kept, rejects


def validate_paraphrases(variants: Sequence[Paraphrase], inputs: int, asker: Teacher, seed: int) -> list[str | None]:
    """What stands against each variant after the teacher has solved so many held-back inputs with it, or None."""
    requests: list[Request] = []
    answers: list[list[str]] = []
    for variant in variants:
        shown, held = _held_back(variant, inputs, seed)
        answers.append([example.output for example in held])
        # A doubt falls only when all are solved, however many are with the original.
        tried = [] if variant.doubt else [variant.ask.source]
        for wording in (*tried, variant.template.format(**variant.ask.params)):
            requests += [
                Request(render_prompt(EVAL_TEMPLATE, wording, shown, e.input).text, temperature=0.0) for e in held
            ]
    replies = iter(asker.ask(requests, "proving") if requests else ())
    found: list[str | None] = []
    for variant, right in zip(variants, answers, strict=True):
        own = [list(islice(replies, len(right))) for _ in range(1 if variant.doubt else 2)]
        solved = [_solved(right, some) for some in own]
        if fault := next((reply.error for some in own for reply in some if reply.error), ""):
            found.append(f"not proved: {fault}")
        elif variant.doubt:
            found.append(_still_doubted(variant.doubt, len(right), *solved))
        else:
            found.append(_not_proved(len(right), *solved))
    return found


def _held_back(variant: Paraphrase, inputs: int, seed: int) -> tuple[list[Example], list[Example]]:
    """The demonstrations without which the task cannot be known, and the inputs that prove a variant of it."""
    ask, unit = variant.ask, variant.ask.unit
    if not inputs or (unit.example_count is not None and not variant.doubt):
        return [], []
    rng = stream(seed, "prove", unit.id, ask.mode)
    labels = list(islice(cycle(unit.labels(ask.params)), unit.min_k))
    examples = unit.sample_examples(rng, ask.params, unit.min_k + inputs, labels)
    return examples[: unit.min_k], examples[unit.min_k :]


def _still_doubted(doubt: str, inputs: int, solved: int) -> str | None:
    if inputs and solved == inputs:
        return None
    return f"{doubt}{';' if ':' in doubt else ':'} the teacher solves {solved} of {inputs} with it"


def _not_proved(inputs: int, before: int, after: int) -> str | None:
    """Args: before, after: how many of the inputs the teacher solved with the original and with the variant."""
    if not inputs:
        return None
    if not before:
        return f"not proved: the teacher solves none of {inputs} with the original wording"
    worse = f"not proved: the teacher solves {after} of {inputs}, and {before} with the original wording"
    return worse if after < before else None


def _solved(right: Sequence[str], replies: Sequence[Reply]) -> int:
    """How many of the replies are right."""
    return sum(gives_answer(reply.text, answer, reasoned=False) for reply, answer in zip(replies, right, strict=True))


def _reject(ask: ParaphraseRequest, reply: str, reason: str) -> Reject:
    key = digest(ask.unit.id, ask.mode, ask.request.prompt, ask.request.sample)
    return Reject(key, ask.mode, ask.unit.id, reason, reply, ask.source)
