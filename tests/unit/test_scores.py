"""Scores of written answers: edge cases by hand, ROUGE-L against the package rouge-score."""

import json
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kshot.core.errors import SuiteError
from kshot.evaluate.measure.requests import ROOM, SPARE_TOKENS, _generation
from kshot.evaluate.report.numbers import mark
from kshot.evaluate.scoring.text import contains, last_number, numeric, rouge_l
from kshot.suites.loading import load_suite


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


def test_numbers_are_compared_by_value() -> None:
    assert numeric("so the answer is 7.0", ["7"])
    assert not numeric("7 or 8", ["7"])
    assert not numeric("seven", ["7"])


@given(
    *[st.lists(st.sampled_from(["a", "B", "c1", "d.", "e-f", "9"]), min_size=1, max_size=9).map(" ".join)] * 2,
)
def test_rouge_l_is_that_of_rouge_score(answer: str, accepted: str) -> None:
    rouge = pytest.importorskip("rouge_score.rouge_scorer").RougeScorer(["rougeL"])
    assert rouge_l(answer, [accepted]) == pytest.approx(rouge.score(accepted, answer)["rougeL"].fmeasure)


def test_rouge_l_by_hand() -> None:
    assert rouge_l("the cat sat", ["the cat is sat", "dog"]) == pytest.approx(6 / 7)
    assert rouge_l("Größe", ["größe"]) == 1
    assert (rouge_l("", ["a"]), rouge_l("", [""]), rouge_l("a", [])) == (0, 1, 0)


def with_scores(panel: Path, scores: list[str]) -> Path:
    index = json.loads((panel / "panel.yaml").read_text())
    index["tasks"][1]["scores"] = scores
    (panel / "panel.yaml").write_text(json.dumps(index))
    return panel


def test_a_panel_names_its_scores_and_an_unknown_one_is_refused(panel: Path) -> None:
    assert load_suite(str(panel)).tasks[1].spec.scores == ["exact_match"]
    assert load_suite(str(with_scores(panel, ["contains", "rouge_l"]))).tasks[1].spec.scores == ["contains", "rouge_l"]
    for wrong in (["bleu"], []):
        with pytest.raises(SuiteError, match="scores"):
            load_suite(str(with_scores(panel, wrong)))


def test_a_task_scored_by_numbers_must_have_them(panel: Path) -> None:
    path = panel / "echo.jsonl"
    path.write_text(path.read_text() + json.dumps({"input": "x", "output": ["seven"]}) + "\n")
    with pytest.raises(SuiteError, match=r"echo\.jsonl:9: scored by its number"):
        load_suite(str(with_scores(panel, ["numeric"])))


def test_answers_that_may_stand_in_a_text_get_room_for_one(panel: Path) -> None:
    def tokenizer(text: str, **_: object) -> dict[str, list[int]]:
        return {"input_ids": [0] * len(text)}

    vars(tokenizer)["eos_token"] = "<end>"
    made = [
        _generation(load_suite(str(with_scores(panel, scores))).tasks[1], tokenizer)
        for scores in (["exact_match"], ["exact_match", "contains"])
    ]
    generation = [SimpleNamespace(**each["generation_kwargs"]) for each in made]
    assert [each.max_gen_toks for each in generation] == [5 + SPARE_TOKENS, 5 + ROOM]
    assert [each.until for each in generation] == [["<end>", "\n"], ["<end>"]]
    judge = made[1]["process_results"]
    assert judge({"output": ["quux4"]}, ["well, quux4\nyes"]) == {"exact_match": 0.0, "contains": 1.0}
    # As it would have been cut, had exact match been the only score.
    assert judge({"output": ["quux4"]}, ["quux4\nyes"]) == {"exact_match": 1.0, "contains": 1.0}


def test_the_report_says_how_far_an_answer_is_right() -> None:
    assert [mark(value) for value in (True, False, 1.0, 0.0, 0.625)] == ["✓", "✗", "✓", "✗", "62.5"]
