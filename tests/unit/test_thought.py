"""The thought of a reasoning model is separated from its reply, and text that only resembles one is kept."""

import pytest

from kshot.core.replies.thought import split_thought
from kshot.generate.teacher import InputOutput, Reply, read_reply
from tests.teacher_profiles import REASONING, SPENT, THOUGHT

GOOD = '{"input":"good","output":"right"}'


@pytest.mark.parametrize("name", REASONING)
def test_every_reasoning_teacher_gives_its_reply_alone(name: str) -> None:
    content = REASONING[name](GOOD)["message"]["content"]
    if isinstance(content, str):
        thought, reply = split_thought(content)
        assert reply == GOOD
        assert thought in {THOUGHT, ""}
        assert read_reply(Reply(content), InputOutput) == InputOutput(input="good", output="right")


@pytest.mark.parametrize("name", SPENT)
def test_an_unfinished_thought_leaves_no_reply(name: str) -> None:
    reply = Reply(SPENT[name]("")["message"]["content"] or "", "length")
    assert reply.text == ""
    assert reply.is_only_thought
    assert reply.problem == "no reply after the thought: longer than max_tokens"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ('<think>maybe {"input":"draft","output":"wrong"}</think>' + GOOD, GOOD),
        ('maybe {"input":"draft","output":"wrong"}</think>' + GOOD, GOOD),
        ("<think>x</think>\n\nleaves", "leaves"),
        ("<think>\n\n</think>\n\nleaves", "leaves"),
        ("<think>a <think> b </think> c </think> leaves", "leaves"),
        ("<think>I open <think> and do not close it</think>leaves", "leaves"),
        ("<think>a</think><think>b</think>leaves", "leaves"),
        ("<think>a</thinking>leaves", "leaves"),
        ("<think>a</think>The tag </think> ends it.", "The tag </think> ends it."),
        ("<|im_start|>assistant\n<think>a</think>leaves", "leaves"),
        ("a thought alone\n</think>", ""),
        ("<|channel|>final<|message|>leaves<|return|>", "leaves"),
        ("<|channel|>analysis<|message|>a<|end|><|start|>assistant<|channel|>commentary<|message|>b<|end|>"
         "<|start|>assistant<|channel|>final <|constrain|>json<|message|>" + GOOD, GOOD),
        ("<|START_THINKING|>a<|END_THINKING|><|START_RESPONSE|>b<|END_RESPONSE|>", "b"),
    ],
)  # fmt: skip
def test_the_reply_is_what_follows_the_thought(content: str, expected: str) -> None:
    assert Reply(content).text == expected


@pytest.mark.parametrize(
    "content",
    [
        GOOD,
        "",
        "  leaves\n",
        '{"input":"what does </think> end?","output":"a thought"}',
        '{"input":"<think>x</think>","output":"b"}',
        '{"input":"what does </think> end?","output":"a thought",}',
        'Here it is:\n```json\n{"input": "close </thought> now", "output": "b"}\n```',
        "Write <think>x</think> around the thought.",
        "The tag `</think>` ends a thought.",
        "[1, 2, 3]",
        "analysis of the text",
        "a < b and b > c",
    ],
)
def test_tags_in_ordinary_replies_are_text(content: str) -> None:
    assert split_thought(content) == ("", content)
    assert Reply(content).text == content
