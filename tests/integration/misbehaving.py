"""A real HTTP server that answers as a test tells it, well or badly, and counts concurrent requests."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import orjson

from kshot.config import TeacherConfig
from kshot.generate.teacher.cache import ReplyCache
from kshot.generate.teacher.client import TeacherClient, make_client


@dataclass
class Answer:
    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    cut: bool = False


Behave = Callable[[dict[str, Any]], Answer]


def says(text: str, **more: Any) -> Answer:
    message = {"role": "assistant", "content": text}
    return Answer(body=orjson.dumps({"choices": [{"message": message, "finish_reason": "stop"}], **more}))


def echo(body: dict[str, Any]) -> Answer:
    return says("Reply to " + body["messages"][-1]["content"])


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 512

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.behave: Behave = echo
        self.asked: list[dict[str, Any]] = []
        self.lines: list[tuple[str, dict[str, str]]] = []
        """The path and the headers of each request."""
        self.busy = 0
        self.max_busy = 0
        self.lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass


class Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        body = orjson.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with self.server.lock:
            self.server.asked.append(body)
            self.server.lines.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
            self.server.busy += 1
            self.server.max_busy = max(self.server.max_busy, self.server.busy)
        try:
            answer = self.server.behave(body)
        finally:
            with self.server.lock:
                self.server.busy -= 1
        if answer.cut:
            self.close_connection = True
            return
        self.send_response(answer.status)
        for name, value in {"Content-Length": str(len(answer.body)), **answer.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer.body)

    def log_message(self, format: str, *args: object) -> None:
        pass


def answer_in_turn(*answers: Answer) -> Behave:
    """Give these answers to the first requests, and echo the others."""
    remaining = list(answers)
    lock = threading.Lock()

    def behave(body: dict[str, Any]) -> Answer:
        with lock:
            return remaining.pop(0) if remaining else echo(body)

    return behave


Start = Callable[..., Server]
"""The fixture `start`: starts a server that behaves as the argument says, else echoes."""


def open_client(cache: ReplyCache, folder: Path, **settings: Any) -> TeacherClient:
    settings = {"model": "m", "max_backoff_seconds": 0.1, **settings}
    return make_client(TeacherConfig.model_validate(settings), "", cache, folder)
