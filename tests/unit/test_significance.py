"""Sign-flip tests, t-tests over trainings and Holm's correction, against scipy and hand-computed tables."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from kshot.evaluate.stats.bootstrap import minimum_detectable_effect
from kshot.evaluate.stats.significance import adjust_holm, judge, sign_flip_p, training_t_p


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@given(
    st.lists(st.integers(-64, 64).map(lambda n: n / 64), min_size=2, max_size=9)
)  # scipy needs ties without rounding
def test_sign_flip_p_equals_scipy(differences: list[float]) -> None:
    theirs = scipy_stats.permutation_test(
        (np.array(differences),), np.sum, permutation_type="samples", n_resamples=np.inf, alternative="two-sided"
    ).pvalue
    assert sign_flip_p(differences, 100, rng()) == pytest.approx(theirs)


def test_sign_flip_p_keeps_ties_despite_rounding() -> None:
    assert sign_flip_p([-0.15, -0.575, 0.725], 100, rng()) == 1.0


def test_sign_flip_p_enumerates_sixteen_tasks_whatever_the_seed() -> None:
    differences = rng(4).normal(0.3, 1, 16)
    first = sign_flip_p(differences, 100, rng(1))
    assert first == sign_flip_p(differences, 100, rng(2))
    theirs = scipy_stats.permutation_test(
        (differences,), np.mean, permutation_type="samples", n_resamples=np.inf, alternative="two-sided"
    ).pvalue
    assert first == pytest.approx(theirs)


def test_sign_flip_p_draws_patterns_of_many_tasks_and_approaches_the_t_test() -> None:
    differences = rng(4).normal(0.3, 1, 60)
    p = sign_flip_p(differences, 20_000, rng())
    assert p == pytest.approx(scipy_stats.ttest_1samp(differences, 0).pvalue, abs=0.01)
    assert p == sign_flip_p(differences, 20_000, rng())
    # scipy doubles the smaller tail, which holds the observed pattern at least.
    assert sign_flip_p([1.0] * 60, 999, rng()) == 2 / 1000


def test_sign_flip_p_is_one_without_a_difference() -> None:
    assert sign_flip_p([0.0, 0.0], 100, rng()) == 1


def test_adjust_holm_equals_hand_computed_values() -> None:
    """Four p-values: 0.01 x 4, 0.013 x 3 raised to that before, 0.014 x 2 likewise, 0.4 x 1."""
    assert adjust_holm([0.014, 0.4, 0.01, 0.013]) == pytest.approx([0.04, 0.4, 0.04, 0.04])
    assert adjust_holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert adjust_holm([0.6, 0.7]) == [1.0, 1.0]
    assert adjust_holm([]) == []


@pytest.mark.parametrize("trainings", [2, 3])
def test_training_t_p_equals_scipy_for_its_standard_error(trainings: int) -> None:
    draw = rng(5)
    rows = [draw.normal(0.1, 0.4, (trainings, 12)) + draw.normal(0, 0.2, (trainings, 1)) for _ in range(6)]
    found = training_t_p(rows, trainings)
    detected = minimum_detectable_effect(rows, trainings)
    gain = float(np.mean([row.mean() for row in rows]))
    df = np.arange(1, 12)
    error = detected / (scipy_stats.t.ppf(0.975, df) + scipy_stats.t.ppf(0.8, df))
    assert np.isclose(found, 2 * scipy_stats.t.sf(abs(gain) / error, df), rtol=1e-6).any()


def test_training_t_p_is_one_without_a_degree_of_freedom() -> None:
    one = [np.array([[0.0], [1.0], [1.0]])]
    assert training_t_p(one, 3) == 1.0
    assert minimum_detectable_effect(one, 3) is None


def test_judge_goes_by_the_adjusted_p_alone() -> None:
    assert [judge(gain, p) for gain, p in ((0.2, 0.01), (-0.2, 0.01), (0.2, 0.05), (-0.2, 1.0), (0.0, 0.01))] == [
        "gain", "loss", "inconclusive", "inconclusive", "inconclusive"
    ]  # fmt: skip
    assert judge(0.2, 0.01, is_trivial=True) == "trivial"
    assert judge(-0.2, 0.01, is_trivial=True) == "loss"
