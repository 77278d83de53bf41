"""What goes to a teacher and what comes back."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson


@dataclass(frozen=True, slots=True)
class Request:
    """One thing to ask: the user's message, and which of several samples of the same message it is.

    A schema is JSON Schema for the reply; it is asked for as well as the endpoint can, and the caller still has to
    parse. What is None is taken from the teacher's settings.
    """

    prompt: str
    sample: int = 0
    system: str | None = None
    schema: Mapping[str, Any] | None = field(default=None, hash=False)
    max_tokens: int | None = None
    temperature: float | None = None


CUT = {"length", "cut"}
"""Finish reasons of a text that has not come to its end."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What a teacher said. Tokens are the endpoint's count, or a guess from the lengths where it sends none.

    `error` says why there is no text: the endpoint refused this request, failed it as often as it may be tried, or a
    spent budget left it unasked.
    """

    text: str
    finish_reason: str = ""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    endpoint: str = ""
    model: str = ""
    cost: float = 0.0
    error: str = ""

    @property
    def problem(self) -> str:
        """Why this is not all that the teacher has to say; "" where it is."""
        if self.error:
            return f"no reply: {self.error}"
        return "cut off: longer than max_tokens" if self.finish_reason in CUT else ""


NOT_ASKED = Reply("", error="not asked, a budget is spent")


def count_prompt_chars(body: Mapping[str, Any]) -> int:
    """Characters of the prompt."""
    return sum(len(part["content"]) for part in body["messages"])


def build_body(request: Request, temperature: float, max_tokens: int, extra: Mapping[str, Any]) -> dict[str, Any]:
    """All that shapes the reply but the model."""
    messages = [{"role": "user", "content": request.prompt}]
    if request.system is not None:
        messages.insert(0, {"role": "system", "content": request.system})
    body: dict[str, Any] = {
        "messages": messages,
        "temperature": temperature if request.temperature is None else request.temperature,
        "max_tokens": request.max_tokens or max_tokens,
        "sample": request.sample,
    }
    if request.schema is not None:
        body["response_format"] = {
            "type": "json_schema",
            "json_schema": {"name": "reply", "strict": True, "schema": request.schema},
        }
    return {**body, "extra": dict(extra)} if extra else body


def to_json(value: Any) -> bytes:
    """JSON bytes with sorted keys; half characters (lone surrogates), which UTF-8 cannot hold, become `?`."""
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except TypeError:
        return orjson.dumps(_mended(value), option=orjson.OPT_SORT_KEYS)


def replace_surrogates(text: str) -> str:
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def _mended(value: Any) -> Any:
    if isinstance(value, str):
        return replace_surrogates(value)
    if isinstance(value, Mapping):
        return {replace_surrogates(str(key)): _mended(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_mended(item) for item in value]
    return value


def estimate_tokens(characters: int) -> int:
    """Tokens in so many characters, at four a token."""
    return -(-characters // 4)
