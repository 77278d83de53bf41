"""Paraphrases: the teacher rewords task descriptions, and checks keep those that still state the task.

rephrase  the same task in other words
abstract  the same task stated more generally
restyle   the same task in another style, with newly drawn parameters (labels, literals, rules)

The checks are lexical (`checks`). With `validate_inputs` the teacher also solves held-back inputs. Of a programmatic
task it must solve as many as with the original. Of any task it must solve all of them where a check failed softly.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path

from kshot.config import ParaphraseConfig
from kshot.core.prompting import EVAL_TEMPLATE, render_prompt
from kshot.core.seeding import digest, stream
from kshot.core.types import Description, Example, Reject
from kshot.generate.curation.paraphrase_checks import (
    ParaphraseCandidate,
    build_template,
    find_hard_failure,
    find_soft_failure,
)
from kshot.generate.synthesis.diversity import INSTRUCTION_STYLES
from kshot.generate.synthesis.prompt_templates import PromptTemplates
from kshot.generate.synthesis.verify import gives_answer
from kshot.generate.teacher import Reply, Request, Teacher
from kshot.tasks.family import Params
from kshot.tasks.source import TaskSource

VERSION = 2
"""Raise when the same replies give other paraphrases, or the same tasks other requests."""

AMBIGUOUS = "a parameter value is ambiguous in it"
PARAGRAPH_BREAK = "\n\n"


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
        return Reject(key, self.mode, self.source.id, reason, reply, self.original)


@dataclass(frozen=True)
class Paraphrase:
    """A reply without a hard failure."""

    request: ParaphraseRequest
    template: str
    reply: str
    soft_failure: str | None
    """Why it may state another task; solving all held-back inputs refutes it."""


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
                requests.append(ParaphraseRequest(source, mode, template, original, params, Request(prompt, sample)))
    return requests


def _draw_sources(sources: Sequence[TaskSource], settings: ParaphraseConfig, seed: int, mode: str) -> list[TaskSource]:
    """Return all tasks, or `settings.tasks` of them, drawn for the mode, in their order."""
    if settings.tasks is None or settings.tasks >= len(sources):
        return list(sources)
    indices = stream(seed, "describe", mode).sample(range(len(sources)), settings.tasks)
    return [sources[index] for index in sorted(indices)]


def first_paragraph(reply: str) -> str:
    """Return the reply's first paragraph, without the quotes that models like to put around it."""
    text = reply.strip().split(PARAGRAPH_BREAK)[0].strip()
    if len(text) > 1 and (text[0], text[-1]) in {('"', '"'), ("“", "”")} and text.count(text[0]) <= 2:
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
    text = first_paragraph(reply.text)
    candidate = ParaphraseCandidate(text, request.original, request.params, request.source.anchors, known)
    if reply.problem and not reply.text.strip():
        return reply.problem
    # A failed check says more than a truncation, which leaves a first paragraph whole if another one follows.
    truncated = "" if PARAGRAPH_BREAK in reply.text.strip() else reply.problem
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
    requests: list[Request] = []
    answers: list[list[str]] = []
    for paraphrase in paraphrases:
        shown, held_back = _draw_held_back(paraphrase, inputs, seed)
        answers.append([example.output for example in held_back])
        # A soft failure is refuted only if all are solved, however many are with the original.
        originals = [] if paraphrase.soft_failure else [paraphrase.request.original]
        for instruction in (*originals, paraphrase.template.format(**paraphrase.request.params)):
            prompts = [render_prompt(EVAL_TEMPLATE, instruction, shown, e.input).text for e in held_back]
            requests += [Request(prompt, temperature=0.0) for prompt in prompts]
    replies = iter(teacher.ask(requests, "validating paraphrases") if requests else ())
    reasons: list[str | None] = []
    for paraphrase, outputs in zip(paraphrases, answers, strict=True):
        solves = [list(islice(replies, len(outputs))) for _ in range(1 if paraphrase.soft_failure else 2)]
        solved = [_count_solved(outputs, group) for group in solves]
        if error := next((reply.error for group in solves for reply in group if reply.error), ""):
            reasons.append(f"not validated: {error}")
        elif paraphrase.soft_failure:
            reasons.append(_confirm_soft_failure(paraphrase.soft_failure, len(outputs), *solved))
        else:
            reasons.append(_compare_with_original(len(outputs), *solved))
    return reasons


def _draw_held_back(paraphrase: Paraphrase, inputs: int, seed: int) -> tuple[list[Example], list[Example]]:
    """Draw the demonstrations without which the task cannot be solved, and the held-back examples."""
    request, source = paraphrase.request, paraphrase.request.source
    if not inputs or (source.example_count is not None and not paraphrase.soft_failure):
        return [], []
    rng = stream(seed, "prove", source.id, request.mode)
    labels = list(islice(cycle(source.labels(request.params)), source.min_k))
    examples = source.sample_examples(rng, request.params, source.min_k + inputs, labels)
    return examples[: source.min_k], examples[source.min_k :]


def _confirm_soft_failure(soft_failure: str, inputs: int, solved: int) -> str | None:
    if inputs and solved == inputs:
        return None
    return f"{soft_failure}{';' if ':' in soft_failure else ':'} the teacher solves {solved} of {inputs} with it"


def _compare_with_original(inputs: int, before: int, after: int) -> str | None:
    """Return the reason to reject a paraphrase, or None.

    Args:
        before: inputs that the teacher solved with the original.
        after: inputs that it solved with the paraphrase.
    """
    if not inputs:
        return None
    if not before:
        return f"not validated: the teacher solves none of {inputs} with the original"
    worse = f"not validated: the teacher solves {after} of {inputs}, and {before} with the original"
    return worse if after < before else None


def _count_solved(outputs: Sequence[str], replies: Sequence[Reply]) -> int:
    answers = zip(replies, outputs, strict=True)
    return sum(gives_answer(reply.text, output, with_rationale=False) for reply, output in answers)
