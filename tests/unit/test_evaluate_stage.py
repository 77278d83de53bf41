"""Rows that the evaluate stage computes from finished measurements."""

import pytest

from kshot.evaluate.metrics.gain_rows import chance_scores, fewshot_rows, gain_rows
from kshot.evaluate.run_files import BaselineMean
from tests.unit.evaluation_rows import make_baseline_task

BASE = {("p", k): {"exact_match": {"a": [[0.0, 0.0, 1.0, 1.0]], "b": [[0.0] * 4]}} for k in (0, 4)}
STUDENT = {("p", k): {"exact_match": {"a": [[1.0] * 4], "b": [[0.0, 0.0, 0.0, k / 4]]}} for k in (0, 4)}


def test_gain_rows_hold_the_student_against_its_base_in_order() -> None:

    means = [
        BaselineMean(suite="p", score="exact_match", k=k, baselines={}, below=["majority"] if k else []) for k in (0, 4)
    ]
    rows = gain_rows({"base": BASE, "student": STUDENT}, {}, means, {}, 200, 7)
    assert [(row.k, row.base, row.student, row.below) for row in rows] == [
        (0, 0.25, 0.5, []),
        (4, 0.25, 0.625, ["majority"]),
    ]
    assert all(row.p <= row.p_holm for row in rows)


def test_fewshot_rows_hold_each_model_against_itself_without_demonstrations() -> None:
    rows = fewshot_rows({"base": BASE, "student": STUDENT}, {}, 200, 7)
    assert [(row.model, row.k, row.zero, row.few) for row in rows] == [
        ("base", 4, 0.25, 0.25),
        ("student", 4, 0.5, 0.625),
    ]
    few_only = {("p", 4): BASE["p", 4]}
    assert fewshot_rows({"base": few_only, "student": few_only}, {}, 200, 7) == []


def test_chance_scores_count_tasks_without_options_as_zero() -> None:
    tasks = [make_baseline_task("a", 0.5, 0.5, random=0.5), make_baseline_task("b", 0.5, None)]
    assert chance_scores(tasks) == {("p", "exact_match"): pytest.approx(0.25)}
    assert chance_scores(tasks[1:]) == {}
