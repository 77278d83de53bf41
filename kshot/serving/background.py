"""Starts a server process under the watchdog, and waits until it answers."""

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import MappingProxyType

from kshot.core.errors import KshotError

MAX_START_SECONDS = 180.0
MAX_STOP_SECONDS = 15.0
NO_VARIABLES: Mapping[str, str] = MappingProxyType({})
Process = subprocess.Popen[bytes]


def find_free_port(host: str = "127.0.0.1") -> int:
    """A port that nobody listens on.

    Raises:
        OSError: the host is no address of this machine.
    """
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as unbound:
        unbound.bind((host, 0))
        return int(unbound.getsockname()[1])


@contextmanager
def background_server(
    command: Sequence[str],
    health: str,
    log: Path,
    fail: Callable[[str], KshotError],
    variables: Mapping[str, str] = NO_VARIABLES,
) -> Iterator[Process]:
    """Run a server's command until the block ends; yield its watchdog once the server answers.

    The server does without the hub, and stops with kshot, also by SIGKILL.

    Args:
        health: the URL that answers as soon as the server is ready.
        log: the file that takes what the server prints.
        fail: makes the error to raise of what happened.
        variables: further environment variables of the server.

    Raises:
        KshotError: of `fail`: the server ended or did not answer in time.
    """
    watchdog = [sys.executable, "-m", "kshot.serving.watchdog", *command]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", **variables}
    with log.open("wb") as sink:
        process = subprocess.Popen(
            watchdog, stdin=subprocess.PIPE, stdout=sink, stderr=sink, env=environment, start_new_session=True
        )
    try:
        _wait_until_ready(process, health, fail)
        yield process
    finally:
        # A closed pipe tells the watchdog to stop the server. The wait ensures that the server is gone.
        if process.stdin:
            process.stdin.close()
        with suppress(subprocess.TimeoutExpired):
            process.wait(MAX_STOP_SECONDS)
        process.kill()
        process.wait()


def _wait_until_ready(process: Process, health: str, fail: Callable[[str], KshotError]) -> None:
    # No proxy stands between a machine and itself.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + MAX_START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise fail(f"ended while starting (exit {process.returncode})")
        with suppress(urllib.error.URLError, ConnectionError, TimeoutError), opener.open(health, timeout=5):
            return
        time.sleep(0.3)
    raise fail(f"did not answer within {MAX_START_SECONDS:.0f} s")
