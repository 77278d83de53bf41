"""Intervals, tests and power against scipy, hand-checked tables and simulated panels."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from kshot.evaluate.run_files import Gain
from kshot.evaluate.stats.bootstrap import bootstrap_interval, minimum_detectable_effect
from kshot.evaluate.stats.paired import paired_gain, paired_gains, with_holm
from kshot.evaluate.stats.significance import adjust_holm, sign_flip_p, training_t_p


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def from_differences(rows: list[list[float]]) -> Gain:
    base = {str(task): [0.0] * len(row) for task, row in enumerate(rows)}
    return paired_gain(base, {str(task): row for task, row in enumerate(rows)}, 4000, 1)


@given(
    st.lists(st.integers(-64, 64).map(lambda n: n / 64), min_size=2, max_size=9)
)  # scipy needs ties without rounding
def test_the_sign_flip_test_is_scipy_s(differences: list[float]) -> None:
    theirs = scipy_stats.permutation_test(
        (np.array(differences),), np.sum, permutation_type="samples", n_resamples=np.inf, alternative="two-sided"
    ).pvalue
    assert sign_flip_p(differences, 100, rng()) == pytest.approx(theirs)


def test_rounding_does_not_break_a_tie() -> None:
    assert sign_flip_p([-0.15, -0.575, 0.725], 100, rng()) == 1.0


def test_sixteen_tasks_are_enumerated_whatever_the_seed() -> None:
    differences = rng(4).normal(0.3, 1, 16)
    first = sign_flip_p(differences, 100, rng(1))
    assert first == sign_flip_p(differences, 100, rng(2))
    theirs = scipy_stats.permutation_test(
        (differences,), np.mean, permutation_type="samples", n_resamples=np.inf, alternative="two-sided"
    ).pvalue
    assert first == pytest.approx(theirs)


def test_many_tasks_are_drawn_and_come_near_the_t_test() -> None:
    differences = rng(4).normal(0.3, 1, 60)
    p = sign_flip_p(differences, 20_000, rng())
    assert p == pytest.approx(scipy_stats.ttest_1samp(differences, 0).pvalue, abs=0.01)
    assert p == sign_flip_p(differences, 20_000, rng())
    assert sign_flip_p([1.0] * 60, 999, rng()) == 1 / 1000


def test_no_difference_has_no_evidence() -> None:
    assert sign_flip_p([0.0, 0.0], 100, rng()) == 1


def test_five_tasks_cannot_reach_five_percent_and_six_can() -> None:
    assert from_differences([[1.0, 1.0, 0.0, 1.0]] * 5).p == 2 / 2**5
    assert from_differences([[1.0, 1.0, 0.0, 1.0]] * 6).p == 2 / 2**6


def test_one_task_is_judged_by_its_items_as_mcnemar_does() -> None:
    """Seven items got better and one worse: the exact binomial test on eight that differ."""
    gain = from_differences([[1.0] * 7 + [-1.0] + [0.0] * 32])
    assert gain.p == pytest.approx(scipy_stats.binomtest(7, 8).pvalue)


def test_holm_by_hand() -> None:
    """Four p-values: 0.01 x 4, 0.013 x 3 raised to that before, 0.014 x 2 likewise, 0.4 x 1."""
    assert adjust_holm([0.014, 0.4, 0.01, 0.013]) == pytest.approx([0.04, 0.4, 0.04, 0.04])
    assert adjust_holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert adjust_holm([0.6, 0.7]) == [1.0, 1.0]
    assert adjust_holm([]) == []
    assert with_holm([{"p": 0.02, "k": 1}, {"p": 0.5, "k": 4}])[0] == {"p": 0.02, "k": 1, "p_holm": 0.04}


def test_a_detectable_gain_is_found_four_times_in_five() -> None:
    """A t-test on tasks with this true gain, by the noncentral t distribution."""
    differences = [np.full((1, 40), value) for value in rng(1).normal(0, 0.1, 12)]
    gain = minimum_detectable_effect(differences)
    assert gain is not None
    seed_sd = np.std([d.mean() for d in differences], ddof=1)
    noncentral = scipy_stats.nct(11, gain / (seed_sd / np.sqrt(12)))
    critical = scipy_stats.t.ppf(0.975, 11)
    assert noncentral.sf(critical) + noncentral.cdf(-critical) == pytest.approx(0.8, abs=0.02)


def test_nothing_is_said_of_what_could_be_detected_where_nothing_varies() -> None:
    assert from_differences([[0.0] * 4] * 3).mde is None
    assert from_differences([[1.0]]).mde is None


def test_the_interval_of_many_items_is_the_t_interval_over_tasks() -> None:
    """With items that leave no noise, only the choice of tasks is left."""
    means = rng(3).normal(0.05, 0.1, 14)
    low, high = bootstrap_interval([np.full((1, 5), value) for value in means], 20_000, rng())
    ends = scipy_stats.t.bootstrap_interval(0.95, 13, means.mean(), scipy_stats.sem(means))
    assert (low, high) == pytest.approx(ends, abs=0.006)


def test_noise_of_items_is_counted_once() -> None:
    """Tasks that are alike but for their items: as wide as the standard error of all items, not root two times that."""
    rows = (rng(2).random((16, 40)) < 0.3).astype(float)
    low, high = bootstrap_interval([row[None] for row in rows], 20_000, rng())
    error = rows.std(ddof=1) / np.sqrt(rows.size)
    assert high - low == pytest.approx(2 * scipy_stats.t.ppf(0.975, 15) * error, rel=0.12)


def test_intervals_without_a_gain_hold_zero_about_as_often_as_they_say() -> None:
    """A small version of benchmarks/interval_coverage.py, with limits wide enough for 300 panels."""
    from benchmarks.interval_coverage import Scenario, simulate

    row = simulate(Scenario("10 tasks", difference=1.0), 300, 400, 5)
    assert 0.015 <= row["interval"] <= 0.085
    assert row["test"] <= 0.08


def test_seeds_are_averaged_and_their_worst_and_spread_told() -> None:
    base = {"a": [[0, 0], [1, 0]], "b": [[0, 0], [1, 0]]}
    student = {"a": [[1, 1], [1, 0]], "b": [[1, 1], [0, 0]]}
    gain = paired_gain(base, student, 500, 1)
    assert (gain.base, gain.student, gain.gain) == (0.25, 0.625, 0.375)
    assert (gain.seeds, gain.items, gain.tasks) == (2, 4, 2)
    assert gain.worst_seed_gain == -0.25
    assert (gain.base_worst, gain.student_worst) == (0.0, 0.25)
    assert gain.seed_sd == pytest.approx(np.std([1.0, -0.25], ddof=1))
    assert gain.student_seed_sd == pytest.approx(np.std([1.0, 0.25], ddof=1))


def test_one_seed_has_no_spread() -> None:
    gain = from_differences([[1.0, 0.0], [0.0, 0.0]])
    assert (gain.seeds, gain.seed_sd, gain.student_seed_sd) == (1, None, None)
    assert gain.worst_seed_gain == gain.gain


def test_zero_shot_stands_against_every_seed() -> None:
    gain = paired_gain({"a": [1, 0]}, {"a": [[1, 1], [1, 0], [0, 0]]}, 500, 1)
    assert (gain.base, gain.student, gain.seeds) == (0.5, 0.5, 3)


def test_seeds_that_disagree_widen_the_interval() -> None:
    """One task: 100 items that agree with one another, once better and once worse by the choice of demonstrations."""
    agree = paired_gain({"a": [[0.5] * 100] * 2}, {"a": [[0.6] * 100, [0.6] * 100]}, 2000, 1)
    differ = paired_gain({"a": [[0.5] * 100] * 2}, {"a": [[0.2] * 100, [1.0] * 100]}, 2000, 1)
    assert agree.high - agree.low < 0.01
    assert differ.high - differ.low > 0.5


def test_trainings_that_move_all_tasks_widen_the_interval_as_so_few_observations_do() -> None:
    base = {str(task): [0.0] * 20 for task in range(16)}
    up, down = [0.1] * 20, [-0.1] * 20
    apart = paired_gain(base, {task: [up, down, up] for task in base}, 2000, 1, trainings=3)
    # All is between the three: 0.0333 and the t of two degrees of freedom times the standard error.
    half = 4.303 * np.std([0.1, -0.1, 0.1], ddof=1) / 3**0.5
    assert (apart.high - apart.low) / 2 == pytest.approx(half, rel=0.1)
    assert apart.mde is not None
    assert apart.mde > half
    rows = paired_gain(base, {task: [up, down, up] for task in base}, 2000, 1)
    assert rows.high - rows.low < 0.4 * (apart.high - apart.low)


def test_trainings_that_agree_leave_the_interval_to_the_tasks() -> None:
    draws = rng(3)
    base = {str(task): [0.0] * 40 for task in range(16)}
    one = {task: (draws.random(40) < 0.2 + 0.03 * int(task)).astype(float).tolist() for task in base}
    alone = paired_gain(base, one, 4000, 1)
    thrice = paired_gain(base, {task: [row] * 3 for task, row in one.items()}, 4000, 1, trainings=3)
    assert (thrice.low, thrice.high) == pytest.approx((alone.low, alone.high), abs=0.01)


def test_siblings_of_a_family_are_one_unit() -> None:
    """Two families, one asked three times: the mean is that over tasks, what it speaks of are two families."""
    up, down = [1.0] * 12 + [0.0] * 8, [0.0] * 20
    student = {"a1": up, "a2": up, "a3": up, "b": down}
    base = dict.fromkeys(student, down)
    families = {"a1": "a", "a2": "a", "a3": "a"}
    apart, together = paired_gain(base, student, 4000, 1), paired_gain(base, student, 4000, 1, families=families)
    assert (apart.gain, apart.tasks, apart.families) == (together.gain, together.tasks, 4)
    assert (together.families, together.items) == (2, 80)
    assert apart.high - apart.low < 0.5 * (together.high - together.low)
    assert together.mde > 2 * apart.mde
    # One of two signs decides alone.
    assert together.p == 1
    assert apart.p < 1
    alone = paired_gain(base, student, 4000, 1, families=dict.fromkeys(student, "all"))
    assert (alone.families, alone.gain) == (1, apart.gain)
    assert alone.p < 0.01


def test_the_items_of_one_family_are_judged_by_those_that_differ() -> None:
    """Tasks of 10 and 40 items, three of which got better: one sign in four is as good as that by chance."""
    student = {"a": [1.0] + [0.0] * 9, "b": [1.0, 1.0] + [0.0] * 38}
    base = {task: [0.0] * len(rows) for task, rows in student.items()}
    assert paired_gain(base, student, 4000, 1, families=dict.fromkeys(student, "all")).p == pytest.approx(2 / 2**3)


def test_a_score_that_one_model_lacks_for_a_task_is_not_compared() -> None:
    before = {("p", 0): {"acc": {"a": [0.0, 0.0], "b": [0.0, 1.0]}, "bleu": {"a": [0.0, 0.0]}}}
    after = {("p", 0): {"acc": {"b": [1.0, 1.0]}}}
    (row,) = paired_gains(before, after, 100, 1)
    assert (row["score"], row["tasks"], row["gain"]) == ("acc", 1, 0.5)


def test_where_all_siblings_gain_alike_many_of_one_family_do_not_widen_the_interval() -> None:
    """Weights stand for distances from the mean: the number of siblings itself is no spread."""
    gains = dict.fromkeys(("a1", "a2", "a3", "b", "c"), [1.0, 0.0] * 20)
    base = dict.fromkeys(gains, [0.0] * 40)
    families = {name: name[0] for name in gains}
    gain = paired_gain(base, gains, 4000, 1, families=families)
    assert gain.gain == 0.5
    assert 0.5 - gain.low < 0.3
    assert gain.mde < 0.35


def test_false_alarms_over_siblings(subtests: pytest.Subtests) -> None:
    """Families differ, their siblings hardly: taken for tasks of their own they exclude zero too often."""
    draw, families = rng(3), {f"{n}{sibling}": str(n) for n in range(9) for sibling in "abc"[: 2 + n % 2]}
    missed = {"families": 0, "tasks": 0}
    for _ in range(300):
        shift = dict(zip("012345678", draw.normal(0, 0.2, 9), strict=True))
        student = {t: list(draw.normal(shift[f], 0.3, 20).clip(-1, 1)) for t, f in families.items()}
        base = dict.fromkeys(student, [0.0] * 20)
        for name, groups in (("families", families), ("tasks", {})):
            gain = paired_gain(base, student, 200, 1, families=groups)
            missed[name] += not gain.low <= 0 <= gain.high
    with subtests.test("families"):
        assert missed["families"] < 0.09 * 300
    with subtests.test("tasks"):
        assert missed["tasks"] > 0.12 * 300


def test_p_of_several_trainings_speaks_of_other_trainings_too() -> None:
    """Ten tasks alike, three trainings that come out apart: signs over tasks are sure, three trainings are not."""
    base = {str(task): [0.0] * 40 for task in range(10)}
    rows = [[1.0] * (40 * share // 100) + [0.0] * (40 - 40 * share // 100) for share in (5, 50, 95)]
    student = {task: [list(rng(int(task)).permutation(row)) for row in rows] for task in base}
    signs = paired_gain(base, student, 2000, 1).p
    found = paired_gain(base, student, 2000, 1, trainings=3)
    assert signs < 0.01
    assert found.p > 0.1
    # Nothing differs between tasks, so it is nearly the t-test of the three means; the interval says the same.
    assert found.p == pytest.approx(scipy_stats.ttest_1samp([0.05, 0.5, 0.95], 0).pvalue, abs=0.01)
    assert found.low < 0 < found.high


@pytest.mark.parametrize("trainings", [2, 3])
def test_p_over_trainings_is_scipy_s_for_its_standard_error(trainings: int) -> None:
    draw = rng(5)
    rows = [draw.normal(0.1, 0.4, (trainings, 12)) + draw.normal(0, 0.2, (trainings, 1)) for _ in range(6)]
    found = training_t_p(rows, trainings)
    detected = minimum_detectable_effect(rows, trainings)
    gain = float(np.mean([row.mean() for row in rows]))
    df = np.arange(1, 12)
    error = detected / (scipy_stats.t.ppf(0.975, df) + scipy_stats.t.ppf(0.8, df))
    assert np.isclose(found, 2 * scipy_stats.t.sf(abs(gain) / error, df), rtol=1e-6).any()


def test_one_item_and_several_trainings_leave_no_degree_of_freedom() -> None:
    one = [np.array([[0.0], [1.0], [1.0]])]
    assert training_t_p(one, 3) == 1.0
    assert minimum_detectable_effect(one, 3) is None
