"""Runs a server that cannot outlive kshot: `python -m kshot.generate.teacher.watchdog COMMAND...`.

Its stdin is a pipe from kshot. When kshot ends, also by SIGKILL, the system closes the pipe, and the watchdog ends
the server with all its children.
"""

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress

GRACE_SECONDS = 5.0
_PR_SET_PDEATHSIG = 1


def _die_with_parent() -> None:
    """In the server, on Linux: be killed if the guard itself is killed (prctl(2))."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _end(server: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(server.pid, signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        server.wait(GRACE_SECONDS)
    with suppress(ProcessLookupError):
        os.killpg(server.pid, signal.SIGKILL)
    server.wait()


def main(command: list[str]) -> int:
    server = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=_die_with_parent,
    )
    gone = threading.Event()

    def watch() -> None:
        sys.stdin.buffer.read()
        gone.set()

    threading.Thread(target=watch, daemon=True).start()
    signal.signal(signal.SIGTERM, lambda *_: gone.set())
    while not gone.is_set():
        if (code := server.poll()) is not None:
            return code
        time.sleep(0.1)
    _end(server)
    return 0


if __name__ == "__main__":
    # os._exit: the reading thread may hold the buffer's lock, on which an ordinary exit would wait.
    os._exit(main(sys.argv[1:]))
