"""What a library spends on asking, printed as one line of JSON; run by the library's own Python."""

import json
import resource
import sys
import time
from collections.abc import Callable, Iterable
from importlib.metadata import version


def cpu_seconds() -> float:
    """CPU seconds of this process and of those of its children that have ended."""
    spent = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in spent)


def measure(distribution: str, count: int, ask: Callable[[], Iterable[str | None]]) -> None:
    """Time `ask`, which is to give `count` replies; imports and what was made before the call are not in it."""
    cpu, wall = cpu_seconds(), time.perf_counter()
    replies = ask()
    cpu, wall = cpu_seconds() - cpu, time.perf_counter() - wall
    answered = sum(1 for reply in replies if reply)
    if answered != count:
        sys.exit(f"{answered} of {count} requests were answered")
    print(json.dumps({"cpu": cpu, "wall": wall, "version": version(distribution)}))
