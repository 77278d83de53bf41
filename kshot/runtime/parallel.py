"""Work shared out to the cores, each at parts of its own.

The matrices of a small model are too small to be shared out well: torch's threads wait for one another after each of
them, where rows of a batch, or prompts of a panel, have next to nothing to wait for.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from typing import Any, TypeVar

Part = TypeVar("Part")
Result = TypeVar("Result")

THREAD_SCALING_EXPONENT = 0.8
"""Threads at the same matrices do the work of threads ** TOGETHER: two that of 1.7 (benchmarks/train_step.py)."""


def count_worker_groups(threads: int, parts: int) -> int:
    """In how many shares to work at so many equal parts: the largest one, with its threads, is soonest done so."""

    def spent(shares: int) -> tuple[float, int]:
        return -(-parts // shares) / (threads // shares) ** THREAD_SCALING_EXPONENT, -shares

    return min(range(1, max(1, min(threads, parts)) + 1), key=spent)


def is_row_independent(config: Any) -> bool:
    """Whether a model computes a row the same whatever it computed before: its positions are not stretched by need."""
    settings = config.to_dict()
    rope = str(settings.get("rope_parameters") or settings.get("rope_scaling"))
    return "dynamic" not in rope and "longrope" not in rope


def run_parallel(
    work: Callable[[Part], Result], shares: Sequence[Part], threads: int, halt: Callable[[], object] = lambda: None
) -> list[Result]:
    """What `work` makes of each share, in their order; all at once, each with its part of torch's threads.

    `halt` is called when all are done, one has failed or the user interrupts: who still works is to end soon.

    What torch keeps for a thread, `no_grad` for one, is not kept for these, unless there is one share only.
    """
    import torch

    if len(shares) == 1:
        return [work(shares[0])]
    each = max(1, threads // len(shares))
    with ThreadPoolExecutor(len(shares), initializer=torch.set_num_threads, initargs=(each,)) as pool:
        begun = [pool.submit(work, share) for share in shares]
        try:
            wait(begun, return_when=FIRST_EXCEPTION)
        finally:
            halt()
        found = [share.result() for share in begun]
    # A worker's own number of threads is also what torch remembers for later ones.
    torch.set_num_threads(threads)
    return found
