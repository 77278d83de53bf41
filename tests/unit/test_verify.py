"""Reading the answer in a solve."""

import pytest

from kshot.generate.synthesis.shared.verify import gives_answer, split_at_answer
from tests.teacher_profiles import ANSWERS


@pytest.mark.parametrize(
    ("reply", "output", "with_rationale", "is_right"),
    [
        ("Output: red\nand more", "red", False, True),
        ("red", "blue", False, False),
        ("- one\n- two\n", "- one\n- two", False, True),
        ("- one\n\n- two\nI hope this helps.", "- one\n- two", False, True),
        ("- one", "- one\n- two", False, False),
        ("Output:\n- one\n- two", "- one\n- two", False, True),
        ("First this.\nAnswer: no\nOr rather:\nAnswer: yes", "yes", True, True),
        ("First this.\nAnswer:\n- one\n- two", "- one\n- two", True, True),
        ("First this.\n- one\n- two", "- one\n- two", True, False),
        ("", "red", False, False),
    ],
)
def test_gives_answer_reads_answers_of_several_lines(
    reply: str, output: str, with_rationale: bool, is_right: bool
) -> None:
    assert gives_answer(reply, output, with_rationale) is is_right


@pytest.mark.parametrize("ending", ANSWERS)
def test_gives_answer_reads_every_spelling_of_a_final_answer(ending: str) -> None:
    steps = "Trees lose something in autumn.\nIt is green before."
    assert gives_answer(ending, "leaves", with_rationale=False)
    assert gives_answer(f"{steps}\n{ending}", "leaves", with_rationale=True)
    assert not gives_answer(f"{steps}\n{ending}", "roots", with_rationale=True)
    assert split_at_answer(f"{steps}\n{ending}")[0] == steps.splitlines()


@pytest.mark.parametrize(
    ("reply", "output", "is_right"),
    [
        ('{"a": 1}', '{"a":1}', True),
        ('{"b": [1.0, "x"], "a": 1}', '{"a":1,"b":[1,"x"]}', True),
        ('```json\n{\n  "a": 1\n}\n```', '{"a":1}', True),
        ('Output: {\n"a": 1}', '{"a":1}', True),
        ("[1, 2]", "[1,2]", True),
        ('{"a": true}', '{"a":1}', False),
        ('{"a": "1"}', '{"a":1}', False),
        ("[2, 1]", "[1,2]", False),
        ("3.50", "3.5", False),
        ("**leaves**", "leaves", True),
        ("The answer is 4", "The answer is 4", True),
        ("The answer is 5", "The answer is 4", False),
    ],
)
def test_gives_answer_compares_json_as_json(reply: str, output: str, is_right: bool) -> None:
    assert gives_answer(reply, output, with_rationale=False) is is_right
    assert gives_answer(f"First this.\nAnswer: {reply}", output, with_rationale=True) is is_right
