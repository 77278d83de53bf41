"""Exact match: the answer equals an accepted one up to case, outer quotes, spacing and a final stop."""

import re
from collections.abc import Sequence

VERSION = 1
_QUOTES = "\"'“”‘’`"


def tidy_answer(text: str) -> str:
    """The text trimmed, with one space between words, without outer quotes or final stop.

    >>> tidy(' "Yes." ')
    'Yes'
    """
    plain = re.sub(r"\s+", " ", text).strip()
    before = None
    while plain != before:
        before = plain
        plain = plain.strip().removesuffix(".").strip()
        if len(plain) > 1 and plain[0] in _QUOTES and plain[-1] in _QUOTES:
            plain = plain[1:-1]
    return plain


def normalize_answer(text: str) -> str:
    """The form in which answers are compared: tidy, and folded.

    >>> normalise(' "Yes." ')
    'yes'
    """
    return tidy_answer(text).casefold()


def exact_match(answer: str, accepted: Sequence[str]) -> bool:
    """Whether the answer equals an accepted one; an empty answer only equals an empty one."""
    return normalize_answer(answer) in {normalize_answer(text) for text in accepted}
