"""Executors: where the shards of a work run. `local` starts processes; `clusters` has Slurm and Ray.

Local shards are plain processes: datatrove's local executor never ends after one of its workers was killed
(docs/decisions/0024).
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path
from shutil import rmtree
from typing import Protocol

from kshot.core.console import Ticker, say
from kshot.core.errors import RunError
from kshot.core.files import write_json
from kshot.runtime.device import MAX_CORES, count_cores, visible_gpus
from kshot.runtime.shards.work import find_work
from kshot.runtime.shards.worker import ERRORS, PARTS, missing_parts, read_error

LOGS = "logs"
MAX_RESTARTS = 3
SECONDS_BETWEEN_POLLS = 0.2
Poll = Callable[[], None]


class Executor(Protocol):
    """Runs shards; `restarts` says whether to start those again that ended before their parts were done."""

    name: str
    shards: int
    restarts: bool

    def launch(self, work: str, folder: Path, shards: int, poll: Poll) -> None:
        """Run `run_shard` for each rank, and return when all have ended, in whatever way."""
        ...


def run_parts(
    executor: Executor, work: str, folder: Path, parts: Sequence[int], poll: Poll, shards: int | None = None
) -> None:
    """Do all parts of a work; those that are done already are not done again.

    Args:
        work: its reference, see `find_work`.
        folder: an absolute path that all shards see.
        shards: so many in place of the executor's.

    Raises:
        RunError: a shard noted an error, or parts are missing after `MAX_RESTARTS` restarts.
    """
    name = find_work(work).name
    for start in range(MAX_RESTARTS + 1 if executor.restarts else 1):
        missing = missing_parts(work, folder, parts)
        if not missing:
            return
        if start:
            say(f"{name}: a shard ended early (killed, or out of memory); {len(missing)} of {len(parts)} parts again")
        rmtree(folder / ERRORS, ignore_errors=True)
        write_json(folder / PARTS, missing)
        executor.launch(work, folder, min(shards or executor.shards, len(missing)), poll)
        poll()
        if error := read_error(folder):
            raise RunError(error)
    if missing := missing_parts(work, folder, parts):
        raise RunError(
            f"{name}: {len(missing)} of {len(parts)} parts are missing; {folder / LOGS} says why, "
            "and a rerun continues with these"
        )


def tick_for_files(paths: Iterable[Path], tick: Ticker) -> Poll:
    """Return what ticks once for each of these files that has come since it was last called."""
    waiting = set(paths)

    def poll() -> None:
        done = {path for path in waiting if path.exists()}
        if done:
            tick(len(done))
            waiting.difference_update(done)

    return poll


class LocalExecutor:
    """Shards as processes of this machine.

    Args:
        whole: each shard gets an equal part of the cores, and a GPU in turn; else one core.
    """

    name = "local"
    restarts = True

    def __init__(self, shards: int, whole: bool = False) -> None:
        self.shards = shards
        self._whole = whole

    def launch(self, work: str, folder: Path, shards: int, poll: Poll) -> None:
        (folder / LOGS).mkdir(exist_ok=True)
        with ExitStack() as stack:
            processes = [self._start(stack, work, folder, rank, shards) for rank in range(shards)]
            while any(process.poll() is None for process in processes):
                time.sleep(SECONDS_BETWEEN_POLLS)
                poll()

    def _start(self, stack: ExitStack, work: str, folder: Path, rank: int, shards: int) -> "subprocess.Popen[bytes]":
        log = stack.enter_context((folder / LOGS / f"{find_work(work).name}-{rank}.txt").open("ab"))
        # Shards share the cores: their libraries must not each start a thread for every core.
        cores = str(max(1, count_cores() // shards) if self._whole else 1)
        environment = {**os.environ, "OMP_NUM_THREADS": cores, MAX_CORES: cores}
        if self._whole and (gpus := visible_gpus()):
            environment["CUDA_VISIBLE_DEVICES"] = gpus[rank % len(gpus)]
        process = stack.enter_context(
            subprocess.Popen(
                [sys.executable, "-m", "kshot.runtime.shards.worker", work, str(folder), str(rank), str(shards)],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                env=environment,
            )
        )
        stack.callback(process.kill)
        return process
