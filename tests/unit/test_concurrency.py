"""Adaptive concurrency and backoff, without a server."""

import heapq
import random
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

from hypothesis import given
from hypothesis import strategies as st

from kshot.generate.teacher.concurrency import AdaptiveConcurrency, backoff_seconds, parse_retry_after


def simulate_limits(capacity: int, max_limit: int, replies: int = 4000) -> list[int]:
    """Return the limits over time at a server that answers `capacity` requests at once and queues all others."""
    rng, concurrency, limits = random.Random(2), AdaptiveConcurrency(max_limit), []
    now, number, serving, waiting = 0.0, 0, 0, 0
    ends: list[tuple[float, int]] = []
    for _ in range(replies):
        while concurrency.has_room():
            concurrency.acquire()
            waiting += 1
        while waiting and serving < capacity:
            number, serving, waiting = number + 1, serving + 1, waiting - 1
            heapq.heappush(ends, (now + rng.lognormvariate(0, 0.5), number))
        now, _ = heapq.heappop(ends)
        serving -= 1
        concurrency.release()
        concurrency.record_success(now, has_queue=True)
        limits.append(concurrency.limit)
    return limits


def test_concurrency_stays_bounded_at_a_server_that_queues_everything() -> None:
    assert sorted(simulate_limits(8, 1000))[2000] < 100


def test_concurrency_rises_to_the_limit_at_a_server_with_room() -> None:
    assert simulate_limits(10_000, 300)[-1] == 300


def test_overload_lowers_the_limit_once_for_requests_sent_together() -> None:
    concurrency = AdaptiveConcurrency(100, start=40)
    acquired = [concurrency.acquire() for _ in range(40)]
    for number in acquired:
        concurrency.record_overload(number)
    assert concurrency.limit == 30
    concurrency.record_overload(concurrency.acquire())
    assert concurrency.limit == 22


def test_limit_never_falls_below_one_nor_rises_without_a_queue() -> None:
    concurrency = AdaptiveConcurrency(100, start=2)
    for _ in range(20):
        concurrency.record_overload(concurrency.acquire())
    assert concurrency.limit == 1
    for now in range(500):
        concurrency.record_success(float(now), has_queue=False)
    assert concurrency.limit == 1


@given(st.integers(0, 10_000), st.floats(0.01, 100), st.none() | st.floats(0, 1e300))
def test_backoff_is_bounded(attempts: int, max_seconds: float, retry_after: float | None) -> None:
    attempts = min(attempts, 1000)
    assert 0 <= backoff_seconds(attempts, max_seconds, retry_after) <= max_seconds


def test_retry_after_is_a_number_or_a_date_or_none() -> None:
    assert parse_retry_after("2.5") == 2.5
    ahead = parse_retry_after(format_datetime(datetime.now(UTC) + timedelta(seconds=100), usegmt=True))
    assert ahead is not None
    assert 97 < ahead <= 100
    assert [parse_retry_after(text) for text in (None, "", "-1", "nan", "inf", "soon", "Fri, 99 Foo")] == [None] * 7
