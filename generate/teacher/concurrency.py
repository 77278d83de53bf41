"""How fast to ask: the level of concurrency that an endpoint bears, and the pauses between tries.

Additive increase, multiplicative decrease (Chiu and Jain 1989), after a quick start that doubles. A queue that never
refuses (vLLM's, by default) is noticed by another sign: more requests in flight that bring no more replies a second.
"""

import random
from email.utils import parsedate_to_datetime
from time import time

START = 16
DECREASE = 0.75
SUCCESSES_PER_STEP = 25
HIGHER, GAIN = 1.25, 1.1
"""A level so much higher has to bring so much more replies a second."""
EPOCH = 48
"""Replies, at the least, between two looks at the rate."""
FIRST_PAUSE_SECONDS = 0.5


class AdaptiveConcurrency:
    """The number of requests that may be in flight at one endpoint, between 1 and `most`."""

    def __init__(self, most: int, start: int = START) -> None:
        self.in_flight = 0
        self._most = most
        self._limit = float(min(start, most))
        self._rushing = True
        self._decreases = 0
        self._best_rate = 0.0
        self._best_limit = 1.0
        self._flat = 0
        self._epoch_began = 0.0
        self._epoch_left = 0
        self._epoch_limit = 0.0

    @property
    def limit(self) -> int:
        return int(self._limit)

    def room(self) -> bool:
        return self.in_flight < int(self._limit)

    def begin(self) -> int:
        """A request goes out; hand the number back with its outcome."""
        self.in_flight += 1
        return self._decreases

    def end(self) -> None:
        self.in_flight -= 1

    def success(self, now: float, busy: bool) -> None:
        """A reply came at `now` seconds; `busy`: more requests were waiting than may be in flight."""
        if not busy:
            self._epoch_left = 0
            return
        self._limit = min(float(self._most), self._limit + (1.0 if self._rushing else 1 / SUCCESSES_PER_STEP))
        self._epoch_left -= 1
        if self._epoch_left <= 0:
            self._look(now)

    def trouble(self, begun: int) -> None:
        """A request was put off or timed out; those that went out before the last decrease tell nothing new."""
        if begun == self._decreases:
            self._fall_to(max(1.0, self._limit * DECREASE))

    def _fall_to(self, limit: float) -> None:
        self._limit = limit
        self._rushing = False
        self._decreases += 1
        self._epoch_left = 0

    def _look(self, now: float) -> None:
        """Compare the rate since the last look with that of the best level so far; two looks in vain send us back."""
        level = self._epoch_limit
        if level and self._epoch_left == 0 and now > self._epoch_began:
            rate = max(EPOCH, int(level)) / (now - self._epoch_began)
            if level >= HIGHER * self._best_limit:
                self._flat = self._flat + 1 if rate < GAIN * self._best_rate else 0
                if self._flat == 0:
                    self._best_rate, self._best_limit = rate, level
            elif level * HIGHER > self._best_limit:
                self._best_rate += 0.3 * (rate - self._best_rate)
            elif rate > 0.9 * self._best_rate:
                self._best_rate, self._best_limit = rate, level
            if self._flat == 2:
                self._flat = 0
                self._fall_to(self._best_limit)
        self._epoch_began, self._epoch_limit = now, self._limit
        self._epoch_left = max(EPOCH, int(self._limit))


def backoff_seconds(tries: int, longest: float, asked_for: float | None = None) -> float:
    """Seconds until the next try: drawn from a range that doubles with the tries ("full jitter", AWS 2015).

    What the endpoint asks for (Retry-After) is honoured, up to `longest`.
    """
    drawn = random.uniform(0, min(longest, FIRST_PAUSE_SECONDS * 2.0**tries))
    return drawn if asked_for is None else min(longest, asked_for + drawn)


def parse_retry_after(header: str | None) -> float | None:
    """The seconds that a Retry-After asks for (RFC 9110, 10.2.3: a number or a date); None where it makes no sense."""
    if not header:
        return None
    try:
        seconds = float(header)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(header).timestamp() - time()
        except (ValueError, TypeError, OverflowError):
            return None
    return seconds if 0 <= seconds < float("inf") else None
