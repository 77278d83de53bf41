"""What a teacher's reply says: the object in it, or in words why there is none. Never raises, whatever was sent."""

import json
import re
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from kshot.generate.teacher.messages import Reply

LONGEST_REPLY = 64_000
TRIES = 20
"""Braces at which an object is looked for; a reply of thousands of them costs no more time."""
_FENCE = re.compile(r"```(?:json)?\s*(.*?)```", re.S)


class ReplyShape(BaseModel):
    """What a reply should hold. Other keys are ignored: a teacher that adds a comment has still answered."""

    model_config = ConfigDict(extra="ignore", str_strip_whitespace=True)


class InputOutput(ReplyShape):
    """An input with its output."""

    input: str = Field(min_length=1, max_length=4000)
    output: str = Field(min_length=1, max_length=2000)


class InputOnly(ReplyShape):
    """An input alone."""

    input: str = Field(min_length=1, max_length=4000)


class InventedTask(InputOutput):
    """A task that the teacher made up, with one example; `labels` where the answer is one of a few."""

    name: str = Field(default="", max_length=80)
    family: str = Field(default="", max_length=80)
    instruction: str = Field(min_length=8, max_length=1000)
    labels: list[str] = Field(default=[], max_length=30)


class InstructionOnly(ReplyShape):
    """An instruction alone."""

    instruction: str = Field(min_length=8, max_length=1000)


Wanted = TypeVar("Wanted", bound=ReplyShape)


def read_reply(reply: Reply, shape: type[Wanted]) -> Wanted | str:
    """The first JSON object in the reply that has the shape; otherwise the reason to reject it."""
    found = read_text(reply.text, shape)
    return (reply.problem or found) if isinstance(found, str) else found


def read_text(text: str, shape: type[Wanted]) -> Wanted | str:
    """The first JSON object in the text that has the shape; otherwise what is wrong with it."""
    if len(text) > LONGEST_REPLY:
        return "malformed: longer than any answer"
    fenced = _FENCE.search(text)
    text = fenced.group(1) if fenced else text
    faults: list[str] = []
    begin = text.find("{")
    while begin >= 0 and len(faults) < TRIES:
        value, end = _object(text, begin, shape)
        if not isinstance(value, str):
            return value
        faults.append(value)
        begin = text.find("{", end)
    return faults[0] if faults else "malformed: no JSON object"


def _object(text: str, begin: int, shape: type[Wanted]) -> tuple[Wanted | str, int]:
    """The object that begins there, or why it will not do; and where to look on."""
    end = begin + 1
    try:
        found, end = json.JSONDecoder(strict=False).raw_decode(text, begin)
        value = shape.model_validate(found)
    except ValidationError as error:
        detail = error.errors(include_url=False)[0]
        return f"malformed: {'.'.join(map(str, detail['loc'])) or 'object'}: {detail['msg']}", end
    except (ValueError, RecursionError):
        return "malformed: broken JSON", end
    return ("malformed: characters that are no text" if not all(map(_is_clean, _texts(value))) else value), end


def _texts(value: ReplyShape) -> list[str]:
    parts: list[str] = []
    for field in value.model_dump().values():
        parts += [str(item) for item in field] if isinstance(field, list) else [str(field)]
    return parts


def _is_clean(text: str) -> bool:
    """No NUL, no lone surrogate, no control characters but line breaks and tabs."""
    return not any((ord(c) < 32 and c not in "\n\t") or 0xD800 <= ord(c) <= 0xDFFF or c == "\x7f" for c in text)
