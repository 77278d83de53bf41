"""Filters of one text: length, language, refusals."""

from pathlib import Path

import pytest

from kshot.config import FilterConfig as FilterSettings
from kshot.core.errors import ConfigError
from kshot.generate.curation.filters import build_filters, first_rejection, language_filter, refusal_filter
from kshot.generate.sources import select_sources
from tests.unit.composing import SEEDS, generate_into, read_lines


@pytest.mark.parametrize(
    "text",
    [
        "I'm sorry, but I can't help with that.",
        "I cannot assist with this request.",
        "As an AI language model, I have no opinion.",
        "Unfortunately, I am not able to see the picture.",
        "Well, I don’t have access to the text.",
    ],
)
def test_refusal_filter_rejects_refusals(text: str) -> None:
    reason = refusal_filter(text)
    assert reason is not None
    assert reason.startswith("refusal: ")


@pytest.mark.parametrize(
    "text", ["He said he was sorry.", "Sort the words.", "I cannot swim.", "Rewrite: 'sorry' in capital letters.", ""]
)
def test_refusal_filter_accepts_other_texts(text: str) -> None:
    assert refusal_filter(text) is None


def test_length_filters_count_words_and_characters() -> None:
    filters = build_filters(FilterSettings(min_words=2, max_words=3, max_characters=12, refusals=False))
    assert first_rejection("one", filters) == "fewer words than 2: 1"
    assert first_rejection("a b c d", filters) == "more words than 3: 4"
    assert first_rejection("elephants eat", filters) == "more characters than 12: 13"
    assert first_rejection("one two", filters) is None
    assert build_filters(FilterSettings(refusals=False)) == []


def test_language_filter_rejects_other_languages_and_accepts_made_up_words() -> None:
    english = language_filter("en")
    assert english("Schreibe das Gegenteil von jedem Wort auf, eines je Zeile.") == "not in the language 'en': 'de'"
    assert english("Ordena las palabras de la lista por orden alfabético.") is not None
    assert english("Is this number even or odd? Write 'kuzam' for even, 'gozur' for odd.") is None
    assert english("Ja, nein.") is None
    with pytest.raises(ConfigError, match=r"generate\.filters\.language: 'klingon'"):
        build_filters(FilterSettings(language="klingon"))


def test_language_filter_accepts_every_hand_written_description() -> None:
    english = language_filter("en")
    texts = [text for source in select_sources([], sorted(SEEDS.glob("*.yaml"))) for text in source.descriptions]
    assert len(texts) > 500
    assert [text for text in texts if english(text)] == []


def test_filters_of_all_records_give_their_reasons(tmp_path: Path) -> None:
    folder = generate_into(tmp_path, families=["morphology"], filters={"scope": "all", "max_words": 40})
    assert all(len(f"{row['instruction']} {row['output']}".split()) <= 40 for row in read_lines(folder / "train.jsonl"))
    assert any(row["reason"].startswith("more words than 40: ") for row in read_lines(folder / "rejects.jsonl"))
