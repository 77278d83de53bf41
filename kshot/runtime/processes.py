"""The place of this process among those that were launched together, as accelerate and torchrun tell it."""

import ctypes
import os
import signal
from contextlib import suppress

PR_SET_PDEATHSIG = 1


def process_count() -> int:
    """Number of processes that were launched together, 1 where none but this one was."""
    if "RANK" not in os.environ or "MASTER_ADDR" not in os.environ:
        return 1
    return max(1, _read("WORLD_SIZE", 1))


def process_rank() -> int:
    """The number of this process, from 0, which is the one that speaks and writes."""
    return _read("RANK", 0) if process_count() > 1 else 0


def local_process_count() -> int:
    """Number of those processes that run on this machine."""
    return max(1, _read("LOCAL_WORLD_SIZE", process_count())) if process_count() > 1 else 1


def local_rank() -> int:
    """The number of this process on its machine, which is that of its GPU."""
    return _read("LOCAL_RANK", process_rank()) if process_count() > 1 else 0


def is_launch_incomplete() -> bool:
    """Whether accelerate was asked for several processes and started one: without GPUs it does so by default."""
    launched = "ACCELERATE_MIXED_PRECISION" in os.environ and "MASTER_PORT" in os.environ
    return launched and "WORLD_SIZE" not in os.environ


def die_with_parent() -> None:
    """Have the system end this process with the one that started it, where the system can (Linux)."""
    with suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _read(name: str, default: int) -> int:
    value = os.environ.get(name, "")
    return int(value) if value.isdigit() else default
