"""Bootstrap intervals and minimum detectable effects, against scipy and simulated suites."""

import numpy as np
import pytest
from scipy import stats as scipy_stats

from kshot.evaluate.stats.bootstrap import bootstrap_interval, minimum_detectable_effect


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_minimum_detectable_effect_is_detected_with_80_percent_power() -> None:
    """A t-test on tasks with this true gain, by the noncentral t distribution."""
    differences = [np.full((1, 40), value) for value in rng(1).normal(0, 0.1, 12)]
    gain = minimum_detectable_effect(differences)
    assert gain is not None
    seed_sd = np.std([d.mean() for d in differences], ddof=1)
    noncentral = scipy_stats.nct(11, gain / (seed_sd / np.sqrt(12)))
    critical = scipy_stats.t.ppf(0.975, 11)
    assert noncentral.sf(critical) + noncentral.cdf(-critical) == pytest.approx(0.8, abs=0.02)


def test_bootstrap_interval_of_many_items_is_the_t_interval_over_tasks() -> None:
    """With items that leave no noise, only the choice of tasks is left."""
    means = rng(3).normal(0.05, 0.1, 14)
    low, high = bootstrap_interval([np.full((1, 5), value) for value in means], 20_000, rng())
    ends = scipy_stats.t.interval(0.95, 13, means.mean(), scipy_stats.sem(means))
    assert (low, high) == pytest.approx(ends, abs=0.006)


def test_bootstrap_interval_counts_item_noise_once() -> None:
    """Tasks that are alike but for their items: as wide as the standard error of all items, not root two times that."""
    rows = (rng(2).random((16, 40)) < 0.3).astype(float)
    low, high = bootstrap_interval([row[None] for row in rows], 20_000, rng())
    error = rows.std(ddof=1) / np.sqrt(rows.size)
    assert high - low == pytest.approx(2 * scipy_stats.t.ppf(0.975, 15) * error, rel=0.12)


def test_bootstrap_interval_covers_zero_at_its_level_without_a_gain() -> None:
    """A small version of benchmarks/interval_coverage.py, with limits wide enough for 300 suites."""
    from benchmarks.interval_coverage import Scenario, simulate

    row = simulate(Scenario("10 tasks", difference=1.0), 300, 400, 5)
    assert 0.015 <= row["interval"] <= 0.085
    assert row["test"] <= 0.08
