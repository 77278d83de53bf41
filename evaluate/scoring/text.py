"""How a written answer is scored, from 0 to 1. A task of a suite names its scores; exact match is the usual one.

A task with another score than exact match lets the model write on: the answer may stand anywhere in what it wrote.
"""

import re
from collections.abc import Callable, Sequence
from decimal import Decimal

from rapidfuzz.distance import LCSseq

from kshot.core.answers import exact_match, normalize_answer

LOGLIKELIHOOD = "loglikelihood"
"""The choice among options, which is scored by the model's probabilities and not by what it writes."""
VERSION = 1
SCORE_NAMES = {
    "exact_match": "exact match",
    LOGLIKELIHOOD: "log-likelihood choice",
    "contains": "contains the answer",
    "numeric": "last number",
    "rouge_l": "ROUGE-L",
}
NUMBER = re.compile(r"(?<![\w.])[-+]?(?:(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?|\.\d+)")


def contains(answer: str, accepted: Sequence[str]) -> bool:
    """Whether an accepted answer stands in the answer as whole words, but for case and spacing."""
    text = normalize_answer(answer)
    wanted = [normalize_answer(each) for each in accepted]
    return any(re.search(rf"(?<!\w){re.escape(each)}(?!\w)", text) if each else not text for each in wanted)


def last_number(text: str) -> Decimal | None:
    """The last number of a text, 1,234.5 being one; None where there is none.

    >>> last_number("3 pears and 4 plums make 7.")
    Decimal('7')
    """
    found = NUMBER.findall(text)
    return Decimal(found[-1].replace(",", "")) if found else None


def numeric(answer: str, accepted: Sequence[str]) -> bool:
    """Whether the last number is that of an accepted answer, however it is written: 7, 7.0 and +7 are the same.

    As lm-eval's `flexible-extract` filter for GSM8K, by value.
    """
    number = last_number(answer)
    return number is not None and number in {last_number(each) for each in accepted}


def rouge_l(answer: str, accepted: Sequence[str]) -> float:
    """F1 of the longest common subsequence of words, the best over the accepted answers (Lin 2004, ROUGE).

    Words are runs of letters and digits, folded; no stemming. In English that is what the package rouge-score does.
    """
    words = _words(answer)
    return max((_f1(words, _words(each)) for each in accepted), default=0.0)


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W_]+", text.casefold())


def _f1(words: Sequence[str], wanted: Sequence[str]) -> float:
    if not words or not wanted:
        return float(words == wanted)
    # Twice the matches over all words is the harmonic mean of precision and recall.
    return 2 * LCSseq.similarity(words, wanted) / (len(words) + len(wanted))


SCORES: dict[str, Callable[[str, Sequence[str]], float]] = {
    "exact_match": exact_match,
    "contains": contains,
    "numeric": numeric,
    "rouge_l": rouge_l,
}
