"""Calibrated choice as a score, and the priors that a user applies."""

import pytest
from scipy.special import log_softmax

from kshot.evaluate.run_files import Sample
from kshot.evaluate.scoring.calibration import calibrate_samples, find_label_priors
from kshot.suites.format import SuiteTaskSpec
from tests.unit.evaluation_rows import make_sample

# The model prefers "no" whatever the item; the right label only raises its share.
ROWS = [("yes", -1.0, -0.8), ("yes", -0.9, -0.8), ("no", -2.0, -0.3), ("no", -2.2, -0.3)]


def _samples(model: str = "student") -> list[Sample]:
    return [
        make_sample(
            model=model, score="loglikelihood", item=n, options=["yes", "no"], log_probs=[yes, no], accepted=[label],
            answer="no", right=label == "no",
        )
        for n, (label, yes, no) in enumerate(ROWS)
    ]  # fmt: skip


def test_calibrated_choice_gives_no_label_preference() -> None:
    rows = calibrate_samples(_samples(), {"t"})
    assert [row.answer for row in rows] == ["yes", "yes", "no", "no"]
    assert all(row.right for row in rows)
    assert {row.score for row in rows} == {"calibrated_choice"}
    assert calibrate_samples(_samples(), {"another"}) == []


def test_the_priors_that_are_shipped_give_the_same_choices() -> None:
    samples = [*_samples(), *calibrate_samples(_samples(), {"t"})]
    (priors,) = find_label_priors(samples, "student")
    assert (priors.accuracy, priors.uncalibrated_accuracy, priors.items) == (1.0, 0.5, 4)
    choices = []
    for sample in _samples():
        assert sample.log_probs is not None
        by_label = dict(zip(sample.options or [], log_softmax(sample.log_probs), strict=True))
        scores = {label: by_label[label] - prior for label, prior in zip(priors.labels, priors.log_priors, strict=True)}
        choices.append(max(scores, key=lambda label: scores[label]))
    assert choices == [row.answer for row in samples[len(ROWS) :]]
    assert find_label_priors(_samples(), "student") == [], "the task does not ask for it"
    assert find_label_priors(samples, "base") == []


def test_calibrated_choice_needs_fixed_options() -> None:
    facts = {"task": "t", "instruction": "i", "kind": "multiple_choice", "demos": 0, "scores": ["calibrated_choice"]}
    with pytest.raises(ValueError, match="options_fixed"):
        SuiteTaskSpec.model_validate(facts)
    assert SuiteTaskSpec.model_validate(facts | {"options_fixed": True}).written_scores == ["rouge_l"]
