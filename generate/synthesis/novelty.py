"""Is an instruction new? Against everything known, by its words and by what it is about.

Words: rapidfuzz's token-set ratio. What it is about: `kshot.core.similarity.TfIdfSimilarity`.
"""

from collections.abc import Sequence

from rapidfuzz import fuzz, process

from kshot.core.similarity import SimilarityIndex, TfIdfSimilarity

SAME_WORDS = 80.0
SAME_MATTER = 0.56
"""Of pairs of our own tasks one in a thousand is above 0.53; of two wordings of one task, one in six is above 0.56."""


class TaskNovelty:
    """Instructions known so far; `add` makes one known.

    Args:
        known: instructions to begin with; their n-grams also give the weights.
    """

    def __init__(self, known: Sequence[str]) -> None:
        self._texts = list(known)
        self._targets = SimilarityIndex(TfIdfSimilarity(known), known)

    def add(self, text: str) -> None:
        self._texts.append(text)
        self._targets.add(text)

    def nearest(self, text: str) -> str | None:
        """The known instruction that this one repeats, or None if it is new."""
        by_words = process.extractOne(text, self._texts, scorer=fuzz.token_set_ratio, score_cutoff=SAME_WORDS)
        if by_words:
            return str(by_words[0])
        if not self._texts:
            return None
        cosine, place = self._targets.nearest(text)
        return self._texts[place] if cosine >= SAME_MATTER else None
