"""The scheduler: sends requests to endpoints at the concurrency that each bears, and commits replies in groups.

An event loop in its own thread sends the requests, so callers can check replies meanwhile. An endpoint that keeps
failing is paused and probed. If it fails its probes, it is suspended for a while, and the others get its requests.
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
from kshot.generate.teacher.concurrency import AdaptiveConcurrency, backoff_seconds, describe_wait
from kshot.generate.teacher.endpoint_state import Availability, EndpointState, PendingRequest, max_cost, reply_cost
from kshot.generate.teacher.endpoints import Endpoint
from kshot.generate.teacher.messages import Reply
from kshot.generate.teacher.parsing.dialect import Dialects
from kshot.generate.teacher.transport import FailureKind, RequestFailure, make_route, open_session, post_request

COMMIT_SECONDS = 0.02
"""Between two commits; one commit writes all replies that came meanwhile."""
MAX_DRAIN_SECONDS = 20.0
"""Wait for replies in flight when the caller has enough: they are paid."""
MAX_FAILURES_IN_A_ROW = 10
"""Failed attempts without a reply between them, after which an endpoint that has replied is paused.
One that sends so many malformed responses is suspended."""
PROBES = 3
MAX_ROUNDS_WITHOUT_REPLY = 3
SUSPENSION_SECONDS, MAX_SUSPENSION_SECONDS = 30.0, 600.0
MAX_RETRY_AFTER_SECONDS = 600.0
"""An endpoint that asks for a longer pause is suspended for as long; the only one ends the run."""
MAX_BELIEVED_SECONDS = 30 * 86_400.0
"""A Retry-After above this is a mistake, and bounded like a short one."""
MAX_FAILED_REQUESTS_IN_A_ROW = 5
RATE_LIMITS_PER_ATTEMPT = 10


class AllEndpointsFailedError(Exception):
    """Every endpoint has failed; the message names each with its reason."""


class Scheduler:
    """Runs inside its `with` block. Leaving the block by an exception cancels the requests in flight."""

    def __init__(
        self,
        endpoints: Sequence[Endpoint],
        cache: ReplyCache,
        meter: BudgetMeter,
        teacher: TeacherConfig,
        dialects: Dialects,
    ) -> None:
        self.budget_error: BudgetExceededError | None = None
        self.last_failure = ""
        self.max_in_flight = sum(endpoint.max_concurrency for endpoint in endpoints)
        self.meter = meter
        self._states = [
            EndpointState(endpoint, make_route(endpoint), AdaptiveConcurrency(endpoint.max_concurrency), dialects)
            for endpoint in endpoints
        ]
        self._cache = cache
        self._teacher = teacher
        self._error: BaseException | None = None
        self._replies = 0
        self._failed_in_a_row = 0
        self._changed = threading.Condition()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="kshot-teacher", daemon=True)
        self._loop: asyncio.AbstractEventLoop
        self._tasks: set[asyncio.Task[None]] = set()
        self._uncommitted: list[PendingRequest] = []

    def __enter__(self) -> "Scheduler":
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        drain = kind is None or issubclass(kind, GeneratorExit | BudgetExceededError)
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop_sending, drain)
            self._thread.join()

    def submit(self, requests: Sequence[PendingRequest]) -> None:
        """Queue the requests. Each is settled once its reply is committed, or unsent once a budget is spent."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._accept, requests)

    def wait(self, request: PendingRequest) -> Reply | None:
        """Wait for the request's reply; None where a spent budget leaves it unsent.

        Raises:
            AllEndpointsFailedError: no endpoint is left.
        """
        with self._changed:
            while not request.settled:
                if self._error is not None:
                    raise self._error
                self._changed.wait(1.0)
        return request.reply

    # Everything below runs in the loop's thread.

    def _run(self) -> None:
        try:
            with asyncio.Runner(loop_factory=_choose_loop()) as runner:
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
        with ThreadPoolExecutor(1, "kshot-cache") as pool:
            async with open_session(self.max_in_flight, self._teacher.timeout) as self._session:
                commits = asyncio.create_task(self._commit(pool))
                commits.add_done_callback(self._finish_task)
                self._ready.set()
                await self._stop.wait()
                if self._drain and self._tasks:
                    await asyncio.wait(self._tasks, timeout=MAX_DRAIN_SECONDS)
                for task in self._tasks:
                    task.cancel()
                await asyncio.gather(*self._tasks, return_exceptions=True)
                self._arrived.set()
                await asyncio.gather(commits, return_exceptions=True)

    def _stop_sending(self, drain: bool) -> None:
        self._drain = drain
        for state in self._states:
            state.queue.clear()
        self._stop.set()

    def _fail(self, error: BaseException) -> None:
        with self._changed:
            self._error = self._error or error
            self._changed.notify_all()

    def _finish_task(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            self._fail(error)

    async def _commit(self, pool: ThreadPoolExecutor) -> None:
        while not self._stop.is_set() or self._tasks or self._uncommitted:
            await self._arrived.wait()
            self._arrived.clear()
            requests, self._uncommitted = self._uncommitted, []
            if requests:
                rows = [(request.cache_key, request.body, request.reply) for request in requests if request.reply]
                await self._loop.run_in_executor(pool, self._cache.put_all, rows)
                self._settle(requests)
                if not self._stop.is_set():
                    await asyncio.sleep(COMMIT_SECONDS)

    def _settle(self, requests: Sequence[PendingRequest]) -> None:
        with self._changed:
            for request in requests:
                request.settled = True
            self._changed.notify_all()

    def _accept(self, requests: Sequence[PendingRequest]) -> None:
        for request in requests:
            self._enqueue(request, first=False)
        self._send_ready()

    def _enqueue(self, request: PendingRequest, first: bool = True) -> None:
        """Queue a request at its endpoint: in front if it has waited before, since others wait for it."""
        if self.budget_error:
            self._settle([request])
        elif not self._stop.is_set():
            states = [self._states[index] for index in request.order]
            usable = [state for state in states if state.availability is not Availability.SUSPENDED]
            queue = (usable or states)[0].queue
            (queue.appendleft if first else queue.append)(request)

    def _retry(self, request: PendingRequest) -> None:
        self._enqueue(request)
        self._send_ready()

    def _send_ready(self) -> None:
        """Send every request that an endpoint and the budget allow."""
        for state in self._states:
            while state.queue and state.is_ready():
                reserved = max_cost(state.endpoint, state.queue[0].body)
                if exceeded := self.meter.reserve(reserved):
                    if self.meter.is_idle:
                        self._end_by_budget(exceeded)
                    return
                state.count_probe()
                request, acquired = state.queue.popleft(), state.concurrency.acquire()
                task = self._loop.create_task(self._attempt(state, request, reserved, acquired))
                self._tasks.add(task)
                task.add_done_callback(self._finish_task)

    def _end_by_budget(self, budget: str) -> None:
        self.budget_error = self.meter.build_error(budget)
        for state in self._states:
            self._settle(list(state.queue))
            state.queue.clear()

    async def _attempt(self, state: EndpointState, request: PendingRequest, reserved: Cost, acquired: int) -> None:
        availability = state.availability
        with_schema = "response_format" in request.body and not (request.without_schema or state.rejects_schema)
        dialect, cost = state.dialect, None
        try:
            outcome = await post_request(self._session, state.route, state.endpoint, request.body, with_schema, dialect)
            if isinstance(outcome, Reply):
                cost = reply_cost(outcome)
        finally:
            state.concurrency.release()
            self.meter.settle(reserved, cost)
        if isinstance(outcome, Reply):
            self._handle_reply(state, request, outcome)
        elif outcome.status in {400, 422} and state.adapt(request.body, outcome.reason, dialect, with_schema):
            self._end_probing(state)
            self._enqueue(request)
        elif with_schema and state.endpoint.structured == "auto" and outcome.status in {400, 404, 422}:
            # If the same request succeeds without the schema, the endpoint rejects schemas.
            request.without_schema = True
            self._end_probing(state)
            self._enqueue(request)
        else:
            self._handle_failure(state, request, outcome, acquired, availability)
        self._send_ready()

    def _handle_reply(self, state: EndpointState, request: PendingRequest, reply: Reply) -> None:
        state.concurrency.record_success(self._loop.time(), has_queue=bool(state.queue))
        state.availability, state.has_replied, state.failures_in_a_row, state.failed_rounds = (
            Availability.OPEN, True, 0, 0,
        )  # fmt: skip
        state.malformed_in_a_row = 0
        if request.without_schema and not state.rejects_schema:
            state.learn(state.dialect.omit("response_format"), "refuses the JSON schema; it is left out")
        self._replies += 1
        self._failed_in_a_row = 0
        self._queue_commit(state, request, reply)

    @staticmethod
    def _end_probing(state: EndpointState) -> None:
        """Open a probed endpoint: it responds, even if with an error."""
        if state.availability is Availability.PROBING:
            state.availability = Availability.OPEN

    def _queue_commit(self, state: EndpointState, request: PendingRequest, reply: Reply) -> None:
        identity = state.endpoint.identity
        request.cache_key, request.reply = request.keys[identity], reply
        request.body = {**request.body, "model": identity}
        self._uncommitted.append(request)
        self._arrived.set()

    def _handle_failure(
        self,
        state: EndpointState,
        request: PendingRequest,
        failure: RequestFailure,
        acquired: int,
        availability: Availability,
    ) -> None:
        """Lower the concurrency, pause or suspend the endpoint; then queue, retry or give up the request.

        Args:
            availability: of the endpoint, when the request was sent.
        """
        state.last_failure = failure.reason
        if failure.kind in {FailureKind.RATE_LIMITED, FailureKind.TIMEOUT}:
            state.concurrency.record_overload(acquired)
        if failure.kind is FailureKind.AUTH:
            self._suspend(state)
        elif failure.kind is FailureKind.RATE_LIMITED and _is_long(failure.retry_after):
            state.last_failure += f"; it asks to wait {describe_wait(failure.retry_after or 0)}"
            self._suspend(state, failure.retry_after)
        elif failure.kind in {FailureKind.RATE_LIMITED, FailureKind.TIMEOUT, FailureKind.CONNECTION}:
            self._count_failure(state, failure, availability)
        else:
            self._end_probing(state)
            state.malformed_in_a_row += failure.kind is FailureKind.MALFORMED
            if state.malformed_in_a_row >= MAX_FAILURES_IN_A_ROW:
                self._suspend(state)
        if failure.kind is FailureKind.RATE_LIMITED:
            request.rate_limited += 1
        elif failure.kind is not FailureKind.AUTH and availability is not Availability.PROBING:
            # A failed probe concerns the endpoint, not the request.
            request.attempts += 1
        max_attempts = self._teacher.max_attempts
        if state.availability in {Availability.SUSPENDED, Availability.PAUSED}:
            self._enqueue(request)
        elif (
            failure.kind is FailureKind.BAD_REQUEST
            or request.attempts >= max_attempts
            or request.rate_limited >= max_attempts * RATE_LIMITS_PER_ATTEMPT
        ):
            self._give_up(state, request, failure)
        else:
            attempts = request.attempts + request.rate_limited
            seconds = backoff_seconds(attempts, self._teacher.max_backoff_seconds, failure.retry_after)
            self._loop.call_later(seconds, self._retry, request)

    def _give_up(self, state: EndpointState, request: PendingRequest, failure: RequestFailure) -> None:
        """Record the request's failure. Many in a row are a failure of the endpoint, or of kshot."""
        self._failed_in_a_row += 1
        self.last_failure = f"{state.endpoint.url} {failure.reason}"
        if self._failed_in_a_row >= MAX_FAILED_REQUESTS_IN_A_ROW + self._replies // 20:
            self._fail(AllEndpointsFailedError(self.last_failure))
        reply = Reply("", error=failure.reason, endpoint=state.endpoint.url, model=state.endpoint.model)
        self._queue_commit(state, request, reply)

    def _count_failure(self, state: EndpointState, failure: RequestFailure, availability: Availability) -> None:
        """Count a failed attempt; pause the endpoint after too many, and suspend it after too many failed rounds."""
        state.failures_in_a_row += 1
        max_attempts = self._teacher.max_attempts
        if state.availability is Availability.OPEN:
            is_tolerant = state.has_replied and max_attempts > 1
            round_failed = state.failures_in_a_row >= (MAX_FAILURES_IN_A_ROW if is_tolerant else 1)
        else:
            is_probe = state.availability is availability is Availability.PROBING
            state.probes_in_flight -= is_probe
            round_failed = is_probe and state.probes_in_flight <= 0
        if not round_failed:
            return
        state.failed_rounds += 1
        if state.failed_rounds >= (max_attempts if state.has_replied else min(max_attempts, MAX_ROUNDS_WITHOUT_REPLY)):
            self._suspend(state)
        else:
            state.availability = Availability.PAUSED
            max_seconds = self._teacher.max_backoff_seconds
            seconds = backoff_seconds(state.failed_rounds - 1, max_seconds, failure.retry_after)
            self._loop.call_later(seconds, self._probe, state)

    def _probe(self, state: EndpointState) -> None:
        if state.availability in {Availability.PAUSED, Availability.SUSPENDED}:
            state.availability, state.probes_to_send, state.probes_in_flight = Availability.PROBING, PROBES, 0
            self._send_ready()

    def _suspend(self, state: EndpointState, wait_seconds: float | None = None) -> None:
        """Give this endpoint's requests to the others; without another endpoint, fail.

        Args:
            wait_seconds: how long; None: for a time that doubles.
        """
        if state.availability is Availability.SUSPENDED:
            return
        state.availability = Availability.SUSPENDED
        if all(other.availability is Availability.SUSPENDED for other in self._states):
            reasons = (f"{other.endpoint.url} {other.last_failure}" for other in self._states)
            self._fail(AllEndpointsFailedError("; ".join(reasons)))
            return
        doubled = min(MAX_SUSPENSION_SECONDS, SUSPENSION_SECONDS * 2.0**state.suspensions)
        seconds = doubled if wait_seconds is None else wait_seconds
        state.suspensions += 1
        say(f"teacher {state.endpoint.url} {state.last_failure}; suspended for {seconds:.0f} s")
        requests, state.queue = list(state.queue), deque()
        for request in requests:
            self._enqueue(request, first=False)
        self._loop.call_later(seconds, self._probe, state)


def _is_long(retry_after: float | None) -> bool:
    return retry_after is not None and MAX_RETRY_AFTER_SECONDS < retry_after <= MAX_BELIEVED_SECONDS


def _choose_loop() -> Any:
    """Return the loop factory of uvloop where uvloop is installed."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop
