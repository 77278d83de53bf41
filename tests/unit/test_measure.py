"""Scores and intervals."""

import numpy as np
import pytest
from scipy import stats as scipy_stats

from kshot.core.answers import exact_match, normalize_answer
from kshot.evaluate.stats.paired import paired_gain


@pytest.mark.parametrize(
    ("answer", "accepted", "right"),
    [
        ("Yes.", ["yes"], True),
        (' "two  words" ', ["two words"], True),
        ("'Yes.'", ["yes"], True),
        ("yes, because it is", ["yes"], False),
        ("5", ["five", "5"], True),
        ("", ["yes"], False),
        ("3.5", ["35"], False),
        ("its", ["it's"], False),
        (".", ["a"], False),
    ],
)
def test_exact_match(answer: str, accepted: list[str], right: bool) -> None:
    assert exact_match(answer, accepted) is right


def test_normalising_twice_changes_nothing() -> None:
    for text in ("“A.”.", "''a''", " B  c . ", "..."):
        assert normalize_answer(normalize_answer(text)) == normalize_answer(text)


def test_a_gain_is_the_mean_over_tasks_of_paired_differences() -> None:
    base = {"a": [True, False, False, False], "b": [False, False]}
    student = {"a": [True, True, False, False], "b": [True, True]}
    gain = paired_gain(base, student, 500, 1)
    assert (gain.base, gain.student) == (0.125, 0.75)
    assert gain.gain == pytest.approx((0.25 + 1.0) / 2)
    assert gain.low <= gain.gain <= gain.high
    assert (gain.tasks, gain.items) == (2, 6)


def test_intervals_are_seeded_and_named() -> None:
    base = {name: [False] * 40 for name in "abcdef"}
    student = {name: [True] * n + [False] * (40 - n) for n, name in enumerate("abcdef")}
    first = paired_gain(base, student, 500, 1, "x")
    assert first == paired_gain(base, student, 500, 1, "x")
    assert first != paired_gain(base, student, 500, 2, "x")
    assert first != paired_gain(base, student, 500, 1, "y")


def test_no_difference_is_a_gain_of_nothing() -> None:
    same = {"a": [True, False] * 10, "b": [False] * 20}
    gain = paired_gain(same, same, 500, 1)
    assert (gain.gain, gain.low, gain.high) == (0, 0, 0)


def test_one_task_agrees_with_scipy() -> None:
    rng = np.random.default_rng(5)
    before, after = rng.random(200) < 0.4, rng.random(200) < 0.5
    ours = paired_gain({"a": before.tolist()}, {"a": after.tolist()}, 20_000, 1)
    theirs = scipy_stats.bootstrap(
        (after.astype(float) - before.astype(float),), np.mean, n_resamples=20_000, method="percentile", rng=rng
    ).confidence_interval
    assert ours.low == pytest.approx(theirs.low, abs=0.011)
    assert ours.high == pytest.approx(theirs.high, abs=0.011)


def test_tasks_are_resampled_as_well_as_items() -> None:
    """Two tasks that disagree make a wide interval, however many items they have."""
    base = {"a": [False] * 500, "b": [False] * 500}
    student = {"a": [True] * 500, "b": [False] * 500}
    gain = paired_gain(base, student, 2000, 1)
    assert (gain.gain, gain.low, gain.high) == (0.5, -1.0, 1.0)


def test_a_missing_score_is_refused_and_no_zero() -> None:
    with pytest.raises(ValueError, match="missing"):
        paired_gain({"a": [1.0, float("nan")]}, {"a": [1.0, 1.0]}, 100, 1)


def test_unpaired_scores_are_refused() -> None:
    with pytest.raises(ValueError, match="same items"):
        paired_gain({"a": [True]}, {"a": [True, False]}, 100, 1)
    with pytest.raises(ValueError, match="same items"):
        paired_gain({}, {}, 100, 1)
    with pytest.raises(ValueError, match="same items"):
        paired_gain({"a": []}, {"a": []}, 100, 1)
