"""The local teacher: `transformers serve` on a free loopback port. It stops when kshot ends, also by SIGKILL."""

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from kshot.core.console import say
from kshot.core.errors import TeacherError

MAX_START_SECONDS = 180.0
DTYPE = "float32"
"""In bfloat16 a greedy reply depends on the other requests in its batch (benchmarks/teacher_agreement.py)."""
KV_CACHE_OPTIONS = ["--cb-block-size", "32", "--cb-num-blocks", "512", "--cb-max-batch-tokens", "1024"]
"""A cache of 16,384 tokens. By default the server takes most of the memory for it."""
_LAUNCH = "from transformers.cli.transformers import main; main()"


def find_free_port() -> int:
    with socket.socket() as unbound:
        unbound.bind(("127.0.0.1", 0))
        return int(unbound.getsockname()[1])


@contextmanager
def local_server(model: str, log: Path) -> Iterator[str]:
    """Serve a model folder; yield the base URL once the server answers.

    Raises:
        TeacherError: the server ended or did not answer in time; the message names its log.
    """
    port = find_free_port()
    serve = [sys.executable, "-c", _LAUNCH, "serve", model, "--continuous-batching", "--dtype", DTYPE]
    serve += ["--host", "127.0.0.1", "--port", str(port)]
    serve += KV_CACHE_OPTIONS
    watchdog = [sys.executable, "-m", "kshot.generate.teacher.servers.watchdog", *serve]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
    say("starting the local teacher")
    with log.open("wb") as sink:
        process = subprocess.Popen(
            watchdog, stdin=subprocess.PIPE, stdout=sink, stderr=sink, env=environment, start_new_session=True
        )
    try:
        _wait_until_ready(process, port, log)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        # A closed pipe tells the watchdog to stop the server. The wait ensures that the server is gone.
        if process.stdin:
            process.stdin.close()
        with suppress(subprocess.TimeoutExpired):
            process.wait(15)
        process.kill()
        process.wait()


def _wait_until_ready(process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    deadline = time.monotonic() + MAX_START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise TeacherError(f"the local teacher ended while starting (exit {process.returncode}); see {log}")
        with (
            suppress(urllib.error.URLError, ConnectionError, TimeoutError),
            urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5),
        ):
            return
        time.sleep(0.3)
    raise TeacherError(f"the local teacher did not answer within {MAX_START_SECONDS:.0f} s; see {log}")
