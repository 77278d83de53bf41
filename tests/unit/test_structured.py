"""Structured output: objects in replies, and reasons without a crash."""

import pytest

from kshot.generate.teacher import InputOnly, InputOutput, InventedTask, Reply, read_items, read_reply
from kshot.generate.teacher.structured import read_text
from tests.teacher_profiles import OBJECTS


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


@pytest.mark.parametrize("text", OBJECTS)
def test_read_text_finds_the_object_in_every_spelling(text: str) -> None:
    assert read_text(text, InputOutput) == InputOutput(input="a", output="b")


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        ("4", "4"), ("3.10", "3.10"), ("-2e3", "-2e3"), ("true", "true"), ('{"x": [1, 2.50], "é": null}',
        '{"x":[1,2.5],"é":null}'), ('["a", "b"]', '["a","b"]'), ('"```py\\nx = 1\\n```"', "```py\nx = 1\n```"),
        ('"see {\\"a\\": 1} and ```json\\n{}\\n```"', 'see {"a": 1} and ```json\n{}\n```'),
        ('"he said "no" twice"', 'he said "no" twice'),
    ],
)  # fmt: skip
def test_every_value_becomes_the_text_that_was_written(output: str, expected: str) -> None:
    for text in (f'{{"input":"a","output":{output}}}', f'Here: {{"input":"a","output":{output}}} Done.'):
        assert read_text(text, InputOutput) == InputOutput(input="a", output=expected)


def test_labels_of_any_kind_become_text() -> None:
    text = (
        '{"instruction": "Is it more than one?", "input": 3, "output": true, "labels": [true, false, 1], "name": null}'
    )
    task = read_text(text, InventedTask)
    assert isinstance(task, InventedTask)
    assert (task.input, task.output, task.labels, task.name) == ("3", "true", ["true", "false", "1"], "")


@pytest.mark.parametrize("text", ['{"input":"a bee in the', '{"input":"a {b} in the', '{"input":"a","output":"half a'])
def test_a_text_that_was_cut_off_is_never_repaired(text: str) -> None:
    assert read_reply(Reply(text, "length"), InputOnly) == "cut off: longer than max_tokens"
    assert isinstance(read_text(text, InputOutput), str)


def test_an_invented_task_needs_its_fields() -> None:
    assert isinstance(
        read_text('{"instruction": "Do this thing.", "input": "a", "output": "b"}', InventedTask), InventedTask
    )
    assert isinstance(read_text('{"instruction": "short", "input": "a", "output": "b"}', InventedTask), str)


@pytest.mark.parametrize(
    "reply",
    [
        '{"examples": [{"input": "a", "output": "b"}, {"input": "c", "output": "d"}]}',
        'Sure!\n```json\n{"Examples": [{"input": "a", "output": "b"}, {"input": "c", "output": "d"}]}\n```',
        '[{"input": "a", "output": "b"}, {"input": "c", "output": "d"}]',
        '{"result": {"examples": [{"input": "a", "output": "b"}, {"input": "c", "output": "d"}]}}',
        '{"items": [{"input": "a", "output": "b"}, {"input": "c", "output": "d"}]}',
        '{"input": "a", "output": "b"}\n{"input": "c", "output": "d"}',
        '1. {"input": "a", "output": "b"}\n2. {"input": "c", "output": "d"}',
        '{"examples": [{"input": "a", "output": "b"}, {"input": "c", "output": "d"},]}',
    ],
)
def test_read_items_finds_the_list_in_any_wrapping(reply: str) -> None:
    expected = [InputOutput(input="a", output="b"), InputOutput(input="c", output="d")]
    assert read_items(Reply(reply), InputOutput) == expected


def test_read_items_keeps_the_good_items_and_names_what_is_wrong_with_others() -> None:
    items = read_items(Reply('{"examples": [{"input": "a"}, {"input": "c", "output": "d"}, 3]}'), InputOutput)
    assert items[1] == InputOutput(input="c", output="d")
    assert [str(item).split(":")[0] for item in (items[0], items[2])] == ["malformed", "malformed"]


def test_read_items_takes_texts_where_an_item_has_one_field() -> None:
    assert read_items(Reply('{"examples": ["a", "b"]}'), InputOnly) == [InputOnly(input="a"), InputOnly(input="b")]


def test_read_items_takes_what_stands_before_a_cut() -> None:
    text = '{"examples": [{"input": "a", "output": "b"}, {"input": "c", "output": "d"}, {"input": "e", "out'
    items = read_items(Reply(text, finish_reason="length"), InputOutput)
    assert items == [InputOutput(input="a", output="b"), InputOutput(input="c", output="d")]


@pytest.mark.parametrize("reply", ["", "I cannot do that.", '{"examples": []}', '{"examples": [1, 2]}', '{"a": "b"}'])
def test_read_items_gives_a_reason_where_no_item_is_one(reply: str) -> None:
    assert str(read_items(Reply(reply), InputOutput)).startswith("malformed: ")
