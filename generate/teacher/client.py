"""The teacher client: many requests at once, each reply cached before it is used, no request sent twice."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path

from kshot.config import BudgetConfig, TeacherConfig
from kshot.core.console import say
from kshot.core.errors import TeacherError
from kshot.core.text import count_words
from kshot.generate.teacher.batch import POLL_SECONDS, run_batches
from kshot.generate.teacher.budget import BudgetExceededError, BudgetMeter, Cost, Estimate
from kshot.generate.teacher.cache import ReplyCache
from kshot.generate.teacher.endpoint_state import PendingRequest, max_cost
from kshot.generate.teacher.endpoints import LOCAL, RECORDED, Endpoint, rank_endpoints, resolve_endpoints
from kshot.generate.teacher.messages import NOT_SENT, AcceptedFraction, Reply, Request, build_body, to_json
from kshot.generate.teacher.ordered_replies import CHUNK_REQUESTS, ReplyStream, split_chunks
from kshot.generate.teacher.parsing.dialect import Dialects
from kshot.generate.teacher.scheduler import AllEndpointsFailedError, Scheduler
from kshot.generate.teacher.servers.local_server import local_server
from kshot.generate.teacher.servers.recorded_server import recorded_server

MAX_ONLY_THOUGHTS_IN_A_ROW = 3
"""Replies of which the thought spent all tokens, after which the run stops. Later ones would be paid in vain too."""
MAX_LIVE_TRIES = 3
"""Requests of a kind to send before a batch, until one is answered."""
MIN_COUNTED_WORDS = 100
MIN_TOKENS_PER_WORD = 0.5
"""Tokenizers make one token of a word at least, and one of two characters of Chinese. With fewer, words are missing."""
REPLIES_PER_ONLY_THOUGHT = 20
"""Good replies that allow one more in a row."""


RequestKind = tuple[bool, bool]
"""Whether a request has a schema, and whether it has a system message."""


def _kind_of(request: PendingRequest) -> RequestKind:
    return "response_format" in request.body, len(request.body["messages"]) > 1


class TeacherClient:
    """A `Teacher` that answers from the cache, and from its endpoints what is not cached."""

    def __init__(self, teacher: TeacherConfig, cache: ReplyCache, endpoints: Sequence[Endpoint], folder: Path) -> None:
        self.name = _join_models(endpoints)
        self._teacher = teacher
        self._cache = cache
        self._endpoints = list(endpoints)
        self._identities = list(dict.fromkeys(endpoint.identity for endpoint in endpoints))
        self._folder = folder
        self.use_batches = False
        """Whether `ask` uses the batch API."""
        self.budget_error: BudgetExceededError | None = None
        """The budget that ended a call of `ask` or `ask_in_batches`."""
        self._meter = BudgetMeter(teacher.budget, cache.sum_costs())
        self.failed = 0
        """Requests that failed for good: refused, or without a reply after all attempts."""
        self._dialects: Dialects = {}
        self._tried_live: set[RequestKind] = set()
        self._replied_live = 0
        self._cutting: set[str] = set()
        self._only_thoughts = 0
        self._replies = 0

    @property
    def cost(self) -> Cost:
        """What this client spent."""
        return self._meter.new_cost

    def ask(self, requests: Sequence[Request], label: str) -> list[Reply]:
        """See `Teacher.ask`. A spent budget is printed; the requests that it leaves unsent get `NOT_SENT`."""
        if self.use_batches:
            return self.ask_in_batches(requests, label)
        replies: list[Reply] = []
        try:
            for request, reply in self.stream(requests, label, len(requests)):
                while requests[len(replies)] is not request:
                    replies.append(NOT_SENT)
                replies.append(reply)
        except BudgetExceededError as error:
            self.budget_error = error
            say(f"{label}: {error}")
        return replies + [NOT_SENT] * (len(requests) - len(replies))

    def stream(
        self,
        requests: Iterable[Request],
        label: str,
        total: int | None = None,
        accepted: AcceptedFraction | None = None,
    ) -> Iterator[tuple[Request, Reply]]:
        """Yield each request with its reply, in the order of the requests, while later ones are in flight.

        Draws requests as they are needed, so they may be endless. A reply is committed before it is yielded. Requests
        that a spent budget leaves unsent are not yielded.

        Args:
            total: the number of requests, where it is known.
            accepted: returns the fraction of replies that the caller accepted, to show beside the progress.

        Raises:
            TeacherError: no endpoint can be reached, or all refuse. Replies that came stay cached.
            BudgetExceededError: after the last reply that the budget allows.
        """
        cost_before = self._meter.new_cost
        replies = ReplyStream(self._start_scheduler, self._look_up, label, total, accepted)
        try:
            with closing(replies.run(iter(requests))) as pairs:
                for request, reply in pairs:
                    self._check_reply(request, reply)
                    yield request, reply
        except AllEndpointsFailedError as error:
            raise self._build_error(str(error)) from None
        finally:
            self.failed += replies.failed
        if replies.has_sent:
            say(
                f"{label}: {self._meter.new_cost - cost_before}"
                + (f", {replies.failed} failed" if replies.failed else "")
            )
        if replies.budget_error:
            raise replies.budget_error

    def ask_in_batches(
        self, requests: Sequence[Request], label: str, poll_seconds: float = POLL_SECONDS
    ) -> list[Reply]:
        """Like `ask`, by the batch API of the first endpoint. A rerun after a kill waits for the same batches.

        Raises:
            TeacherError: the endpoint cannot be reached, has no batch API, or answers none of the requests.
        """
        endpoint = self._endpoints[0]
        if endpoint.url in (LOCAL, RECORDED):
            raise TeacherError(
                f"the {endpoint.url} teacher has no batch API; name an endpoint that has one, or omit --batch"
            )
        cost_before = self._meter.new_cost
        missing = [pending for pending in self._look_up_all(requests) if not pending.settled]
        replied_live = self._replied_live
        errors, exceeded = run_batches(
            missing, endpoint, self._cache, self._meter, self._dialects, self._try_live, poll_seconds
        )
        answered = list(self._look_up_all(requests))
        replies = [item.reply or errors.get(item.keys[endpoint.identity], NOT_SENT) for item in answered]
        failures = [reply.error for reply in replies if reply.error and reply is not NOT_SENT]
        self.failed += len(failures)
        if failures and sum(pending.settled for pending in answered) <= self._replied_live - replied_live:
            raise self._build_error(f"{endpoint.url}: {failures[-1]}")
        for request, reply in zip(requests, replies, strict=True):
            self._check_reply(request, reply)
        if missing:
            say(f"{label}: {self._meter.new_cost - cost_before}" + (f", {len(failures)} failed" if failures else ""))
        if exceeded:
            self.budget_error = self._meter.build_error(exceeded)
            say(f"{label}: {self.budget_error}")
        return replies

    def _try_live(self, requests: list[PendingRequest]) -> list[PendingRequest]:
        """Send one request of each new kind live to the first endpoint; return those without a reply.

        Raises:
            TeacherError: the endpoint refuses several of a kind, or cannot be reached.
        """
        for kind in set(map(_kind_of, requests)) - self._tried_live:
            answered = self._answer_one_live([request for request in requests if _kind_of(request) == kind])
            requests = [request for request in requests if request.identity != answered]
            self._tried_live.add(kind)
        return requests

    def _answer_one_live(self, requests: Sequence[PendingRequest]) -> str:
        """Send one request after the other until one is answered. Return its identity; "" where a budget is spent."""
        failure = ""
        with Scheduler(self._endpoints[:1], self._cache, self._meter, self._teacher, self._dialects) as scheduler:
            for request in requests[:MAX_LIVE_TRIES]:
                trial = replace(request, order=[0])
                scheduler.submit([trial])
                try:
                    reply = scheduler.wait(trial)
                except AllEndpointsFailedError as error:
                    raise self._build_error(f"{error}; no batch was submitted") from None
                if reply is None:
                    return ""
                if not reply.error:
                    self._replied_live += 1
                    return request.identity
                failure = reply.error
        raise self._build_error(f"{self._endpoints[0].url}: {failure}; no batch was submitted")

    def estimate(self, requests: Iterable[Request]) -> Estimate:
        """See `Teacher.estimate`."""
        cached, missing = 0, Cost()
        seen: set[str] = set()
        for pending in self._look_up_all(requests):
            if pending.settled:
                cached += 1
            elif pending.identity not in seen:
                seen.add(pending.identity)
                missing += max_cost(self._endpoints[pending.order[0]], pending.body)
        return Estimate(cached, missing)

    def find_missing(self, requests: Iterable[Request]) -> dict[str, Request]:
        """Return the requests without a cached reply, by their identity: each of several equal ones once."""
        missing: dict[str, Request] = {}
        for chunk in split_chunks(iter(requests), CHUNK_REQUESTS):
            for request, pending in zip(chunk, self._look_up(chunk), strict=True):
                if not pending.settled:
                    missing.setdefault(pending.identity, request)
        return missing

    def take_replies(self, other: Path) -> None:
        """Copy the replies of another cache that are missing here, and count them as bought by this client."""
        before = self._cache.sum_costs()
        self._cache.merge(other)
        self._meter.add(self._cache.sum_costs() - before)

    @property
    def remaining_budget(self) -> BudgetConfig:
        """What this client may still spend."""
        return self._meter.remaining

    @property
    def asks_by_url(self) -> bool:
        """Whether other machines can ask all of its endpoints: none is served by this process."""
        return all(endpoint.url not in (LOCAL, RECORDED) for endpoint in self._endpoints)

    def _check_reply(self, request: Request, reply: Reply) -> None:
        self._check_thought(request, reply)
        self._check_prompt(request, reply)

    def _check_thought(self, request: Request, reply: Reply) -> None:
        """Stop the run where the teacher keeps spending all tokens on its thought."""
        self._replies += bool(reply.text.strip())
        self._only_thoughts = self._only_thoughts + 1 if reply.is_only_thought else 0
        if self._only_thoughts >= MAX_ONLY_THOUGHTS_IN_A_ROW + self._replies // REPLIES_PER_ONLY_THOUGHT:
            tokens = request.limit_tokens(self._teacher.max_tokens)
            setting = "generate.synthesis.max_tokens" if request.max_tokens else "generate.teacher.max_tokens"
            raise self._build_error(
                f"{reply.endpoint} spent all {tokens} tokens on its thought in {self._only_thoughts} replies in a row; "
                f"raise {setting}, or lower the effort (generate.teacher.extra_body: {{reasoning_effort: low}})"
            )

    def _check_prompt(self, request: Request, reply: Reply) -> None:
        """Say once for each endpoint that it read far fewer tokens than the prompt has words."""
        if reply.error or reply.endpoint in self._cutting:
            return
        words = count_words(f"{request.system or ''} {request.prompt}")
        if words >= MIN_COUNTED_WORDS and reply.prompt_tokens < MIN_TOKENS_PER_WORD * words:
            self._cutting.add(reply.endpoint)
            say(
                f"teacher {reply.endpoint}: counts {reply.prompt_tokens} tokens in a prompt of {words} words, so it "
                "seems to cut prompts; raise the context of its model (num_ctx, --ctx-size, --max-model-len)"
            )

    def _build_error(self, reason: str) -> TeacherError:
        return TeacherError(f"teacher {reason}; {len(self._cache)} replies are cached, and a rerun resumes from there")

    def _look_up_all(self, requests: Iterable[Request]) -> Iterator[PendingRequest]:
        for chunk in split_chunks(iter(requests), CHUNK_REQUESTS):
            yield from self._look_up(chunk)

    def _look_up(self, requests: Sequence[Request]) -> list[PendingRequest]:
        """Prepare the requests; settle those with a cached reply, preferably one of their first endpoint's model."""
        prepared = [self._prepare(request) for request in requests]
        cached = self._cache.find([key for pending in prepared for key in pending.keys.values()])
        for pending in prepared:
            preferred = (pending.keys[self._endpoints[index].identity] for index in pending.order)
            key = next((key for key in preferred if key in cached), None)
            if key is not None:
                pending.reply, pending.settled = cached[key], True
        return prepared

    def _prepare(self, request: Request) -> PendingRequest:
        body = build_body(request, self._teacher.temperature, self._teacher.max_tokens, self._teacher.extra_body)
        keys = {identity: self._cache.compute_key({**body, "model": identity}) for identity in self._identities}
        order = [0] if len(self._endpoints) == 1 else rank_endpoints(self._endpoints, to_json(body).decode())
        return PendingRequest(body, keys, order)

    def _start_scheduler(self, stack: ExitStack) -> Scheduler:
        """Start a scheduler, and the local teacher if an endpoint is `local`, until the stack closes."""
        endpoints = []
        for endpoint in self._endpoints:
            if endpoint.url == LOCAL:
                url = stack.enter_context(local_server(endpoint.model, self._folder / "teacher.log"))
                endpoint = replace(endpoint, url=url, is_own_server=True)
            elif endpoint.url == RECORDED and self._teacher.replies:
                url = stack.enter_context(recorded_server(self._teacher.replies))
                endpoint = replace(endpoint, url=url, is_own_server=True)
            endpoints.append(endpoint)
        return stack.enter_context(Scheduler(endpoints, self._cache, self._meter, self._teacher, self._dialects))


def make_client(teacher: TeacherConfig, student: str, cache: ReplyCache, folder: Path) -> TeacherClient:
    """Make the client of these settings.

    Args:
        student: the model that a `local` endpoint serves where the settings name none.
        folder: where the local teacher writes its log.

    Raises:
        TeacherError: an endpoint has no model, no usable URL or no usable name of its key's variable.
        WeightsError: the local teacher's model cannot be found.
    """
    return TeacherClient(teacher, cache, resolve_endpoints(teacher, student), folder)


def _join_models(endpoints: Sequence[Endpoint]) -> str:
    models = list(dict.fromkeys(endpoint.model for endpoint in endpoints))
    return models[0] if len(models) == 1 else "+".join(Path(model).name for model in models)
