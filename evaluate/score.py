"""Exact match: is the greedy answer one of the accepted ones, but for case, outer quotes, spacing and a final stop?"""

import re
from collections.abc import Sequence

_QUOTES = "\"'“”‘’`"


def normalise(text: str) -> str:
    """The form in which answers are compared: trimmed, one space between words, no outer quotes or final stop, folded.

    >>> normalise(' "Yes." ')
    'yes'
    """
    plain = re.sub(r"\s+", " ", text).strip()
    before = None
    while plain != before:
        before = plain
        plain = plain.strip().removesuffix(".").strip()
        if len(plain) > 1 and plain[0] in _QUOTES and plain[-1] in _QUOTES:
            plain = plain[1:-1]
    return plain.casefold()


def exact_match(answer: str, accepted: Sequence[str]) -> bool:
    """Whether the answer equals an accepted one; an empty answer only equals an empty one."""
    return normalise(answer) in {normalise(text) for text in accepted}
