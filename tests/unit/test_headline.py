"""The first sentences of a report."""

from kshot.evaluate.report.headline import headlines
from kshot.evaluate.run_files import AnswerCount, GainRow
from tests.unit.evaluation_rows import make_gain


def row(k: int, gain: float, verdict: str = "gain", score: str = "exact_match", **values: object) -> GainRow:
    return make_gain(
        suite="mine", score=score, k=k, base=0.5, student=0.5 + gain, gain=gain, low=gain - 0.1, high=gain + 0.1,
        verdict=verdict, tasks=9, **values,
    )  # fmt: skip


def test_first_sentence_has_every_score_and_says_that_the_choice_did_not_move() -> None:
    gains = [
        row(0, 0.16), row(1, 0.1), row(4, 0.254),
        row(0, 0.01, "inconclusive", "loglikelihood"), row(4, -0.002, "inconclusive", "loglikelihood"),
        row(0, 0.074, "inconclusive", "normalized_match"), row(4, 0.219, "gain", "normalized_match"),
    ]  # fmt: skip
    assert headlines(gains, {}) == [
        "On the 9 held-out tasks of mine, exact match rose from 50.0 to 66.0 % without demonstrations (+16.0 points, "
        "95 % on tasks like these +6.0 to +26.0) and from 50.0 to 75.4 % with 4 demonstrations (+25.4 points, 95 % on "
        "tasks like these +15.4 to +35.4); normalized match went from 50.0 to 57.4 % without demonstrations (+7.4 "
        "points, 95 % on tasks like these -2.6 to +17.4, inconclusive) and rose from 50.0 to 71.9 % with 4 "
        "demonstrations (+21.9 points, 95 % on tasks like these +11.9 to +31.9); the choice among options "
        "(log-likelihood) did not move (+1.0 points without demonstrations and -0.2 points with 4 demonstrations)."
    ]


def test_verdict_alone_says_whether_a_score_rose() -> None:
    """An interval without zero beside a p that the number of rows makes large: no gain."""
    (sentence,) = headlines([row(0, 0.2, "inconclusive")], {})
    assert "went from 50.0 to 70.0 %" in sentence
    assert "+10.0 to +30.0, inconclusive)" in sentence
    (fell,) = headlines([row(0, -0.2, "loss"), row(4, 0.0, "inconclusive")], {})
    assert "fell from 50.0 to 30.0 %" in fell
    assert "and stayed at 50.0 % with 4" in fell


def test_choice_that_moved_is_in_full_and_one_score_alone_stands_first() -> None:
    (sentence,) = headlines([row(0, 0.2), row(0, -0.2, "loss", "loglikelihood")], {})
    assert "the choice among options: log-likelihood choice fell from 50.0 to 30.0 %" in sentence
    (single,) = headlines([row(1, 0.1, score="loglikelihood")], {})
    assert single.startswith(
        "On the 9 held-out tasks of mine, log-likelihood choice rose from 50.0 to 60.0 % with 1 demo"
    )
    (graded,) = headlines([row(1, 0.1, score="rouge_l")], {})
    assert "mean ROUGE-L rose" in graded


def test_one_task_names_the_interval_over_its_items_and_one_item_has_none() -> None:
    one_task = row(0, 0.2).model_copy(update={"low": None, "high": None, "tasks": 1})
    assert "On the held-out task of mine" in headlines([one_task], {})[0]
    assert "95 % on this task +10.0 to +20.0)" in headlines([one_task], {})[0]
    one_item = one_task.model_copy(update={"items_low": None, "items_high": None})
    assert "(+20.0 points)" in headlines([one_item], {})[0]


def test_trivial_gains_and_cut_answers_are_said() -> None:
    lines = headlines(
        [row(0, 0.5, "trivial", trivial_tasks=["spam_detection"])],
        {"base": AnswerCount(answers=768, unfinished=209), "student": AnswerCount(answers=768, unfinished=9)},
    )
    assert "no better than a trivial baseline)" in lines[0]
    assert lines[1].endswith("no better than a trivial baseline: spam_detection.")
    assert lines[2] == (
        "Answers that filled their budget of tokens and were cut there: 209 of 768 of base, 9 of 768 of student."
    )
