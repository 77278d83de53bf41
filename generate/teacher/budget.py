"""What asking costs: an estimate before, a meter that holds a run to its budget, and the words for both."""

import time
from collections.abc import Iterable
from dataclasses import dataclass

from kshot.config import BudgetConfig
from kshot.core.errors import TeacherError


class BudgetExceededError(TeacherError):
    """A budget is used up; `which` is `requests`, `tokens` or `money`. What came before is stored and can be used."""

    def __init__(self, which: str, spent: "Cost", budget: BudgetConfig) -> None:
        self.which = which
        limit = getattr(budget, which)
        super().__init__(f"the budget of {limit:g} {which} is spent ({spent}); raise generate.teacher.budget.{which}")


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
    """What a plan would ask at most: replies as long as they may be, prompts at four characters a token."""

    stored: int
    missing: Cost

    def __str__(self) -> str:
        new = self.missing
        money = f", cost at most {new.money:.4g}" if new.money else ""
        tokens = f"about {new.prompt_tokens} tokens of prompts and at most {new.completion_tokens} of replies"
        return f"{new.requests} requests to make ({self.stored} are stored), {tokens}{money}"


class BudgetMeter:
    """What the run has spent, what is on its way, and whether one more request fits the budget."""

    def __init__(self, budget: BudgetConfig, before: Cost) -> None:
        self.new = Cost()
        self._budget = budget
        self._before = before
        self._reserved = Cost()

    @property
    def total(self) -> Cost:
        """With what earlier runs of the same command spent."""
        return self._before + self.new

    def reserve(self, most: Cost) -> str | None:
        """Set aside what a request may cost; or, if it does not fit, the name of the budget that it breaks."""
        if broken := self._broken(self.total + self._reserved + most):
            return broken
        self._reserved += most
        return None

    def settle(self, most: Cost, cost: Cost | None) -> None:
        """The reserved request cost this, or nothing."""
        self._reserved -= most
        if cost:
            self.new += cost

    def add(self, cost: Cost) -> None:
        """Something cost this that was not reserved."""
        self.new += cost

    @property
    def idle(self) -> bool:
        """Nothing is on its way that could come cheaper than was set aside."""
        return self._reserved.requests == 0

    def spent(self, which: str) -> BudgetExceededError:
        return BudgetExceededError(which, self.total, self._budget)

    def _broken(self, cost: Cost) -> str | None:
        limits: Iterable[tuple[str, float | None, float]] = (
            ("requests", self._budget.requests, cost.requests),
            ("tokens", self._budget.tokens, cost.tokens),
            ("money", self._budget.money, cost.money),
        )
        return next((name for name, limit, value in limits if limit is not None and value > limit * (1 + 1e-9)), None)


class ProgressRate:
    """The words beside a progress bar."""

    def __init__(self, meter: BudgetMeter, total: int | None, start: int) -> None:
        self._meter = meter
        self._total = total
        self._start = start
        self._began = time.monotonic()

    def note(self, done: int, accepted: float | None = None) -> str:
        """Replies a second, tokens and money so far, the share that the caller accepted, and the time to go."""
        new, seconds = self._meter.new, max(time.monotonic() - self._began, 1e-9)
        rate = (done - self._start) / seconds
        words = [f"{rate:.1f}/s", f"{new.tokens} tokens"]
        if new.money:
            words.append(f"cost {new.money:.4g}")
        if accepted is not None:
            words.append(f"{accepted:.0%} accepted")
        if self._total and rate:
            words.append(f"{(self._total - done) / rate:.0f} s to go")
        return ", ".join(words)
