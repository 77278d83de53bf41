"""How a written answer is scored, from 0 to 1. A task of a suite names its scores; exact match is the usual one.

A task with another score than exact match lets the model write on: the answer may stand anywhere in what it wrote.
Several scores are read from one text, and none of them changes another.
"""

import re
from collections.abc import Callable, Sequence

from rapidfuzz.distance import LCSseq

from kshot.core.answers import exact_match, last_number, normalize_answer, unify_forms
from kshot.core.text import UNSPACED, is_unspaced, words
from kshot.evaluate.scoring.normalized import normalized_match

LOGLIKELIHOOD = "loglikelihood"
"""The choice among options, which is scored by the model's probabilities and not by what it writes."""
CALIBRATED = "calibrated_choice"
"""The same after batch calibration, see calibration.py."""
CHOICE_SCORES = (LOGLIKELIHOOD, CALIBRATED)
JUDGE = "judge"
"""The teacher compares the answers of student and base, see evaluate/judge."""
VERSION = 2
SCORE_NAMES = {
    "exact_match": "exact match",
    "normalized_match": "normalized match",
    LOGLIKELIHOOD: "log-likelihood choice",
    CALIBRATED: "calibrated choice",
    JUDGE: "preferred by the judge",
    "contains": "contains the answer",
    "numeric": "last number",
    "rouge_l": "ROUGE-L",
}
_NEGATION = re.compile(
    r"(?:(?<!\w)(?:not|no|never|neither|nor|cannot|without|non|nicht|kein(?:e[nmrs]?)?|nie|weder|pas|ni|jamais|né|não|nem|nunca"
    r"|niet|geen|не|ни|ليس|لا)|n't)"
    # Up to three words that turn nothing around lie between.
    r"(?:\s+(?!(?:but|however|instead|only|just|rather|doubt|question|sondern|aber|mais|sino|pero|ma|mas|maar|но|а|بل)\b)[^\s.,;:!?()]+){0,3}"
    r"[\s\"'(*-]*$"
    r"|(?:不是|并非|並非|不属于|不屬於|没有|沒有|非|不)[\"'「“]?$"
)
"""Before an answer: it is denied."""
_DENIED_AFTER = re.compile(
    r"[\"')*]*\s*(?:(?:is|are|was|would be|seems)(?: not|n't) "
    r"(?:right|correct|true|it|the (?:right |correct )?(?:answer|label)|applicable)\b"
    r"|(?:is|are|was|would be) (?:wrong|incorrect|false)\b|(?:では|じゃ)(?:ない|ありません)|(?:이|가) 아니)"
)


def contains(answer: str, accepted: Sequence[str]) -> bool:
    """Whether an accepted answer stands in the answer as whole words that are not denied ("It is not spam")."""
    text = _degroup(normalize_answer(answer))
    return any(_stands_in(_degroup(normalize_answer(each)), text) for each in accepted)


def _stands_in(wanted: str, text: str) -> bool:
    if not wanted:
        return not text
    matches = re.finditer(f"{_edge(wanted[0], True)}{re.escape(wanted)}{_edge(wanted[-1], False)}", text)
    return any(
        not _NEGATION.search(text[: match.start()]) and not _DENIED_AFTER.match(text, match.end()) for match in matches
    )


def _edge(letter: str, is_start: bool) -> str:
    """A pattern of a word's edge. Scripts without spaces have none; a number goes on over its sign and decimals."""
    if is_unspaced(letter):
        return ""
    inside = rf"[^\W{UNSPACED}]"
    if letter.isdigit():
        return rf"(?<!{inside})(?<!\d[.,/])(?<!(?<!\w)-)" if is_start else rf"(?!{inside})(?![.,/]\d)"
    return f"(?<!{inside})" if is_start else f"(?!{inside})"


def _degroup(text: str) -> str:
    return re.sub(r"(?<![\d.,])[1-9]\d{0,2}(?:,\d{3})+(?![\d,])", lambda match: match.group().replace(",", ""), text)


def numeric(answer: str, accepted: Sequence[str]) -> bool:
    """Whether the last number is that of an accepted answer, however it is written: 7, 7.0 and +7 are the same.

    As lm-eval's `flexible-extract` filter for GSM8K, by value.
    """
    number = last_number(answer)
    return number is not None and number in {last_number(each) for each in accepted}


def rouge_l(answer: str, accepted: Sequence[str]) -> float:
    """F1 of the longest common subsequence of words, the best over the accepted answers (Lin 2004, ROUGE).

    Words are runs of letters and digits, folded; no stemming. In English that is what the package rouge-score does. In
    scripts without spaces each character is a word.
    """
    written = _words(answer)
    return max((_f1(written, _words(each)) for each in accepted), default=0.0)


def _words(text: str) -> list[str]:
    if text.isascii():
        return re.findall(r"[^\W_]+", text.casefold())
    return words(unify_forms(text).casefold().replace("_", " "))


def _f1(written: Sequence[str], wanted: Sequence[str]) -> float:
    if not written or not wanted:
        return float(written == wanted)
    # Twice the matches over all words is the harmonic mean of precision and recall.
    return 2 * LCSseq.similarity(written, wanted) / (len(written) + len(wanted))


SCORES: dict[str, Callable[[str, Sequence[str]], float]] = {
    "exact_match": exact_match,
    "normalized_match": normalized_match,
    "contains": contains,
    "numeric": numeric,
    "rouge_l": rouge_l,
}


def score_answer(score: str, answer: str, accepted: Sequence[str], options: Sequence[str] = ()) -> float:
    """The score of an answer by name; the options of a multiple-choice item are what it must not be taken for."""
    if score == "normalized_match":
        return float(normalized_match(answer, accepted, options))
    return float(SCORES[score](answer, accepted))
