"""Work split over the cores, each core working on parts of its own.

The matrices of a small model are too small to split: torch's threads wait for one another after each of them, while
rows of a batch, or prompts of a suite, hardly wait.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import TypeVar

Part = TypeVar("Part")
Result = TypeVar("Result")

THREAD_SCALING_EXPONENT = 0.8
"""n threads at the same matrices do the work of n ** this: two do that of 1.7 (benchmarks/train_step.py)."""


def count_worker_groups(threads: int, parts: int) -> int:
    """Number of worker groups that minimises the slowest group's time."""

    def time_of(groups: int) -> tuple[float, int]:
        return -(-parts // groups) / (threads // groups) ** THREAD_SCALING_EXPONENT, -groups

    return min(range(1, max(1, min(threads, parts)) + 1), key=time_of)


def run_parallel(
    work: Callable[[Part], Result], parts: Sequence[Part], threads: int, halt: Callable[[], object] = lambda: None
) -> list[Result]:
    """The result of `work` for each part, in order; all parts at once, each with its share of torch's threads.

    torch's thread-local state, `no_grad` for one, does not reach the workers, unless there is only one part.

    Args:
        halt: called when all parts are done, one has failed or the user interrupts; workers should end soon.
    """
    import torch

    if len(parts) == 1:
        return [work(parts[0])]
    threads_each = max(1, threads // len(parts))
    with ThreadPoolExecutor(len(parts), initializer=torch.set_num_threads, initargs=(threads_each,)) as pool:
        futures = [pool.submit(work, part) for part in parts]
        try:
            wait(futures, return_when=FIRST_EXCEPTION)
        finally:
            halt()
        results = [future.result() for future in futures]
    # torch remembers a worker's number of threads for later ones.
    torch.set_num_threads(threads)
    return results


@contextmanager
def one_thread() -> Iterator[None]:
    """Inside, torch uses one thread: on a busy machine several wait for one another after each small matrix."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
