"""TF-IDF similarity of texts: the cosine of their weighted character n-grams (3 to 5) within words.

Character n-grams match inflected and compounded forms of a word. Texts that share no stem count as unlike: no embedding
model that somebody vouches for ships on PyPI with its weights. scikit-learn is imported at the first use.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kshot.core.text import words

VERSION = 1
"""Raise it with every change of an output; the data's cache key contains it."""
NGRAM_CHARS = (3, 5)
_SLOT = re.compile(r"\{+\w*\}+")


class _Vectors(NamedTuple):
    """Texts as vectors of length 1."""

    known: Any
    """A sparse matrix, (texts, n-grams of the corpus)."""
    unknown: list[dict[str, float]]
    """For each text the weights of n-grams that the corpus lacks."""


class TfIdfSimilarity:
    """Weights n-grams by how rare they are in a corpus. `{slots}` in a text do not count.

    Args:
        texts: the corpus. A text outside it can be compared too; n-grams that the corpus lacks count as the rarest.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        self._corpus = [_plain(text) for text in texts]

    @cached_property
    def _vectorizer(self) -> Any:
        from sklearn.feature_extraction.text import TfidfVectorizer

        vectorizer = TfidfVectorizer(
            analyzer="char_wb", ngram_range=NGRAM_CHARS, sublinear_tf=True, lowercase=False, norm=None
        )
        # scikit-learn refuses an empty vocabulary. No word contains these characters.
        return vectorizer.fit(self._corpus if any(self._corpus) else [*self._corpus, "\0\0\0"])

    @cached_property
    def _ngrams_of(self) -> Any:
        return self._vectorizer.build_analyzer()

    def vectors(self, texts: Sequence[str]) -> _Vectors:
        from scipy.sparse import diags_array

        plain = [_plain(text) for text in texts]
        weights = self._vectorizer.transform(plain)
        unknown = [self._unknown_weights(text) for text in plain]
        squares = np.asarray(weights.multiply(weights).sum(axis=1)).ravel()
        norms = np.sqrt(squares + [sum(weight**2 for weight in grams.values()) for grams in unknown])
        scales = 1 / np.where(norms > 0, norms, 1.0)
        scaled = [
            {gram: weight * scale for gram, weight in grams.items()}
            for grams, scale in zip(unknown, scales.tolist(), strict=True)
        ]
        return _Vectors((diags_array(scales) @ weights).tocsr(), scaled)

    def _unknown_weights(self, plain: str) -> dict[str, float]:
        vocabulary = self._vectorizer.vocabulary_
        counts = Counter(gram for gram in self._ngrams_of(plain) if gram not in vocabulary)
        rarest = 1 + float(np.log1p(len(self._corpus)))
        return {gram: (1 + float(np.log(count))) * rarest for gram, count in counts.items()}


class SimilarityIndex:
    """Texts to compare others with, in the order in which they were added."""

    def __init__(self, similarity: TfIdfSimilarity, texts: Iterable[str] = ()) -> None:
        self._similarity = similarity
        self._pending = list(texts)
        self._matrix: Any = None
        self._holders: dict[str, list[tuple[int, float]]] = defaultdict(list)
        """For each n-gram that the corpus lacks: (position, weight) of the texts that contain it."""

    def add(self, text: str) -> None:
        self._pending.append(text)

    def cosines(self, text: str) -> list[float]:
        """The similarity to each indexed text, from 0 (no n-gram in common) to 1."""
        return [float(value) for value in self.cosines_of_each([text])[0]]

    def cosines_of_each(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """`cosines` for many texts at once, (texts, indexed texts)."""
        self._index_pending()
        if self._matrix is None or not texts:
            return np.zeros((len(texts), 0 if self._matrix is None else self._matrix.shape[0]))
        queries = self._similarity.vectors(texts)
        cosines: NDArray[np.float64] = (queries.known @ self._matrix.T).toarray()
        for row, unknown in zip(cosines, queries.unknown, strict=True):
            for gram, weight in unknown.items():
                for position, other in self._holders.get(gram, ()):
                    row[position] += weight * other
        return cosines

    def nearest(self, text: str) -> tuple[float, int]:
        """(similarity, position) of the most similar indexed text, the first of equals; the index must not be empty."""
        return self.nearest_of_each([text])[0]

    def nearest_of_each(self, texts: Sequence[str]) -> list[tuple[float, int]]:
        """`nearest` for many texts at once."""
        cosines = self.cosines_of_each(texts)
        positions = cosines.argmax(axis=1).tolist()
        return [(float(row[position]), position) for row, position in zip(cosines, positions, strict=True)]

    def _index_pending(self) -> None:
        from scipy.sparse import vstack

        if not self._pending:
            return
        vectors = self._similarity.vectors(self._pending)
        first = 0 if self._matrix is None else self._matrix.shape[0]
        for position, unknown in enumerate(vectors.unknown, first):
            for gram, weight in unknown.items():
                self._holders[gram].append((position, weight))
        self._matrix = vectors.known if self._matrix is None else vstack([self._matrix, vectors.known]).tocsr()
        self._pending = []


def _plain(text: str) -> str:
    return " ".join(words(_SLOT.sub(" ", text)))
