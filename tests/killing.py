"""An executor that kills one of its shards, once."""

import subprocess
import threading
import time
from contextlib import ExitStack
from pathlib import Path

from kshot.runtime.shards.executors import LocalExecutor


class KillingExecutor(LocalExecutor):
    """Kills the last of several shards by SIGKILL as soon as there is a file of the pattern, once.

    Args:
        work: how the reference of the work ends whose shard is killed.
    """

    def __init__(self, shards: int, pattern: str, whole: bool = False, work: str = "") -> None:
        super().__init__(shards, whole)
        self._work = work
        self.killed: list[int] = []
        self._pattern = pattern
        self._processes: list[subprocess.Popen[bytes]] = []

    def _start(self, stack: ExitStack, work: str, folder: Path, rank: int, shards: int) -> "subprocess.Popen[bytes]":
        process = super()._start(stack, work, folder, rank, shards)
        if rank == shards - 1 and shards > 1 and work.endswith(self._work) and not self.killed:
            threading.Thread(target=self._kill, args=(process, folder), daemon=True).start()
        return process

    def _kill(self, process: "subprocess.Popen[bytes]", folder: Path) -> None:
        while not self.is_ready(folder) and process.poll() is None:
            time.sleep(0.002)
        process.kill()
        self.killed.append(process.wait())

    def is_ready(self, folder: Path) -> bool:
        return any(folder.glob(self._pattern))
