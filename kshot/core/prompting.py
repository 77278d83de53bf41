"""Renders (instruction, demonstrations, query) as a prompt; nothing else does.

Training and evaluation both call `render_prompt`, so the student meets one layout. The result is the user's message;
the student's chat template goes around it.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from kshot.core.text import UNSPACED
from kshot.core.types import Example, Turn

VERSION = 2
"""Raise it with every change of an output; the data's cache key contains it."""
EVAL_TEMPLATE = "plain"
_SPACED_LETTER = rf"[^\W{UNSPACED}]"
_SPACED = re.compile(_SPACED_LETTER)
_JOINED_BEFORE = re.compile(f"[{UNSPACED}\u0590-\u05ff\u0600-\u06ff\u0750-\u077f]")
_JOINED_AFTER = re.compile(f"[{UNSPACED}\u1100-\u11ff\uac00-\ud7a3]")
COT_INSTRUCTION = "Think step by step, then give the final answer on a last line that begins with 'Answer:'."


@dataclass(frozen=True)
class Template:
    """A prompt's layout: `pair` shows a demonstration, `query` the input to answer, `between` separates them."""

    pair: str
    query: str
    between: str = "\n\n"
    before_demos: str = ""
    forbids: str = ""
    """Characters that make the layout ambiguous where an input or output contains one."""


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
    """The user's message, and the positions of the demonstrations' outputs in it."""

    text: str
    output_spans: tuple[tuple[int, int], ...]
    """[start, end) in characters, one span for each demonstration."""


def render_prompt(
    template: str, instruction: str | None, demos: Sequence[Example], query: str, with_rationale: bool = False
) -> Prompt:
    """Render the user's message for one query.

    Args:
        template: a key of `TEMPLATES`.
        instruction: the task's instruction; None where only the demonstrations show the task.
        demos: shown in this order.
        query: the input to answer.
        with_rationale: ask for steps before the answer, and show those of the demonstrations.
    """
    layout = TEMPLATES[template]
    head = [*([instruction] if instruction else []), *([COT_INSTRUCTION] if with_rationale else [])]
    text = "".join(f"{part}\n\n" for part in head)
    if demos and layout.before_demos:
        text += layout.before_demos + layout.between
    before, after = layout.pair.split("{output}")
    spans = []
    for demo in demos:
        text += before.format(input=demo.input)
        start = len(text)
        text += render_answer(demo, with_rationale)
        spans.append((start, len(text)))
        text += after + layout.between
    return Prompt(text + layout.query.format(input=query), tuple(spans))


def render_turns(
    template: str,
    instruction: str | None,
    demos: Sequence[Example],
    query: str,
    with_rationale: bool = False,
    system: str = "",
) -> list[Turn]:
    """Render the same as turns of a chat: the instruction opens the first, a demonstration is a turn and its answer.

    Args:
        system: the system prompt; "" for none.
    """
    layout, turns = TEMPLATES[template], [Turn("system", system)] if system else []
    head = [*([instruction] if instruction else []), *([COT_INSTRUCTION] if with_rationale else [])]
    lead = "".join(f"{part}\n\n" for part in head)
    for demo in demos:
        turns.append(Turn("user", lead + layout.query.format(input=demo.input)))
        turns.append(Turn("assistant", render_answer(demo, with_rationale)))
        lead = ""
    return [*turns, Turn("user", lead + layout.query.format(input=query))]


def render_answer(example: Example, with_rationale: bool = False) -> str:
    """Render the output as the student should write it."""
    if with_rationale and example.rationale:
        return f"{example.rationale}\nAnswer: {example.output}"
    return example.output


def append_options(text: str, options: Sequence[str]) -> str:
    """Append a list of options: to a query with options of its own, or to an instruction that names no labels."""
    return "\n".join([text, "Options:", *(f"- {option}" for option in options)])


def literal_pattern(literal: str) -> re.Pattern[str]:
    """Match the literal where it is not part of a longer word.

    Scripts without spaces mark no words. Arabic and Hebrew write short words, such as "and", before the literal without
    a space, and Korean writes particles behind it.
    """
    before = rf"(?<!{_SPACED_LETTER})" if _needs_space_before(literal) else ""
    after = rf"(?!{_SPACED_LETTER})" if _needs_space_after(literal) else ""
    return re.compile(before + re.escape(literal) + after)


def _needs_space_before(literal: str) -> bool:
    return literal[:1].isalnum() and not _JOINED_BEFORE.match(literal[:1])


def _needs_space_after(literal: str) -> bool:
    return literal[-1:].isalnum() and not _JOINED_AFTER.match(literal[-1:])


def has_literal(text: str, literal: str) -> bool:
    """Whether `literal_pattern` matches in the text, without a compiled pattern for each literal."""
    start = text.find(literal)
    while start >= 0:
        end = start + len(literal)
        is_joined_before = start > 0 and _needs_space_before(literal) and _SPACED.match(text, start - 1)
        is_joined_after = _needs_space_after(literal) and _SPACED.match(text, end)
        if not is_joined_before and not is_joined_after:
            return True
        start = text.find(literal, start + 1)
    return False


def names_all(text: str, labels: Iterable[str]) -> bool:
    """Whether the text contains every label as a word of its own, in its exact spelling."""
    return all(has_literal(text, label) for label in labels)


def list_unnamed_labels(instruction: str, labels: Sequence[str]) -> str:
    """Append the list of the labels where the instruction does not name all of them: nobody can guess them."""
    return instruction if names_all(instruction, labels) else append_options(instruction, labels)


def can_show(template: str, texts: Sequence[str]) -> bool:
    """Whether the template shows these inputs and outputs without ambiguity."""
    return not any(character in text for character in TEMPLATES[template].forbids for text in texts)
