"""The state of an endpoint: its queue, its concurrency, its availability; and the requests that wait there."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from kshot.core.console import say
from kshot.generate.teacher.budget import Cost
from kshot.generate.teacher.concurrency import AdaptiveConcurrency
from kshot.generate.teacher.endpoints import Endpoint
from kshot.generate.teacher.messages import Reply, count_prompt_chars, estimate_tokens
from kshot.generate.teacher.parsing.dialect import Dialect, Dialects, learn_dialect
from kshot.generate.teacher.transport import PLAIN, Route, build_payload


@dataclass(slots=True, eq=False)
class PendingRequest:
    """A request without a reply: its body without the model, its cache key by model, its endpoints by preference."""

    body: dict[str, Any]
    keys: dict[str, str]
    order: list[int]
    cache_key: str = ""
    attempts: int = 0
    rate_limited: int = 0
    """How often an endpoint answered 429 or 503."""
    without_schema: bool = False
    reply: Reply | None = None
    settled: bool = False
    """True once the reply is committed, or once a spent budget leaves the request unsent."""

    @property
    def identity(self) -> str:
        """The same for equal requests."""
        return next(iter(self.keys.values()))


class Availability(Enum):
    OPEN = "gets requests"
    PAUSED = "gets no requests for a moment"
    PROBING = "gets a few requests, to test it"
    SUSPENDED = "gets no requests for a longer time"


@dataclass(eq=False)
class EndpointState:
    """The state of one endpoint."""

    endpoint: Endpoint
    route: Route
    concurrency: AdaptiveConcurrency
    dialects: Dialects
    """What the endpoints of this run were found to take."""
    queue: deque[PendingRequest] = field(default_factory=deque)
    availability: Availability = Availability.OPEN
    has_replied: bool = False
    failures_in_a_row: int = 0
    malformed_in_a_row: int = 0
    failed_rounds: int = 0
    probes_to_send: int = 0
    probes_in_flight: int = 0
    suspensions: int = 0
    last_failure: str = ""

    @property
    def dialect(self) -> Dialect:
        return self.dialects.get((self.endpoint.url, self.endpoint.model), PLAIN)

    def learn(self, dialect: Dialect, change: str) -> None:
        """Keep what the endpoint takes for the run, and say it once."""
        self.dialects[self.endpoint.url, self.endpoint.model] = dialect
        say(f"teacher {self.endpoint.url} {change}")

    def adapt(self, body: Mapping[str, Any], error: str, dialect: Dialect, with_schema: bool) -> bool:
        """Learn from a refusal what the endpoint takes; true if the request should be sent again.

        Args:
            dialect: in which the request was sent; another reply may have changed the endpoint's meanwhile.
        """
        learnt = learn_dialect(dialect, build_payload(self.endpoint, body, with_schema, dialect), error)
        if learnt and self.dialect == dialect:
            self.learn(*learnt)
        return learnt is not None

    @property
    def rejects_schema(self) -> bool:
        return "response_format" in self.dialect.omitted

    def is_ready(self) -> bool:
        """True if a request may be sent there now."""
        if self.availability is Availability.PROBING:
            return self.probes_to_send > 0 and self.concurrency.has_room()
        return self.availability is Availability.OPEN and self.concurrency.has_room()

    def count_probe(self) -> None:
        """Count a request that is sent; while the endpoint is being probed, it is a probe."""
        if self.availability is Availability.PROBING:
            self.probes_to_send -= 1
            self.probes_in_flight += 1


def reply_cost(reply: Reply) -> Cost:
    return Cost(1, reply.prompt_tokens, reply.completion_tokens, reply.cost)


def max_cost(endpoint: Endpoint, body: Mapping[str, Any]) -> Cost:
    """The maximum cost of a request there: that of a reply of `max_tokens`."""
    prompt_tokens = estimate_tokens(count_prompt_chars(body))
    completion_tokens = body["max_tokens"]
    return Cost(1, prompt_tokens, completion_tokens, endpoint.compute_cost(prompt_tokens, completion_tokens))
