"""Label bias: whether a model separates the labels, and which one it prefers."""

from collections.abc import Iterable, Sequence
from statistics import fmean
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kshot.evaluate.metrics.label_bias import measure_label_bias, pairwise_auroc
from kshot.evaluate.report.section import section_markdown
from kshot.evaluate.report.sections import label_bias_section
from kshot.evaluate.run_files import LabelBiasFile, Sample
from kshot.evaluate.scoring.calibration import calibrated_accuracy
from tests.unit.evaluation_rows import make_sample

YES_NO = ["yes", "no"]
BLIND = [[-3.0, -1.0]] * 4
SEPARATING = [[-3.0, -1.0], [-2.9, -1.0], [-5.0, -1.0], [-6.0, -1.0]]
"""Prefers "no" for every item, and gives "yes" more where it is right."""
RIGHT = ["yes", "yes", "no", "no"]


def choose(
    right: Sequence[str], log_probs: Sequence[Sequence[float]], options: Sequence[str] = YES_NO, **more: Any
) -> list[Sample]:
    """Choices by log-likelihood, one an item."""
    samples = []
    for number, (label, values) in enumerate(zip(right, log_probs, strict=True)):
        answer = options[list(values).index(max(values))]
        choice = {"options": list(options), "log_probs": list(values), "answer": answer, "right": answer == label}
        samples.append(make_sample(score="loglikelihood", item=number, accepted=[label], **choice, **more))
    return samples


def measure(samples: Iterable[Sample], **families: str) -> LabelBiasFile:
    return measure_label_bias(((0, sample) for sample in samples), "base", {"p": families}, 500, 1)


def show(report: LabelBiasFile) -> list[list[tuple[str, ...]]]:
    """The rows of each table of the section."""
    section = label_bias_section(report)
    assert section is not None
    return [list(table.rows) for table in section.tables]


def test_measure_label_bias_separates_labels_of_a_model_that_always_says_no() -> None:
    report = measure([*choose(RIGHT, SEPARATING), *choose(RIGHT, BLIND, model="student")])
    measures = [
        (row.model, row.pairwise_auroc, row.majority_prediction_rate, row.majority_label_rate) for row in report.tasks
    ]
    assert measures == [("base", 1.0, 1.0, 0.5), ("student", 0.5, 1.0, 0.5)]
    assert show(report) == [
        [
            ("p", "0", "base", "1", "1.00", "100", "50", "50.0", "100.0"),
            ("p", "0", "student", "1", "0.50", "100", "50", "50.0", "50.0"),
        ]
    ]
    section = label_bias_section(report)
    assert section is not None
    assert "| p | 0 | base | 1 | 1.00 | 100 | 50 | 50.0 | 100.0 |" in section_markdown(section)
    assert report.gains == [], "one task says nothing about others"


def test_measure_label_bias_pairs_gains_over_tasks_and_families() -> None:
    samples = []
    for number in range(6):
        samples += choose(RIGHT, BLIND, task=f"t{number}")
        samples += choose(RIGHT, SEPARATING if number < 5 else BLIND, task=f"t{number}", model="student")
    report = measure(samples)
    gain, calibrated_gain = report.gains
    assert (gain.measure, gain.before, gain.after) == ("pairwise_auroc", 0.5, pytest.approx(11 / 12))
    assert gain.gain == pytest.approx(5 / 12)
    assert 0 < gain.low < 5 / 12 < gain.high
    assert gain.p == 2 / 2**5
    assert (calibrated_gain.measure, calibrated_gain.tasks) == ("calibrated", 6)
    tables = show(report)
    assert tables[1][0][:7] == ("p", "0", "student", "pairwise AUROC", "50.0", "91.7", "+41.7")
    section = label_bias_section(report)
    assert section is not None
    assert "| p | 0 | student | pairwise AUROC | 50.0 | 91.7 | +41.7 |" in section_markdown(section)
    siblings = measure(samples, **{f"t{number}": "one" for number in range(4)}).gains[0]
    assert siblings.p > gain.p


def pool_trainings(*separated: int) -> LabelBiasFile:
    """Twelve tasks; a number for each training: the tasks on which it separates the labels."""
    samples = [(0, sample) for n in range(12) for sample in choose(RIGHT, BLIND, task=f"t{n:02}")]
    for training, count in enumerate(separated):
        for n in range(12):
            log_probs = SEPARATING if (n + 4 * training) % 12 < count else BLIND
            rows = choose(RIGHT, log_probs, task=f"t{n:02}", model="student")
            samples += [(training, sample) for sample in rows]
    return measure_label_bias(samples, "base", {}, 500, 1)


def test_measure_label_bias_pools_trainings_and_widens_the_interval_by_their_difference() -> None:
    alike, different = pool_trainings(6, 6, 6), pool_trainings(12, 6, 0)
    for report in (alike, different):
        assert [row.model for row in report.means] == ["base", "student"]
        assert report.means[1].pairwise_auroc == pytest.approx(0.75)
        assert report.gains[0].gain == pytest.approx(0.25)
        assert len(report.tasks) == 24
    widths = [report.gains[0].high - report.gains[0].low for report in (alike, different)]
    assert widths[1] > 2 * widths[0]


def test_pairwise_auroc_compares_three_labels_two_at_a_time() -> None:
    options = ["a", "b", "c"]
    log_probs = [[-1.0, -2.0, -9.0], [-2.0, -1.0, -9.0], [-2.0, -2.0, -8.0]]
    assert pairwise_auroc(choose(options, log_probs, options)) == 1.0
    log_probs[1] = [-1.0, -2.5, -9.0]
    assert pairwise_auroc(choose(options, log_probs, options)) == pytest.approx(2 / 3)


def test_calibrated_accuracy_gives_no_option_preference_over_all_items() -> None:
    options = ["a", "b", "c"]
    biased = choose(options, [[-1.0, -9.0, -0.5], [-9.0, -1.0, -0.5], [-9.0, -9.0, -0.1]], options)
    assert fmean(float(row.right or 0) for row in biased) == pytest.approx(1 / 3)
    assert calibrated_accuracy(biased) == 1.0
    hopeless = [
        row.model_copy(update={"options": [*options, "d"], "log_probs": [*(row.log_probs or []), -2000.0]})
        for row in biased
    ]
    assert calibrated_accuracy(hopeless) == 1.0, "an option with a probability of zero to the last digit"
    rare = choose(["yes", "yes", "yes", "no"], [[-1.0, -2.0], [-1.1, -2.0], [-1.6, -2.0], [-1.7, -2.0]])
    accuracy = fmean(float(row.right or 0) for row in rare)
    assert calibrated_accuracy(rare) < accuracy + 0.01, "it assumes that labels are balanced"


def test_measure_label_bias_ignores_the_order_of_the_options() -> None:
    plain = choose(RIGHT, SEPARATING)
    shuffled = [
        row.model_copy(update={"options": (row.options or [])[::-1], "log_probs": (row.log_probs or [])[::-1]})
        if row.item % 2
        else row
        for row in plain
    ]
    assert measure(shuffled).tasks == measure(plain).tasks
    assert measure(shuffled).tasks[0].pairwise_auroc == 1.0


def test_measure_label_bias_averages_seeds_and_leaves_out_other_tasks() -> None:
    models = ("base", "student")
    right = ["yes", "no"]
    first = [row for model in models for row in choose(right, [[-1.0, -2.0], [-2.0, -1.0]], model=model)]
    second = [row for model in models for row in choose(right, [[-2.0, -1.0], [-1.0, -2.0]], model=model, seed=1)]
    one_label = [row for m in models for row in choose(["yes", "yes"], [[-1.0, -2.0]] * 2, task="same", model=m)]
    varying = [
        row
        for model in models
        for label in ("x", "z")
        for row in choose([label], [[-1.0, -2.0]], [label, "y"], task="varying", model=model)
    ]
    generated = [row.model_copy(update={"score": "exact_match"}) for row in first if row.model == "base"]
    report = measure([*first, *second, *one_label, *varying, *generated])
    assert {task.task for task in report.tasks} == {"t"}
    assert [row.pairwise_auroc for row in report.means] == [0.5, 0.5]
    assert label_bias_section(measure(generated)) is None


@given(st.lists(st.integers(-20, 0), min_size=4, max_size=12), st.integers(-5, 5))
def test_pairwise_auroc_ignores_a_preference_and_mirrors_the_reverse_order(scores: list[int], preference: int) -> None:
    right = [label for label, _ in zip(YES_NO * 6, scores, strict=False)]
    plain = pairwise_auroc(choose(right, [[score, -7] for score in scores]))
    assert pairwise_auroc(choose(right, [[score + preference, -7] for score in scores])) == plain
    assert pairwise_auroc(choose(right, [[-7, score] for score in scores])) == pytest.approx(1 - plain)
