"""Serves a model behind an OpenAI-compatible endpoint, in a process that ends with the block, or with kshot."""

import json
import os
import re
import socket
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from kshot.core.errors import ConfigError, RunError
from kshot.models.answering import check_dtype, find_model
from kshot.serving.app import ServeOptions
from kshot.serving.background import Process, background_server, find_free_port
from kshot.serving.guard import KEY_VARIABLE, is_loopback

ALL_ADDRESSES = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - names what a user may ask for
MAX_NAME_CHARS = 100
SECONDS_BETWEEN_LOOKS = 0.2


@dataclass(frozen=True)
class ServedModel:
    """A model that answers at a URL."""

    url: str
    """The base URL, which ends with /v1."""
    name: str
    """What clients call the model."""
    process: Process
    log: Path

    def wait(self) -> None:
        """Wait until the server ends, which it does not by itself.

        Raises:
            RunError: it did; says what it printed last.
        """
        while self.process.poll() is None:
            time.sleep(SECONDS_BETWEEN_LOOKS)
        raise RunError(f"serve: the server ended (exit {self.process.returncode}): {_read_last_line(self.log)}")


@contextmanager
def serve_model(
    model: str,
    *,
    adapter: bool = False,
    host: str = "127.0.0.1",
    port: int = 0,
    key: str = "",
    name: str = "",
    dtype: str = "auto",
) -> Iterator[ServedModel]:
    """Serve a run's student or another model; yield the endpoint once it answers.

    Args:
        adapter: serve the run's adapter on its base, merged in memory, instead of the merged weights.
        port: 0 for a free one.
        key: what clients must send; empty for an endpoint that needs none, on this machine alone.
        name: what clients call the model; by default the run's name, or the model's.

    Raises:
        ConfigError: another machine could reach the endpoint without a key, or a value that cannot be used.
        RunError: the run has no student, the port is not free, or the server does not start.
        WeightsError: the model cannot be found or loaded.
    """
    _check_access(host, key)
    check_dtype(dtype)
    checkpoint = find_model(model, adapter)
    name = name or re.sub(r"\s+", "-", Path(checkpoint.label).name if "/" in checkpoint.label else checkpoint.label)
    if not name.isprintable() or len(name) > MAX_NAME_CHARS or name != name.strip():
        raise ConfigError([f"--name {name!r:.120}: expected printable characters, {MAX_NAME_CHARS} at most"])
    port = _take_port(host, port)
    given = None if checkpoint.adapter is None else str(checkpoint.adapter)
    options = ServeOptions(checkpoint.folder, given, name, host, port, dtype)
    command = [sys.executable, "-m", "kshot.serving.app", json.dumps(asdict(options))]
    # What reaches all addresses is asked at this machine's own.
    near = ALL_ADDRESSES.get(host, host)
    address = f"http://{f'[{near}]' if ':' in near else near}:{port}"
    with tempfile.TemporaryDirectory(prefix="kshot-serve-") as folder:
        log = Path(folder) / "server.log"

        def fail(what: str) -> RunError:
            return RunError(f"serve: the server {what}: {_read_last_line(log)}")

        with background_server(command, f"{address}/health", log, fail, {KEY_VARIABLE: key}) as process:
            yield ServedModel(f"{address}/v1", name, process, log)


def read_key(variable: str) -> str:
    """The key of an environment variable; without a name that of KSHOT_API_KEY, where it is set.

    Raises:
        ConfigError: the variable that is named is not set, or its value cannot be sent in a header.
    """
    key = os.environ.get(variable or KEY_VARIABLE, "")
    if variable and not key:
        raise ConfigError([f"--api-key-env {variable}: the environment has no such variable; set it to the key"])
    if key and (not key.isascii() or not key.isprintable() or key != key.strip()):
        raise ConfigError([f"{variable or KEY_VARIABLE}: a key is printable ASCII without spaces around it"])
    return key


def _check_access(host: str, key: str) -> None:
    if not key and not is_loopback(host):
        raise ConfigError(
            [
                f"--host {host}: other machines could use the model without a key; set {KEY_VARIABLE}, or leave out "
                "--host to serve this machine alone"
            ]
        )


def _take_port(host: str, port: int) -> int:
    """A free port, or the one asked for if it is free."""
    try:
        if port == 0:
            return find_free_port(host)
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.socket(family) as probe:
            # As the server does, which takes over a port that another one left a moment ago.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise RunError(f"--host {host} --port {port}: {reason}; name another port, or 0 for a free one") from None
    return port


def _read_last_line(log: Path) -> str:
    """The last line that a server printed, which says why it ended."""
    lines = [line.strip() for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    return lines[-1].removeprefix("error: ") if lines else "it printed nothing"
