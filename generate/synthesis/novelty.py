"""Task novelty: whether an invented instruction repeats a known one, by its words or by its subject.

Words: rapidfuzz's token-set ratio. Subject: `kshot.core.similarity.TfIdfSimilarity`.
"""

from collections.abc import Sequence

from rapidfuzz import fuzz, process

from kshot.core.similarity import SimilarityIndex, TfIdfSimilarity

VERSION = 1
"""Raise when the same instruction gets another verdict."""

MIN_SAME_WORDS_RATIO = 80.0
MIN_SAME_SUBJECT_COSINE = 0.56
"""Of pairs of shipped tasks one in a thousand exceeds 0.53. Of two instructions of one task, one pair in six exceeds
0.56."""


class TaskNovelty:
    """The known instructions; `add` adds one.

    Args:
        known: the first instructions; their n-grams also set the TF-IDF weights.
    """

    def __init__(self, known: Sequence[str]) -> None:
        self._instructions = list(known)
        self._index = SimilarityIndex(TfIdfSimilarity(known), known)

    def add(self, instruction: str) -> None:
        self._instructions.append(instruction)
        self._index.add(instruction)

    def find_known(self, instruction: str) -> str | None:
        """Return the known instruction that this one repeats, or None if it is new."""
        match = process.extractOne(
            instruction, self._instructions, scorer=fuzz.token_set_ratio, score_cutoff=MIN_SAME_WORDS_RATIO
        )
        if match:
            return str(match[0])
        if not self._instructions:
            return None
        cosine, index = self._index.nearest(instruction)
        return self._instructions[index] if cosine >= MIN_SAME_SUBJECT_COSINE else None
