"""A `llama-server` of llama.cpp for as long as it is asked."""

import json
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from kshot.core.errors import WeightsError

MAX_START_SECONDS = 300
MAX_ANSWER_SECONDS = 300


class LlamaServer:
    """Starts the server with a GGUF file, waits until it is ready, and stops it at the end."""

    def __init__(self, binary: Path, file: Path, context: int) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self._url = f"http://127.0.0.1:{port}"
        self._file = file
        self._command = [str(binary), "-m", str(file), "--host", "127.0.0.1", "--port", str(port), "-c", str(context)]
        self._command += ["-np", "1", "--jinja"]
        self.load_seconds = 0.0

    def __enter__(self) -> Self:
        began = time.monotonic()
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            self._wait(began + MAX_START_SECONDS)
        except BaseException:
            self._stop()
            raise
        self.load_seconds = time.monotonic() - began
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stop()

    def _wait(self, deadline: float) -> None:
        while not self._is_ready():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise WeightsError(f"{self._file.name}: llama-server does not load it")
            time.sleep(0.1)

    def _stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self._url}/health", timeout=5) as reply:  # noqa: S310 - our own address
                return bool(reply.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def ask(self, payload: dict[str, Any]) -> str:
        """The answer to a chat.

        Raises:
            WeightsError: the server gives none.
        """
        request = urllib.request.Request(  # noqa: S310 - our own address
            f"{self._url}/v1/chat/completions",
            json.dumps(payload).encode(),
            {"Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=MAX_ANSWER_SECONDS) as reply:  # noqa: S310
                return str(json.load(reply)["choices"][0]["message"]["content"] or "")
        except (urllib.error.URLError, OSError, ValueError, KeyError, IndexError) as error:
            raise WeightsError(f"{self._file.name}: llama-server gives no answer: {error}") from None
