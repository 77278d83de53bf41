"""Requests in, replies out, in the same order: a bounded window over a stream that may be endless."""

import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack
from itertools import islice
from typing import TypeVar

from kshot.core.console import SECONDS_BETWEEN_LINES, Ticker, progress, say
from kshot.generate.teacher.budget import BudgetExceededError, ProgressRate
from kshot.generate.teacher.endpoint_state import PendingRequest
from kshot.generate.teacher.messages import AcceptedFraction, Reply, Request
from kshot.generate.teacher.scheduler import AllEndpointsFailedError, Scheduler

CHUNK_REQUESTS = 64
WINDOW_FACTOR = 16
"""Requests held per request in flight. The slowest one may fall so far behind before the others wait for it."""
MAX_UNSENT_IN_A_ROW = 10_000
"""Uncached requests after a spent budget; then the stream ends."""
SECONDS_BETWEEN_TICKS = 0.2

T = TypeVar("T")


class ReplyStream:
    """One pass over the requests. The scheduler starts at the first request that is not cached.

    Args:
        start: starts the scheduler, until the stack closes.
        look_up: looks requests up in the cache.
    """

    def __init__(
        self,
        start: Callable[[ExitStack], Scheduler],
        look_up: Callable[[Sequence[Request]], list[PendingRequest]],
        label: str,
        total: int | None,
        accepted: AcceptedFraction | None,
    ) -> None:
        self.failed = 0
        self._start = start
        self._look_up = look_up
        self._label = label
        self._total = total
        self._accepted = accepted
        self._scheduler: Scheduler | None = None
        self._window: deque[tuple[Request, PendingRequest]] = deque()
        self._unsettled: dict[str, PendingRequest] = {}
        self._yielded = 0
        self._unsent = 0
        self._succeeded = 0
        self._ticker: Ticker | None = None
        self._last_tick = (0, 0.0)

    @property
    def has_sent(self) -> bool:
        """True if a request was not cached."""
        return self._scheduler is not None

    @property
    def budget_error(self) -> BudgetExceededError | None:
        return self._scheduler.budget_error if self._scheduler else None

    def run(self, requests: Iterator[Request]) -> Generator[tuple[Request, Reply], None, None]:
        with ExitStack() as stack:
            for chunk in split_chunks(requests, CHUNK_REQUESTS):
                self._submit(chunk, stack)
                bound = self._scheduler.max_in_flight * WINDOW_FACTOR if self._scheduler else 0
                yield from self._take_settled(bound)
                if self._unsent > MAX_UNSENT_IN_A_ROW:
                    break
            yield from self._take_settled(0)
            self._tick(force=True)
        if self._scheduler and self.failed and not self._succeeded:
            raise AllEndpointsFailedError(self._scheduler.last_failure)

    def _submit(self, requests: Sequence[Request], stack: ExitStack) -> None:
        new: dict[str, PendingRequest] = {}
        for request, pending in zip(requests, self._look_up(requests), strict=True):
            if not pending.settled:
                pending = self._unsettled.get(pending.identity) or new.setdefault(pending.identity, pending)
            self._window.append((request, pending))
        if new:
            if self._scheduler is None:
                self._scheduler = self._start_with_progress(stack)
            self._unsettled.update(new)
            self._scheduler.submit(list(new.values()))

    def _take_settled(self, bound: int) -> Iterator[tuple[Request, Reply]]:
        """Yield the settled requests at the window's head; wait while the window holds more than `bound` requests."""
        while self._window and (self._window[0][1].settled or len(self._window) > bound):
            request, pending = self._window[0]
            reply = pending.reply if pending.settled or self._scheduler is None else self._wait(pending)
            self._window.popleft()
            self._unsettled.pop(pending.identity, None)
            if reply is None:
                self._unsent += 1
                continue
            self._unsent = 0
            self._yielded += 1
            self.failed += bool(reply.error)
            self._succeeded += not reply.error
            self._tick()
            yield request, reply

    def _wait(self, pending: PendingRequest) -> Reply | None:
        assert self._scheduler is not None  # noqa: S101 - for mypy
        self._tick(force=True)
        return self._scheduler.wait(pending)

    def _start_with_progress(self, stack: ExitStack) -> Scheduler:
        if self._total is None:
            self._ticker = _count_lines(self._label)
        else:
            self._ticker = stack.enter_context(progress(self._label, self._total, self._yielded))
        scheduler = self._start(stack)
        self._rate = ProgressRate(scheduler.meter, self._total, self._yielded)
        self._last_tick = (self._yielded, time.monotonic())
        return scheduler

    def _tick(self, force: bool = False) -> None:
        """Show progress, at most every `SECONDS_BETWEEN_TICKS` unless forced."""
        count, at = self._last_tick
        is_early = time.monotonic() - at < SECONDS_BETWEEN_TICKS
        if self._ticker is None or self._yielded == count or (is_early and not force):
            return
        fraction = self._accepted() if self._accepted else None
        self._ticker(self._yielded - count, self._rate.describe(self._yielded, fraction))
        self._last_tick = (self._yielded, time.monotonic())


def split_chunks(items: Iterator[T], size: int) -> Iterator[list[T]]:
    """Yield lists of `size` items; the last one may be shorter."""
    while chunk := list(islice(items, size)):
        yield chunk


def _count_lines(label: str) -> Ticker:
    """Return a ticker without a total: it prints a line every ten seconds."""
    count, last_line = 0, time.monotonic()

    def tick(done: int = 1, note: str = "") -> None:
        nonlocal count, last_line
        count += done
        if time.monotonic() - last_line >= SECONDS_BETWEEN_LINES:
            last_line = time.monotonic()
            say(f"{label}: {count}, {note}")

    return tick
