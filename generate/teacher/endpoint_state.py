"""An endpoint at work: its queue, its pace and its health; and the work that waits there."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from kshot.generate.teacher.budget import Cost
from kshot.generate.teacher.concurrency import AdaptiveConcurrency
from kshot.generate.teacher.endpoints import Endpoint
from kshot.generate.teacher.messages import Reply, count_prompt_chars, estimate_tokens
from kshot.generate.teacher.transport import Route


@dataclass(slots=True, eq=False)
class PendingRequest:
    """A request on its way: its body without the model, its key for each model, and the endpoints by preference."""

    body: dict[str, Any]
    keys: dict[str, str]
    order: list[int]
    key: str = ""
    tries: int = 0
    put_off: int = 0
    plain: bool = False
    reply: Reply | None = None
    settled: bool = False

    @property
    def name(self) -> str:
        """The same for the same request."""
        return next(iter(self.keys.values()))


class Availability(Enum):
    OPEN = "takes requests"
    PAUSED = "gets none for a moment"
    PROBED = "gets a few, to see"
    ASIDE = "gets none for long"


@dataclass(eq=False)
class EndpointState:
    """An endpoint at work."""

    endpoint: Endpoint
    route: Route
    pace: AdaptiveConcurrency
    queue: deque[PendingRequest] = field(default_factory=deque)
    state: Availability = Availability.OPEN
    answered: bool = False
    failed: int = 0
    rounds: int = 0
    probes: int = 0
    probing: int = 0
    times_aside: int = 0
    cause: str = ""
    no_schema: bool = False

    def ready(self) -> bool:
        if self.state is Availability.PROBED:
            return self.probes > 0 and self.pace.room()
        return self.state is Availability.OPEN and self.pace.room()

    def sent(self) -> None:
        if self.state is Availability.PROBED:
            self.probes -= 1
            self.probing += 1


def reply_cost(reply: Reply) -> Cost:
    return Cost(1, reply.prompt_tokens, reply.completion_tokens, reply.cost)


def max_cost(endpoint: Endpoint, body: Mapping[str, Any]) -> Cost:
    """What a request may cost there: its reply as long as it may be."""
    prompt = estimate_tokens(count_prompt_chars(body))
    reply = body["max_tokens"]
    return Cost(1, prompt, reply, endpoint.cost(prompt, reply))
