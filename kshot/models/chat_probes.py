"""Probes of a chat template: short turns, their rendering, and the tags with which templates open a thought."""

import re
from collections.abc import Sequence
from typing import Any

from kshot.core.errors import WeightsError, summarize_error

Turn = dict[str, str]
SYSTEM: Turn = {"role": "system", "content": "Probe system."}
QUESTION: Turn = {"role": "user", "content": "Probe question:\n\n1.  two\n   spaces?"}
ANSWER: Turn = {"role": "assistant", "content": "Probe answer"}
NEXT: Turn = {"role": "user", "content": "Probe again?"}

_NAME = r"(?P<name>[\w:-]*(?:think|thought|reason|reflect|scratchpad)[\w:-]*)"
_TAGS: tuple[tuple[str, str], ...] = (
    (rf"<{_NAME}>", "</{name}>"),
    (rf"\[{_NAME}\]", "[/{name}]"),
    (rf"<\|(?P<side>begin|start)_of_{_NAME}\|>", "<|end_of_{name}|>"),
    (r"<\|(?P<side>START)_(?P<name>THINKING)\|>", "<|END_{name}|>"),
    (rf"<\|{_NAME}\|>", "<|/{name}|>"),
    (r"◁(?P<name>think)▷", "◁/{name}▷"),
    (r"<\|channel>(?P<name>thought)", "<channel|>"),
    (r"<\|(?P<name>inner)_prefix\|>", "<|{name}_suffix|>"),
    (
        r"<\|channel\|>(?P<name>analysis)<\|message\|>",
        "<|end|><|start|>assistant<|channel|>final<|message|>",
    ),
)
"""Pattern of the tag that opens a thought, and the tag that closes it."""


def close_thought(tail: str) -> str:
    """What closes the thought that this end of a prompt leaves open; empty where none is open."""
    for pattern, closer in _TAGS:
        opened = list(re.finditer(pattern, tail, re.I))
        if not opened:
            continue
        close = closer.format(name=opened[-1]["name"])
        rest = tail[opened[-1].end() :]
        if close in rest:
            continue
        if not closer.startswith(("</", "[/")):
            return close
        return ("" if rest.endswith("\n") else "\n") + close + "\n\n"
    return ""


class Renderer:
    """Renders turns with a template as transformers does, without a thought where the template can."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer

    def render(self, template: str, turns: Sequence[Turn], add_generation_prompt: bool = True) -> str:
        """The text of the turns.

        Raises:
            WeightsError: the template refuses them.
        """
        import jinja2

        try:
            text = self._tokenizer.apply_chat_template(
                list(turns),
                chat_template=template,
                tokenize=False,
                add_generation_prompt=add_generation_prompt,
                enable_thinking=False,
            )
        except (jinja2.TemplateError, TypeError, ValueError, KeyError, AttributeError, IndexError) as error:
            roles = ", ".join(turn["role"] for turn in turns)
            raise WeightsError(f"the chat template refuses the turns {roles}: {summarize_error(error)}") from None
        return str(text)

    def try_render(self, template: str, turns: Sequence[Turn], add_generation_prompt: bool = True) -> str | None:
        """The same; None where the template refuses them."""
        try:
            return self.render(template, turns, add_generation_prompt)
        except WeightsError:
            return None

    def shows(self, template: str, turns: Sequence[Turn], turn: Turn) -> bool:
        """Whether the template takes these turns and shows the text of this one as it is, and of all users."""
        text = self.try_render(template, turns) or ""
        return all(each["content"] in text for each in (turn, *turns))
