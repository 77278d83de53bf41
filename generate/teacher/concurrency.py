"""Adaptive concurrency: how many requests an endpoint bears, and the backoff between attempts.

Additive increase, multiplicative decrease (Chiu and Jain 1989), after a slow start. vLLM's queue refuses no request
by default. There the sign of overload is a higher limit that brings no more replies a second.
"""

import random
from email.utils import parsedate_to_datetime
from time import time

INITIAL_LIMIT = 16
DECREASE_FACTOR = 0.75
SUCCESSES_PER_STEP = 25
MIN_LIMIT_RATIO, MIN_RATE_GAIN = 1.25, 1.1
"""A limit higher by the first factor must raise the replies a second by the second factor."""
MIN_EPOCH_REPLIES = 48
"""Replies between two comparisons of the rate."""
FIRST_BACKOFF_SECONDS = 0.5


class AdaptiveConcurrency:
    """Limits the requests in flight at one endpoint, between 1 and `max_limit`."""

    def __init__(self, max_limit: int, start: int = INITIAL_LIMIT) -> None:
        self.in_flight = 0
        self._max_limit = max_limit
        self._limit = float(min(start, max_limit))
        self._slow_start = True
        self._decreases = 0
        self._best_rate = 0.0
        self._best_limit = 1.0
        self._flat_epochs = 0
        self._epoch_began = 0.0
        self._epoch_left = 0
        self._epoch_limit = 0.0

    @property
    def limit(self) -> int:
        return int(self._limit)

    def has_room(self) -> bool:
        return self.in_flight < int(self._limit)

    def acquire(self) -> int:
        """Count a request as in flight. Returns a number to hand to `record_overload`."""
        self.in_flight += 1
        return self._decreases

    def release(self) -> None:
        self.in_flight -= 1

    def record_success(self, now: float, has_queue: bool) -> None:
        """Record a reply.

        Args:
            now: seconds on any clock.
            has_queue: whether more requests wait than may be in flight.
        """
        if not has_queue:
            self._epoch_left = 0
            return
        step = 1.0 if self._slow_start else 1 / SUCCESSES_PER_STEP
        self._limit = min(float(self._max_limit), self._limit + step)
        self._epoch_left -= 1
        if self._epoch_left <= 0:
            self._compare_rates(now)

    def record_overload(self, acquired: int) -> None:
        """Record a rate limit or a timeout. Requests sent before the last decrease say nothing new."""
        if acquired == self._decreases:
            self._decrease_to(max(1.0, self._limit * DECREASE_FACTOR))

    def _decrease_to(self, limit: float) -> None:
        self._limit = limit
        self._slow_start = False
        self._decreases += 1
        self._epoch_left = 0

    def _compare_rates(self, now: float) -> None:
        """Compare this epoch's rate with the best one; return to the best limit after two epochs without gain."""
        limit = self._epoch_limit
        if limit and self._epoch_left == 0 and now > self._epoch_began:
            rate = max(MIN_EPOCH_REPLIES, int(limit)) / (now - self._epoch_began)
            if limit >= MIN_LIMIT_RATIO * self._best_limit:
                self._flat_epochs = self._flat_epochs + 1 if rate < MIN_RATE_GAIN * self._best_rate else 0
                if self._flat_epochs == 0:
                    self._best_rate, self._best_limit = rate, limit
            elif limit * MIN_LIMIT_RATIO > self._best_limit:
                self._best_rate += 0.3 * (rate - self._best_rate)
            elif rate > 0.9 * self._best_rate:
                self._best_rate, self._best_limit = rate, limit
            if self._flat_epochs == 2:
                self._flat_epochs = 0
                self._decrease_to(self._best_limit)
        self._epoch_began, self._epoch_limit = now, self._limit
        self._epoch_left = max(MIN_EPOCH_REPLIES, int(self._limit))


def backoff_seconds(attempts: int, max_seconds: float, retry_after: float | None = None) -> float:
    """Return the seconds until the next attempt: exponential backoff with full jitter (AWS 2015).

    Adds the endpoint's Retry-After; `max_seconds` bounds the sum.
    """
    drawn = random.uniform(0, min(max_seconds, FIRST_BACKOFF_SECONDS * 2.0**attempts))
    return drawn if retry_after is None else min(max_seconds, retry_after + drawn)


def parse_retry_after(header: str | None) -> float | None:
    """Return the seconds in a Retry-After header (RFC 9110, 10.2.3: a number or a date); None if it is invalid."""
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


def describe_wait(seconds: float) -> str:
    """Return a pause in minutes, or in hours from two hours on."""
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.0f} h"
