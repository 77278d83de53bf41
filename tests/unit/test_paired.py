"""Paired gains: means over tasks, intervals, families, few-shot seeds and trainings."""

import numpy as np
import pytest
from scipy import stats as scipy_stats

from kshot.evaluate.run_files import Gain
from kshot.evaluate.stats.paired import holm_of, paired_gain, paired_gains


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def gain_from_differences(rows: list[list[float]]) -> Gain:
    base = {str(task): [0.0] * len(row) for task, row in enumerate(rows)}
    return paired_gain(base, {str(task): row for task, row in enumerate(rows)}, 4000, 1)


def test_paired_gain_is_the_mean_over_tasks_of_paired_differences() -> None:
    base = {"a": [True, False, False, False], "b": [False, False]}
    student = {"a": [True, True, False, False], "b": [True, True]}
    gain = paired_gain(base, student, 500, 1)
    assert (gain.base, gain.student) == (0.125, 0.75)
    assert gain.gain == pytest.approx((0.25 + 1.0) / 2)
    assert gain.low <= gain.gain <= gain.high
    assert (gain.tasks, gain.items) == (2, 6)


def test_paired_gain_interval_depends_on_seed_and_names() -> None:
    base = {name: [False] * 40 for name in "abcdef"}
    student = {name: [True] * n + [False] * (40 - n) for n, name in enumerate("abcdef")}
    first = paired_gain(base, student, 500, 1, "x")
    assert first == paired_gain(base, student, 500, 1, "x")
    assert first != paired_gain(base, student, 500, 2, "x")
    assert first != paired_gain(base, student, 500, 1, "y")


def test_paired_gain_without_a_difference_is_zero() -> None:
    same = {"a": [True, False] * 10, "b": [False] * 20}
    gain = paired_gain(same, same, 500, 1)
    assert (gain.gain, gain.low, gain.high) == (0, 0, 0)


def test_paired_gain_interval_of_one_task_agrees_with_scipy() -> None:
    rng = np.random.default_rng(5)
    before, after = rng.random(200) < 0.4, rng.random(200) < 0.5
    ours = paired_gain({"a": before.tolist()}, {"a": after.tolist()}, 20_000, 1)
    theirs = scipy_stats.bootstrap(
        (after.astype(float) - before.astype(float),), np.mean, n_resamples=20_000, method="percentile", rng=rng
    ).confidence_interval
    assert ours.items_low == pytest.approx(theirs.low, abs=0.011)
    assert ours.items_high == pytest.approx(theirs.high, abs=0.011)
    assert (ours.low, ours.high) == (None, None), "one task says nothing about others"


def test_paired_gain_resamples_tasks_as_well_as_items() -> None:
    """Two tasks that disagree make a wide interval, however many items they have."""
    base = {"a": [False] * 500, "b": [False] * 500}
    student = {"a": [True] * 500, "b": [False] * 500}
    gain = paired_gain(base, student, 2000, 1)
    assert (gain.gain, gain.low, gain.high) == (0.5, -1.0, 1.0)
    assert (gain.items_low, gain.items_high) == (0.5, 0.5), "on these tasks nothing varies"


def test_paired_gain_of_one_item_has_no_interval() -> None:
    one = paired_gain({"a": [0.0]}, {"a": [1.0]}, 500, 1)
    assert (one.low, one.high, one.items_low, one.items_high) == (None, None, None, None)
    family = paired_gain({"a": [0, 1], "b": [0, 0]}, {"a": [1, 1], "b": [0, 1]}, 500, 1, families={"a": "f", "b": "f"})
    assert (family.low, family.high) == (None, None), "one family says nothing about others"
    assert family.items_low is not None


def test_items_interval_agrees_with_the_normal_one_of_a_stratified_mean() -> None:
    rng = np.random.default_rng(3)
    before = {task: (rng.random(50) < 0.3).tolist() for task in "abcdef"}
    after = {task: (rng.random(50) < 0.3 + 0.1 * number).tolist() for number, task in enumerate("abcdef")}
    gain = paired_gain(before, after, 20_000, 1)
    apart = [np.subtract(after[task], before[task], dtype=float) for task in before]
    error = np.sqrt(sum(rows.var(ddof=1) / 50 for rows in apart)) / 6
    assert gain.items_low is not None
    assert gain.low is not None
    assert gain.items_low == pytest.approx(gain.gain - 1.97 * error, abs=0.005)
    assert gain.items_high == pytest.approx(gain.gain + 1.97 * error, abs=0.005)
    assert gain.low < gain.items_low


def test_paired_gain_refuses_a_missing_score() -> None:
    with pytest.raises(ValueError, match="missing"):
        paired_gain({"a": [1.0, float("nan")]}, {"a": [1.0, 1.0]}, 100, 1)


def test_paired_gain_refuses_unpaired_scores() -> None:
    with pytest.raises(ValueError, match="same items"):
        paired_gain({"a": [True]}, {"a": [True, False]}, 100, 1)
    with pytest.raises(ValueError, match="same items"):
        paired_gain({}, {}, 100, 1)
    with pytest.raises(ValueError, match="same items"):
        paired_gain({"a": []}, {"a": []}, 100, 1)


def test_paired_gain_of_five_tasks_cannot_reach_five_percent_and_of_six_can() -> None:
    assert gain_from_differences([[1.0, 1.0, 0.0, 1.0]] * 5).p == 2 / 2**5
    assert gain_from_differences([[1.0, 1.0, 0.0, 1.0]] * 6).p == 2 / 2**6


def test_paired_gain_judges_one_task_by_its_items_as_mcnemar_does() -> None:
    """Seven items got better and one worse: the exact binomial test on eight that differ."""
    gain = gain_from_differences([[1.0] * 7 + [-1.0] + [0.0] * 32])
    assert gain.p == pytest.approx(scipy_stats.binomtest(7, 8).pvalue)


def test_paired_gain_has_no_mde_where_nothing_varies() -> None:
    assert gain_from_differences([[0.0] * 4] * 3).mde is None
    assert gain_from_differences([[1.0]]).mde is None


def test_paired_gain_averages_seeds_and_reports_worst_and_sd() -> None:
    base = {"a": [[0, 0], [1, 0]], "b": [[0, 0], [1, 0]]}
    student = {"a": [[1, 1], [1, 0]], "b": [[1, 1], [0, 0]]}
    gain = paired_gain(base, student, 500, 1)
    assert (gain.base, gain.student, gain.gain) == (0.25, 0.625, 0.375)
    assert (gain.seeds, gain.items, gain.tasks) == (2, 4, 2)
    assert gain.worst_seed_gain == -0.25
    assert (gain.base_worst, gain.student_worst) == (0.0, 0.25)
    assert gain.seed_sd == pytest.approx(np.std([1.0, -0.25], ddof=1))
    assert gain.student_seed_sd == pytest.approx(np.std([1.0, 0.25], ddof=1))


def test_paired_gain_of_one_seed_has_no_sd() -> None:
    gain = gain_from_differences([[1.0, 0.0], [0.0, 0.0]])
    assert (gain.seeds, gain.seed_sd, gain.student_seed_sd) == (1, None, None)
    assert gain.worst_seed_gain == gain.gain


def test_paired_gain_pairs_zero_shot_with_every_seed() -> None:
    gain = paired_gain({"a": [1, 0]}, {"a": [[1, 1], [1, 0], [0, 0]]}, 500, 1)
    assert (gain.base, gain.student, gain.seeds) == (0.5, 0.5, 3)


def test_paired_gain_interval_widens_where_seeds_disagree() -> None:
    """One task: 100 items that agree with one another, once better and once worse by the choice of demonstrations."""
    agree = paired_gain({"a": [[0.5] * 100] * 2}, {"a": [[0.6] * 100, [0.6] * 100]}, 2000, 1)
    differ = paired_gain({"a": [[0.5] * 100] * 2}, {"a": [[0.2] * 100, [1.0] * 100]}, 2000, 1)
    assert agree.items_high - agree.items_low < 0.01
    assert differ.items_high - differ.items_low > 0.5


def test_paired_gain_interval_covers_trainings_that_move_all_tasks() -> None:
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


def test_paired_gain_interval_is_that_of_tasks_where_trainings_agree() -> None:
    draws = rng(3)
    base = {str(task): [0.0] * 40 for task in range(16)}
    one = {task: (draws.random(40) < 0.2 + 0.03 * int(task)).astype(float).tolist() for task in base}
    alone = paired_gain(base, one, 4000, 1)
    thrice = paired_gain(base, {task: [row] * 3 for task, row in one.items()}, 4000, 1, trainings=3)
    assert (thrice.low, thrice.high) == pytest.approx((alone.low, alone.high), abs=0.01)


def test_paired_gain_resamples_siblings_of_a_family_together() -> None:
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


def test_paired_gain_judges_one_family_by_its_differing_items() -> None:
    """Tasks of 10 and 40 items, three of which got better: one sign in four is as good as that by chance."""
    student = {"a": [1.0] + [0.0] * 9, "b": [1.0, 1.0] + [0.0] * 38}
    base = {task: [0.0] * len(rows) for task, rows in student.items()}
    assert paired_gain(base, student, 4000, 1, families=dict.fromkeys(student, "all")).p == pytest.approx(2 / 2**3)


def test_paired_gains_leave_out_scores_that_one_model_lacks() -> None:
    before = {("p", 0): {"acc": {"a": [0.0, 0.0], "b": [0.0, 1.0]}, "bleu": {"a": [0.0, 0.0]}}}
    after = {("p", 0): {"acc": {"b": [1.0, 1.0]}}}
    (row,) = paired_gains(before, after, 100, 1)
    assert (row.score, row.tasks, row.gain) == ("acc", 1, 0.5)


def test_paired_gain_interval_ignores_the_number_of_siblings_that_gain_alike() -> None:
    """Weights stand for distances from the mean: the number of siblings itself is no spread."""
    gains = dict.fromkeys(("a1", "a2", "a3", "b", "c"), [1.0, 0.0] * 20)
    base = dict.fromkeys(gains, [0.0] * 40)
    families = {name: name[0] for name in gains}
    gain = paired_gain(base, gains, 4000, 1, families=families)
    assert gain.gain == 0.5
    assert 0.5 - gain.low < 0.3
    assert gain.mde < 0.35


def test_paired_gain_keeps_its_false_positive_rate_over_families(subtests: pytest.Subtests) -> None:
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


def test_paired_gain_p_covers_other_trainings() -> None:
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


def test_holm_of_adjusts_the_p_of_each_row_in_order() -> None:
    rows = [gain_from_differences([[1.0, 1.0, 0.0, 1.0]] * count) for count in (5, 7)]
    assert holm_of(rows) == pytest.approx([2 / 2**5, 2 * 2 / 2**7])
