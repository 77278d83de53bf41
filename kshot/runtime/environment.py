"""What suits the libraries before they are imported: environment variables, and the C library's heap."""

import ctypes
import os
from contextlib import suppress

# Read by tqdm when it is first imported, so this module comes before the libraries.
os.environ.setdefault("TQDM_DISABLE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
# Threads that spin while they wait for one another take the cores from whoever else works here, and then everything
# crawls (benchmarks/beside_other_work.py).
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8
NEVER = -1
BLOCK = 32 << 20
"""The largest block, in bytes, that glibc can be told not to ask of the system by itself."""


def keep_heap() -> None:
    """Have glibc keep what is freed, in one heap for all threads, unless the user told it how many heaps to have.

    By itself it gives a heap to each thread and hands large blocks back at once. Every step of a training then gets
    its memory anew, page by page, which takes up to a fifth of the time (benchmarks/train_step.py). Does nothing where
    there is another C library.
    """
    if "MALLOC_ARENA_MAX" in os.environ:
        return
    with suppress(AttributeError, OSError, TypeError):
        library = ctypes.CDLL(None)
        for name, value in ((M_ARENA_MAX, 1), (M_MMAP_THRESHOLD, BLOCK), (M_TRIM_THRESHOLD, NEVER)):
            library.mallopt(name, value)


keep_heap()
