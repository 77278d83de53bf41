"""Texts as words, n-grams and shingles: the one definition of a word, of copied text and of a near-duplicate.

Generation and evaluation share it. `kshot.core.similarity` compares what texts are about.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence

VERSION = 1
"""Raise it with every change of an output; the data's cache key contains it."""
SHINGLE_WORDS = 3
"""Words of a shingle."""
MIN_SHINGLES = 12
"""Texts with fewer shingles are compared exactly only: two short inputs are alike by nature."""
MIN_NEAR_DUPLICATE_JACCARD = 0.8
"""Two texts whose shingles reach this Jaccard similarity are near-duplicates."""
MIN_INPUT_WORDS = 3
"""Two inputs with fewer words may be equal by chance."""
_WORD = re.compile(r"\w+")


def words(text: str) -> list[str]:
    """The text's words in lower case, without punctuation."""
    return _WORD.findall(text.lower())


def ngrams(tokens: Sequence[str], n: int) -> list[str]:
    """All runs of n words, joined by single spaces, in the text's order; empty for a shorter text."""
    return [" ".join(tokens[start : start + n]) for start in range(len(tokens) - n + 1)]


def shingles(text: str) -> list[str]:
    """The text's word trigrams (`SHINGLE_WORDS`)."""
    return ngrams(words(text), SHINGLE_WORDS)


def jaccard(one: Iterable[str], other: Iterable[str]) -> float:
    """Size of the intersection over size of the union; 0 for two empty sets."""
    first, second = set(one), set(other)
    union = len(first | second)
    return len(first & second) / union if union else 0.0


def normalize_text(text: str) -> str:
    """NFKC form, case folded, white space collapsed: what is left is what a reader would notice."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())
