"""Normalized match: 171 answers as chat models write them, judged by hand, and what it must never do."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kshot.core.answers import exact_match
from kshot.evaluate.scoring.normalized import normalized_match
from kshot.evaluate.scoring.text import score_answer

FILE = Path(__file__).parents[1] / "data" / "judged_answers.jsonl"
JUDGED: list[dict[str, Any]] = [json.loads(line) for line in FILE.read_text(encoding="utf-8").splitlines()]
PLAIN = ["blue", "green"]


def test_the_judged_answers_are_many_and_of_both_kinds() -> None:
    assert len(JUDGED) >= 60
    # Wrong ones that hold an accepted answer, which a naive lenient matcher takes.
    naive = [row for row in JUDGED if not row["normalized"] and row["accepted"][0].lower() in row["answer"].lower()]
    assert len(naive) >= 20
    assert sum(row["normalized"] and not row["exact"] for row in JUDGED) >= 20


@pytest.mark.parametrize("row", JUDGED, ids=lambda row: json.dumps(row["answer"])[:60])
def test_both_scores_judge_an_answer_as_a_person_does(row: dict[str, Any]) -> None:
    assert exact_match(row["answer"].partition("\n")[0], row["accepted"]) is row["exact"]
    assert normalized_match(row["answer"], row["accepted"], row.get("options", ())) is row["normalized"]


FORMS = [
    "{}",
    "{}.",
    "**{}**",
    "The answer is {}.",
    "Answer: {}",
    "It is {}.",
    "<think>hm</think>\n{}",
    "$\\boxed{{{}}}$",
]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("wrong", ["not blue", "blue or green", "probably blue", "blue, green", "green"])
def test_no_form_makes_a_wrong_answer_right(form: str, wrong: str) -> None:
    assert normalized_match(form.format("blue"), ["blue"], PLAIN)
    assert not normalized_match(form.format(wrong), ["blue"], PLAIN)
    assert not normalized_match(form.format(wrong), ["blue"])


@pytest.mark.parametrize(
    "language", ["Das ist {}.", "C'est {}.", "Es {}.", "È {}.", "É {}.", "Это {}.", "这是{}。", "{}です"]
)
def test_sentences_of_several_languages(language: str) -> None:
    assert normalized_match(language.format("blue"), ["blue"], PLAIN) is (language != "{}です")
    assert not normalized_match(language.format("green"), ["blue"], PLAIN)


@given(st.text(alphabet="ab c.,!?-\n*:'\"1/=", max_size=40), st.sampled_from(["a", "b c", "1", "c, 1"]))
def test_any_text_is_judged_without_an_error_and_an_exact_whole_is_right(text: str, accepted: str) -> None:
    judged = normalized_match(text, [accepted])
    assert judged or not exact_match(text, [accepted])


def test_only_an_empty_answer_equals_an_empty_one() -> None:
    assert normalized_match("", [""])
    assert not normalized_match("none", [""])
    assert not normalized_match("<think>a</think>", ["a"])


def test_score_answer_gives_the_options_to_the_score_that_needs_them() -> None:
    assert score_answer("normalized_match", "12", ["12 km"]) == 1
    assert score_answer("normalized_match", "12", ["12 km"], ["12 km", "12 m"]) == 0
    assert score_answer("exact_match", "12", ["12 km"], ["12 km", "12 m"]) == 0


def test_a_marked_answer_counts_rather_than_one_before_it() -> None:
    text = "Blue comes to mind. Green fits the picture better, though.\nAnswer: green"
    assert normalized_match(text, ["green"], PLAIN)
    assert not normalized_match(text, ["blue"], PLAIN)
