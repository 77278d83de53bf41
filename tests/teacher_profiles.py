"""Profiles of today's teachers: how each wraps a reply into the choice of a chat completion.

To add a teacher, add a function to `REASONING`; every test of reasoning teachers then runs with it.
"""

from collections.abc import Callable
from typing import Any

Profile = Callable[[str], dict[str, Any]]
"""Takes the reply; returns a choice without its index."""

THOUGHT = (
    'Maybe {"input": "a draft of mine", "output": "WRONG", "instruction": "Do the wrong thing, please."}?\n'
    "Yes, or rather not.\nAnswer: wrong\nWait."
)
"""A thought that misleads every reader: a draft object, a verdict, an answer."""


def plain(reply: str) -> dict[str, Any]:
    return {"message": {"role": "assistant", "content": reply}, "finish_reason": "stop"}


def _in_content(begin: str, end: str) -> Profile:
    return lambda reply: plain(f"{begin}{THOUGHT}{end}{reply}")


def _in_field(name: str) -> Profile:
    def profile(reply: str) -> dict[str, Any]:
        choice = plain(reply)
        choice["message"][name] = THOUGHT
        return choice

    return profile


def _in_parts(reply: str) -> dict[str, Any]:
    thought = {"type": "thinking", "thinking": [{"type": "text", "text": THOUGHT}]}
    return {**plain(""), "message": {"role": "assistant", "content": [thought, {"type": "text", "text": reply}]}}


HARMONY = "<|channel|>analysis<|message|>", "<|end|><|start|>assistant<|channel|>final<|message|>"
REASONING: dict[str, Profile] = {
    "r1": _in_content("<think>\n", "\n</think>\n\n"),
    "qwen3_short": _in_content("<think>", "</think>"),
    "qwq_closing_tag_only": _in_content("", "\n</think>\n\n"),
    "thinking": _in_content("<thinking>", "</thinking>\n"),
    "thought": _in_content("\n<thought>\n", "\n</thought>\n"),
    "reasoning": _in_content("<Reasoning>", "</Reasoning>"),
    "seed_oss": _in_content("<seed:think>", "</seed:think>"),
    "gpt_oss": _in_content(*HARMONY),
    "gpt_oss_short": _in_content("<|channel|>analysis ", "<|channel|>final<|message|>"),
    "gpt_oss_without_special_tokens": _in_content("analysis", "assistantfinal"),
    "magistral": _in_content("[THINK]", "[/THINK]"),
    "magistral_api": _in_parts,
    "kimi": _in_content("◁think▷", "◁/think▷"),
    "open_thinker": _in_content("<|begin_of_thought|>\n", "\n<|end_of_thought|>\n"),
    "granite": _in_content("Here is my thought process:\n", "\nHere is my response:\n"),
    "hunyuan": lambda reply: plain(f"<think>{THOUGHT}</think>\n<answer>\n{reply}\n</answer>"),
    "reasoning_content": _in_field("reasoning_content"),
    "reasoning_field": _in_field("reasoning"),
}
"""Teachers that think before they reply."""


def _spent(content: str | None, **fields: str) -> Profile:
    message = {"role": "assistant", "content": content, **fields}
    return lambda reply: {"message": message, "finish_reason": "length"}


SPENT: dict[str, Profile] = {
    "unclosed": _spent(f"<think>\n{THOUGHT}"),
    "unclosed_magistral": _spent(f"[THINK]{THOUGHT}"),
    "unfinished_channel": _spent(f"{HARMONY[0]}{THOUGHT}"),
    "null_content": _spent(None, reasoning_content=THOUGHT),
    "empty_content": _spent("", reasoning=THOUGHT),
    "hidden_thought": _spent(""),
}
"""Teachers whose thought spends all tokens."""

CONTENTS = [str(profile("leaves")["message"]["content"]) for profile in (*REASONING.values(), *SPENT.values())]
"""A reply of each teacher."""


GOOD_OBJECT = '{"input":"a","output":"b"}'
OBJECTS = (
    GOOD_OBJECT,
    f"Sure!\n```json\n{GOOD_OBJECT}\n```\nDone.",
    f"```python x={{}} ``` ```json {GOOD_OBJECT} ```",
    f"~~~\n{GOOD_OBJECT}\n~~~",
    f'Draft: {{"input":"x","output":"y"}}\n```\n{GOOD_OBJECT}\n```',
    '{"input":"a","output":"b",}',
    "{'input': 'a', 'output': 'b'}",
    '{"input": "a", // the input\n "output": "b"}',
    '{"input":"a","output":"b"',
    '{"Input":"a","OUTPUT":"b"}',
    '{"result": {"input":"a","output":"b"}}',
    '{"note": "n", "data": {"items": [{"input":"a","output":"b"}]}}',
    '[{"input":"a","output":"b"}]',
    '"{\\"input\\":\\"a\\",\\"output\\":\\"b\\"}"',
)
"""Spellings of one object."""

ANSWERS = (
    "Answer: leaves", "**Answer:** leaves", "**Answer**: leaves", "**Answer: leaves**", "### Final answer: leaves",
    "**Answer:**\nleaves", "The answer is leaves.", "So the final answer is **leaves**.",
    "Therefore, the correct answer is: leaves", r"\boxed{leaves}", r"Hence $\boxed{\text{leaves}}$.",
    r"Answer: $\boxed{leaves}$", "Final Answer: `leaves`", "Answer: **leaves**.",
)  # fmt: skip
"""Ends of a reply whose final answer is `leaves`."""
