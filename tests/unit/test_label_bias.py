"""Whether a model tells labels apart, and which one it leans to."""

from collections.abc import Iterable, Sequence
from statistics import fmean
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kshot.evaluate.metrics import label_bias as leaning
from kshot.evaluate.metrics.label_bias import calibrated_score, gain_lines, lines, markdown, pairwise_auroc, section

YES_NO = ["yes", "no"]


def rows(
    right: list[str], log_probs: Sequence[Sequence[float]], options: list[str] = YES_NO, **more: Any
) -> list[dict[str, Any]]:
    facts = {"panel": "p", "task": "t", "score": "loglikelihood", "k": 0, "seed": 0, "model": "base", **more}
    return [
        facts | {"item": n, "accepted": [label], "options": options, "log_probs": given,
                 "answer": options[given.index(max(given))], "right": options[given.index(max(given))] == label}
        for n, (label, given) in enumerate(zip(right, log_probs, strict=True))
    ]  # fmt: skip


def judged(samples: Iterable[dict[str, Any]], **families: str) -> dict[str, list[dict[str, Any]]]:
    return leaning.measure_label_bias(samples, "base", {"p": families}, 500, 1)


def test_a_model_that_says_no_throughout_may_still_tell_them_apart() -> None:
    right = ["yes", "yes", "no", "no"]
    knowing = rows(right, [[-3.0, -1.0], [-2.9, -1.0], [-5.0, -1.0], [-6.0, -1.0]])
    blind = rows(right, [[-3.0, -1.0]] * 4, model="student")
    found = judged([*knowing, *blind])
    told = [(row["model"], row["separation"], row["lean"], row["frequent"]) for row in found["tasks"]]
    assert told == [("base", 1.0, 1.0, 0.5), ("student", 0.5, 1.0, 0.5)]
    wanted = [
        ["p", "0", "base", "1", "1.00", "100", "50", "50.0", "100.0"],
        ["p", "0", "student", "1", "0.50", "100", "50", "50.0", "50.0"],
    ]
    assert lines(found) == section(found)["tables"][0]["rows"] == wanted
    assert "| p | 0 | base | 1 | 1.00 | 100 | 50 | 50.0 | 100.0 |" in markdown(found)
    assert found["gains"] == [], "one task says nothing about others"
    assert len(section(found)["tables"]) == 1


def test_gains_in_knowledge_are_paired_over_tasks_and_families() -> None:
    right = ["yes", "yes", "no", "no"]
    blind, seeing = [[-3.0, -1.0]] * 4, [[-3.0, -1.0], [-2.9, -1.0], [-5.0, -1.0], [-6.0, -1.0]]
    samples = []
    for place in range(6):
        samples += rows(right, blind, task=f"t{place}")
        samples += rows(right, seeing if place < 5 else blind, task=f"t{place}", model="student")
    found = judged(samples)
    gain, calibrated_gain = found["gains"]
    assert (gain["measure"], gain["before"], gain["after"]) == ("separation", 0.5, pytest.approx(11 / 12))
    assert gain["gain"] == pytest.approx(5 / 12)
    assert 0 < gain["low"] < 5 / 12 < gain["high"]
    assert gain["p"] == 2 / 2**5
    assert (calibrated_gain["measure"], calibrated_gain["tasks"]) == ("calibrated", 6)
    assert gain_lines(found)[0][:7] == ["p", "0", "student", "separation", "50.0", "91.7", "+41.7"]
    assert "| p | 0 | student | separation | 50.0 | 91.7 | +41.7 |" in markdown(found)
    assert section(found)["tables"][1]["rows"] == gain_lines(found)
    siblings = judged(samples, **{f"t{place}": "one" for place in range(4)})["gains"][0]
    assert siblings["p"] > gain["p"]


def test_trainings_are_pooled_and_their_difference_widens_the_interval() -> None:
    right = ["yes", "yes", "no", "no"]
    blind, seeing = [[-3.0, -1.0]] * 4, [[-3.0, -1.0], [-2.9, -1.0], [-5.0, -1.0], [-6.0, -1.0]]

    def pooled(*knowing: int) -> dict[str, Any]:
        """Three trainings, of which each sees so many of twelve tasks."""
        samples = [row for n in range(12) for row in rows(right, blind, task=f"t{n:02}")]
        for training, count in enumerate(knowing):
            for n in range(12):
                given = seeing if (n + 4 * training) % 12 < count else blind
                samples += rows(right, given, task=f"t{n:02}", model="student", training=training)
        return judged(samples)

    alike, apart = pooled(6, 6, 6), pooled(12, 6, 0)
    for found in (alike, apart):
        assert [row["model"] for row in found["means"]] == ["base", "student"]
        assert found["means"][1]["separation"] == pytest.approx(0.75)
        assert found["gains"][0]["gain"] == pytest.approx(0.25)
        assert len(found["tasks"]) == 24
    width = [found["gains"][0]["high"] - found["gains"][0]["low"] for found in (alike, apart)]
    assert width[1] > 2 * width[0]


def test_three_labels_are_judged_two_at_a_time() -> None:
    options = ["a", "b", "c"]
    log_probs = [[-1.0, -2.0, -9.0], [-2.0, -1.0, -9.0], [-2.0, -2.0, -8.0]]
    assert pairwise_auroc(rows(options, log_probs, options)) == 1.0
    log_probs[1] = [-1.0, -2.5, -9.0]
    assert pairwise_auroc(rows(options, log_probs, options)) == pytest.approx(2 / 3)


def test_calibration_gives_no_option_preference_over_all_items() -> None:
    options = ["a", "b", "c"]
    leaning_to_c = rows(options, [[-1.0, -9.0, -0.5], [-9.0, -1.0, -0.5], [-9.0, -9.0, -0.1]], options)
    assert fmean(row["right"] for row in leaning_to_c) == pytest.approx(1 / 3)
    assert calibrated_score(leaning_to_c) == 1.0
    hopeless = [row | {"options": [*options, "d"], "log_probs": [*row["log_probs"], -2000.0]} for row in leaning_to_c]
    assert calibrated_score(hopeless) == 1.0, "an option with a probability of zero to the last digit"
    rare = rows(["yes", "yes", "yes", "no"], [[-1.0, -2.0], [-1.1, -2.0], [-1.6, -2.0], [-1.7, -2.0]])
    assert calibrated_score(rare) < fmean(row["right"] for row in rare) + 0.01, "it supposes that labels are even"


def test_the_same_options_in_another_order_are_the_same_task() -> None:
    given = [[-3.0, -1.0], [-2.9, -1.0], [-5.0, -1.0], [-6.0, -1.0]]
    plain = rows(["yes", "yes", "no", "no"], given)
    turned = [
        row | {"options": row["options"][::-1], "log_probs": row["log_probs"][::-1]} if row["item"] % 2 else row
        for row in plain
    ]
    assert judged(turned)["tasks"] == judged(plain)["tasks"]
    assert judged(turned)["tasks"][0]["separation"] == 1.0


def test_demo_seeds_are_averaged_and_other_tasks_left_out() -> None:
    right = ["yes", "no"]
    both = [rows(right, [[-1.0, -2.0], [-2.0, -1.0]], model=model) for model in ("base", "student")]
    again = [rows(right, [[-2.0, -1.0], [-1.0, -2.0]], model=model, seed=1) for model in ("base", "student")]
    one_answer = [rows(["yes", "yes"], [[-1.0, -2.0]] * 2, task="same", model=m) for m in ("base", "student")]
    varying = [
        row
        for model in ("base", "student")
        for label in ("x", "z")
        for row in rows([label], [[-1.0, -2.0]], [label, "y"], task="varying", model=model)
    ]
    written = [{**row, "score": "exact_match"} for row in both[0]]
    found = judged([row for each in (*both, *again, *one_answer, varying, written) for row in each])
    assert {task["task"] for task in found["tasks"]} == {"t"}
    assert [row["separation"] for row in found["means"]] == [0.5, 0.5]
    assert markdown(judged(written)) == ""


@given(st.lists(st.integers(-20, 0), min_size=4, max_size=12), st.integers(-5, 5))
def test_a_lean_changes_nothing_and_the_reverse_order_mirrors_it(scores: list[int], lean: int) -> None:
    right = [label for label, _ in zip(YES_NO * 6, scores, strict=False)]
    plain = pairwise_auroc(rows(right, [[score, -7] for score in scores]))
    assert pairwise_auroc(rows(right, [[score + lean, -7] for score in scores])) == plain
    assert pairwise_auroc(rows(right, [[-7, score] for score in scores])) == pytest.approx(1 - plain)
