"""The only place that turns (instruction, demonstrations, query) into text.

Training and evaluation both call `render_prompt`, so both show the same prompts. The result is the user's message; the
student's own chat template goes around it.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from kshot.core.types import Example

VERSION = 1
EVAL_TEMPLATE = "plain"
COT_INSTRUCTION = "Think step by step, then give the final answer on a last line that begins with 'Answer:'."


@dataclass(frozen=True)
class Template:
    """How a prompt is laid out: `pair` shows a demonstration, `query` asks; `between` parts them."""

    pair: str
    query: str
    between: str = "\n\n"
    before_demos: str = ""
    forbids: str = ""
    """Characters that would make its layout ambiguous if an input or output held one."""


TEMPLATES: dict[str, Template] = {
    "plain": Template("Input: {input}\nOutput: {output}", "Input: {input}\nOutput:"),
    "question": Template("Q: {input}\nA: {output}", "Q: {input}\nA:"),
    "bare": Template("{input}\n{output}", "{input}"),
    "text": Template("Text: {input}\nAnswer: {output}", "Text: {input}\nAnswer:", before_demos="Examples:"),
    "headed": Template("### Input\n{input}\n### Output\n{output}", "### Input\n{input}\n### Output"),
    "arrow": Template("{input} -> {output}", "{input} ->", between="\n", forbids="\n"),
    "example": Template("Example input: {input}\nExample output: {output}", "Now your turn.\nInput: {input}\nOutput:"),
    "quoted": Template('"{input}" becomes "{output}"', '"{input}" becomes', between="\n", forbids='\n"'),
}


@dataclass(frozen=True)
class Prompt:
    """The user's message, and where in it the demonstrations' outputs stand."""

    text: str
    answers: tuple[tuple[int, int], ...]
    """For each demonstration the first character of its output and the one after its last."""


def render_prompt(
    template: str, instruction: str | None, demos: Sequence[Example], query: str, reason: bool = False
) -> Prompt:
    """The user's message for one query.

    Args:
        template: a key of `TEMPLATES`.
        instruction: the task's description; None where only the demonstrations tell.
        demos: shown in this order; with `reason` their rationale precedes their answer.
        query: the input to answer.
        reason: ask for steps before the answer.
    """
    layout = TEMPLATES[template]
    head = [*([instruction] if instruction else []), *([COT_INSTRUCTION] if reason else [])]
    text = "".join(f"{part}\n\n" for part in head)
    if demos and layout.before_demos:
        text += layout.before_demos + layout.between
    before, after = layout.pair.split("{output}")
    answers = []
    for demo in demos:
        text += before.format(input=demo.input)
        start = len(text)
        text += render_answer(demo, reason)
        answers.append((start, len(text)))
        text += after + layout.between
    return Prompt(text + layout.query.format(input=query), tuple(answers))


def render_answer(example: Example, reason: bool = False) -> str:
    """The output as the student should write it."""
    if reason and example.rationale:
        return f"{example.rationale}\nAnswer: {example.output}"
    return example.output


def append_options(text: str, options: Sequence[str]) -> str:
    """The query of an item whose options change from item to item, or an instruction that does not name its labels."""
    return "\n".join([text, "Options:", *(f"- {option}" for option in options)])


def literal_pattern(literal: str) -> re.Pattern[str]:
    """The literal where it is not part of a longer word."""
    before = r"(?<!\w)" if literal[:1].isalnum() else ""
    after = r"(?!\w)" if literal[-1:].isalnum() else ""
    return re.compile(before + re.escape(literal) + after)


def names_all(text: str, labels: Iterable[str]) -> bool:
    """Whether the text names every one of the labels as it is written, none of them as part of a longer word."""
    return all(literal_pattern(label).search(text) for label in labels)


def can_show(template: str, texts: Sequence[str]) -> bool:
    """Whether the template can show these inputs and outputs without ambiguity."""
    return not any(character in text for character in TEMPLATES[template].forbids for text in texts)
