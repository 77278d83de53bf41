"""Asks endpoints at once, each at the pace that it bears, and commits the replies in groups before anyone uses them.

An event loop in a thread of its own does the asking, so that callers can check replies meanwhile. An endpoint that
keeps failing is paused and probed; in vain, it is set aside for a while and its requests go to the others.
"""

import asyncio
import threading
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any

from kshot.config import TeacherConfig
from kshot.core.console import say
from kshot.generate.teacher.budget import BudgetExceededError, BudgetMeter, Cost
from kshot.generate.teacher.cache import ReplyCache
from kshot.generate.teacher.concurrency import AdaptiveConcurrency, backoff_seconds
from kshot.generate.teacher.endpoint_state import Availability, EndpointState, PendingRequest, max_cost, reply_cost
from kshot.generate.teacher.endpoints import Endpoint
from kshot.generate.teacher.messages import Reply
from kshot.generate.teacher.transport import FailureKind, RequestFailure, make_route, open_session, post_request

COMMIT_SECONDS = 0.02
"""Between two commits; what comes meanwhile is committed together."""
DRAIN_SECONDS = 20.0
"""How long replies that are on their way are waited for when the caller has enough: they are bought."""
FAILURES_IN_A_ROW = 10
"""Failed tries without a reply between them, after which an endpoint that has worked is paused."""
PROBES = 3
ROUNDS_WITHOUT_ANY_REPLY = 3
ASIDE_SECONDS, LONGEST_ASIDE_SECONDS = 30.0, 600.0
FAILED_REQUESTS_IN_A_ROW = 5
PUT_OFF_PER_ATTEMPT = 10


class AllEndpointsFailedError(Exception):
    """No endpoint is left; says which and why."""


class Scheduler:
    """Runs while the `with` block does; leaving it by an exception gives up what is on its way."""

    def __init__(
        self, endpoints: Sequence[Endpoint], store: ReplyCache, meter: BudgetMeter, teacher: TeacherConfig
    ) -> None:
        self.spent: BudgetExceededError | None = None
        self.answered = 0
        self.refused = 0
        self.last_fault = ""
        self.places = sum(one.concurrency for one in endpoints)
        """Requests that may be in flight."""
        self._lines = [EndpointState(one, make_route(one), AdaptiveConcurrency(one.concurrency)) for one in endpoints]
        self._store = store
        self.meter = meter
        self._teacher = teacher
        self._failure: BaseException | None = None
        self._refused_in_a_row = 0
        self._news = threading.Condition()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="kshot-teacher", daemon=True)
        self._loop: asyncio.AbstractEventLoop
        self._tasks: set[asyncio.Task[None]] = set()
        self._came: list[PendingRequest] = []

    def __enter__(self) -> "Scheduler":
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        drain = kind is None or issubclass(kind, GeneratorExit | BudgetExceededError)
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop_asking, drain)
            self._thread.join()

    def submit(self, works: Sequence[PendingRequest]) -> None:
        """Have these asked; each is settled once its reply is committed, or without one when a budget is spent."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._accept, works)

    def wait(self, work: PendingRequest) -> Reply | None:
        """The reply of this work, when it is there; None where a budget left it unasked.

        Raises:
            AllFailed: no endpoint is left that could give it.
        """
        with self._news:
            while not work.settled:
                if self._failure is not None:
                    raise self._failure
                self._news.wait(1.0)
        return work.reply

    # From here on everything runs in the loop's thread.

    def _run(self) -> None:
        try:
            with asyncio.Runner(loop_factory=_loop_factory()) as runner:
                runner.run(self._serve())
        except BaseException as error:
            self._fail(error)
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        self._drain = False
        self._arrived = asyncio.Event()
        connections = sum(line.endpoint.concurrency for line in self._lines)
        with ThreadPoolExecutor(1, "kshot-store") as pool:
            async with open_session(connections, self._teacher.timeout) as self._session:
                commits = asyncio.create_task(self._commit(pool))
                commits.add_done_callback(self._notice)
                self._ready.set()
                await self._stop.wait()
                if self._drain and self._tasks:
                    await asyncio.wait(self._tasks, timeout=DRAIN_SECONDS)
                for task in self._tasks:
                    task.cancel()
                await asyncio.gather(*self._tasks, return_exceptions=True)
                self._arrived.set()
                await asyncio.gather(commits, return_exceptions=True)

    def _stop_asking(self, drain: bool) -> None:
        self._drain = drain
        for line in self._lines:
            line.queue.clear()
        self._stop.set()

    def _fail(self, error: BaseException) -> None:
        with self._news:
            self._failure = self._failure or error
            self._news.notify_all()

    def _notice(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            self._fail(error)

    async def _commit(self, pool: ThreadPoolExecutor) -> None:
        while not self._stop.is_set() or self._tasks or self._came:
            await self._arrived.wait()
            self._arrived.clear()
            works, self._came = self._came, []
            if works:
                rows = [(work.key, work.body, work.reply) for work in works if work.reply]
                await self._loop.run_in_executor(pool, self._store.put_all, rows)
                self._settle(works)
                if not self._stop.is_set():
                    await asyncio.sleep(COMMIT_SECONDS)

    def _settle(self, works: Sequence[PendingRequest]) -> None:
        with self._news:
            for work in works:
                work.settled = True
            self._news.notify_all()

    def _accept(self, works: Sequence[PendingRequest]) -> None:
        for work in works:
            self._enqueue(work, first=False)
        self._pump()

    def _enqueue(self, work: PendingRequest, first: bool = True) -> None:
        """Put it on the line that it belongs to: in front if it has waited there before, as others wait for it."""
        if self.spent:
            self._settle([work])
        elif not self._stop.is_set():
            standing = [place for place in work.order if self._lines[place].state is not Availability.ASIDE]
            queue = self._lines[(standing or work.order)[0]].queue
            (queue.appendleft if first else queue.append)(work)

    def _again(self, work: PendingRequest) -> None:
        self._enqueue(work)
        self._pump()

    def _pump(self) -> None:
        """Send what may be sent."""
        for line in self._lines:
            while line.queue and line.ready():
                most = max_cost(line.endpoint, line.queue[0].body)
                if broken := self.meter.reserve(most):
                    if self.meter.idle:
                        self._spend(broken)
                    return
                line.sent()
                task = self._loop.create_task(self._try(line, line.queue.popleft(), most, line.pace.begin()))
                self._tasks.add(task)
                task.add_done_callback(self._notice)

    def _spend(self, which: str) -> None:
        self.spent = self.meter.spent(which)
        for line in self._lines:
            self._settle(list(line.queue))
            line.queue.clear()

    async def _try(self, line: EndpointState, work: PendingRequest, most: Cost, begun: int) -> None:
        state = line.state
        with_schema = "response_format" in work.body and not (work.plain or line.no_schema)
        cost = None
        try:
            outcome = await post_request(self._session, line.route, line.endpoint, work.body, with_schema)
            if isinstance(outcome, Reply):
                cost = reply_cost(outcome)
        finally:
            line.pace.end()
            self.meter.settle(most, cost)
        if isinstance(outcome, Reply):
            self._answered(line, work, outcome)
        elif with_schema and line.endpoint.structured == "auto" and outcome.status in {400, 404, 422}:
            # Whether it was the schema shows when the same request does without.
            work.plain = True
            self._alive(line)
            self._enqueue(work)
        else:
            self._failed(line, work, outcome, begun, state)
        self._pump()

    def _answered(self, line: EndpointState, work: PendingRequest, reply: Reply) -> None:
        line.pace.success(self._loop.time(), busy=bool(line.queue))
        line.state, line.answered, line.failed, line.rounds = Availability.OPEN, True, 0, 0
        line.no_schema = line.no_schema or work.plain
        self.answered += 1
        self._refused_in_a_row = 0
        self._keep(line, work, reply)

    @staticmethod
    def _alive(line: EndpointState) -> None:
        """It answered, if not as wished: it is not what a probe is looking for."""
        if line.state is Availability.PROBED:
            line.state = Availability.OPEN

    def _keep(self, line: EndpointState, work: PendingRequest, reply: Reply) -> None:
        identity = line.endpoint.identity
        work.key, work.reply, work.body = work.keys[identity], reply, {**work.body, "model": identity}
        self._came.append(work)
        self._arrived.set()

    def _failed(
        self, line: EndpointState, work: PendingRequest, fault: RequestFailure, begun: int, state: Availability
    ) -> None:
        line.cause = fault.cause
        if fault.kind in {FailureKind.LATER, FailureKind.SLOW}:
            line.pace.trouble(begun)
        if fault.kind is FailureKind.DENIED:
            self._set_aside(line)
        elif fault.kind in {FailureKind.LATER, FailureKind.SLOW, FailureKind.BROKEN}:
            self._count_failure(line, fault, state)
        else:
            self._alive(line)
        if fault.kind is FailureKind.LATER:
            work.put_off += 1
        elif fault.kind is not FailureKind.DENIED and state is not Availability.PROBED:
            # A probe that fails says something of the endpoint, nothing of the request.
            work.tries += 1
        attempts = self._teacher.max_attempts
        if line.state in {Availability.ASIDE, Availability.PAUSED}:
            self._enqueue(work)
        elif (
            fault.kind is FailureKind.REFUSED
            or work.tries >= attempts
            or work.put_off >= attempts * PUT_OFF_PER_ATTEMPT
        ):
            self._give_up(line, work, fault)
        else:
            seconds = backoff_seconds(work.tries + work.put_off, self._teacher.max_backoff_seconds, fault.wait)
            self._loop.call_later(seconds, self._again, work)

    def _give_up(self, line: EndpointState, work: PendingRequest, fault: RequestFailure) -> None:
        """The request has failed for good; many of them in a row are the endpoint's failure or ours."""
        self.refused += 1
        self._refused_in_a_row += 1
        self.last_fault = f"{line.endpoint.url} {fault.cause}"
        many = FAILED_REQUESTS_IN_A_ROW + self.answered // 20
        if self._refused_in_a_row >= many:
            self._fail(AllEndpointsFailedError(self.last_fault))
        self._keep(line, work, Reply("", error=fault.cause, endpoint=line.endpoint.url, model=line.endpoint.model))

    def _count_failure(self, line: EndpointState, fault: RequestFailure, state: Availability) -> None:
        line.failed += 1
        if line.state is Availability.OPEN:
            over = line.failed >= (FAILURES_IN_A_ROW if line.answered and self._teacher.max_attempts > 1 else 1)
        else:
            line.probing -= line.state is state is Availability.PROBED
            over = line.state is state is Availability.PROBED and line.probing <= 0
        if not over:
            return
        line.rounds += 1
        attempts = self._teacher.max_attempts
        if line.rounds >= (attempts if line.answered else min(attempts, ROUNDS_WITHOUT_ANY_REPLY)):
            self._set_aside(line)
        else:
            line.state = Availability.PAUSED
            self._loop.call_later(
                backoff_seconds(line.rounds - 1, self._teacher.max_backoff_seconds, fault.wait), self._probe, line
            )

    def _probe(self, line: EndpointState) -> None:
        if line.state in {Availability.PAUSED, Availability.ASIDE}:
            line.state, line.probes, line.probing = Availability.PROBED, PROBES, 0
            self._pump()

    def _set_aside(self, line: EndpointState) -> None:
        """Give this endpoint's requests to the others, for a time that grows; without another, give up."""
        if line.state is Availability.ASIDE:
            return
        line.state = Availability.ASIDE
        if all(one.state is Availability.ASIDE for one in self._lines):
            self._fail(AllEndpointsFailedError("; ".join(f"{one.endpoint.url} {one.cause}" for one in self._lines)))
            return
        seconds = min(LONGEST_ASIDE_SECONDS, ASIDE_SECONDS * 2.0**line.times_aside)
        line.times_aside += 1
        say(f"teacher {line.endpoint.url} {line.cause}; it is set aside for {seconds:.0f} s")
        works, line.queue = list(line.queue), deque()
        for work in works:
            self._enqueue(work, first=False)
        self._loop.call_later(seconds, self._probe, line)


def _loop_factory() -> Any:
    """The loop of uvloop where that is installed."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop
