"""Structured output: the JSON object in a teacher's reply, or the reason why there is none. Nothing here raises."""

import json
import re
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from kshot.generate.teacher.messages import Reply

VERSION = 1
"""Raise when the same reply is read differently, or a schema changes."""

MAX_STRUCTURED_CHARS = 64_000
MAX_TRIED_OBJECTS = 20
"""Braces at which an object may begin. A reply with thousands of them takes no more time."""
_FENCE = re.compile(r"```(?:json)?\s*(.*?)```", re.S)


# Class names and docstrings are part of the JSON Schema that a teacher gets, and so of the cache key.


class ReplyShape(BaseModel):
    """Base of the objects that a reply may hold. Unknown keys are ignored: teachers like to add comments."""

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


ShapeT = TypeVar("ShapeT", bound=ReplyShape)


def read_reply(reply: Reply, shape: type[ShapeT]) -> ShapeT | str:
    """Return the first JSON object in the reply that has the shape, or the reason to reject the reply."""
    result = read_text(reply.text, shape)
    return (reply.problem or result) if isinstance(result, str) else result


def read_text(text: str, shape: type[ShapeT]) -> ShapeT | str:
    """Return the first JSON object in the text that has the shape, or what is wrong with the text."""
    if len(text) > MAX_STRUCTURED_CHARS:
        return f"malformed: longer than {MAX_STRUCTURED_CHARS} characters"
    fenced = _FENCE.search(text)
    text = fenced.group(1) if fenced else text
    errors: list[str] = []
    begin = text.find("{")
    while begin >= 0 and len(errors) < MAX_TRIED_OBJECTS:
        result, end = _read_object(text, begin, shape)
        if not isinstance(result, str):
            return result
        errors.append(result)
        begin = text.find("{", end)
    return errors[0] if errors else "malformed: no JSON object"


def _read_object(text: str, begin: int, shape: type[ShapeT]) -> tuple[ShapeT | str, int]:
    """Return the object at `begin`, or what is wrong with it; and the index after it."""
    end = begin + 1
    try:
        value, end = json.JSONDecoder(strict=False).raw_decode(text, begin)
        result = shape.model_validate(value)
    except ValidationError as error:
        detail = error.errors(include_url=False)[0]
        return f"malformed: {'.'.join(map(str, detail['loc'])) or 'object'}: {detail['msg']}", end
    except (ValueError, RecursionError):
        return "malformed: invalid JSON", end
    return (result if all(map(_is_clean, _list_texts(result))) else "malformed: control characters"), end


def _list_texts(value: ReplyShape) -> list[str]:
    texts: list[str] = []
    for field in value.model_dump().values():
        texts += [str(item) for item in field] if isinstance(field, list) else [str(field)]
    return texts


def _is_clean(text: str) -> bool:
    """True if there is no NUL, no lone surrogate and no control character except line breaks and tabs."""
    return not any((ord(c) < 32 and c not in "\n\t") or 0xD800 <= ord(c) <= 0xDFFF or c == "\x7f" for c in text)
