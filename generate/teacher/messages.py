"""Requests to a teacher, its replies, and the JSON body of a request."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import orjson

from kshot.core.replies.thought import split_thought
from kshot.core.seeding import digest


@dataclass(frozen=True, slots=True)
class Request:
    """One request to a teacher. What is None comes from the teacher's settings.

    Args:
        prompt: the user's message.
        sample: the index among several samples of the same message.
        system: the system message.
        schema: JSON Schema of the reply. An endpoint may ignore it, so the caller still validates the reply.
        min_tokens: room that the reply needs, where `max_tokens` gives less.
    """

    prompt: str
    sample: int = 0
    system: str | None = None
    schema: Mapping[str, Any] | None = field(default=None, hash=False)
    max_tokens: int | None = None
    temperature: float | None = None
    min_tokens: int = 0

    @property
    def id(self) -> str:
        """Digest of the prompt and the sample."""
        return digest(self.prompt, self.sample)

    def limit_tokens(self, default: int) -> int:
        """Return the maximum tokens of the reply.

        Args:
            default: where the request names no maximum.
        """
        return max(self.max_tokens or default, self.min_tokens)


AcceptedFraction = Callable[[], float]
"""The fraction of the replies so far that the caller accepted, from 0 to 1."""
TRUNCATED = {"length", "cut", "max_tokens", "max_output_tokens", "model_length"}
"""Finish reasons of an incomplete text, in lower case."""


@dataclass(frozen=True)
class Reply:
    """A teacher's reply. Tokens are the endpoint's count, or an estimate from the lengths where it sends none.

    `content` is what the endpoint sent, and what the cache keeps; `text` is the reply in it, without a model's thought.
    `error` says why there is no text: the endpoint refused the request, all attempts failed, or a budget was spent
    before the request was sent.
    """

    content: str
    finish_reason: str = ""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    endpoint: str = ""
    model: str = ""
    cost: float = 0.0
    error: str = ""

    @cached_property
    def text(self) -> str:
        """The reply without the thought before it; the only text that may become data or be checked."""
        return split_thought(self.content)[1]

    @property
    def is_truncated(self) -> bool:
        return self.finish_reason.lower() in TRUNCATED

    @property
    def is_only_thought(self) -> bool:
        """True if the model spent all of its tokens before the reply began."""
        return not self.error and self.is_truncated and not self.text.strip()

    @property
    def problem(self) -> str:
        """Why the text is missing or incomplete; "" where it is complete."""
        if self.error:
            return f"no reply: {self.error}"
        if self.is_only_thought:
            return "no reply after the thought: longer than max_tokens"
        if self.content.strip() and not self.text.strip():
            return "no reply after the thought"
        return "cut off: longer than max_tokens" if self.is_truncated else ""


NOT_SENT = Reply("", error="not sent, a budget is spent")


def count_prompt_chars(body: Mapping[str, Any]) -> int:
    """Count the characters of all messages."""
    return sum(len(part["content"]) for part in body["messages"])


def build_body(
    request: Request, temperature: float | None, max_tokens: int, extra: Mapping[str, Any]
) -> dict[str, Any]:
    """Return everything that shapes the reply, except the model.

    Args:
        temperature: where the request has none of its own; None for no temperature at all.
    """
    messages = [{"role": "user", "content": request.prompt}]
    if request.system is not None:
        messages.insert(0, {"role": "system", "content": request.system})
    body: dict[str, Any] = {
        "messages": messages,
        "temperature": temperature if temperature is None or request.temperature is None else request.temperature,
        "max_tokens": request.limit_tokens(max_tokens),
        "sample": request.sample,
    }
    if request.schema is not None:
        body["response_format"] = {
            "type": "json_schema",
            "json_schema": {"name": "reply", "strict": True, "schema": request.schema},
        }
    return {**body, "extra": dict(extra)} if extra else body


def to_json(value: Any) -> bytes:
    """Return JSON bytes with sorted keys. Lone surrogates, which UTF-8 cannot hold, become `?`."""
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except TypeError:
        return orjson.dumps(_replace_all_surrogates(value), option=orjson.OPT_SORT_KEYS)


def replace_surrogates(text: str) -> str:
    """Replace lone surrogates by `?`."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def _replace_all_surrogates(value: Any) -> Any:
    if isinstance(value, str):
        return replace_surrogates(value)
    if isinstance(value, Mapping):
        return {replace_surrogates(str(key)): _replace_all_surrogates(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_replace_all_surrogates(item) for item in value]
    return value


def estimate_tokens(characters: int) -> int:
    """Estimate the tokens in so many characters, at four a token."""
    return -(-characters // 4)
