"""Errors in the body of a response, whatever its status: the message, the status it means, and when to retry.

Gateways answer 200 with an error in the body, and 429 for a spent quota, which no retry brings back.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

MAX_ERROR_BYTES = 10_000
MAX_MESSAGE_CHARS = 200
_QUOTA_CODES = re.compile(
    r"insufficient[ _](?:quota|balance|credit|fund)|billing|quota_?exceeded|credits?_(?:exhausted|depleted|required)|"
    r"payment_required|arrearage|account_(?:deactivated|suspended)|spend(?:ing)?_limit",
    re.I,
)
_QUOTA_MESSAGES = re.compile(
    r"exceeded your current quota|insufficient (?:quota|balance|credit|fund)|out of credits|balance is too low|"
    r"requires more credits|quota (?:is |has been )?(?:exhausted|used up|exceeded)|billing hard limit|no credits|"
    r"(?:spending|usage) limit (?:is |has been )?reached",
    re.I,
)
_STATUSES = (
    (429, r"rate.?limit|too.?many.?requests|resource.?exhausted|throttl|slow.?down"),
    (503, r"overload|unavailable|out of capacity|no capacity|try again later"),
    (401, r"authenticat|unauthori[sz]ed|invalid.?api.?key|permission|forbidden|access.?denied"),
    (404, r"not.?found|no such model|does not exist"),
    (400, r"invalid.?request|invalid.?argument|bad.?request|context.?length|content.?filter|unsupported|validation"),
    (500, r"server.?error|internal|timed?.?out|upstream"),
)
"""The status that words in a code, type or message mean; the first match counts."""
_MESSAGE_KEYS = (
    "message",
    "msg",
    "detail",
    "error_message",
    "error_msg",
    "status_msg",
    "error",
    "description",
    "title",
)
_CODE_KEYS = ("code", "status", "status_code", "statusCode", "http_code", "error_code")


@dataclass(frozen=True, slots=True)
class ErrorBody:
    """What a body says of an error. `status` is 0 where it gives no hint, `message` is one line."""

    message: str
    status: int = 0
    retry_after: float | None = None
    is_quota: bool = False
    """A quota or a balance is spent: a later attempt fails too."""


def parse_json(raw: bytes) -> Any:
    """Parse JSON, also with lone surrogates or invalid UTF-8 in its strings, as broken endpoints send them."""
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        return json.loads(raw.decode("utf-8", "replace"))


def read_error_body(raw: bytes) -> ErrorBody:
    """Read an error from JSON, from an event stream or from a web page. Raises nothing."""
    raw = raw[:MAX_ERROR_BYTES]
    text = raw.decode("utf-8", "replace").lstrip("\ufeff \r\n\t")
    events = re.findall(r"^data:\s*(\{.*\})\s*$", text, re.M)
    for source in (text.encode(), *(event.encode() for event in events)):
        try:
            body = parse_json(source)
        except (ValueError, RecursionError):
            continue
        if (error := _find_error(body)) is not None:
            return _read_error(error)
        if source is not text.encode():
            continue
        return ErrorBody("" if isinstance(body, Mapping | list) else _one_line(str(body)))
    if re.match(r"(?:data|event|id|retry|:)\s*:?", text) and ("\ndata:" in f"\n{text}" or text.startswith("event:")):
        return ErrorBody("it streams the reply as events; it must honour `stream: false`")
    if text[:200].lower().startswith(("<!doctype", "<html", "<?xml", "<head", "<body")):
        title = re.search(r"<title[^>]*>(.*?)</title>", text, re.S | re.I)
        words = title[1] if title and title[1].strip() else re.sub(r"(?s)<(script|style).*?</\1>|<[^>]*>", " ", text)
        return _guess_status(_one_line(f"a web page: {words}"), words)
    return _guess_status(_one_line(text), text[:MAX_MESSAGE_CHARS])


def _find_error(body: object) -> Mapping[str, Any] | None:
    """Return the fields of the error in a body, or None where it has none."""
    if isinstance(body, list) and body:
        body = body[0]
    if not isinstance(body, Mapping):
        return None
    for key in ("error", "errors", "base_resp", "fault"):
        inner = body.get(key)
        if isinstance(inner, list) and inner:
            inner = inner[0]
        if isinstance(inner, str) and inner:
            return {**body, "message": body.get("message") or inner}
        if isinstance(inner, Mapping) and inner:
            return {**{name: body[name] for name in _CODE_KEYS if name in body}, **inner}
    return body if any(body.get(key) for key in _MESSAGE_KEYS) and not body.get("choices") else None


def _read_error(error: Mapping[str, Any]) -> ErrorBody:
    message = next((error[key] for key in _MESSAGE_KEYS if error.get(key)), "")
    if isinstance(message, Mapping):
        inner = _read_error(message)
        message = inner.message
    elif isinstance(message, list):
        message = "; ".join(str(item.get("msg", item)) if isinstance(item, Mapping) else str(item) for item in message)
    line = _one_line(str(message))
    codes = [error.get(key) for key in _CODE_KEYS]
    numbers = [int(str(code)) for code in codes if str(code).isdecimal() and 400 <= int(str(code)) < 600]
    words = " ".join(str(code) for code in (*codes, error.get("type"), error.get("reason")) if code)
    retry_after = _read_retry_after(error)
    is_limit = retry_after is not None or re.search(r"resource.?exhausted|rate.?limit", words, re.I)
    is_quota = bool(_QUOTA_CODES.search(words)) or (not is_limit and bool(_QUOTA_MESSAGES.search(line)))
    if numbers:
        return ErrorBody(line, numbers[0], retry_after, is_quota)
    status = _guess_status("", words).status or _guess_status("", line).status
    return ErrorBody(line, status, retry_after, is_quota)


def _guess_status(message: str, words: str) -> ErrorBody:
    status = next((status for status, pattern in _STATUSES if re.search(pattern, words, re.I)), 0)
    return ErrorBody(message, status, is_quota=bool(_QUOTA_MESSAGES.search(words)))


def _read_retry_after(error: Mapping[str, Any]) -> float | None:
    """Return the seconds to wait that an error names: `retry_after`, or Google's `retryDelay: "34s"`."""
    details = error.get("details")
    places = [error, error.get("metadata"), *(details if isinstance(details, list) else ())]
    for place in places:
        headers = place.get("headers") if isinstance(place, Mapping) else None
        for fields in (place, headers):
            for key in ("retry_after", "retryAfter", "retryDelay", "Retry-After", "retry-after"):
                value = fields.get(key) if isinstance(fields, Mapping) else None
                if value is not None and re.fullmatch(r"\d+(?:\.\d+)?s?", str(value)):
                    return float(str(value).rstrip("s"))
    return None


def _one_line(text: str) -> str:
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return "" if line == "{}" else line[:MAX_MESSAGE_CHARS]
