"""Gains and ranking of a grid's settings on made-up scores."""

from collections.abc import Callable

import pytest

from kshot.evaluate.measure.results import ScoresBySuite
from kshot.evaluate.metrics.trial_ranking import ScoredTrial, rank, rank_gains

Rows = Callable[[int], list[list[int]]]


def scores(**tasks: Rows) -> ScoresBySuite:
    """Of one suite and score; a task's function gives its rows at k = 0 and 4."""
    return {
        ("p", k): {"exact_match": {task: [list(map(float, row)) for row in rows(k)] for task, rows in tasks.items()}}
        for k in (0, 4)
    }


def right(fraction: float, items: int = 20) -> list[int]:
    return [int(n < fraction * items) for n in range(items)]


def eight_tasks(fraction: float) -> ScoresBySuite:
    """Eight tasks, enough for the sign-flip test to be significant."""
    return scores(**{f"t{n}": lambda _: [right(fraction)] for n in range(8)})


def test_rank_gains_stacks_training_seeds_against_the_same_base() -> None:
    base = scores(a=lambda k: [[0, 0, 1, 1]], b=lambda k: [[0, 0, 0, 0]])
    seeds = {
        3: scores(a=lambda k: [[1, 1, 1, 1]], b=lambda k: [[0, 0, 0, 0]]),
        4: scores(a=lambda k: [[1, 1, 1, 1]], b=lambda k: [[1, 1, 1, 1] if k else [0, 0, 0, 0]]),
    }
    rows = rank_gains([ScoredTrial("x", {"generate.cot_fraction": 0}, base, seeds)], 200, 1)
    assert [(row.suite, row.score, row.k, row.setting) for row in rows] == [
        ("p", "exact_match", 0, "x"), ("p", "exact_match", 4, "x"),
    ]  # fmt: skip
    few = rows[1]
    assert (few.base, few.student, few.gain) == (0.25, 0.75, 0.5)
    assert (few.seed_low, few.seed_high) == (0.25, 0.75)
    assert (few.seeds, few.tasks, few.items) == ([3, 4], 2, 8)
    assert few.values == {"generate.cot_fraction": 0}
    assert few.p_holm >= few.p
    single = rank_gains([ScoredTrial("x", {}, base, {4: seeds[4]})], 200, 1)[1]
    assert (single.gain, single.seed_low, single.seed_high) == (0.75, 0.75, 0.75)


def test_rank_gains_interval_widens_where_trainings_differ() -> None:
    widths = []
    for seeds in ({3: eight_tasks(0.3), 4: eight_tasks(0.7)}, {3: eight_tasks(0.5), 4: eight_tasks(0.5)}):
        (row, _) = rank_gains([ScoredTrial("x", {}, eight_tasks(0.1), seeds)], 500, 1)
        assert row.gain == pytest.approx(0.4)
        widths.append(row.high - row.low)
    assert widths[0] > 1.5 * widths[1]


def test_rank_gains_pairs_fewshot_seeds_of_each_training_with_those_of_the_base() -> None:
    base = scores(a=lambda k: [[0, 1], [1, 1]] if k else [[0, 0]])
    seeds = {n: scores(a=lambda k: [[1, 1], [1, 1]] if k else [[1, 0]]) for n in (3, 4)}
    zero_shot, few_shot = rank_gains([ScoredTrial("x", {}, base, seeds)], 200, 1)
    assert (zero_shot.gain, few_shot.gain) == (0.5, 0.25)


def test_rank_orders_settings_and_says_which_differ_significantly() -> None:
    base = eight_tasks(0.1)
    trials = [
        ScoredTrial("low", {}, base, {1: eight_tasks(0.2)}),
        ScoredTrial("best", {}, base, {1: eight_tasks(0.8)}),
        # Better in half of the tasks, worse in the other half, and a little worse at k=4.
        ScoredTrial("near", {}, base, {1: scores(**{
            f"t{n}": lambda k, n=n: [right((0.95 if n % 2 else 0.6) if k else 0.8)] for n in range(8)
        })}),
    ]  # fmt: skip
    best, near, low = rank(trials, 500, 1)
    assert [row.setting for row in (best, near, low)] == ["best", "near", "low"]
    assert [row.rank for row in (best, near, low)] == [1, 2, 3]
    assert [row.verdict for row in (best, near, low)] == ["best", "inconclusive", "significant"]
    assert best.mean == pytest.approx(0.8)
    assert best.difference == 0
    assert low.difference == pytest.approx(-0.6)
    assert low.high < 0 < near.high
    # Two comparisons: the smaller p counts double.
    assert low.p == 2 / 2**8
    assert low.p_holm == 2 * low.p


def test_rank_takes_the_mean_over_all_k_and_pairs_common_seeds() -> None:
    base = scores(a=lambda k: [[0, 0]])
    first = {
        1: scores(a=lambda k: [[1, 1], [1, 0]] if k else [[0, 0]]),
        2: scores(a=lambda k: [[1, 1], [1, 1]] if k else [[1, 1]]),
    }
    second = {1: scores(a=lambda k: [[0, 0]])}
    best, other = rank([ScoredTrial("second", {}, base, second), ScoredTrial("first", {}, base, first)], 200, 1)
    # Seed 1 of "first": k=0 nothing, k=4 three quarters.
    assert best.setting == "first"
    assert best.mean == pytest.approx((0.375 + 1) / 2)
    assert other.difference == pytest.approx(-0.375)
    trials = [ScoredTrial("first", {}, base, first), ScoredTrial("second", {}, base, {9: second[1]})]
    (_, unpaired) = rank(trials, 200, 1)
    assert unpaired.difference == pytest.approx(-(0.375 + 1) / 2)
    assert rank([], 200, 1) == []
