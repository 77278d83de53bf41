"""Reading the answer in a solve."""

import pytest

from kshot.generate.synthesis.verify import gives_answer


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
