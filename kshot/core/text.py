"""Texts as words, n-grams and shingles: the one definition of a word, of copied text and of a near-duplicate.

Generation and evaluation share it. `kshot.core.similarity` compares what texts are about.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import cache

VERSION = 2
"""Raise it with every change of an output; the data's cache key contains it."""
SHINGLE_WORDS = 3
"""Words of a shingle."""
MIN_SHINGLES = 12
"""Texts with fewer shingles are compared exactly only: two short inputs are alike by nature."""
MIN_NEAR_DUPLICATE_JACCARD = 0.8
"""Two texts whose shingles reach this Jaccard similarity are near-duplicates."""
MAX_INPUT_SIMILARITY = 90.0
"""Two inputs more similar than this (rapidfuzz ratio, 0 to 100), with the same numbers, count as one."""
MIN_INPUT_WORDS = 3
"""Two inputs with fewer words may be equal by chance. A character of a language without spaces is half a word."""
UNSPACED = (
    # Thai, Lao, Tibetan, Burmese, Khmer, Kana, Han.
    "\u0e00-\u0e4f\u0e5a-\u0eff\u0f00-\u0f1f\u0f34-\u0fff\u1000-\u103f\u104a-\u109f\u1780-\u17df"
    "\u3005-\u3007\u3021-\u3029\u3031-\u3035\u3041-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\ua9e0-\ua9fe\uaa60-\uaa7f\uf900-\ufaff"
    "\U0001b000-\U0001b16f\U00020000-\U000323af"
)
"""Letters of scripts without spaces between words, as in a character class."""
_UNSPACED = re.compile(f"[{UNSPACED}]")
_WORD = re.compile(r"\w+", re.ASCII)
_NUMBER_WORDS = (
    "zero|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|eighteen"
    "|nineteen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|hundred|thousand|million|half|twice"
)
_SIGN = re.compile(
    rf"(?<![\w.,])\d+(?:[.,]\d+)*|(?<=[{UNSPACED}])\d+(?:[.,]\d+)*|\b(?:{_NUMBER_WORDS})\b|[一二三四五六七八九十百千万两]"
    r"|[<>=≤≥≠≈+×÷±∓%^|~√∞∈∉⊂∪∩∧∨¬→←↔]+|(?:(?<=\s)|(?<=^)|(?<=[\d)]))[-*/&!](?=[\s\d(])|(?<=\w)\*(?=\w)|!(?==)"
)
_NOT_ASCII_FORMS = str.maketrans("−＜＞＝＋", "-<>=+")


@cache
def _word_pattern() -> re.Pattern[str]:
    """A character of a script without spaces with its marks, or a run of other letters, digits and marks."""
    marks = "".join(chr(code) for code in range(0x300, 0x10000) if unicodedata.category(chr(code)).startswith("M"))
    return re.compile(rf"(?=\w)[{UNSPACED}][{marks}]*|[^\W{UNSPACED}](?:[^\W{UNSPACED}]|[{marks}])*")


def words(text: str) -> list[str]:
    """The text's words in lower case, without punctuation; in scripts without spaces each character is one."""
    if text.isascii():
        return _WORD.findall(text.lower())
    return _word_pattern().findall(unicodedata.normalize("NFKC", text).lower())


def is_unspaced(word: str) -> bool:
    """Whether a word is a character of a script without spaces between words."""
    return _UNSPACED.match(word) is not None


def has_input_length(tokens: Sequence[str]) -> bool:
    """Whether so many words are equal in two inputs by copying rather than by chance (`MIN_INPUT_WORDS`)."""
    if len(tokens) < MIN_INPUT_WORDS:
        return False
    return len(tokens) - sum(map(is_unspaced, tokens)) / 2 >= MIN_INPUT_WORDS


def count_words(text: str) -> int:
    """Words between spaces; in scripts without spaces, characters."""
    parts = text.split()
    if text.isascii():
        return len(parts)
    return sum(max(1, len(words(part))) if _UNSPACED.search(part) else 1 for part in parts)


def signs(text: str) -> list[str]:
    """The text's numbers and operators in order: inputs that differ in them are different problems."""
    return _SIGN.findall(text.translate(_NOT_ASCII_FORMS).lower())


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
