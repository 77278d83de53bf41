"""What suits the libraries before they are imported, and a way to keep their bars, logs and warnings off the screen."""

import ctypes
import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

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
NOISY = (
    "transformers",
    "trl",
    "peft",
    "accelerate",
    "datasets",
    "lm_eval",
    "lm-eval",
    "httpx",
    "torch",
    "huggingface_hub",
)


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


@contextmanager
def quiet() -> Iterator[None]:
    """Inside, only errors of the libraries are shown. Restores what was set before."""
    from datasets.utils import logging as datasets_logging
    from transformers.utils import logging as transformers_logging

    before = {name: logging.getLogger(name).level for name in NOISY}
    bars = datasets_logging.is_progress_bar_enabled()
    for name in NOISY:
        logging.getLogger(name).setLevel(logging.ERROR)
    datasets_logging.disable_progress_bar()
    transformers_logging.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for name, level in before.items():
            logging.getLogger(name).setLevel(level)
        transformers_logging.enable_progress_bar()
        if bars:
            datasets_logging.enable_progress_bar()


@contextmanager
def without_git() -> Iterator[None]:
    """Inside, lm-eval reads the commit of the working folder from its files, as it does where there is no git.

    By itself it runs git, which complains on the screen at every cell where the folder is no repository.
    """
    from lm_eval import evaluator
    from lm_eval.loggers.utils import get_commit_from_path

    asking = evaluator.get_git_commit_hash
    evaluator.get_git_commit_hash = lambda: get_commit_from_path(Path.cwd())
    try:
        yield
    finally:
        evaluator.get_git_commit_hash = asking
