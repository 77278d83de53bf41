"""Other libraries on the same requests, each in its own environment: `others/NAME.txt`, `others/ask_NAME.py`.

An environment is created once in the user's cache (KSHOT_CACHE moves it), and again when its requirements change.
"""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import orjson

from kshot.core.console import say
from kshot.core.seeding import digest
from kshot.models.references import cache_folder

FOLDER = Path(__file__).parent / "others"
INSTALL_SECONDS, ASK_SECONDS = 1800, 600
# No telemetry, no hub, no downloaded price lists and no proxy; the home folder is temporary.
QUIET = {
    "TELEMETRY_ENABLED": "false",
    "CURATOR_VIEWER": "0",
    "CURATOR_DISABLE_CACHE": "1",
    "CURATOR_DISABLE_RICH_DISPLAY": "1",
    "DISTILABEL_LOG_LEVEL": "WARNING",
    "HF_HUB_OFFLINE": "1",
    "HF_DATASETS_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "NO_PROXY": "127.0.0.1",
    "no_proxy": "127.0.0.1",
}


class UnavailableError(Exception):
    """A library could not be installed or run, for the reason given in one line."""


@dataclass(frozen=True)
class Spent:
    """CPU seconds, and seconds from the first request to the last reply."""

    cpu: float
    wall: float
    version: str = ""


def prepare_environment(name: str) -> Path:
    """Return the Python of the library's environment; create the environment if it is missing.

    Raises:
        UnavailableError: the environment cannot be created.
    """
    if os.name != "posix":
        raise UnavailableError("needs a POSIX system, for the CPU time of child processes")
    requirements = FOLDER / f"{name}.txt"
    folder: Path = cache_folder().parent / "benchmarks" / f"{name}-{digest(requirements.read_text(), sys.version)}"
    python, done = folder / "bin" / "python", folder / "installed"
    if not done.exists():
        say(f"installing {name} into {folder} (once; some minutes)")
        _run([sys.executable, "-m", "venv", "--clear", str(folder)], INSTALL_SECONDS)
        pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        _run([*pip, "--requirement", str(requirements)], INSTALL_SECONDS)
        done.touch()
    return python


def ask(python: Path, name: str, options: Sequence[str], prompts: Sequence[str], concurrency: int, url: str) -> Spent:
    """Return the CPU and wall time of the library on these prompts.

    Raises:
        UnavailableError: the library failed, or left prompts without a reply.
    """
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        path = Path(home) / "prompts.json"
        path.write_bytes(orjson.dumps(prompts))
        hidden = {"PYTHONPATH", "HF_HOME", "XDG_CACHE_HOME", "DISTILABEL_CACHE_DIR", "CURATOR_CACHE_DIR"}
        variables = {key: value for key, value in os.environ.items() if key not in hidden} | QUIET | {"HOME": home}
        command = [str(python), str(FOLDER / f"ask_{name}.py"), url, str(concurrency), str(path), *options]
        printed = _run(command, ASK_SECONDS, variables)
    try:
        return Spent(**orjson.loads(printed))
    except (TypeError, ValueError):
        raise UnavailableError(f"printed no measurement: {printed[:100]!r}") from None


def _run(command: Sequence[str], seconds: float, variables: dict[str, str] | None = None) -> str:
    """Return the last line that a command prints, after it and its children have ended."""
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        process = subprocess.Popen(command, stdout=out, stderr=err, env=variables, start_new_session=True)
        try:
            status = process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise UnavailableError(f"not done after {seconds:.0f} seconds") from None
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        lines, errors = _read_lines(out), _read_lines(err)
    if status:
        messages = [line for line in errors if line.startswith("ERROR")] or errors or lines
        raise UnavailableError((messages or [f"ended with status {status}"])[-1][:300])
    return lines[-1] if lines else ""


def _read_lines(stream: IO[str]) -> list[str]:
    stream.seek(0)
    return [line.strip() for line in stream if line.strip()]
