"""Structured output: objects in replies, and reasons without a crash."""

import pytest

from kshot.generate.teacher.structured import InputOutput, InventedTask, read_text


@pytest.mark.parametrize(
    "reply",
    [
        "", "I cannot do that.", "{", '{"input": "a"', '{"input": "a", "output": 3', "[1, 2]",
        '{"input": null, "output": "b"}',
        '{"input": "a\\u0000", "output": "b"}', '{"input": "a", "output": "\\ud800"}', '{"a":' * 50_000, "{" * 60_000,
        '{"input": "' + "x" * 70_000 + '", "output": "b"}', '{"input": "", "output": "b"}', "\x00\x01", "```json\n```",
    ],
    ids=range(15),
)  # fmt: skip
def test_a_malformed_reply_gives_a_reason(reply: str) -> None:
    reason = read_text(reply, InputOutput)
    assert isinstance(reason, str)
    assert reason.startswith("malformed: ")
    assert "\n" not in reason


@pytest.mark.parametrize(
    "reply",
    [
        '{"input": "a", "output": "b"}',
        'Sure!\n```json\n{"input": "a", "output": "b"}\n```\nDone.',
        'Here: {"input": "a", "output": "b", "comment": {"x": [1]}} and more }',
        '{"input": " a ", "output": "b\\n"}',
        'For a set {a} like {"x": 1} this is it: {"input": "a", "output": "b"}',
    ],
)
def test_read_text_finds_the_object_among_other_text(reply: str) -> None:
    assert read_text(reply, InputOutput) == InputOutput(input="a", output="b")


def test_an_invented_task_needs_its_fields() -> None:
    assert isinstance(
        read_text('{"instruction": "Do this thing.", "input": "a", "output": "b"}', InventedTask), InventedTask
    )
    assert isinstance(read_text('{"instruction": "short", "input": "a", "output": "b"}', InventedTask), str)
