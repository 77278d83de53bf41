"""Is an instruction new? Against everything known, by its words and by what it is about.

Words: rapidfuzz's token-set ratio. What it is about: the cosine of TF-IDF weighted character n-grams, which sees
inflected and compounded forms; no embedding model with its weights is to be had from PyPI.
"""

import math
from collections import Counter
from collections.abc import Sequence

from rapidfuzz import fuzz, process

SAME_WORDS = 80.0
SAME_MATTER = 0.38
"""Of pairs of our own tasks one in a thousand is above 0.33; of unlike wordings of one task, one in seven above it."""
GRAM = (3, 4, 5)


class Novelty:
    """Instructions known so far; `add` makes one known.

    Args:
        known: instructions to begin with; their n-grams also give the weights.
    """

    def __init__(self, known: Sequence[str]) -> None:
        self._texts: list[str] = []
        self._vectors: list[dict[str, float]] = []
        self._spread = Counter(gram for text in known for gram in set(_grams(text)))
        self._total = len(known)
        for text in known:
            self.add(text)

    def add(self, text: str) -> None:
        self._texts.append(text)
        self._vectors.append(self._vector(text))

    def nearest(self, text: str) -> str | None:
        """The known instruction that this one repeats, or None if it is new."""
        by_words = process.extractOne(text, self._texts, scorer=fuzz.token_set_ratio, score_cutoff=SAME_WORDS)
        if by_words:
            return str(by_words[0])
        vector = self._vector(text)
        cosines = [sum(weight * other.get(gram, 0.0) for gram, weight in vector.items()) for other in self._vectors]
        best = max(range(len(cosines)), key=cosines.__getitem__, default=None)
        return self._texts[best] if best is not None and cosines[best] >= SAME_MATTER else None

    def _vector(self, text: str) -> dict[str, float]:
        """Weights of length one together."""
        raw = {
            gram: count * math.log((1 + self._total) / (1 + self._spread[gram])) + count
            for gram, count in Counter(_grams(text)).items()
        }
        length = math.sqrt(sum(weight * weight for weight in raw.values())) or 1.0
        return {gram: weight / length for gram, weight in raw.items()}


def _grams(text: str) -> list[str]:
    plain = f" {' '.join(text.lower().split())} "
    return [plain[i : i + size] for size in GRAM for i in range(len(plain) - size + 1)]
