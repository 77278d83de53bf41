"""The thought of a reasoning model, separated from its reply, for the teacher client and for scores.

Servers without a reasoning parser leave the thought in the content, at its beginning. A tag anywhere else, or inside a
JSON string, is text of the reply. To support another model, add its tags to `TAGS` or its markers to `CHANNELS`.
"""

import json
import re

VERSION = 1
"""Raise when the same content gives another reply."""

_NAMES = r"(?:seed:)?(?:think|thinking|thoughts?|reasoning|reflection|scratchpad|antthinking)"
TAGS: tuple[tuple[str, str], ...] = (
    (rf"<\s*(?:{_NAMES})\s*>", rf"<\s*/\s*(?:{_NAMES})\s*>"),
    (r"\[THINK\]", r"\[/THINK\]"),
    (r"◁think▷", r"◁/think▷"),
    (r"<\|?(?:begin_of_thought|START_THINKING|start_of_thought|think)\|>",
     r"<\|?(?:end_of_thought|END_THINKING|/think)\|>"),
    (r"<\|channel>\s*(?:thought|thinking)\b", r"<channel\|>"),
    (r"here(?: i|')s my (?:thought process|thinking|reasoning):", r"here(?: i|')s my (?:response|answer|reply):"),
)  # fmt: skip
"""Opening and closing tag of a thought: R1, Qwen, QwQ, Seed, EXAONE; Magistral; Kimi; OpenThinker, Command; Gemma;
Granite."""
CHANNELS = re.compile(
    r"(?:<\|start\|>\s*assistant\s*)?<\|channel\|>\s*(?P<name>\w+)"
    r"(?:[^<\n]*?(?:<\|constrain\|>[^<]*)?<\|message\|>)?",
    re.I,
)
"""Beginning of a message in OpenAI's harmony format (gpt-oss)."""
_CHANNEL_ENDS = re.compile(r"<\|(?:end|return|call)\|>")
_BARE_CHANNELS = re.compile(r"analysis(?=\S).*?assistantfinal", re.S)
"""Harmony as a server leaves it that drops special tokens."""
_LEAD = re.compile(r"[\s\ufeff]*(?:(?:<\|im_start\|>\s*assistant|<s>|<\|begin_of_text\|>|<｜Assistant｜>)\s*)?", re.I)
_WRAPPERS = tuple(
    (re.compile(rf"\s*{begin}", re.I), re.compile(end, re.I))
    for begin, end in (
        *((f"<{name}>", f"</{name}>") for name in ("answer", "response", "output", "final")),
        (
            r"<\|(?:begin_of_solution|START_RESPONSE|begin_of_box)\|>",
            r"<\|(?:end_of_solution|END_RESPONSE|end_of_box)\|>",
        ),
    )
)
"""What some models put around the reply after a thought."""
_TAGS = tuple((re.compile(begin, re.I), re.compile(end, re.I)) for begin, end in TAGS)
_QUOTES = "`\"'“”‘’"
MAX_TRIED_OBJECTS = 20
"""Braces at which an object may begin that contains a closing tag."""


def split_thought(content: str) -> tuple[str, str]:
    """Return the thought and the reply.

    An unclosed opening tag makes all of the content a thought. With a closing tag alone, the thought is all before it.
    Content without a thought is returned as it is.
    """
    if not any(mark in content for mark in ("<", "[", "◁", "analysis")) and "my " not in content[:40]:
        return "", content
    lead = _LEAD.match(content)
    start = lead.end() if lead else 0
    if split := _split_channels(content, start):
        return split
    thoughts: list[str] = []
    rest = content
    while split := _split_tag(rest, start):
        thoughts.append(split[0])
        rest, start = split[1], len(split[1]) - len(split[1].lstrip())
    if not thoughts:
        unopened = _split_unopened(content)
        if unopened is None:
            return "", content
        thoughts, rest = [unopened[0]], unopened[1]
    return "\n".join(thoughts), _unwrap(rest)


def _split_tag(text: str, start: int) -> tuple[str, str] | None:
    """Split a text that has an opening tag at `start`."""
    for begin, end in _TAGS:
        if opened := begin.match(text, start):
            closed = _find_balanced(text, opened.end(), begin, end)
            if closed is None:
                return text[opened.end() :].strip(), ""
            return text[opened.end() : closed.start()].strip(), text[closed.end() :].lstrip()
    return None


def _find_balanced(text: str, start: int, begin: re.Pattern[str], end: re.Pattern[str]) -> re.Match[str] | None:
    """Return the closing tag that matches the opening one before `start`, else the first one."""
    ends = list(end.finditer(text, start))
    for number, closed in enumerate(ends):
        if len(begin.findall(text, start, closed.start())) <= number:
            return closed
    return ends[-1] if ends else None


def _split_unopened(text: str) -> tuple[str, str] | None:
    """Split a text with a closing tag and no opening one; None where the tag is text of the reply."""
    for begin, end in _TAGS[:4]:
        closed = next((match for match in end.finditer(text) if not _is_quoted(text, match)), None)
        if closed and not begin.search(text, 0, closed.start()):
            return text[: closed.start()].strip(), text[closed.end() :].lstrip()
    return None


def _is_quoted(text: str, tag: re.Match[str]) -> bool:
    """True if the tag stands in quotes, or inside a JSON value."""
    if text[tag.start() - 1 : tag.start()] in {*_QUOTES} and text[tag.end() : tag.end() + 1] in {*_QUOTES}:
        return True
    if text.lstrip().startswith(("{", "```")) and "{" not in text[tag.end() :] and text.rstrip().endswith(("}", "```")):
        return True
    decoder = json.JSONDecoder(strict=False)
    begin = min((index for index in map(text.find, "{[") if index >= 0), default=-1)
    for _ in range(MAX_TRIED_OBJECTS):
        if not 0 <= begin < tag.start():
            return False
        try:
            _, end = decoder.raw_decode(text, begin)
        except (ValueError, RecursionError):
            end = begin + 1
        if end > tag.start():
            return True
        begin = min((index for index in (text.find("{", end), text.find("[", end)) if index >= 0), default=-1)
    return False


def _split_channels(text: str, start: int) -> tuple[str, str] | None:
    """Split harmony messages: the reply is the last `final` one, all others are thought."""
    if bare := _BARE_CHANNELS.match(text, start):
        return bare.group()[len("analysis") : -len("assistantfinal")].strip(), text[bare.end() :].lstrip()
    first = CHANNELS.match(text, start)
    if first is None:
        return None
    heads = [first, *CHANNELS.finditer(text, first.end())]
    bodies = [
        _CHANNEL_ENDS.split(text[head.end() : tail], maxsplit=1)[0].strip()
        for head, tail in zip(heads, [*(head.start() for head in heads[1:]), len(text)], strict=True)
    ]
    finals = [body for head, body in zip(heads, bodies, strict=True) if head["name"].lower() == "final"]
    others = [body for head, body in zip(heads, bodies, strict=True) if head["name"].lower() != "final"]
    return "\n".join(others), finals[-1] if finals else ""


def _unwrap(reply: str) -> str:
    """Remove the tags that a model puts around its whole reply."""
    for begin, end in _WRAPPERS:
        if opened := begin.match(reply):
            closed = end.search(reply, opened.end())
            if closed is None:
                return reply[opened.end() :].strip()
            is_whole = not reply[closed.end() :].strip()
            return reply[opened.end() : closed.start()].strip() if is_whole else reply
    return reply
