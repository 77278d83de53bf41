"""Checks of a rationale as a whole: its length, language, manner, conclusions and sums. Each names what is wrong."""

import re
from collections.abc import Sequence
from functools import cache

from kshot.core.prompting import has_literal
from kshot.core.text import UNSPACED, count_words
from kshot.generate.curation.arithmetic import find_wrong_claim
from kshot.generate.curation.languages import find_foreign_language
from kshot.generate.curation.phrases import find_chatter, find_phrase, phrase_pattern
from kshot.generate.curation.refusals import find_refusal
from kshot.generate.teacher import ANSWER_SENTENCE, is_same_answer, unwrap_answer

VERSION = 2
"""Raise when the same rationale gets another verdict."""

MIN_WORDS, MAX_WORDS = 5, 120


def find_rationale_fault(text: str, output: str, labels: Sequence[str], languages: Sequence[str]) -> str | None:
    """Return the reason against a rationale that leads to `output`, or None.

    Args:
        labels: of the task, empty where answers are open.
        languages: of the task; steps in any of them are right.
    """
    words = count_words(text)
    if not MIN_WORDS <= words <= MAX_WORDS:
        return f"rationale of {words} words"
    if refusal := find_refusal(text):
        return f"refusal: {refusal!r}"
    if chatter := find_chatter(text):
        return f"chatter: {chatter!r}"
    if placeholder := find_phrase("placeholder", text):
        return f"a placeholder: {placeholder!r}"
    if language := find_foreign_language(text, languages):
        return f"another language: {language!r}"
    if second_thought := _second_thought().search(text):
        return f"contradiction: {second_thought[1]!r}"
    if other := _find_other_answer(text, output, labels):
        return f"contradiction: concludes {other!r}"
    wrong = find_wrong_claim(text)
    return f"wrong arithmetic: {wrong!r}" if wrong else None


@cache
def _second_thought() -> re.Pattern[str]:
    return re.compile(rf"(?:^|[.!?。！？\n—-]\s*)({phrase_pattern('second_thought')})", re.I)


@cache
def _conclusion() -> re.Pattern[str]:
    return re.compile(
        rf"(?:^|[.!?;,。，；\n]\s*){phrase_pattern('conclusion')}(?:[\s,，、]|(?<=[{UNSPACED}]))([^.!?\n。]*)", re.I
    )


def _find_other_answer(text: str, output: str, labels: Sequence[str]) -> str | None:
    """Return an answer that the steps conclude and that is not the output."""
    for sentence in ANSWER_SENTENCE.finditer(text):
        answer = unwrap_answer(re.split(r"[.;\n](?:\s|$)|, (?:because|since|as)\b", text[sentence.end() :])[0])
        if answer and not is_same_answer(answer, output) and not has_literal(answer.casefold(), output.casefold()):
            return answer
    conclusions = _conclusion().findall(text)
    if not labels or not conclusions or find_phrase("negation", conclusions[-1]):
        return None
    # Only the last one decides: earlier ones may weigh the labels.
    named = [label for label in labels if has_literal(conclusions[-1].casefold(), label.casefold())]
    return named[0] if len(named) == 1 and named[0] != output else None
