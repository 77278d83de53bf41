"""Texts as n-grams: words in a row show what is copied, weighted parts of words show what is alike.

The one place that says what a word, a run of words and a near-duplicate is, for making data as for looking into it.
"""

import math
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

VERSION = 1
SHINGLE_WORDS = 3
"""Words in a shingle."""
MIN_SHINGLES = 12
"""Shingles below which texts are compared exactly only: two short inputs are alike by nature."""
MIN_NEAR_DUPLICATE_JACCARD = 0.8
"""Jaccard similarity of two texts' shingles from which they are near-duplicates."""
MIN_INPUT_WORDS = 3
"""Words below which two inputs may be the same by chance."""
SIZES = (3, 4, 5)
_WORD = re.compile(r"\w+")
_SLOT = re.compile(r"\{+\w*\}+")
Weights = Mapping[str, float]


def words(text: str) -> list[str]:
    """The text's words without case and punctuation."""
    return _WORD.findall(text.lower())


def ngrams(found: Sequence[str], n: int) -> list[str]:
    """Runs of n words, parted by single spaces, in the text's order; none for a shorter text."""
    return [" ".join(found[start : start + n]) for start in range(len(found) - n + 1)]


def shingles(text: str) -> list[str]:
    return ngrams(words(text), SHINGLE_WORDS)


def jaccard(one: Iterable[str], other: Iterable[str]) -> float:
    """Shared shingles over all shingles of both; 0 for two empty sets."""
    first, second = set(one), set(other)
    together = len(first | second)
    return len(first & second) / together if together else 0.0


def normalize_text(text: str) -> str:
    """The text without what a reader would overlook: Unicode form, case and the amount of white space."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


class TfIdfSimilarity:
    """How alike texts are: the cosine of their TF-IDF weighted character n-grams (3 to 5) within words.

    Character n-grams see inflected and compounded forms of a word. PyPI holds no embedding model with its weights that
    is vouched for, so wordings that share no stem count as far apart. `{slots}` do not count.

    Args:
        texts: give the n-grams their weights; a text outside of them is weighed by what they have.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        bags = [_grams(text) for text in texts]
        self._spread = Counter(gram for bag in bags for gram in bag)
        self._total = len(bags)

    def vector(self, text: str) -> Weights:
        """Weights of length 1."""
        raw = {gram: (1 + math.log(n)) * (1 + self._rarity(gram)) for gram, n in _grams(text).items()}
        size = math.sqrt(sum(weight * weight for weight in raw.values())) or 1.0
        return {gram: weight / size for gram, weight in raw.items()}

    def _rarity(self, gram: str) -> float:
        return math.log((1 + self._total) / (1 + self._spread[gram]))


class SimilarityIndex:
    """Texts that others are compared with; `cosines` has one place for each, in the order of `add`."""

    def __init__(self, alike: TfIdfSimilarity, texts: Iterable[str] = ()) -> None:
        self._alike = alike
        self._postings: dict[str, list[tuple[int, float]]] = defaultdict(list)
        self._size = 0
        for text in texts:
            self.add(text)

    def add(self, text: str) -> None:
        for gram, weight in self._alike.vector(text).items():
            self._postings[gram].append((self._size, weight))
        self._size += 1

    def cosines(self, text: str) -> list[float]:
        """From 0, no n-gram in common, to 1."""
        found = [0.0] * self._size
        for gram, weight in self._alike.vector(text).items():
            for place, other in self._postings.get(gram, ()):
                found[place] += weight * other
        return found

    def nearest(self, text: str) -> tuple[float, int]:
        """(cosine, place) of the first of the nearest; there must be one."""
        found = self.cosines(text)
        place = max(range(self._size), key=found.__getitem__)
        return found[place], place


def _grams(text: str) -> Counter[str]:
    """N-grams within words, whose ends are marked by a space."""
    marked = [f" {word} " for word in words(_SLOT.sub(" ", text))]
    return Counter(word[i : i + size] for word in marked for size in SIZES for i in range(len(word) - size + 1))
