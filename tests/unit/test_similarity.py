"""TF-IDF similarity of texts."""

import math
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kshot.core.similarity import SimilarityIndex, TfIdfSimilarity
from kshot.core.text import words

CORPUS = ["count the words", "name a river", "count the rivers of {place}"]


def by_definition(corpus: list[str], one: str, other: str) -> float:
    """The cosine of (1 + ln tf) * (1 + ln((1 + N) / (1 + df))) over n-grams of 3 to 5 characters within words."""

    def grams(text: str) -> Counter[str]:
        marked = [f" {word} " for word in words(text)]
        return Counter(word[i : i + n] for word in marked for n in (3, 4, 5) for i in range(len(word) - n + 1))

    holders = Counter(gram for text in corpus for gram in grams(text))

    def vector(text: str) -> dict[str, float]:
        rarity = {gram: 1 + math.log((1 + len(corpus)) / (1 + holders[gram])) for gram in grams(text)}
        weights = {gram: (1 + math.log(n)) * rarity[gram] for gram, n in grams(text).items()}
        length = math.sqrt(sum(weight**2 for weight in weights.values())) or 1.0
        return {gram: weight / length for gram, weight in weights.items()}

    first, second = vector(one), vector(other)
    return sum(weight * second.get(gram, 0.0) for gram, weight in first.items())


def test_nearest_finds_the_text_with_common_stems() -> None:
    index = SimilarityIndex(TfIdfSimilarity(CORPUS[:2]), CORPUS[:2])
    assert index.nearest("count the words") == (pytest.approx(1), 0)
    assert index.nearest("counting of words")[1] == 0
    assert index.nearest_of_each(["rivers", "a word"])[0][1] == 0 + 1
    assert index.cosines("zzz") == [0, 0]
    index.add("zzz")
    assert index.nearest("zzz") == (pytest.approx(1), 2), "also by n-grams that the corpus lacks"


@given(st.lists(st.text(st.sampled_from("abc "), max_size=12), min_size=1, max_size=4), st.text("abcd ", max_size=12))
def test_cosines_follow_the_definition_inside_and_outside_the_corpus(corpus: list[str], text: str) -> None:
    index = SimilarityIndex(TfIdfSimilarity(corpus), corpus)
    index.add(text)
    for query in (*corpus, text, f"{text} dd"):
        expected = [by_definition(corpus, query, other) for other in (*corpus, text)]
        assert index.cosines(query) == pytest.approx(expected, abs=1e-9)


def test_slots_do_not_count_and_an_empty_corpus_is_valid() -> None:
    index = SimilarityIndex(TfIdfSimilarity(CORPUS), CORPUS)
    assert index.cosines("place {word}") == index.cosines("place {river}")
    empty = SimilarityIndex(TfIdfSimilarity([]))
    assert empty.cosines("word") == []
    empty.add("a word")
    assert empty.nearest("a word") == (pytest.approx(1), 0)
    assert empty.nearest_of_each([]) == []
