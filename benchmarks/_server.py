"""A teacher that is none, for benchmarks: an OpenAI-compatible server on a free port, in a process of its own.

`serve(behave)` runs it; `behave(index, body)` says what to do with a request as an `Answer`. Uses bare asyncio streams'
protocol, so that it costs less than the client it measures and can send what no library would.
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
    """What to send after `seconds`: a status and a body, or raw bytes, or nothing more on this connection."""

    seconds: float = 0.0
    status: int = 200
    body: bytes = b"{}"
    headers: bytes = b""
    raw: bytes | None = None
    hang: bool = False
    reset: bool = False


Behave = Callable[[int, dict[str, Any]], Answer]


def completion(text: str) -> bytes:
    """The body of a reply with this text."""
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
class DatasetStats:
    """Requests received, and the seconds that they were held, together."""

    served: int = 0
    seconds: float = 0.0


class _Protocol(asyncio.Protocol):
    def __init__(self, behave: Behave, tally: "DatasetStats") -> None:
        self._behave = behave
        self._tally = tally
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = self._buffer[:end].lower()
            at = head.find(b"content-length:")
            length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
            if len(self._buffer) < end + 4 + length:
                return
            body = self._buffer[end + 4 : end + 4 + length]
            self._buffer = self._buffer[end + 4 + length :]
            self._tally.served += 1
            answer = self._behave(self._tally.served, orjson.loads(body) if body else {})
            if not answer.hang:
                loop = asyncio.get_running_loop()
                loop.call_later(answer.seconds, self._send, answer, loop.time())

    def _send(self, answer: Answer, came: float) -> None:
        self._tally.seconds += asyncio.get_running_loop().time() - came
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
        tally = DatasetStats()
        behave = make()
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: _Protocol(behave, tally), "127.0.0.1", 0, backlog=4096)
        pipe.send(server.sockets[0].getsockname()[1])
        stop = asyncio.Event()
        loop.add_reader(pipe.fileno(), stop.set)
        await stop.wait()
        pipe.send((tally, getattr(behave, "seen", None)))

    try:
        import uvloop

        uvloop.run(main())
    except ImportError:
        asyncio.run(main())


class Server:
    """The running server; its tally and `seen` (what `behave` has collected, if it does) are known at the end."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.tally = DatasetStats()
        self.seen: Any = None


@contextmanager
def serve(make: Callable[[], Behave]) -> Iterator[Server]:
    """Run a server whose behaviour `make`, a function of some module, makes in the new process."""
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_run, args=(make, there), daemon=True)
    process.start()
    server = Server(f"http://127.0.0.1:{here.recv()}/v1")
    try:
        yield server
        here.send("stop")
        server.tally, server.seen = here.recv()
    finally:
        process.terminate()
        process.join()


def lognormal(rng: random.Random, mean: float, sigma: float) -> float:
    """Seconds with this mean, as unevenly spread as replies of a language model."""
    return mean * rng.lognormvariate(-sigma * sigma / 2, sigma)
