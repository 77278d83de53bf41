"""Similarity of texts by their character n-grams."""

import pytest

from kshot.core.text import SimilarityIndex, TfIdfSimilarity


def test_similarity_index_finds_the_nearest_text() -> None:
    index = SimilarityIndex(TfIdfSimilarity(["count the words", "name a river"]), ["count the words", "name a river"])
    assert index.nearest("count the words")[0] == pytest.approx(1)
    assert index.nearest("counting of words")[1] == 0
    assert index.cosines("zzz") == [0, 0]
    index.add("zzz")
    assert index.nearest("zzz")[1] == 2
