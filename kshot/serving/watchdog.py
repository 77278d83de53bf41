"""Run a server that cannot outlive kshot: `python -m kshot.serving.watchdog COMMAND...`.

The watchdog's stdin is a pipe from kshot. When kshot ends, also by SIGKILL, the system closes the pipe. Then the
watchdog ends the server and all its children.
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
    """On Linux: have the kernel kill the server when the watchdog itself is killed (prctl(2))."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _stop_server(server: subprocess.Popen[bytes]) -> None:
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
    stop = threading.Event()

    def wait_for_parent() -> None:
        sys.stdin.buffer.read()
        stop.set()

    threading.Thread(target=wait_for_parent, daemon=True).start()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    while not stop.is_set():
        if (code := server.poll()) is not None:
            return code
        time.sleep(0.1)
    _stop_server(server)
    return 0


if __name__ == "__main__":
    # The reading thread may hold the lock of stdin's buffer, on which an ordinary exit would wait.
    os._exit(main(sys.argv[1:]))
