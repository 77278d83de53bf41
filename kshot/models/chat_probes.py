"""Probes of a chat template: short turns, their rendering, and the tags with which templates open a thought."""

import re
from collections.abc import Sequence
from typing import Any

from kshot.core.errors import WeightsError, summarize_error

Turn = dict[str, str]
SYSTEM: Turn = {"role": "system", "content": "Probe system."}
QUESTION: Turn = {"role": "user", "content": 'Probe question:\n\n1.  two\n   <b> & "spaces" {x} \\n?'}
ANSWER: Turn = {"role": "assistant", "content": "Probe answer"}
NEXT: Turn = {"role": "user", "content": "Probe again?"}

_OPENER = re.compile(
    r"[<\[◁](?!/|\|/)[^<>\[\]◁▷/]*?(?:think|thought|reason|reflect|scratchpad|analysis|inner_prefix)[^<>\[\]◁▷]*[>\]▷]|"
    r"<\|channel>thought|<\|channel\|>analysis<\|message\|>",
    re.I,
)
"""A tag that opens a thought."""
_CLOSERS = {
    "<|channel>thought": "<channel|>",
    "<|channel|>analysis<|message|>": "<|end|><|start|>assistant<|channel|>final<|message|>",
}
_SIDES = (("begin", "end"), ("start", "end"), ("open", "close"), ("prefix", "suffix"))


def close_thought(tail: str, written: str = "") -> str:
    """What closes the thought that this end of a prompt leaves open; empty where none is open.

    Args:
        written: the template and the tokens of the tokenizer, among which the closing tag is looked for.
    """
    openers = [found for found in _OPENER.finditer(tail) if not _is_closer(found[0])]
    if not openers:
        return ""
    opener, rest = openers[-1][0], tail[openers[-1].end() :]
    closers = _closers_of(opener)
    if any(closer in rest for closer in closers):
        return ""
    close = next((closer for closer in closers if closer in written), closers[0])
    if not close.startswith(("</", "[/")):
        return close
    return ("" if rest.endswith("\n") else "\n") + close + "\n\n"


def _is_closer(tag: str) -> bool:
    return any(re.search(rf"(?:^|[\W_]){end}(?:$|[\W_])", tag, re.I) for _, end in _SIDES)


def _closers_of(opener: str) -> list[str]:
    """The tags that may close a thought, the likeliest first."""
    if opener in _CLOSERS:
        return [_CLOSERS[opener]]
    sides = []
    for begin, end in _SIDES:
        for one, other in ((begin, end), (begin.upper(), end.upper()), (begin.title(), end.title())):
            if one in opener:
                sides.append(opener.replace(one, other))
    bar = re.sub(r"^(<[|｜])", r"\1/", opener)
    return [*sides, bar if bar != opener else f"{opener[0]}/{opener[1:]}"]


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
