"""The suites' items, ready to be compared with one training text after another."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from kshot.core.text import (
    MIN_NEAR_DUPLICATE_JACCARD,
    MIN_SHINGLES,
    SHINGLE_WORDS,
    has_input_length,
    jaccard,
    ngrams,
    normalize_text,
    words,
)
from kshot.suites.format import Suite, SuiteTask

NGRAM_WORDS = 13
"""Words in a row that make an item contaminated (GPT-3, arXiv:2005.14165, appendix C)."""


@dataclass(frozen=True)
class IndexedItem:
    """A held-out item."""

    suite: str
    task: str
    item: int
    input: str
    grams: frozenset[str]
    """Word 13-grams of the input followed by an accepted answer."""


class SuiteIndex:
    """Finds the items that share text with a training text."""

    def __init__(self, suites: Sequence[Suite], limit: int | None) -> None:
        self.items = [item for suite in suites for task in suite.tasks for item in _index_task(suite, task, limit)]
        self.trigrams: set[str] = {
            gram for suite in suites for task in suite.tasks for gram in task_trigrams(task, limit)
        }
        self._by_gram: dict[str, list[int]] = defaultdict(list)
        self._by_input: dict[str, list[int]] = defaultdict(list)
        self._shingles: list[frozenset[str]] = []
        self._by_shingle: dict[str, list[int]] = defaultdict(list)
        for number, item in enumerate(self.items):
            for gram in item.grams:
                self._by_gram[gram].append(number)
            input_words = words(item.input)
            if has_input_length(input_words):
                self._by_input[normalize_text(" ".join(input_words))].append(number)
            shingles = frozenset(ngrams(input_words, SHINGLE_WORDS))
            self._shingles.append(shingles)
            if len(shingles) >= MIN_SHINGLES:
                for shingle in shingles:
                    self._by_shingle[shingle].append(number)

    def find_copied(self, text: Sequence[str], shingles: Sequence[str]) -> list[tuple[int, str]]:
        """(item, span) of the items that share 13 words in a row with a text; the span is as long as they share it.

        Args:
            text: its words.
            shingles: its word trigrams, in order.
        """
        spans: dict[int, list[int]] = {}
        start = 0
        while start < len(shingles):
            if shingles[start] not in self.trigrams:
                start += 1
                continue
            end = start
            while end < len(shingles) and shingles[end] in self.trigrams:
                end += 1
            # Only within a stretch of shared trigrams can a longer n-gram be shared.
            for first in range(start, end + SHINGLE_WORDS - NGRAM_WORDS):
                for number in self._by_gram.get(" ".join(text[first : first + NGRAM_WORDS]), ()):
                    span = spans.setdefault(number, [first, first])
                    span[1] = first if first == span[1] + 1 else span[1]
            start = end
        return [(number, " ".join(text[first : last + NGRAM_WORDS])) for number, (first, last) in spans.items()]

    def find_same(self, text: Sequence[str]) -> list[int]:
        """Items whose whole input these words are."""
        return self._by_input.get(normalize_text(" ".join(text)), []) if has_input_length(text) else []

    def find_near(self, shingles: Sequence[str]) -> list[tuple[int, float]]:
        """(item, Jaccard similarity) of the items of which an input with these shingles is a near-duplicate."""
        distinct = set(shingles)
        needed = MIN_NEAR_DUPLICATE_JACCARD * len(distinct)
        if len(shingles) < MIN_SHINGLES or sum(shingle in self._by_shingle for shingle in distinct) < needed:
            return []
        counts = Counter(number for shingle in distinct for number in self._by_shingle.get(shingle, ()))
        similar = [
            (number, jaccard(distinct, self._shingles[number])) for number, shared in counts.items() if shared >= needed
        ]
        return [(number, value) for number, value in similar if value >= MIN_NEAR_DUPLICATE_JACCARD]


def task_trigrams(task: SuiteTask, limit: int | None) -> set[str]:
    """Word trigrams of a held-out task: of its instruction, and of its items' inputs with their answers."""
    texts = [task.spec.instruction]
    texts += [f"{row.input} {answer}" for row in task.items[:limit] for answer in row.output]
    return {gram for text in texts for gram in ngrams(words(text), SHINGLE_WORDS)}


def _index_task(suite: Suite, task: SuiteTask, limit: int | None) -> list[IndexedItem]:
    items = []
    for number, row in enumerate(task.items[:limit]):
        texts = [f"{row.input} {answer}" for answer in row.output]
        grams = frozenset(gram for text in texts for gram in ngrams(words(text), NGRAM_WORDS))
        items.append(IndexedItem(suite.name, task.name, number, row.input, grams))
    return items
