"""JSON objects in a teacher's text, most literal reading first: the whole text, fences, any brace, a repair."""

import json
import re
from collections.abc import Iterator
from typing import Any

VERSION = 1
"""Raise when the same text gives other values."""

MAX_TRIED_OBJECTS = 20
"""Braces at which an object may begin. A reply with thousands of them takes no more time."""
MAX_REPAIRS, MAX_REPAIR_CHARS = 2, 16_000
"""A repair takes time that grows faster than its text."""
_FENCES = re.compile(r"(`{3,}|~{3,})[^\S\n]*([\w+#.-]*)[^\S\n]*(.*?)(?:\1|\Z)", re.S)


class SpelledFloat(float):
    """A number with its spelling: 3.10 stays 3.10 where it becomes text."""

    spelling: str

    def __new__(cls, spelling: str) -> "SpelledFloat":
        number = super().__new__(cls, spelling)
        number.spelling = spelling
        return number


_DECODER = json.JSONDecoder(strict=False, parse_float=SpelledFloat)


class JsonSyntaxError(ValueError):
    """A brace at which no object begins."""


def iter_values(text: str) -> Iterator[Any]:
    """Yield the JSON values in a text that may be an object, the most literal reading first.

    Yields a `JsonSyntaxError` for each brace at which none begins, and at most `MAX_TRIED_OBJECTS` values a reading.
    """
    whole = _decode_whole(text)
    if whole is not None:
        yield whole
    for fence in _FENCES.finditer(text):
        if (fenced := _decode_whole(fence[3])) is not None:
            yield fenced
    begin, tried = text.find("{"), 0
    while begin >= 0 and tried < MAX_TRIED_OBJECTS:
        tried += 1
        try:
            value, end = _DECODER.raw_decode(text, begin)
            yield value
        except (ValueError, RecursionError):
            end = begin + 1
            yield JsonSyntaxError()
        begin = text.find("{", end)


def iter_repaired(text: str) -> Iterator[Any]:
    """Yield the values of broken objects, repaired: trailing commas, single quotes, missing brackets, comments."""
    begin, tried = text.find("{"), 0
    while begin >= 0 and tried < MAX_REPAIRS:
        try:
            _, end = _DECODER.raw_decode(text, begin)
        except (ValueError, RecursionError):
            tried += 1
            end = begin + 1
            yield _repair(text[begin : text.rfind("}") + 1] or text[begin:].rstrip("`~ \n"))
        begin = text.find("{", end)


def _repair(source: str) -> Any:
    """Return the repaired value, or None. A string that is open at the end was cut off, so it stays broken."""
    from json_repair import repair_json

    if len(source) > MAX_REPAIR_CHARS or not source.endswith(("}", '"', "]")):
        return None
    try:
        return repair_json(source, return_objects=True, skip_json_loads=True)
    except Exception:
        # A teacher's text decides what fails in there, and no text may end the run.
        return None


def _decode_whole(text: str) -> Any:
    """Return the value of a text that is an object or a list of them, or None. A string may hold the object."""
    for _ in range(2):
        text = text.strip().lstrip("\ufeff")
        if not text.startswith(("{", "[", '"')):
            return None
        try:
            value, end = _DECODER.raw_decode(text)
        except (ValueError, RecursionError):
            return None
        if text[end:].strip():
            return None
        if not isinstance(value, str):
            return value
        text = value
    return None


def to_text(value: Any) -> str:
    """Return a JSON value as text: a string as it is, a number as it was written, all else as compact JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, SpelledFloat):
        return value.spelling
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
