"""Structured output: the JSON object in a teacher's reply, or the reason why there is none. Nothing here raises."""

from collections.abc import Mapping
from typing import Any, TypeVar, get_origin

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from kshot.generate.teacher.messages import Reply
from kshot.generate.teacher.parsing.json_objects import JsonSyntaxError, iter_repaired, iter_values, to_text

VERSION = 3
"""Raise when the same reply is read differently, or a schema changes."""

MAX_STRUCTURED_CHARS = 64_000
LIST_KEY = "examples"
MAX_WRAPPERS = 3
"""Objects around the wanted one."""


# Class names and docstrings are part of the JSON Schema that a teacher gets, and so of the cache key.


class ReplyShape(BaseModel):
    """Base of the objects that a reply may hold. Unknown keys are ignored: teachers like to add comments."""

    model_config = ConfigDict(extra="ignore", str_strip_whitespace=True)


class InputOnly(ReplyShape):
    """An input alone."""

    input: str = Field(min_length=1, max_length=4000)


class InputOutput(InputOnly):
    """An input with its output."""

    output: str = Field(min_length=1, max_length=2000)


class GroundedQuestion(ReplyShape):
    """A question with its answer, and the words that prove it."""

    question: str = Field(min_length=5, max_length=1000)
    answer: str = Field(min_length=1, max_length=1000)
    evidence: str = Field(min_length=1, max_length=4000)


class AttributeLists(ReplyShape):
    """What the inputs of a task can differ in."""

    topics: list[str] = Field(default=[], max_length=64)
    lengths: list[str] = Field(default=[], max_length=64)
    levels: list[str] = Field(default=[], max_length=64)
    styles: list[str] = Field(default=[], max_length=64)
    writers: list[str] = Field(default=[], max_length=64)


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
    result = read_text(reply.text, shape, repair=not reply.is_truncated)
    return (reply.problem or result) if isinstance(result, str) else result


def read_text(text: str, shape: type[ShapeT], repair: bool = True) -> ShapeT | str:
    """Return the first JSON object in the text that has the shape, or what is wrong with the text.

    Args:
        repair: whether to repair broken JSON as the last resort; false for a text that was cut off.
    """
    if len(text) > MAX_STRUCTURED_CHARS:
        return f"malformed: longer than {MAX_STRUCTURED_CHARS} characters"
    reasons: list[str] = []
    is_broken = False
    for value in iter_values(text):
        if isinstance(value, JsonSyntaxError):
            is_broken = True
            reasons.append("malformed: invalid JSON")
            continue
        result = _read_value(value, shape)
        if not isinstance(result, str):
            return result
        reasons.append(result)
    if repair and is_broken:
        for value in iter_repaired(text):
            result = _read_value(value, shape)
            if not isinstance(result, str):
                return result
    return reasons[0] if reasons else "malformed: no JSON object"


def list_schema(shape: type[ReplyShape]) -> dict[str, Any]:
    """Return the JSON Schema of an object whose `examples` are a list of objects of the shape."""
    items = shape.model_json_schema()
    return {
        "title": f"{shape.__name__}List",
        "type": "object",
        "properties": {LIST_KEY: {"type": "array", "items": items}},
        "required": [LIST_KEY],
    }


def read_items(reply: Reply, shape: type[ShapeT]) -> list[ShapeT | str] | str:
    """Return the items of a list in a reply, each an object of the shape or the reason to reject it.

    A reply that was cut off gives the objects before the cut; one object alone is a list of it.

    Returns:
        The reason to reject the reply where no object of the shape is in it.
    """
    if len(reply.text) > MAX_STRUCTURED_CHARS:
        return f"malformed: longer than {MAX_STRUCTURED_CHARS} characters"
    values = [value for value in iter_values(reply.text) if not isinstance(value, JsonSyntaxError)]
    repaired = [] if reply.is_truncated else iter_repaired(reply.text)
    objects: list[ShapeT] = []
    for value in (*values, *repaired):
        items = [_read_item(item, shape) for item in _find_list(value)]
        if any(not isinstance(item, str) for item in items):
            return items
        single = _read_value(value, shape)
        if not isinstance(single, str) and single not in objects:
            objects.append(single)
    if objects:
        return list(objects)
    reason = read_reply(reply, shape)
    return reason if isinstance(reason, str) else "malformed: no list of examples"


def _find_list(value: object) -> list[Any]:
    """Return the list that a value is or holds, with objects or texts in it; empty where there is none."""
    if isinstance(value, Mapping):
        lists = [content for content in value.values() if isinstance(content, list)]
        named = [content for key, content in value.items() if _fold_key(key) == LIST_KEY and isinstance(content, list)]
        inner = [content for content in value.values() if isinstance(content, Mapping)]
        if len(value) == 1 and inner:
            return _find_list(inner[0])
        return named[0] if named else lists[0] if len(lists) == len(value) == 1 else []
    return value if isinstance(value, list) else []


def _read_item(item: object, shape: type[ShapeT]) -> ShapeT | str:
    required = [name for name, field in shape.model_fields.items() if field.is_required()]
    if isinstance(item, str) and len(required) == 1:
        item = {required[0]: item}
    return _read_value(item, shape)


def _read_value(value: object, shape: type[ShapeT], wrappers: int = MAX_WRAPPERS) -> ShapeT | str:
    """Return the object of the shape that a value is, or wraps; or what is wrong with it."""
    if isinstance(value, list):
        results = [_read_value(item, shape, wrappers) for item in value if isinstance(item, Mapping)]
        return next((result for result in results if not isinstance(result, str)), "malformed: no JSON object")
    if not isinstance(value, Mapping):
        return "malformed: no JSON object"
    try:
        result = shape.model_validate(_tidy_fields(value, shape))
    except ValidationError as error:
        inner = [item for item in value.values() if isinstance(item, Mapping | list) and item]
        if wrappers and len(inner) == 1:
            unwrapped = _read_value(inner[0], shape, wrappers - 1)
            if not isinstance(unwrapped, str):
                return unwrapped
        detail = error.errors(include_url=False)[0]
        return f"malformed: {'.'.join(map(str, detail['loc'])) or 'object'}: {detail['msg']}"
    return result if all(map(_is_clean, _list_texts(result))) else "malformed: control characters"


def _tidy_fields(value: Mapping[str, Any], shape: type[ReplyShape]) -> dict[str, Any]:
    """Return the shape's fields by their own names, with text where the shape wants text."""
    spellings: dict[str, str] = {}
    for key in value:
        spellings.setdefault(_fold_key(key), key)
    fields: dict[str, Any] = {}
    for name, field in shape.model_fields.items():
        spelling = name if name in value else spellings.get(name)
        if spelling is None or (value[spelling] is None and not field.is_required()):
            continue
        content = value[spelling]
        if field.annotation is str and content is not None:
            content = to_text(content)
        elif get_origin(field.annotation) is list and isinstance(content, list):
            content = [item if item is None else to_text(item) for item in content]
        fields[name] = content
    return fields


def _fold_key(key: str) -> str:
    return str(key).strip(" :*_").casefold().replace(" ", "_").replace("-", "_")


def _list_texts(value: ReplyShape) -> list[str]:
    texts: list[str] = []
    for field in value.model_dump().values():
        texts += [str(item) for item in field] if isinstance(field, list) else [str(field)]
    return texts


def _is_clean(text: str) -> bool:
    """True if there is no NUL, no lone surrogate and no control character except line breaks and tabs."""
    return not any((ord(c) < 32 and c not in "\n\t") or 0xD800 <= ord(c) <= 0xDFFF or c == "\x7f" for c in text)
