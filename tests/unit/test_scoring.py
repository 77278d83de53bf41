"""Scores of written answers: edge cases by hand, ROUGE-L against the package rouge-score."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kshot.evaluate.scoring.text import contains, numeric, rouge_l


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
        ("It is not spam", ["spam"], False),
        ("It isn't really spam.", ["spam"], False),
        ("I do not think it is spam", ["spam"], False),
        ("It is neither spam nor ham", ["ham"], False),
        ("spam is not the right answer", ["spam"], False),
        ("Das ist kein Spam", ["spam"], False),
        ("Ce n'est pas spam", ["spam"], False),
        ("这不是猫", ["猫"], False),
        ("スパムではない", ["スパム"], False),
        ("It is spam, not ham", ["spam"], True),
        ("Not ham but spam", ["spam"], True),
        ("No, it is spam", ["spam"], True),
        ("I have no doubt it is spam", ["spam"], True),
        ("It is not ham. It is spam.", ["spam"], True),
        ("It is not spam", ["not spam"], True),
        ("The answer is no.", ["no"], True),
        ("これは猫です", ["猫"], True),
        ("这是AI模型", ["AI"], True),
        ("Le cafe\u0301", ["café"], True),
        ("It costs 1,000 euros", ["1000"], True),
        ("It is 3.5", ["5"], False),
        ("It is -5", ["5"], False),
    ],
)
def test_contains(answer: str, accepted: list[str], right: bool) -> None:
    assert contains(answer, accepted) is right


def test_numeric_compares_by_value() -> None:
    assert numeric("so the answer is 7.0", ["7"])
    assert not numeric("7 or 8", ["7"])
    assert not numeric("seven", ["7"])
    assert not numeric("3/4", ["4"])
    assert numeric("0.75", ["3/4"])
    assert numeric("12 500 km", ["12500"])


@given(
    *[st.lists(st.sampled_from(["a", "B", "c1", "d.", "e-f", "9"]), min_size=1, max_size=9).map(" ".join)] * 2,
)
def test_rouge_l_equals_rouge_score(answer: str, accepted: str) -> None:
    rouge = pytest.importorskip("rouge_score.rouge_scorer").RougeScorer(["rougeL"])
    assert rouge_l(answer, [accepted]) == pytest.approx(rouge.score(accepted, answer)["rougeL"].fmeasure)


def test_rouge_l_equals_hand_computed_values() -> None:
    assert rouge_l("the cat sat", ["the cat is sat", "dog"]) == pytest.approx(6 / 7)
    assert rouge_l("Größe", ["größe"]) == 1
    assert rouge_l("我喜欢狗", ["我喜欢猫"]) == pytest.approx(3 / 4)
    assert (rouge_l("", ["a"]), rouge_l("", [""]), rouge_l("a", [])) == (0, 1, 0)
