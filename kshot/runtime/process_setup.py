"""Environment variables that libraries read when they are imported, the C library's heap, and who speaks."""

import ctypes
import os
from contextlib import suppress

from kshot.core.console import keep_silent
from kshot.runtime.processes import process_rank

# tqdm reads this when it is first imported, so this module comes before the libraries.
os.environ.setdefault("TQDM_DISABLE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
# Spinning threads take the cores from other processes, which slows all of them (benchmarks/beside_other_work.py).
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8
NEVER = -1
MAX_HEAP_BLOCK_BYTES = 32 << 20
"""The largest mmap threshold that glibc accepts."""


def keep_heap() -> None:
    """Have glibc keep freed memory in one heap for all threads, unless the user set MALLOC_ARENA_MAX.

    By default glibc gives each thread a heap and returns large blocks at once. Every training step then gets its memory
    anew, page by page, which takes up to a fifth of the time (benchmarks/train_step.py). No effect with another C
    library.
    """
    if "MALLOC_ARENA_MAX" in os.environ:
        return
    with suppress(AttributeError, OSError, TypeError):
        library = ctypes.CDLL(None)
        for name, value in ((M_ARENA_MAX, 1), (M_MMAP_THRESHOLD, MAX_HEAP_BLOCK_BYTES), (M_TRIM_THRESHOLD, NEVER)):
            library.mallopt(name, value)


keep_heap()
if process_rank() > 0:
    keep_silent()
