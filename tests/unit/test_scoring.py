"""Scores of written answers: edge cases by hand, ROUGE-L against the package rouge-score."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kshot.evaluate.scoring.text import contains, last_number, numeric, rouge_l


@pytest.mark.parametrize(
    ("answer", "accepted", "right"),
    [
        ("It is New  York.", ["new york"], True),
        ("newer", ["new"], False),
        ("I write C++ here", ["c++"], True),
        ("a or b", ["c", "b"], True),
        ("anything", [""], False),
        ("", [""], True),
        ("", ["a"], False),
    ],
)
def test_contains(answer: str, accepted: list[str], right: bool) -> None:
    assert contains(answer, accepted) is right


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("3 pears and 4 plums make 7.", "7"),
        ("$1,234.50 in all", "1234.50"),
        ("12,345,678", "12345678"),
        ("3,4", "4"),
        ("it fell to -3", "-3"),
        (".5", "0.5"),
        ("room x-3", "3"),
        ("a1 b2", None),
        ("none", None),
    ],
)
def test_last_number(text: str, number: str | None) -> None:
    assert last_number(text) == (None if number is None else Decimal(number))


def test_numeric_compares_by_value() -> None:
    assert numeric("so the answer is 7.0", ["7"])
    assert not numeric("7 or 8", ["7"])
    assert not numeric("seven", ["7"])


@given(
    *[st.lists(st.sampled_from(["a", "B", "c1", "d.", "e-f", "9"]), min_size=1, max_size=9).map(" ".join)] * 2,
)
def test_rouge_l_equals_rouge_score(answer: str, accepted: str) -> None:
    rouge = pytest.importorskip("rouge_score.rouge_scorer").RougeScorer(["rougeL"])
    assert rouge_l(answer, [accepted]) == pytest.approx(rouge.score(accepted, answer)["rougeL"].fmeasure)


def test_rouge_l_equals_hand_computed_values() -> None:
    assert rouge_l("the cat sat", ["the cat is sat", "dog"]) == pytest.approx(6 / 7)
    assert rouge_l("Größe", ["größe"]) == 1
    assert (rouge_l("", ["a"]), rouge_l("", [""]), rouge_l("a", [])) == (0, 1, 0)
