"""Fixtures of the teacher's tests: servers that misbehave on demand, and a cache of replies."""

import socketserver
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from kshot.generate.teacher.cache import ReplyCache
from tests.integration.misbehaving import Behave, Server, Start, echo
from tests.scripted import Script


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts servers, each in a thread, and stops them all at the end."""
    with ExitStack() as stack:

        def start_server(behave: Behave = echo) -> Server:
            server = Server()
            server.behave = behave
            threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
            stack.callback(socketserver.TCPServer.server_close, server)
            stack.callback(server.shutdown)
            return server

        yield start_server


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[ReplyCache]:
    opened = ReplyCache(tmp_path / "replies.sqlite")
    yield opened
    opened.close()


@pytest.fixture
def script() -> Script:
    return Script()
