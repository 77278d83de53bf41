"""Print the CPU and wall time of a library as one line of JSON; the library's own Python runs this."""

import json
import resource
import sys
import time
from collections.abc import Callable, Iterable
from importlib.metadata import version


def cpu_seconds() -> float:
    """Return the CPU seconds of this process and of its ended children."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def measure(distribution: str, count: int, ask: Callable[[], Iterable[str | None]]) -> None:
    """Time `ask`, which must return `count` replies. Imports and earlier work do not count."""
    cpu, wall = cpu_seconds(), time.perf_counter()
    replies = ask()
    cpu, wall = cpu_seconds() - cpu, time.perf_counter() - wall
    answered = sum(1 for reply in replies if reply)
    if answered != count:
        sys.exit(f"{answered} of {count} requests got a reply")
    print(json.dumps({"cpu": cpu, "wall": wall, "version": version(distribution)}))
