"""A fake teacher for benchmarks: an OpenAI-compatible server on a free port, in its own process.

`serve(make)` runs it; `make()` returns the behaviour, which turns a request into an `Answer`. A bare asyncio protocol
costs less than the client that it measures, and can send invalid HTTP.
"""

import asyncio
import multiprocessing
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any, cast

import orjson


@dataclass(slots=True)
class Answer:
    """What to send after `seconds`: a status with a body, raw bytes, or nothing at all."""

    seconds: float = 0.0
    status: int = 200
    body: bytes = b"{}"
    headers: bytes = b""
    raw: bytes | None = None
    hang: bool = False
    reset: bool = False


Behave = Callable[[int, dict[str, Any]], Answer]


def completion(text: str) -> bytes:
    """Return the body of a reply with this text."""
    return orjson.dumps(
        {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 0,
            "model": "m",
            "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 10, "completion_tokens": 10, "total_tokens": 20},
        }
    )


@dataclass
class ServerStats:
    """Requests received, and the sum of the seconds until their answers."""

    served: int = 0
    seconds: float = 0.0


class _Protocol(asyncio.Protocol):
    def __init__(self, behave: Behave, stats: "ServerStats") -> None:
        self._behave = behave
        self._stats = stats
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = self._buffer[:end].lower()
            start = head.find(b"content-length:")
            length = int(head[start + 15 :].split(b"\r\n", 1)[0]) if start >= 0 else 0
            if len(self._buffer) < end + 4 + length:
                return
            body = self._buffer[end + 4 : end + 4 + length]
            self._buffer = self._buffer[end + 4 + length :]
            self._stats.served += 1
            answer = self._behave(self._stats.served, orjson.loads(body) if body else {})
            if not answer.hang:
                loop = asyncio.get_running_loop()
                loop.call_later(answer.seconds, self._send, answer, loop.time())

    def _send(self, answer: Answer, received: float) -> None:
        self._stats.seconds += asyncio.get_running_loop().time() - received
        if self._transport.is_closing():
            return
        if answer.reset:
            self._transport.abort()
        elif answer.raw is not None:
            self._transport.write(answer.raw)
            self._transport.close()
        else:
            head = b"HTTP/1.1 %d X\r\nContent-Type: application/json\r\nContent-Length: %d\r\n%b\r\n"
            self._transport.write(head % (answer.status, len(answer.body), answer.headers) + answer.body)


def _run(make: Callable[[], Behave], pipe: Connection) -> None:
    async def main() -> None:
        stats = ServerStats()
        behave = make()
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: _Protocol(behave, stats), "127.0.0.1", 0, backlog=4096)
        pipe.send(server.sockets[0].getsockname()[1])
        stop = asyncio.Event()
        loop.add_reader(pipe.fileno(), stop.set)
        await stop.wait()
        pipe.send((stats, getattr(behave, "seen", None)))

    try:
        import uvloop

        uvloop.run(main())
    except ImportError:
        asyncio.run(main())


class Server:
    """The running server; `stats` and `seen` (what the behaviour collected) are set at the end."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.stats = ServerStats()
        self.seen: Any = None


@contextmanager
def serve(make: Callable[[], Behave]) -> Iterator[Server]:
    """Run a server. `make`, a function of a module, makes the behaviour in the new process."""
    parent, child = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_run, args=(make, child), daemon=True)
    process.start()
    server = Server(f"http://127.0.0.1:{parent.recv()}/v1")
    try:
        yield server
        parent.send("stop")
        server.stats, server.seen = parent.recv()
    finally:
        process.terminate()
        process.join()


def lognormal(rng: random.Random, mean: float, sigma: float) -> float:
    """Draw seconds with this mean, spread like the latency of a language model."""
    return mean * rng.lognormvariate(-sigma * sigma / 2, sigma)
