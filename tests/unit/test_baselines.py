"""Trivial baselines by hand."""

import pytest

from kshot.config import EvaluateConfig
from kshot.evaluate.metrics.baselines import (
    baseline_means,
    baseline_rows,
    constant_answers,
    missed_baselines,
    trivial_baselines,
    trivial_tasks,
)
from kshot.evaluate.run_files import BaselineScore
from kshot.suites.format import Suite, SuiteRow, SuiteTask
from kshot.suites.loading import load_suite
from kshot.suites.prompts import choose_demonstrations
from tests.unit.evaluation_rows import choice_task, generation_task, make_sample


def free_task(demos: list[str], items: list[str]) -> SuiteTask:
    """A task with free answers, from the outputs of its demonstrations and items."""
    rows = [(f"thing {n}", text) for n, text in enumerate([*demos, *items])]
    return generation_task("free", rows[: len(demos)], rows[len(demos) :])


def test_trivial_baselines_of_multiple_choice_equal_hand_computed_values() -> None:
    baselines = trivial_baselines(choice_task("rrbg", "rrrb"), "exact_match", 2, [0], None)
    assert baselines == {"majority": 0.75, "random": 0.25, "copy_first": 0.75, "copy_last": 0.75, "copy_any": 0.75}
    baselines = trivial_baselines(choice_task("rrbg", "rrrb"), "loglikelihood", 4, [0], None)
    assert baselines["copy_last"] == 0
    assert baselines["copy_any"] == pytest.approx((0.75 * 2 + 0.25) / 4)


def test_trivial_baselines_count_only_the_measured_items() -> None:
    assert trivial_baselines(choice_task("rrbg", "rrbb"), "exact_match", 1, [0], 2)["majority"] == 1


def test_trivial_baselines_average_several_majority_classes() -> None:
    assert trivial_baselines(choice_task("rrbb", "rrrb"), "exact_match", 1, [0], None)["majority"] == 0.5


def test_trivial_baselines_without_demonstrations_know_the_options_only() -> None:
    baselines = trivial_baselines(choice_task("rrbg", "rrrb"), "exact_match", 0, [0], None)
    assert baselines == {"majority": 0.25, "random": 0.25, "copy_first": None, "copy_last": None, "copy_any": None}


def test_trivial_baselines_take_the_majority_position_where_options_change() -> None:
    """Red stands first, whatever it is called in another item."""
    task = choice_task("rrb", "rb", fixed=False)
    turned = SuiteRow(input="turned", output=["blue"], options=["blue", "red"])
    task = SuiteTask(task.spec, task.demos, (*task.items, turned))
    assert trivial_baselines(task, "exact_match", 1, [0], None)["majority"] == pytest.approx(2 / 3)


def test_trivial_baselines_of_free_answers_normalize_as_exact_match_does() -> None:
    baselines = trivial_baselines(free_task(["Two", "two.", "one"], ["two", "three"]), "exact_match", 3, [0], None)
    assert baselines == {
        "majority": 0.5,
        "random": None,
        "copy_first": 0.5,
        "copy_last": 0.0,
        "copy_any": pytest.approx(1 / 3),
    }


def test_trivial_baselines_copy_the_demonstration_of_each_seed() -> None:
    task = choice_task("rrrrrrbbbbbb", "rrrr")
    seeds = list(range(1, 9))
    first = [choose_demonstrations(task, 1, seed)[0].output == ["red"] for seed in seeds]
    assert 0 < sum(first) < len(seeds)
    assert trivial_baselines(task, "exact_match", 1, seeds, None)["copy_first"] == pytest.approx(sum(first) / 8)


def test_baseline_rows_mark_a_student_below_a_baseline_and_none_on_a_par() -> None:
    assert missed_baselines(0.5, {"majority": 0.6, "random": 0.5, "copy_first": None}) == ["majority"]
    suite = Suite("p", (choice_task("rrbg", "rrrb"), free_task(["a", "b"], ["c", "d"])))
    base = {"exact_match": {"colour": [[1.0, 0, 0, 0]], "free": [[1.0, 1.0]]}}
    student = {"exact_match": {"colour": [[1.0, 1.0, 0, 0]], "free": [[1.0, 0.0]]}}
    rows = baseline_rows(suite, 2, [0], None, base, student, {"base": base, "student": base})
    assert [row.below for row in rows] == [["majority", "copy_first", "copy_last", "copy_any"], ["random_labels"]]
    assert (rows[0].base_random_labels, rows[0].baselines["random_labels"]) == (0.25, 0.25)
    (mean,) = baseline_means(rows)
    assert mean.baselines["random"] == BaselineScore(score=0.25, student=0.5, tasks=1)
    assert mean.baselines["majority"] == BaselineScore(score=0.375, student=0.5, tasks=2)
    assert mean.below == ["random_labels"]


def test_baseline_rows_leave_an_unmeasured_baseline_null() -> None:
    suite = Suite("p", (free_task(["a"], ["c"]),))
    scores = {"exact_match": {"free": [[0.0]]}}
    (row,) = baseline_rows(suite, 0, [0], None, scores, scores)
    assert (set(row.baselines.values()), row.below) == ({None}, [])
    assert baseline_means([row])[0].baselines == {}


def test_config_refuses_no_seed_and_unknown_baselines() -> None:
    assert (EvaluateConfig().fewshot_seeds, EvaluateConfig().baselines) == ([0], [])
    for wrong in ({"fewshot_seeds": []}, {"fewshot_seeds": [-1]}, {"baselines": ["coin"]}):
        with pytest.raises(ValueError, match="validation error"):
            EvaluateConfig.model_validate(wrong)


def test_trivial_baselines_of_the_shipped_suite_are_complete() -> None:
    for task in load_suite("kshot").tasks:
        baselines = trivial_baselines(task, "exact_match", 4, [0, 1], None)
        assert (baselines["random"] is not None) == task.is_multiple_choice
        assert all(value is None or 0 <= value <= 1 for value in baselines.values())
        assert None not in (baselines["majority"], baselines["copy_first"], baselines["copy_any"])


def test_a_student_that_ties_a_baseline_or_gives_one_answer_is_marked() -> None:
    """`red` to each of four items, two of which are red."""
    suite = Suite("p", (choice_task("rbrb", "rbrb"),))
    half, samples = [1.0, 0.0, 1.0, 0.0], []
    for item, right in enumerate(half):
        samples.append(make_sample(task="colour", item=item, model="student", answer="Red.", right=bool(right)))
    constant = constant_answers(samples)
    assert constant == {("p", "colour", "exact_match", 0)}
    scores = {"exact_match": {"colour": [[0.0] * 4]}}, {"exact_match": {"colour": [half]}}
    (row,) = baseline_rows(suite, 0, [0], None, *scores, None, constant)
    assert row.is_constant
    assert row.is_trivial
    assert trivial_tasks([row]) == {("p", "exact_match", 0): ["colour"]}
    (tied,) = baseline_rows(suite, 4, [0], None, *scores)
    assert "majority" in tied.ties
    assert not tied.is_constant
    assert baseline_means([tied])[0].ties == tied.ties
    assert trivial_tasks([tied.model_copy(update={"base": 0.5})]) == {}, "no gain, no mark"


def test_different_answers_or_one_that_is_always_right_are_not_constant() -> None:
    right = [make_sample(item=item, model="student") for item in range(3)]
    varied = [make_sample(item=item, model="student", answer=str(item), right=False) for item in range(3)]
    assert constant_answers(right) == constant_answers(varied) == constant_answers(varied[:1]) == set()
