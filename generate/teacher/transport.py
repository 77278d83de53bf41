"""One chat completion over HTTP: bytes out, bytes in, and what went wrong in a form that tells what to do about it.

The openai client builds and validates models of every reply, most of its cost; here the JSON is read and nothing more.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any
from urllib.request import getproxies, proxy_bypass

import aiohttp
import orjson
from yarl import URL

from kshot.generate.teacher.concurrency import parse_retry_after
from kshot.generate.teacher.endpoints import Endpoint
from kshot.generate.teacher.messages import Reply, count_prompt_chars, estimate_tokens, replace_surrogates, to_json

MAX_BYTES = 32 << 20
MAX_CHARS = 1_000_000
"""Longer replies are cut to this, with `cut` as their finish reason."""
MAX_TOKENS = 1 << 40
KEEP_ALIVE_SECONDS = 4.0
"""Below the five seconds after which uvicorn, and so vLLM, closes an idle connection."""


class FailureKind(Enum):
    """What a failed try says."""

    LATER = "the endpoint is busy: ask less, later"
    SLOW = "no answer in time: ask less, again"
    BROKEN = "no connection, an error of the server: again"
    GARBAGE = "an answer that is no chat completion: again"
    REFUSED = "this request will never do"
    DENIED = "no request will ever do"


@dataclass(frozen=True, slots=True)
class RequestFailure:
    """A try without a reply; `wait` is the pause in seconds that the endpoint asks for."""

    kind: FailureKind
    cause: str
    wait: float | None = None
    status: int = 0


def open_session(connections: int, timeout: float) -> aiohttp.ClientSession:
    """A pool that keeps every connection it may need."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=connections, keepalive_timeout=KEEP_ALIVE_SECONDS),
        timeout=aiohttp.ClientTimeout(total=timeout),
        cookie_jar=aiohttp.DummyCookieJar(),
    )


@dataclass(frozen=True, slots=True)
class Route:
    """What is the same for all requests to an endpoint."""

    url: URL
    headers: dict[str, str]
    proxy: str | None


def make_route(endpoint: Endpoint) -> Route:
    """Proxies are those of the environment; aiohttp would look them up again for each request, in a thread."""
    url = URL(f"{endpoint.url}/chat/completions")
    proxy = None if proxy_bypass(url.host or "") else getproxies().get(url.scheme)
    return Route(url, headers_for(endpoint), proxy)


def headers_for(endpoint: Endpoint) -> dict[str, str]:
    headers = {"Content-Type": "application/json", "User-Agent": "kshot"}
    return {**headers, "Authorization": f"Bearer {endpoint.key}"} if endpoint.key else headers


def build_payload(endpoint: Endpoint, body: Mapping[str, Any], with_schema: bool) -> dict[str, Any]:
    """The request as this endpoint takes it."""
    fields = {"model": endpoint.model, "messages": body["messages"], "temperature": body["temperature"]}
    fields[endpoint.tokens_field] = body["max_tokens"]
    if with_schema and endpoint.structured != "none":
        form = body["response_format"]
        fields["response_format"] = {"type": "json_object"} if endpoint.structured == "json_object" else form
    return {**fields, **body.get("extra", {})}


async def post_request(
    session: aiohttp.ClientSession,
    route: Route,
    endpoint: Endpoint,
    body: Mapping[str, Any],
    with_schema: bool,
) -> Reply | RequestFailure:
    """Ask once. Whatever the endpoint does, the outcome is a reply or a fault, without the key in it."""
    data = to_json(build_payload(endpoint, body, with_schema))
    try:
        async with session.post(
            route.url, data=data, headers=route.headers, proxy=route.proxy, allow_redirects=False
        ) as response:
            raw = await _read(response)
            if response.status == 200:
                return parse_reply(raw, endpoint, body)
            return _status_fault(response.status, raw, response.headers.get("Retry-After"), endpoint)
    except TimeoutError:
        return RequestFailure(FailureKind.SLOW, "timed out")
    except aiohttp.ClientConnectorError as error:
        reason = error.strerror or type(error).__name__
        return RequestFailure(FailureKind.BROKEN, f"cannot be reached ({endpoint.scrub(' '.join(reason.split()))})")
    except (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError, ConnectionError) as error:
        return RequestFailure(FailureKind.BROKEN, f"breaks the connection off ({type(error).__name__})")
    except (aiohttp.ClientError, OSError, ValueError, EOFError) as error:
        return RequestFailure(FailureKind.GARBAGE, f"sends what is no HTTP ({type(error).__name__})")


async def _read(response: aiohttp.ClientResponse) -> bytes:
    if (response.content_length or 0) <= 1 << 16 and response.content_length is not None:
        return await response.read()
    whole = bytearray()
    async for chunk in response.content.iter_any():
        whole += chunk
        if len(whole) > MAX_BYTES:
            raise ValueError("too long")
    return bytes(whole)


def parse_reply(raw: bytes, endpoint: Endpoint, body: Mapping[str, Any]) -> Reply | RequestFailure:
    """The first choice's text, and the usage if it is sane."""
    secret = endpoint.key.encode("utf-8", "replace")
    if secret and secret in raw:
        raw = endpoint.scrub(raw.decode("utf-8", "replace")).encode()
    try:
        answer = parse_json(raw)
        choice = answer["choices"][0]
        message = choice["message"]
        text = _text(message.get("content"))
        reason = str(choice.get("finish_reason") or "")
        if not text and isinstance(message.get("refusal"), str):
            text, reason = message["refusal"], "refusal"
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        return RequestFailure(FailureKind.GARBAGE, f"sends what is no chat completion ({type(error).__name__})")
    # As the store will give it back, so that a rerun sees the same.
    text, reason = replace_surrogates(text), replace_surrogates(reason)
    if len(text) > MAX_CHARS:
        text, reason = text[:MAX_CHARS], "cut"
    usage = answer.get("usage")
    usage = usage if isinstance(usage, dict) else {}
    asked = _count(usage.get("prompt_tokens"), count_prompt_chars(body))
    said = _count(usage.get("completion_tokens"), len(text))
    cost = endpoint.cost(asked, said)
    return Reply(text, reason[:40], asked, said, endpoint.url, endpoint.model, cost)


def parse_json(raw: bytes) -> Any:
    """JSON, also where strings hold half characters or bytes that are no UTF-8, as broken endpoints send."""
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        return json.loads(raw.decode("utf-8", "replace"))


def _text(content: object) -> str:
    """The text of a message: a string, nothing, or a list of parts."""
    if isinstance(content, list):
        return "".join(part["text"] for part in content if part.get("type") == "text")
    if content is None or isinstance(content, str):
        return content or ""
    raise TypeError


def _count(given: object, characters: int) -> int:
    sane = isinstance(given, int) and not isinstance(given, bool) and 0 <= given < MAX_TOKENS
    return given if sane and isinstance(given, int) else estimate_tokens(characters)


def _status_fault(status: int, raw: bytes, wait: str | None, endpoint: Endpoint) -> RequestFailure:
    words = endpoint.scrub(_message(raw[:10_000]))
    cause = f"answers {status}: {words}" if words else f"answers {status}"
    if status in {429, 503}:
        what = FailureKind.LATER
    elif status in {401, 402, 403, 404, 405, 410}:
        what = FailureKind.DENIED
        if status in {401, 403}:
            cause += f"; is the key in ${endpoint.key_env}?"
    elif status >= 500 or status in {408, 409, 425}:
        what = FailureKind.BROKEN
    else:
        what = FailureKind.REFUSED
    return RequestFailure(what, cause, parse_retry_after(wait), status)


def _message(raw: bytes) -> str:
    """What the endpoint says about an error, in one line of 200 characters at most."""
    try:
        found = parse_json(raw)
        found = found.get("error", found.get("message", found.get("detail", found)))
        words = found.get("message", found) if isinstance(found, dict) else found
    except (ValueError, AttributeError, RecursionError):
        words = raw.decode("utf-8", "replace")
    line = " ".join("".join(c if c.isprintable() else " " for c in str(words)).split())
    return "" if line == "{}" else line[:200]
