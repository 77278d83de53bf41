"""Asks a teacher: many requests at once, each reply stored before it is used, none asked twice."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from kshot.config import TeacherConfig
from kshot.core.console import say
from kshot.core.errors import TeacherError
from kshot.generate.teacher.batch import POLL_SECONDS, run_batches
from kshot.generate.teacher.budget import BudgetExceededError, BudgetMeter, Cost, Estimate
from kshot.generate.teacher.cache import ReplyCache
from kshot.generate.teacher.endpoint_state import PendingRequest, max_cost
from kshot.generate.teacher.endpoints import LOCAL, Endpoint, rank_endpoints, resolve_endpoints
from kshot.generate.teacher.local_server import local_server
from kshot.generate.teacher.messages import NOT_ASKED, Reply, Request, build_body, to_json
from kshot.generate.teacher.scheduler import AllEndpointsFailedError, Scheduler
from kshot.generate.teacher.stream import CHUNK, Accepted, ReplyStream, chunks

__all__ = ["BudgetExceededError", "Reply", "Request", "TeacherClient", "TeacherError", "make_client"]


class TeacherClient:
    """Answers requests from the store, and from the endpoints for what is not there yet.

    `name` is who teaches, for the records.
    """

    def __init__(self, teacher: TeacherConfig, store: ReplyCache, endpoints: Sequence[Endpoint], folder: Path) -> None:
        self.name = _name(endpoints)
        self._teacher = teacher
        self._store = store
        self._endpoints = list(endpoints)
        self._identities = list(dict.fromkeys(endpoint.identity for endpoint in endpoints))
        self._folder = folder
        self.batched = False
        """Whether `ask` goes through the endpoint's batches."""
        self.spent: BudgetExceededError | None = None
        """The budget that ended a call of `ask` or `batch`."""
        self._meter = BudgetMeter(teacher.budget, store.total())
        self.failed = 0
        """Requests that came to nothing: refused, or failed as often as they may be tried."""

    @property
    def spending(self) -> Cost:
        """What was spent since this asker was made."""
        return self._meter.new

    def ask(self, requests: Sequence[Request], label: str) -> list[Reply]:
        """The replies, in the order of the requests; a budget that leaves some unasked is said in a line.

        Raises:
            TeacherError: the endpoints cannot be reached or refuse; replies that came are kept for a rerun.
        """
        if self.batched:
            return self.batch(requests, label)
        found: list[Reply] = []
        try:
            for request, reply in self.stream(requests, label, len(requests)):
                while requests[len(found)] is not request:
                    found.append(NOT_ASKED)
                found.append(reply)
        except BudgetExceededError as spent:
            self.spent = spent
            say(f"{label}: {spent}")
        return found + [NOT_ASKED] * (len(requests) - len(found))

    def stream(
        self, requests: Iterable[Request], label: str, total: int | None = None, accepted: Accepted | None = None
    ) -> Iterator[tuple[Request, Reply]]:
        """Each request with its reply, in the order of the requests, while later ones are being asked.

        Holds a bounded number of them, and takes them as they are needed, so they may be endless. A reply is stored
        for good before it is yielded. `accepted` gives the share of use, to be shown beside the progress.

        Raises:
            TeacherError: no endpoint can be reached, or all refuse; replies that came are kept for a rerun.
            BudgetSpent: after the last reply that the budget allowed; requests it left unasked are not yielded.
        """
        before = self._meter.new
        flow = ReplyStream(self._start, self._take, label, total, accepted)
        try:
            yield from flow.run(iter(requests))
        except AllEndpointsFailedError as failure:
            raise self._all_failed(str(failure)) from None
        finally:
            self.failed += flow.failed
        if flow.asked:
            say(f"{label}: {self._meter.new - before}" + (f", {flow.failed} failed" if flow.failed else ""))
        if flow.spent:
            raise flow.spent

    def batch(self, requests: Sequence[Request], label: str, poll_seconds: float = POLL_SECONDS) -> list[Reply]:
        """Like `ask`, through the batches of the first endpoint; killed and run again, it waits for the same ones.

        Raises:
            TeacherError: the endpoint cannot be reached, has no batches, or answers none of the requests.
        """
        endpoint = self._endpoints[0]
        if endpoint.url == LOCAL:
            raise TeacherError("the local teacher has no batches; name an endpoint that has, or leave --batch out")
        before = self._meter.new
        missing = [work for some in chunks(iter(requests), CHUNK) for work in self._take(some) if not work.settled]
        faults, broken = run_batches(missing, endpoint, self._store, self._meter, poll_seconds)
        works = [work for some in chunks(iter(requests), CHUNK) for work in self._take(some)]
        found = [work.reply or faults.get(work.keys[endpoint.identity], NOT_ASKED) for work in works]
        failed = [reply.error for reply in found if reply.error and reply is not NOT_ASKED]
        self.failed += len(failed)
        if failed and not any(work.settled for work in works):
            raise self._all_failed(f"{endpoint.url}: {failed[-1]}")
        if missing:
            say(f"{label}: {self._meter.new - before}" + (f", {len(failed)} failed" if failed else ""))
        if broken:
            self.spent = self._meter.spent(broken)
            say(f"{label}: {self.spent}")
        return found

    def _all_failed(self, why: str) -> TeacherError:
        return TeacherError(f"teacher {why}; {len(self._store)} replies are kept, and a rerun goes on from there")

    def plan(self, requests: Iterable[Request]) -> Estimate:
        """What asking these would take, without asking."""
        stored, missing = 0, Cost()
        seen: set[str] = set()
        for some in chunks(iter(requests), CHUNK):
            for work in self._take(some):
                if work.settled:
                    stored += 1
                elif work.name not in seen:
                    seen.add(work.name)
                    missing += max_cost(self._endpoints[work.order[0]], work.body)
        return Estimate(stored, missing)

    def _take(self, requests: Sequence[Request]) -> list[PendingRequest]:
        """The work for each request; settled where the store has a reply, of its own model before another's."""
        works = [self._work(request) for request in requests]
        found = self._store.find([key for work in works for key in work.keys.values()])
        for work in works:
            wanted = (work.keys[self._endpoints[place].identity] for place in work.order)
            key = next((key for key in wanted if key in found), None)
            if key is not None:
                work.reply, work.settled = found[key], True
        return works

    def _work(self, request: Request) -> PendingRequest:
        body = build_body(request, self._teacher.temperature, self._teacher.max_tokens, self._teacher.extra_body)
        keys = {identity: self._store.key({**body, "model": identity}) for identity in self._identities}
        order = [0] if len(self._endpoints) == 1 else rank_endpoints(self._endpoints, to_json(body).decode())
        return PendingRequest(body, keys, order)

    def _start(self, stack: ExitStack) -> Scheduler:
        """An engine on these endpoints, and a local teacher if one of them is it, until the stack is closed."""
        endpoints = []
        for endpoint in self._endpoints:
            if endpoint.url == LOCAL:
                url = stack.enter_context(local_server(endpoint.model, self._folder / "teacher.log"))
                endpoint = replace(endpoint, url=url)
            endpoints.append(endpoint)
        return stack.enter_context(Scheduler(endpoints, self._store, self._meter, self._teacher))


def make_client(teacher: TeacherConfig, student: str, store: ReplyCache, folder: Path) -> TeacherClient:
    """The asker for these settings; the local teacher's model is by default the student's base.

    Raises:
        TeacherError: an endpoint without a model's name, a usable URL or a usable name for its key's variable.
        WeightsError: the local teacher's model cannot be had.
    """
    return TeacherClient(teacher, store, resolve_endpoints(teacher, student), folder)


def _name(endpoints: Sequence[Endpoint]) -> str:
    models = list(dict.fromkeys(endpoint.model for endpoint in endpoints))
    return models[0] if len(models) == 1 else "+".join(Path(model).name for model in models)
