"""Questions about passages, with answers that the passage proves: each quotes its evidence, which must stand there."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from kshot.core.text import count_words, normalize_text, signs
from kshot.core.types import Example, Reject, Task
from kshot.generate.curation.copies.known_inputs import KnownInputs
from kshot.generate.curation.filters import first_rejection
from kshot.generate.synthesis.shared.context import SynthesisContext, SynthesisRequest
from kshot.generate.synthesis.shared.verify import Claim, verify_claims
from kshot.generate.teacher import GroundedQuestion, Reply, read_items

VERSION = 1
"""Raise when the same replies give other questions, or the same passages other requests."""

MODE = "questions"
MAX_ANSWER_WORDS = 40
MIN_EVIDENCE_WORDS = 3
_ABOUT_THE_PASSAGE = re.compile(r"\b(?:the|this) (?:passage|text|excerpt|paragraph|document|author)\b", re.I)


@dataclass(frozen=True)
class SourcePassage:
    """A passage to ask about."""

    document: str
    heading: str
    text: str


@dataclass(frozen=True)
class AnsweredQuestion:
    """An accepted question."""

    passage: SourcePassage
    question: str
    answer: str
    evidence: str
    """As it stands in the passage."""
    verified_by: str

    @property
    def input(self) -> str:
        """What a student reads: the passage and the question."""
        return render_input(self.passage.text, self.question)


def render_input(passage: str, question: str) -> str:
    """Lay out a passage with a question."""
    return f"{passage}\n\nQuestion: {question}"


def write_questions(
    passages: Sequence[SourcePassage], per_passage: int, instruction: str, context: SynthesisContext
) -> tuple[list[AnsweredQuestion], list[Reject]]:
    """Return the questions whose evidence stands in the passage and whose answers solves confirm, and the rejects.

    Raises:
        TeacherError: see `Teacher.ask`.
        ConfigError: see `PromptTemplates.render`.
    """
    requests = [_build_request(passage, number, per_passage, context) for number, passage in enumerate(passages)]
    replies = context.teacher.ask([request.teacher_request for request in requests], "writing questions")
    candidates: list[tuple[SynthesisRequest, SourcePassage, GroundedQuestion, Reply]] = []
    rejects: list[Reject] = []
    for request, passage, reply in zip(requests, passages, replies, strict=True):
        items = read_items(reply, GroundedQuestion)
        if isinstance(items, str):
            rejects.append(request.reject(items, reply))
            continue
        known = KnownInputs()
        for number, item in enumerate(items, 1):
            reason = item if isinstance(item, str) else _find_fault(item, passage.text, known, context)
            if reason or isinstance(item, str):
                text = reply.text if isinstance(item, str) else item.model_dump_json()
                rejects.append(request.reject(reason or "", reply, text, number))
            else:
                known.add(item.question)
                candidates.append((request, passage, item, reply))
    claims = [
        Claim(instruction, render_input(passage.text, item.question), item.answer) for _, passage, item, _ in candidates
    ]
    verdicts = verify_claims(claims, context.teacher, context.verify, context.prompts, MODE)
    accepted = []
    for number, ((request, passage, item, reply), verdict) in enumerate(zip(candidates, verdicts, strict=True), 1):
        if verdict.verified_by:
            evidence = find_evidence(item.evidence, passage.text) or item.evidence
            accepted.append(AnsweredQuestion(passage, item.question, item.answer, evidence, verdict.verified_by))
        else:
            rejects.append(request.reject(verdict.reason, reply, item.model_dump_json(), len(passages) + number))
    return accepted, rejects


def find_evidence(quote: str, passage: str) -> str | None:
    """Return the quote as it stands in the passage, whatever its case, white space, quotation marks and dashes."""
    folded, places = _fold(passage)
    wanted = _fold(quote.strip().strip("\"'“”«»….").strip())[0]
    start = folded.find(wanted) if wanted else -1
    return passage[places[start] : places[start + len(wanted) - 1] + 1] if start >= 0 else None


def _fold(text: str) -> tuple[str, list[int]]:
    """Return the letters and digits in lower case, and where each stands."""
    letters, places = [], []
    for place, character in enumerate(text):
        for part in unicodedata.normalize("NFKC", character).casefold():
            if part.isalnum():
                letters.append(part)
                places.append(place)
    return "".join(letters), places


def _find_fault(item: GroundedQuestion, passage: str, known: KnownInputs, context: SynthesisContext) -> str | None:
    """Return the reason against a question before its answer is solved, or None."""
    evidence = find_evidence(item.evidence, passage)
    if evidence is None:
        return f"the evidence does not stand in the passage: {item.evidence[:60]!r}"
    if count_words(evidence) < MIN_EVIDENCE_WORDS and normalize_text(evidence) != normalize_text(item.answer):
        return "the evidence is too short"
    if count_words(item.answer) > MAX_ANSWER_WORDS:
        return f"the answer is longer than {MAX_ANSWER_WORDS} words"
    # Numbers may be written as words in the passage or in the answer, so only digits must be proved.
    digits = [sign for sign in signs(item.answer) if sign[0].isdigit()]
    if missing := [number for number in digits if number not in signs(passage)]:
        return f"a number of the answer does not stand in the passage: {missing[0]!r}"
    if about := _ABOUT_THE_PASSAGE.search(item.question):
        return f"speaks of the passage: {about[0]!r}"
    if item.question in known:
        return "copy of a known input"
    if shared := context.decontaminator.find_shared_input([item.question]):
        return f"shares text with a suite: {shared!r}"
    return first_rejection(f"{item.question}\n{item.answer}", context.filters)


def _build_request(passage: SourcePassage, number: int, count: int, context: SynthesisContext) -> SynthesisRequest:
    prompt = context.prompts.render(
        MODE, count=count, document=passage.document, heading=passage.heading, passage=passage.text
    )
    request = context.build_request(prompt, number, GroundedQuestion, count, as_list=True)
    source = Task(MODE, MODE, "own", (passage.document,), (Example(passage.text, ""),))
    return SynthesisRequest(MODE, source, number, request)
