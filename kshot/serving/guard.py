"""Stands in front of transformers' server (ASGI): the key, the model's name, and the paths that `kshot serve` offers.

Without a key the endpoint is for this machine alone. Then the Host header must name it, which stops DNS rebinding; and
a request's body must say that it is JSON, which a page of another site cannot send unasked.
"""

import hmac
import ipaddress
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import unquote

import orjson

KEY_VARIABLE = "KSHOT_API_KEY"
MAX_BODY_BYTES = 16_000_000
CHAT, MODELS, HEALTH = "/v1/chat/completions", "/v1/models", "/health"
UNSUPPORTED: dict[str, tuple[object, ...]] = {
    "audio": (), "function_call": ("none",), "functions": ([],), "generation_config": (), "logprobs": (False,),
    "modalities": (["text"],), "n": (1,), "parallel_tool_calls": (True, False), "prediction": (),
    "presence_penalty": (0,), "reasoning_effort": ("none",), "response_format": ({"type": "text"},),
    "tool_choice": ("none", "auto"), "tools": ([],), "top_logprobs": (0,), "web_search_options": (),
}  # fmt: skip
"""Fields of a request that transformers' server, or a plain chat model, does not honour: values that change nothing."""

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]


class RefusedRequestError(Exception):
    """A request that is answered with an error: HTTP status, OpenAI's code, what to do."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code = status, code

    @property
    def body(self) -> dict[str, object]:
        """What OpenAI's clients read an error from."""
        kind = "invalid_request_error" if self.status < 500 else "server_error"
        return {"error": {"message": str(self), "type": kind, "param": None, "code": self.code}}


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches the host."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


class AccessGuard:
    """Answers what needs no model, refuses what the endpoint does not offer, and lets the rest through."""

    def __init__(self, name: str, host: str, key: str) -> None:
        self._name, self._host, self._key = name, host, key
        self._created = int(time.time())

    def wrap(self, app: App) -> App:
        """The server behind the guard."""

        async def guarded(scope: Message, receive: Receive, send: Send) -> None:
            if scope["type"] != "http":
                await app(scope, receive, send)
                return
            try:
                await self._handle(app, scope, receive, send)
            except RefusedRequestError as error:
                await _reply(send, error.status, error.body)

        return guarded

    async def _handle(self, app: App, scope: Message, receive: Receive, send: Send) -> None:
        method, path = scope["method"], scope["path"]
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        self._check_access(headers, path)
        if (method, path) == ("GET", HEALTH):
            await app(scope, receive, send)
        elif (method, path) == ("GET", MODELS):
            await _reply(send, 200, {"object": "list", "data": [self._card()]})
        elif method == "GET" and path.startswith(f"{MODELS}/"):
            self._check_name(unquote(path.removeprefix(f"{MODELS}/")))
            await _reply(send, 200, self._card())
        elif (method, path) == ("POST", CHAT):
            await app(scope, _replay(await self._read_request(headers, receive), receive), send)
        else:
            raise RefusedRequestError(404, "not_found", f"no {method} {path} here; POST {CHAT}, GET {MODELS}")

    def _check_access(self, headers: dict[str, str], path: str) -> None:
        if self._key:
            scheme, _, given = headers.get("authorization", "").partition(" ")
            is_right = hmac.compare_digest(given.strip().encode(), self._key.encode())
            if path != HEALTH and (scheme.lower() != "bearer" or not is_right):
                raise RefusedRequestError(401, "invalid_api_key", "the API key is missing or wrong")
        elif not is_loopback(named := _strip_port(headers.get("host", ""))) and named != self._host:
            raise RefusedRequestError(403, "wrong_host", "the Host header does not name this machine")

    def _check_name(self, name: object) -> None:
        if name != self._name:
            raise RefusedRequestError(404, "model_not_found", f"no model {name!r:.80} here; it is {self._name!r}")

    def _card(self) -> dict[str, object]:
        return {"id": self._name, "object": "model", "created": self._created, "owned_by": "kshot"}

    async def _read_request(self, headers: dict[str, str], receive: Receive) -> bytes:
        """The body of a request for an answer.

        Raises:
            RefusedRequestError: no JSON object, another model, or a field that cannot be honoured.
        """
        if headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            raise RefusedRequestError(415, "no_json", "send Content-Type: application/json")
        body: bytes = b""
        while True:
            message = await receive()
            body += bytes(message.get("body", b""))
            if len(body) > MAX_BODY_BYTES:
                raise RefusedRequestError(413, "too_large", f"more than {MAX_BODY_BYTES} bytes")
            if message["type"] != "http.request" or not message.get("more_body"):
                break
        try:
            request = orjson.loads(body)
        except orjson.JSONDecodeError as error:
            raise RefusedRequestError(400, "no_json", f"the body is no JSON: {error}") from None
        if not isinstance(request, dict):
            raise RefusedRequestError(400, "no_json", "the body is no JSON object")
        self._check_name(request.get("model"))
        check_fields(request)
        return body


def check_fields(request: dict[str, Any]) -> None:
    """Refuse what would be ignored, and messages that are none.

    Raises:
        RefusedRequestError: names the field.
    """
    for name, harmless in UNSUPPORTED.items():
        if (value := request.get(name)) is not None and value not in harmless:
            raise RefusedRequestError(400, "unsupported_parameter", f"{name} is not supported here; leave it out")
    for name in ("max_tokens", "max_completion_tokens"):
        value = request.get(name)
        if value is not None and (not isinstance(value, int) or value < 1):
            raise RefusedRequestError(400, "invalid_value", f"{name}: {value!r:.80}; expected 1 or more")
    for name, most in (("temperature", 2), ("top_p", 1)):
        value = request.get(name)
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if value is not None and not (is_number and 0 <= value <= most):
            raise RefusedRequestError(
                400, "invalid_value", f"{name}: {value!r:.80}; expected a number from 0 to {most}"
            )
    messages = request.get("messages")
    if not isinstance(messages, list) or not messages or not all(map(_is_text_message, messages)):
        raise RefusedRequestError(400, "invalid_value", "messages: expected a list of {role, content}, content a text")


def _is_text_message(message: object) -> bool:
    if not isinstance(message, dict) or message.get("role") not in ("system", "user", "assistant"):
        return False
    content = message.get("content")
    parts = content if isinstance(content, list) else [{"type": "text", "text": content}]
    return all(isinstance(p, dict) and p.get("type") == "text" and isinstance(p.get("text"), str) for p in parts)


def _strip_port(host: str) -> str:
    name, colon, port = host.rpartition(":")
    return (name if colon and port.isdigit() else host).strip("[]")


def _replay(body: bytes, receive: Receive) -> Receive:
    """A request's body that was read, then what comes after it."""
    is_sent = False

    async def replayed() -> Message:
        nonlocal is_sent
        if is_sent:
            return await receive()
        is_sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replayed


async def _reply(send: Send, status: int, content: object) -> None:
    body = orjson.dumps(content)
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
