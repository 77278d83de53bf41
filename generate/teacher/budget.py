"""Cost: an estimate before the requests, a meter that holds a run to its budget, and the words for both."""

import time
from collections.abc import Iterable
from dataclasses import dataclass

from kshot.config import BudgetConfig
from kshot.core.errors import TeacherError


class BudgetExceededError(TeacherError):
    """A budget is spent; `budget` is `requests`, `tokens` or `money`. Replies that came stay cached."""

    def __init__(self, budget: str, cost: "Cost", limits: BudgetConfig) -> None:
        self.budget = budget
        limit = getattr(limits, budget)
        super().__init__(f"the budget of {limit:g} {budget} is spent ({cost}); raise generate.teacher.budget.{budget}")


@dataclass(frozen=True, slots=True)
class Cost:
    """Replies, tokens of prompts and of replies, and money in the currency of the prices."""

    requests: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    money: float = 0.0

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(
            self.requests + other.requests,
            self.prompt_tokens + other.prompt_tokens,
            self.completion_tokens + other.completion_tokens,
            self.money + other.money,
        )

    def __sub__(self, other: "Cost") -> "Cost":
        return self + Cost(-other.requests, -other.prompt_tokens, -other.completion_tokens, -other.money)

    @property
    def tokens(self) -> int:
        return self.prompt_tokens + self.completion_tokens

    def __str__(self) -> str:
        money = f", cost {self.money:.4g}" if self.money else ""
        return f"{self.requests} requests, {self.tokens} tokens{money}"


@dataclass(frozen=True)
class Estimate:
    """The maximum cost of some requests: replies of `max_tokens`, prompts at four characters a token."""

    cached: int
    missing: Cost

    def __str__(self) -> str:
        cost = self.missing
        money = f", cost at most {cost.money:.4g}" if cost.money else ""
        tokens = f"about {cost.prompt_tokens} prompt tokens and at most {cost.completion_tokens} reply tokens"
        return f"{cost.requests} requests to send ({self.cached} are cached), {tokens}{money}"


class BudgetMeter:
    """Counts what was spent and what is in flight, and says whether one more request fits the budget."""

    def __init__(self, budget: BudgetConfig, earlier_cost: Cost) -> None:
        self.new_cost = Cost()
        self._budget = budget
        self._earlier_cost = earlier_cost
        self._reserved = Cost()

    @property
    def total_cost(self) -> Cost:
        """The cost of this run and of earlier runs with the same cache."""
        return self._earlier_cost + self.new_cost

    @property
    def remaining(self) -> BudgetConfig:
        """The budget without what was spent."""
        limits, cost = self._budget, self.total_cost
        return BudgetConfig(
            requests=None if limits.requests is None else max(0, limits.requests - cost.requests),
            tokens=None if limits.tokens is None else max(0, limits.tokens - cost.tokens),
            money=None if limits.money is None else max(0.0, limits.money - cost.money),
        )

    def reserve(self, max_cost: Cost) -> str | None:
        """Reserve what a request may cost, or return the name of the budget that it would exceed."""
        if budget := self._find_exceeded(self.total_cost + self._reserved + max_cost):
            return budget
        self._reserved += max_cost
        return None

    def settle(self, max_cost: Cost, cost: Cost | None) -> None:
        """Replace a reservation by the request's real cost; None where it cost nothing."""
        self._reserved -= max_cost
        if cost:
            self.new_cost += cost

    def add(self, cost: Cost) -> None:
        """Add a cost that was not reserved."""
        self.new_cost += cost

    @property
    def is_idle(self) -> bool:
        """True if no request in flight could still cost less than its reservation."""
        return self._reserved.requests == 0

    def build_error(self, budget: str) -> BudgetExceededError:
        return BudgetExceededError(budget, self.total_cost, self._budget)

    def _find_exceeded(self, cost: Cost) -> str | None:
        limits: Iterable[tuple[str, float | None, float]] = (
            ("requests", self._budget.requests, cost.requests),
            ("tokens", self._budget.tokens, cost.tokens),
            ("money", self._budget.money, cost.money),
        )
        return next((name for name, limit, value in limits if limit is not None and value > limit * (1 + 1e-9)), None)


class ProgressRate:
    """Writes the words beside a progress bar."""

    def __init__(self, meter: BudgetMeter, total: int | None, start: int) -> None:
        self._meter = meter
        self._total = total
        self._start = start
        self._began = time.monotonic()

    def describe(self, done: int, accepted_fraction: float | None = None) -> str:
        """Return replies a second, tokens, money, the accepted fraction and the time left."""
        cost, seconds = self._meter.new_cost, max(time.monotonic() - self._began, 1e-9)
        rate = (done - self._start) / seconds
        words = [f"{rate:.1f}/s", f"{cost.tokens} tokens"]
        if cost.money:
            words.append(f"cost {cost.money:.4g}")
        if accepted_fraction is not None:
            words.append(f"{accepted_fraction:.0%} accepted")
        if self._total and rate:
            words.append(f"{(self._total - done) / rate:.0f} s left")
        return ", ".join(words)
