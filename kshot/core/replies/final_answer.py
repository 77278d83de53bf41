r"""The final answer in a model's text: after `Answer:`, in `\boxed{}`, in "The answer is ...", in bold; and as JSON."""

import json
import re
from typing import Any

from kshot.core.answers import tidy_answer

VERSION = 1
"""Raise when the same text gives another answer."""

_MARK = r"(?:the\s+)?(?:final\s+|correct\s+|right\s+)?answer"
ANSWER_LINE = re.compile(rf"^[\s>#*_`-]*{_MARK}\s*[*_`]*\s*[:：][*_\s]*", re.I)
"""Beginning of a line such as `**Answer:** x` or `### Final answer: x`."""
_OUTPUT_LINE = re.compile(r"^[\s>#*_`-]*(?:output|result)\s*[*_`]*\s*[:：][*_\s]*", re.I)
ANSWER_SENTENCE = re.compile(
    r"(?:(?<=^)|(?<=[.!?:;,]\s)|(?<=\n))[*_\s]*(?:(?:so|thus|hence|therefore|in conclusion|finally)\b,?\s+)?"
    r"(?:the|my)\s+(?:final\s+|correct\s+|right\s+)?(?:answer|output|result)\s+(?:is|would be|must be)\b"
    r"(?:\s+therefore)?\s*[:：]?[ \t]*",
    re.I,
)
_BOXED = re.compile(r"\\(?:boxed|fbox)\s*\{")
_WRAPPERS = (
    ("**", "**"), ("__", "__"), ("$$", "$$"), ("$", "$"), ("\\(", "\\)"), ("\\[", "\\]"), ("*", "*"),
    ("<answer>", "</answer>"), ("`", "`"),
)  # fmt: skip
_TEXT = re.compile(r"\\(?:text|mathrm|mathbf|textbf|texttt)\s*\{([^{}]*)\}")


def find_boxed(text: str) -> tuple[int, int, str] | None:
    r"""Return where the last `\boxed{...}` begins and ends, and what is in it, or None."""
    for opened in reversed(list(_BOXED.finditer(text))):
        depth = 1
        for index in range(opened.end(), len(text)):
            depth += {"{": 1, "}": -1}.get(text[index], 0)
            if not depth:
                return opened.start(), index + 1, text[opened.end() : index]
    return None


def split_at_final_answer(text: str) -> tuple[str, str] | None:
    r"""Return the steps and the final answer, or None where nothing marks an answer.

    The last line that begins with `Answer:` marks it, else the last `\boxed{}`, else the last "The answer is ...".
    """
    lines = text.splitlines(keepends=True)
    for index in range(len(lines) - 1, -1, -1):
        if marked := ANSWER_LINE.match(lines[index]):
            return "".join(lines[:index]), lines[index][marked.end() :] + "".join(lines[index + 1 :])
    if boxed := find_boxed(text):
        return text[: text.rfind("\n", 0, boxed[0]) + 1], boxed[2]
    sentences = list(ANSWER_SENTENCE.finditer(text))
    if sentences:
        answer = text[sentences[-1].end() :]
        return text[: sentences[-1].start()], answer
    return None


def unwrap_answer(text: str) -> str:
    r"""Remove what surrounds an answer: `Output:`, "The answer is", bold, `$...$`, `\boxed{}`, `\text{}`.

    >>> unwrap_answer("The answer is **leaves**.")
    'leaves'
    """
    before = None
    while text != before:
        before = text
        text = tidy_answer(text)
        for pattern in (ANSWER_LINE, _OUTPUT_LINE, ANSWER_SENTENCE):
            if (match := pattern.match(text)) and text[match.end() :].strip():
                text = text[match.end() :]
        if boxed := find_boxed(text):
            text = boxed[2]
        for begin, end in _WRAPPERS:
            inner = text[len(begin) : len(text) - len(end)]
            if text.startswith(begin) and text.endswith(end) and inner.strip() and begin not in inner:
                text = inner
        for mark in ("**", "__", "`", "*"):
            # Its other half stood before `Answer:`.
            if text.endswith(mark) and text.count(mark) == 1:
                text = text.removesuffix(mark)
        text = _TEXT.sub(r"\1", text)
    return text


def parse_container(text: str) -> str | None:
    """Return a JSON object or list in one canonical spelling, or None where the text is none.

    Key order, spaces and 1.0 for 1 make no difference; `true` and 1 do.
    """
    text = text.strip()
    fenced = re.fullmatch(r"(`{3,})[\w+-]*\s*(.*?)\s*\1", text, re.S)
    text = fenced[2] if fenced else text
    if not text.startswith(("{", "[")):
        return None
    try:
        return json.dumps(json.loads(text, parse_float=_parse_number), sort_keys=True)
    except (ValueError, RecursionError):
        return None


def _parse_number(spelling: str) -> Any:
    number = float(spelling)
    return int(number) if number.is_integer() else number


def is_same_answer(answer: str, expected: str) -> bool:
    """True if the answers are equal when tidy, or equal as JSON where both are JSON."""
    if tidy_answer(answer) == tidy_answer(expected):
        return True
    container = parse_container(expected)
    return container is not None and container == parse_container(answer)
