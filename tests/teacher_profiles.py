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


def _in_style(for_object: str, for_answer: str) -> Profile:
    """Wrap an object, or the final answer of any other reply but an instruction."""

    def profile(reply: str) -> dict[str, Any]:
        if reply.startswith(("{", "Here it is")):
            return plain(for_object.format(reply[reply.index("{") : reply.rindex("}") + 1]))
        steps, marker, answer = reply.rpartition("Answer: ")
        is_instruction = len(reply.split()) > MAX_ANSWER_WORDS and not marker
        return plain(reply if is_instruction else steps + for_answer.format(answer))

    return profile


MAX_ANSWER_WORDS = 8
CHATTY: dict[str, Profile] = {
    "fenced, bold answers": _in_style("Sure!\n```json\n{}\n```\nI hope this helps!", "**Answer:** {}"),
    "fence without a language": _in_style("```\n{}\n```", "Final answer: `{}`"),
    "list of objects": _in_style("[{}]", "The answer is: {}"),
    "object in an object": _in_style('{{"result": {}}}', "Answer: **{}**"),
    "example in code first": _in_style("```python\nx = {{}}\n```\n```json\n{}\n```", "So the answer is **{}**."),
    "boxed answers": _in_style("{}", r"Answer: $\boxed{{{}}}$"),
    "object, then a comment": _in_style("{}\n\nThis example is about an everyday topic.", "### Answer:\n{}"),
    "trailing comma": lambda reply: plain(reply[:-1] + ",}" if reply.startswith("{") else reply),
    "capital keys": lambda reply: plain(reply.replace('"input"', '"Input"').replace('"output"', '"OUTPUT"')),
}
"""Teachers that wrap what they were asked for."""


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
