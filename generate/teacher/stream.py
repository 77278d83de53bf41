"""Requests in, replies out, in the same order: a bounded window over what may be an endless stream."""

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from itertools import islice
from typing import TypeVar

from kshot.core.console import SECONDS_BETWEEN_LINES, Ticker, progress, say
from kshot.generate.teacher.budget import BudgetExceededError, ProgressRate
from kshot.generate.teacher.endpoint_state import PendingRequest
from kshot.generate.teacher.messages import Reply, Request
from kshot.generate.teacher.scheduler import AllEndpointsFailedError, Scheduler

CHUNK = 64
WINDOW_PER_PLACE = 16
"""Requests held for each that may be in flight: so far the slowest may fall behind before the others wait for it."""
UNASKED_IN_A_ROW = 10_000
"""Requests looked up in vain after a budget is spent, before the rest is left alone."""
SECONDS_BETWEEN_TICKS = 0.2

Accepted = Callable[[], float]
T = TypeVar("T")


class ReplyStream:
    """One pass: `take` looks requests up, and an engine is started for the first that is not stored."""

    def __init__(
        self,
        start: Callable[[ExitStack], Scheduler],
        take: Callable[[Sequence[Request]], list[PendingRequest]],
        label: str,
        total: int | None,
        accepted: Accepted | None,
    ) -> None:
        self.failed = 0
        self._start = start
        self._take = take
        self._label = label
        self._total = total
        self._accepted = accepted
        self._engine: Scheduler | None = None
        self._window: deque[tuple[Request, PendingRequest]] = deque()
        self._open: dict[str, PendingRequest] = {}
        self._given = 0
        self._unasked = 0
        self._useful = 0
        self._ticker: Ticker | None = None
        self._ticked = (0, 0.0)

    @property
    def asked(self) -> bool:
        return self._engine is not None

    @property
    def spent(self) -> BudgetExceededError | None:
        return self._engine.spent if self._engine else None

    def run(self, requests: Iterator[Request]) -> Iterator[tuple[Request, Reply]]:
        with ExitStack() as stack:
            for some in chunks(requests, CHUNK):
                self._submit(some, stack)
                yield from self._settled(self._engine.places * WINDOW_PER_PLACE if self._engine else 0)
                if self._unasked > UNASKED_IN_A_ROW:
                    break
            yield from self._settled(0)
            self._tick(last=True)
        if self._engine and self.failed and not self._useful:
            raise AllEndpointsFailedError(self._engine.last_fault)

    def _submit(self, requests: Sequence[Request], stack: ExitStack) -> None:
        new: dict[str, PendingRequest] = {}
        for request, work in zip(requests, self._take(requests), strict=True):
            if not work.settled:
                work = self._open.get(work.name) or new.setdefault(work.name, work)
            self._window.append((request, work))
        if new:
            if self._engine is None:
                self._engine = self._start_with_progress(stack)
            self._open.update(new)
            self._engine.submit(list(new.values()))

    def _settled(self, bound: int) -> Iterator[tuple[Request, Reply]]:
        """What is done at the window's head, and waiting for more while it holds over `bound` requests."""
        while self._window and (self._window[0][1].settled or len(self._window) > bound):
            request, work = self._window[0]
            reply = work.reply if work.settled or self._engine is None else self._wait(work)
            self._window.popleft()
            self._open.pop(work.name, None)
            if reply is None:
                self._unasked += 1
                continue
            self._unasked = 0
            self._given += 1
            self.failed += bool(reply.error)
            self._useful += not reply.error
            self._tick()
            yield request, reply

    def _wait(self, work: PendingRequest) -> Reply | None:
        assert self._engine is not None  # noqa: S101 - told to mypy
        self._tick(last=True)
        return self._engine.wait(work)

    def _start_with_progress(self, stack: ExitStack) -> Scheduler:
        if self._total is None:
            self._ticker = _open_ended(self._label)
        else:
            self._ticker = stack.enter_context(progress(self._label, self._total, self._given))
        engine = self._start(stack)
        self._rate = ProgressRate(engine.meter, self._total, self._given)
        self._ticked = (self._given, time.monotonic())
        return engine

    def _tick(self, last: bool = False) -> None:
        """Show progress, but not for every reply."""
        count, at = self._ticked
        if self._ticker is None or self._given == count or (not last and time.monotonic() - at < SECONDS_BETWEEN_TICKS):
            return
        share = self._accepted() if self._accepted else None
        self._ticker(self._given - count, self._rate.note(self._given, share))
        self._ticked = (self._given, time.monotonic())


def chunks(items: Iterator[T], size: int) -> Iterator[list[T]]:
    while some := list(islice(items, size)):
        yield some


def _open_ended(label: str) -> Ticker:
    """A line every ten seconds where nobody knows how many there will be."""
    count, said = 0, time.monotonic()

    def tick(done: int = 1, note: str = "") -> None:
        nonlocal count, said
        count += done
        if time.monotonic() - said >= SECONDS_BETWEEN_LINES:
            said = time.monotonic()
            say(f"{label}: {count}, {note}")

    return tick
