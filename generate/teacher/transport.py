"""Transport: one chat completion over HTTP, and the kind of failure where it fails.

The openai client builds and validates a model of every reply, which is most of its cost. This module only reads the
JSON.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any
from urllib.request import getproxies, proxy_bypass

import aiohttp
from yarl import URL

from kshot.core.errors import TeacherError
from kshot.generate.teacher.concurrency import parse_retry_after
from kshot.generate.teacher.endpoints import Endpoint
from kshot.generate.teacher.messages import Reply, count_prompt_chars, estimate_tokens, replace_surrogates, to_json
from kshot.generate.teacher.parsing.dialect import Dialect, to_strict_schema
from kshot.generate.teacher.parsing.error_body import ErrorBody, parse_json, read_error_body

PLAIN = Dialect()
AZURE_HOSTS = (".openai.azure.com", ".cognitiveservices.azure.com", ".services.ai.azure.com")
MAX_RESPONSE_BYTES = 32 << 20
MAX_REPLY_CHARS = 1_000_000
"""Longer replies are truncated to this, with the finish reason `cut`."""
MAX_USAGE_TOKENS = 1 << 40
KEEP_ALIVE_SECONDS = 4.0
"""uvicorn, and so vLLM, closes an idle connection after five seconds."""


class FailureKind(Enum):
    """Why an attempt failed, which decides what follows."""

    RATE_LIMITED = "the endpoint is busy: lower the concurrency and retry later"
    TIMEOUT = "no reply in time: lower the concurrency and retry"
    CONNECTION = "no connection or a server error: retry"
    MALFORMED = "not a chat completion: retry"
    BAD_REQUEST = "the endpoint refuses this request: do not retry"
    AUTH = "the endpoint refuses every request: use another endpoint"


@dataclass(frozen=True, slots=True)
class RequestFailure:
    """An attempt without a reply. `retry_after` is the pause in seconds that the endpoint asks for."""

    kind: FailureKind
    reason: str
    retry_after: float | None = None
    status: int = 0


def open_session(connections: int, timeout: float) -> aiohttp.ClientSession:
    """Open a session with a pool of so many connections; `timeout` is in seconds."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=connections, keepalive_timeout=KEEP_ALIVE_SECONDS),
        timeout=aiohttp.ClientTimeout(total=timeout),
        cookie_jar=aiohttp.DummyCookieJar(),
    )


@dataclass(frozen=True, slots=True)
class Route:
    """What all requests to an endpoint share."""

    url: URL
    headers: dict[str, str]
    proxy: str | None


def make_route(endpoint: Endpoint) -> Route:
    """Look up the proxy once; aiohttp would look it up for each request, in a thread."""
    url = URL(f"{endpoint.url}/chat/completions").with_query(endpoint.query or None)
    return Route(url, _build_headers(endpoint), None if endpoint.is_own_server else find_proxy(url))


def find_proxy(url: URL) -> str | None:
    """Return the proxy of the environment for a URL, or None.

    Raises:
        TeacherError: the proxy's scheme is not supported, or its address is invalid.
    """
    proxies = getproxies()
    name = url.scheme if proxies.get(url.scheme) else "all"
    proxy = proxies.get(name, "").strip()
    if not proxy or proxy_bypass(url.host or ""):
        return None
    variable = f"{name.upper()}_PROXY"
    address = proxy if re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", proxy) else f"http://{proxy}"
    try:
        parsed = URL(address)
        is_valid = bool(parsed.host) and parsed.port is not None
    except ValueError:
        is_valid = False
    # The address may hold a password, so only its scheme is printed.
    scheme = address.split("://", maxsplit=1)[0].lower()
    if scheme not in {"http", "https"}:
        raise TeacherError(
            f"{variable}: a {scheme} proxy is not supported; name an HTTP proxy, or list {url.host} in NO_PROXY"
        )
    if not is_valid:
        raise TeacherError(f"{variable}: not the address of a proxy; write it as http://HOST:PORT")
    return address


def _build_headers(endpoint: Endpoint) -> dict[str, str]:
    headers = {"Content-Type": "application/json", "User-Agent": "kshot"}
    if not endpoint.api_key:
        return headers
    host = URL(endpoint.url).host or ""
    # Azure takes its keys in a header of their own, and the tokens of Entra, which are JSON, like everybody else.
    if (endpoint.is_deployment or host.endswith(AZURE_HOSTS)) and not endpoint.api_key.startswith("eyJ"):
        return {**headers, "api-key": endpoint.api_key}
    return {**headers, "Authorization": f"Bearer {endpoint.api_key}"}


def build_payload(
    endpoint: Endpoint, body: Mapping[str, Any], with_schema: bool, dialect: Dialect = PLAIN
) -> dict[str, Any]:
    """Return the request in the form that this endpoint takes. A None in the body leaves the field out."""
    fields = {"model": endpoint.model, "messages": body["messages"], "temperature": body["temperature"]}
    fields[endpoint.tokens_field] = body["max_tokens"]
    if with_schema and endpoint.structured != "none":
        use_object = endpoint.structured == "json_object"
        fields["response_format"] = {"type": "json_object"} if use_object else _to_strict(body["response_format"])
    return dialect.apply({**fields, **body.get("extra", {})})


def _to_strict(response_format: Mapping[str, Any]) -> dict[str, Any]:
    named = response_format["json_schema"]
    return {**response_format, "json_schema": {**named, "schema": to_strict_schema(named["schema"])}}


async def post_request(
    session: aiohttp.ClientSession,
    route: Route,
    endpoint: Endpoint,
    body: Mapping[str, Any],
    with_schema: bool,
    dialect: Dialect = PLAIN,
) -> Reply | RequestFailure:
    """Send the request once. Whatever the endpoint does, return a reply or a failure, without the API key in it."""
    data = to_json(build_payload(endpoint, body, with_schema, dialect))
    try:
        async with session.post(
            route.url, data=data, headers=route.headers, proxy=route.proxy, allow_redirects=False
        ) as response:
            raw = await _read_body(response)
            retry_after = response.headers.get("Retry-After")
            if response.status == 200:
                return parse_reply(raw, endpoint, body, retry_after)
            return _classify_error(response.status, raw, retry_after, endpoint)
    except TimeoutError:
        return RequestFailure(FailureKind.TIMEOUT, "timed out")
    except aiohttp.ClientConnectorError as error:
        reason = error.strerror or type(error).__name__
        return RequestFailure(
            FailureKind.CONNECTION, f"cannot be reached ({endpoint.redact(' '.join(reason.split()))})"
        )
    except (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError, ConnectionError) as error:
        return RequestFailure(FailureKind.CONNECTION, f"closed the connection ({type(error).__name__})")
    except (aiohttp.ClientError, OSError, ValueError, EOFError) as error:
        return RequestFailure(FailureKind.MALFORMED, f"sent an invalid HTTP response ({type(error).__name__})")


async def _read_body(response: aiohttp.ClientResponse) -> bytes:
    if (response.content_length or 0) <= 1 << 16 and response.content_length is not None:
        return await response.read()
    content = bytearray()
    async for chunk in response.content.iter_any():
        content += chunk
        if len(content) > MAX_RESPONSE_BYTES:
            raise ValueError("too long")
    return bytes(content)


def parse_reply(
    raw: bytes, endpoint: Endpoint, body: Mapping[str, Any], retry_after: str | None = None
) -> Reply | RequestFailure:
    """Return the first choice's text with the token usage; estimate the usage where it is missing or absurd.

    Args:
        retry_after: the header, for a body that holds an error instead of a choice.
    """
    secret = endpoint.api_key.encode("utf-8", "replace")
    if secret and secret in raw:
        raw = endpoint.redact(raw.decode("utf-8", "replace")).encode()
    try:
        completion = parse_json(raw)
        choice = completion["choices"][0]
        if choice.get("error") or choice.get("finish_reason") == "error":
            return _classify_error(200, to_json({"error": choice.get("error")}), retry_after, endpoint)
        message = choice["message"]
        text = _join_text(message.get("content"))
        finish_reason = str(choice.get("finish_reason") or "")
        if not text and isinstance(message.get("refusal"), str):
            text, finish_reason = message["refusal"], "refusal"
        if not text and completion.get("error"):
            return _classify_error(200, raw, retry_after, endpoint)
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return _classify_error(200, raw, retry_after, endpoint)
    # The cache returns it in this form, so a rerun sees the same text.
    text, finish_reason = replace_surrogates(text), replace_surrogates(finish_reason)
    if len(text) > MAX_REPLY_CHARS:
        text, finish_reason = text[:MAX_REPLY_CHARS], "cut"
    usage = completion.get("usage")
    usage = usage if isinstance(usage, dict) else {}
    prompt_tokens = _check_usage(usage.get("prompt_tokens"), count_prompt_chars(body))
    completion_tokens = _check_usage(usage.get("completion_tokens"), len(text))
    cost = endpoint.compute_cost(prompt_tokens, completion_tokens)
    return Reply(text, finish_reason[:40], prompt_tokens, completion_tokens, endpoint.url, endpoint.model, cost)


def _join_text(content: object) -> str:
    """Return the text of a message's content: a string, null or a list of parts."""
    if isinstance(content, list):
        return "".join(part["text"] for part in content if part.get("type") == "text")
    if content is None or isinstance(content, str):
        return content or ""
    raise TypeError


def _check_usage(tokens: object, characters: int) -> int:
    """Return the endpoint's token count, or an estimate from the characters where the count is absurd."""
    is_count = isinstance(tokens, int) and not isinstance(tokens, bool) and 0 <= tokens < MAX_USAGE_TOKENS
    return tokens if is_count and isinstance(tokens, int) else estimate_tokens(characters)


def _classify_error(status: int, raw: bytes, retry_after: str | None, endpoint: Endpoint) -> RequestFailure:
    """Return the failure that a response means: by its status, or by the error in its body where the status is 200."""
    error = read_error_body(raw)
    message = endpoint.redact(error.message)
    if status == 200:
        code = f" with error {error.status}" if error.status else ", and no chat completion"
        reason = f"answers 200{code}" + (f": {message}" if message else "")
    else:
        reason = f"answers {status}: {message}" if message else f"answers {status}"
    # Gateways pass on a rate limit with a status of their own.
    meaning = error.status if status == 200 or error.status == 429 else status
    kind = _classify_status(meaning, error)
    if meaning in {401, 403} and not error.is_quota:
        reason += f"; is the key in ${endpoint.api_key_env}?"
    header = parse_retry_after(retry_after)
    return RequestFailure(kind, reason, error.retry_after if header is None else header, meaning)


def _classify_status(status: int, error: ErrorBody) -> FailureKind:
    if error.is_quota and status not in {400, 422}:
        return FailureKind.AUTH
    if status in {429, 503}:
        return FailureKind.RATE_LIMITED
    if status in {401, 402, 403, 404, 405, 410}:
        return FailureKind.AUTH
    if status >= 500 or status in {408, 409, 425}:
        return FailureKind.CONNECTION
    return FailureKind.BAD_REQUEST if status else FailureKind.MALFORMED
