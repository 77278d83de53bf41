"""Paraphrases: the teacher rewords task descriptions, and checks keep those that still state the task.

rephrase  the same task in other words
abstract  the same task stated more generally
restyle   the same task in another style, with newly drawn parameters (labels, literals, rules)

Structure is checked by program (`paraphrase_checks`). Meaning is proved: with `validate_inputs` the teacher solves
held-back inputs of every task, and must solve as many with the paraphrase as with the original; all of them where a
check failed softly. Where it solves none with the original and answers are open, its answers must come as near to the
right ones as before.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path

from rapidfuzz import fuzz

from kshot.config import ParaphraseConfig
from kshot.config.loader import suggest
from kshot.core.errors import ConfigError
from kshot.core.prompting import EVAL_TEMPLATE, list_unnamed_labels, render_prompt
from kshot.core.seeding import digest, stream
from kshot.core.types import Description, Example, Reject
from kshot.generate.curation.paraphrase_checks import (
    ParaphraseCandidate,
    build_template,
    find_hard_failure,
    find_soft_failure,
)
from kshot.generate.synthesis.diversity import INSTRUCTION_STYLES
from kshot.generate.synthesis.shared.prompt_templates import PromptTemplates
from kshot.generate.synthesis.shared.verify import gives_answer, solve_tokens
from kshot.generate.teacher import Reply, Request, Teacher
from kshot.tasks.family import Params
from kshot.tasks.source import TaskSource

VERSION = 3
"""Raise when the same replies give other paraphrases, or the same tasks other requests."""

QUOTES = {('"', '"'), ("“", "”"), ("„", "“"), ("„", "”"), ("«", "»"), ("「", "」"), ("『", "』")}
VALIDATING = "validating paraphrases"
AMBIGUOUS = "a parameter value is ambiguous in it"
PARAGRAPH_BREAK = "\n\n"
MIN_KEPT_NEARNESS = 0.9
"""Nearness to the right answers with the paraphrase, as a fraction of that with the original."""


@dataclass(frozen=True)
class ParaphraseRequest:
    """One request: the task, the mode, and the description to reword."""

    source: TaskSource
    mode: str
    template: str
    """The description with its slots."""
    original: str
    """The description with `params` filled in, as the teacher sees it."""
    params: Params
    teacher_request: Request

    def reject(self, reason: str, reply: str) -> Reject:
        """Build the reject of this request's reply."""
        request = self.teacher_request
        key = digest(self.source.id, self.mode, request.prompt, request.sample)
        return Reject(key, self.mode, self.source.id, reason, reply, self.original, request.id)


@dataclass(frozen=True)
class Paraphrase:
    """A reply without a hard failure."""

    request: ParaphraseRequest
    template: str
    reply: str
    soft_failure: str | None
    """Why it may state another task; solving all held-back inputs refutes it."""


def find_task_id(name: str, known: Iterable[str], key: str) -> str:
    """Return a task's id as a config names it.

    Args:
        key: of the config, for the error.

    Raises:
        ConfigError: there is no such task; names the nearest one.
    """
    ids = list(known)
    if name not in ids:
        raise ConfigError([f"{key}: no task {name!r}; {suggest(name, ids, '`kshot tasks list` shows them all')}"])
    return name


def plan_requests(
    sources: Sequence[TaskSource], settings: ParaphraseConfig, prompts: PromptTemplates, seed: int
) -> list[ParaphraseRequest]:
    """Draw the requests from named random streams, so that a new task changes no other's."""
    requests = []
    for mode in settings.modes:
        for source in _draw_sources(sources, settings, seed, mode):
            for sample in range(settings.per_mode):
                rng = stream(seed, "describe", source.id, mode, sample)
                params = source.params(rng)
                template = source.descriptions[(sample + rng.randrange(64)) % len(source.descriptions)]
                original = template.format(**params)
                style = INSTRUCTION_STYLES[rng.randrange(len(INSTRUCTION_STYLES))]
                prompt = prompts.render(mode, instruction=original, style=style)
                request = Request(prompt, sample, min_tokens=solve_tokens(original))
                requests.append(ParaphraseRequest(source, mode, template, original, params, request))
    return requests


def _draw_sources(sources: Sequence[TaskSource], settings: ParaphraseConfig, seed: int, mode: str) -> list[TaskSource]:
    """Return all tasks, those that `settings.tasks` names, or so many of them, drawn for the mode, in their order.

    Raises:
        ConfigError: there is no task of a name.
    """
    if isinstance(settings.tasks, list):
        named = {source.id: source for source in sources}
        return [named[find_task_id(name, named, "generate.paraphrase.tasks")] for name in settings.tasks]
    if settings.tasks is None or settings.tasks >= len(sources):
        return list(sources)
    indices = stream(seed, "describe", mode).sample(range(len(sources)), settings.tasks)
    return [sources[index] for index in sorted(indices)]


def read_instruction(reply: str, original: str) -> str:
    """Return the instruction in a reply, without the quotes that models like to put around it.

    It is as long as the original: the first paragraph, or all of them where the original has several.
    """
    text = reply.strip()
    if PARAGRAPH_BREAK not in original.strip():
        text = text.split(PARAGRAPH_BREAK)[0].strip()
    if len(text) > 1 and (text[0], text[-1]) in QUOTES and text.count(text[0]) <= 2:
        text = text[1:-1].strip()
    return text


def paraphrase_descriptions(
    sources: Sequence[TaskSource], settings: ParaphraseConfig, teacher: Teacher, prompts: PromptTemplates, seed: int
) -> tuple[dict[str, list[Description]], list[Reject]]:
    """Return the accepted paraphrases by task id, and the rejects with reasons.

    Raises:
        TeacherError: see `Teacher.ask`.
        ConfigError: see `PromptTemplates.render`.
    """
    requests = plan_requests(sources, settings, prompts, seed)
    replies = teacher.ask([request.teacher_request for request in requests], "paraphrasing")
    accepted: dict[str, list[Description]] = {source.id: [] for source in sources}
    rejects: list[Reject] = []
    candidates: list[Paraphrase] = []
    for request, reply in zip(requests, replies, strict=True):
        earlier = [other.template for other in candidates if other.request.source.id == request.source.id]
        outcome = _read_paraphrase(request, reply, earlier, allow_soft_failure=bool(settings.validate_inputs))
        if isinstance(outcome, Paraphrase):
            candidates.append(outcome)
        else:
            rejects.append(request.reject(outcome, reply.text))
    reasons = validate_paraphrases(candidates, settings.validate_inputs, teacher, seed)
    for paraphrase, reason in zip(candidates, reasons, strict=True):
        request = paraphrase.request
        if reason:
            rejects.append(request.reject(reason, paraphrase.reply))
        else:
            description = Description(paraphrase.template, request.mode, Path(teacher.name).name)
            accepted[request.source.id].append(description)
    return accepted, rejects


def _read_paraphrase(
    request: ParaphraseRequest, reply: Reply, earlier: Sequence[str], allow_soft_failure: bool
) -> Paraphrase | str:
    """Return the paraphrase in a reply, or the reason to reject it.

    Args:
        earlier: templates of the task's paraphrases so far.
    """
    texts = (template.format(**request.params) for template in (*request.source.descriptions, *earlier))
    known = [request.original, *texts]
    text = read_instruction(reply.text, request.original)
    labels = request.source.labels(request.params)
    candidate = ParaphraseCandidate(text, request.original, request.params, request.source.anchors, known, labels)
    if reply.problem and not reply.text.strip():
        return reply.problem
    # A failed check says more than a truncation, which leaves a first paragraph whole if another one follows.
    is_whole = PARAGRAPH_BREAK in reply.text.strip() and PARAGRAPH_BREAK not in request.original.strip()
    truncated = "" if is_whole else reply.problem
    if hard_failure := find_hard_failure(candidate) or truncated:
        return hard_failure
    template = build_template(text, request.template, request.params)
    if template is None:
        return AMBIGUOUS
    soft_failure = find_soft_failure(candidate)
    if soft_failure and not allow_soft_failure:
        return soft_failure
    return Paraphrase(request, template, reply.text, soft_failure)


def validate_paraphrases(
    paraphrases: Sequence[Paraphrase], inputs: int, teacher: Teacher, seed: int
) -> list[str | None]:
    """Let the teacher solve held-back inputs with each paraphrase; return the reason to reject it, or None."""
    if not inputs:
        return [None] * len(paraphrases)
    requests: list[Request] = []
    answers: list[list[str]] = []
    for paraphrase in paraphrases:
        request = paraphrase.request
        shown, held_back = _draw_held_back(request, inputs, seed)
        answers.append([example.output for example in held_back])
        for instruction in (request.original, paraphrase.template.format(**request.params)):
            text = list_unnamed_labels(instruction, request.source.labels(request.params))
            requests += [
                Request(
                    render_prompt(EVAL_TEMPLATE, text, shown, example.input).text,
                    temperature=0.0,
                    min_tokens=solve_tokens(example.output),
                )
                for example in held_back
            ]
    replies = iter(teacher.ask(requests, VALIDATING) if requests else ())
    reasons: list[str | None] = []
    for paraphrase, outputs in zip(paraphrases, answers, strict=True):
        before, after = (list(islice(replies, len(outputs))) for _ in range(2))
        if error := next((reply.error for reply in (*before, *after) if reply.error), ""):
            reasons.append(f"not validated: {error}")
        else:
            reasons.append(_compare_solves(paraphrase, outputs, before, after))
    return reasons


def _draw_held_back(request: ParaphraseRequest, inputs: int, seed: int) -> tuple[list[Example], list[Example]]:
    """Draw the demonstrations without which the task cannot be solved, and the held-back examples, labels in turn."""
    source = request.source
    rng = stream(seed, "prove", source.id, request.mode)
    labels = source.labels(request.params)
    outputs = list(islice(cycle(rng.sample(labels, len(labels))), source.min_k + inputs)) if labels else []
    examples = source.sample_examples(rng, request.params, source.min_k + inputs, outputs)
    return examples[: source.min_k], examples[source.min_k :]


def _compare_solves(
    paraphrase: Paraphrase, outputs: Sequence[str], before: Sequence[Reply], after: Sequence[Reply]
) -> str | None:
    """Return the reason to reject a paraphrase, or None.

    Args:
        outputs: the right answers.
        before: replies to the original, one for each answer.
        after: replies to the paraphrase.
    """
    source, soft_failure, inputs = paraphrase.request.source, paraphrase.soft_failure, len(outputs)
    solved_before, solved_after = _count_solved(outputs, before), _count_solved(outputs, after)
    if soft_failure and solved_after < inputs:
        return (
            f"{soft_failure}{';' if ':' in soft_failure else ':'} the teacher solves {solved_after} of {inputs} with it"
        )
    if solved_after < solved_before:
        return f"not validated: the teacher solves {solved_after} of {inputs}, and {solved_before} with the original"
    if solved_before:
        return None
    if source.has_labels or source.example_count is None:
        return f"not validated: the teacher solves none of {inputs} with the original"
    near_before, near_after = _mean_nearness(outputs, before), _mean_nearness(outputs, after)
    if near_after >= MIN_KEPT_NEARNESS * near_before:
        return None
    return f"not validated: answers are {near_after:.0%} like the right ones, and {near_before:.0%} with the original"


def _count_solved(outputs: Sequence[str], replies: Sequence[Reply]) -> int:
    answers = zip(replies, outputs, strict=True)
    return sum(gives_answer(reply.text, output, with_rationale=False) for reply, output in answers)


def _mean_nearness(outputs: Sequence[str], replies: Sequence[Reply]) -> float:
    """Mean similarity of replies and right answers, from 0 to 1 (rapidfuzz token-set ratio)."""
    ratios = [fuzz.token_set_ratio(reply.text, output) / 100 for reply, output in zip(replies, outputs, strict=True)]
    return sum(ratios) / len(ratios) if ratios else 0.0
