"""The judge: both orders, ties, what it is shown, and the scores that its verdicts make."""

from collections.abc import Callable, Sequence

import pytest

from kshot.core.replies.asking import AskTeacher, Question, TeacherAnswers
from kshot.evaluate.judge.prompt import build_question, read_verdict
from kshot.evaluate.judge.verdicts import add_scores, has_judged_tasks, judge_answers
from kshot.evaluate.measure.results import ScoresBySuite
from kshot.evaluate.metrics.gain_rows import fewshot_rows, gain_rows
from kshot.evaluate.report.headline import headlines
from kshot.evaluate.report.judge import judge_section
from kshot.evaluate.run_files import Sample
from kshot.suites.format import Suite, SuiteRow, SuiteTask, SuiteTaskSpec
from tests.unit.evaluation_rows import make_sample

ANSWERS = ["short", "much longer"]


def _suite(items: int = 4) -> Suite:
    spec = SuiteTaskSpec.model_validate(
        {
            "task": "reply", "instruction": "Answer the letter.", "kind": "generation", "demos": 0,
            "scores": ["exact_match", "judge"], "rubric": "It is polite.",
        }
    )  # fmt: skip
    rows = tuple(SuiteRow(input=f"letter {n}", output=["Dear all"]) for n in range(items))
    return Suite("own", (SuiteTask(spec, (), rows),))


def _samples(pairs: Sequence[tuple[str, str]]) -> list[Sample]:
    return [
        make_sample(
            suite="own", task="reply", item=n, model=model, answer=answer, input=f"letter {n}", accepted=["Dear all"],
            right=answer == "Dear all",
        )
        for n, answers in enumerate(pairs)
        for model, answer in zip(("base", "student"), answers, strict=True)
    ]  # fmt: skip


def _judge(verdict: Callable[[str, str], str | None], asked: list[Question] | None = None) -> AskTeacher:
    """A teacher that judges by the two answers it is shown."""

    def ask(questions: Sequence[Question], label: str) -> TeacherAnswers:
        if asked is not None:
            asked.extend(questions)
        texts = []
        for question in questions:
            first, second = (question.prompt.split(f"Answer {letter}:\n<<<\n")[1].split("\n>>>")[0] for letter in "AB")
            texts.append(verdict(first, second))
        return TeacherAnswers("judge", tuple(texts), 0.0, 0, len(texts), 0.1)

    return ask


def _longer(first: str, second: str) -> str:
    return "T" if len(first) == len(second) else "A" if len(first) > len(second) else "B"


def test_an_answer_preferred_in_both_orders_wins_and_same_texts_tie_unasked() -> None:
    asked: list[Question] = []
    pairs = [("short", "much longer"), ("much longer", "short"), ("same", " Same. "), ("same", "same.")]
    judged = judge_answers([_suite()], _samples(pairs), _judge(_longer, asked))
    assert judged is not None
    assert [j.preferred for j in judged.judgements] == ["student", "base", "student", "tie"]
    assert len(asked) == 6
    scores = {(s.model, s.item): s.right for s in judged.samples}
    assert [scores["student", n] for n in range(4)] == [1.0, 0.0, 1.0, 0.5]
    assert all(float(scores["base", n] or 0) + float(scores["student", n] or 0) == 1.0 for n in range(4))


def test_a_judge_that_likes_a_place_gives_ties_and_is_counted() -> None:
    judged = judge_answers([_suite(2)], _samples([("aa", "b"), ("c", "dd")]), _judge(lambda *_: "A"))
    assert judged is not None
    row = judged.file.rows[0]
    assert (row.ties, row.asked, row.consistent, row.first_preferred) == (2, 2, 0, 2)


def test_a_win_in_one_order_and_a_tie_in_the_other_is_a_win() -> None:
    judged = judge_answers([_suite(1)], _samples([("aa", "b")]), _judge(lambda first, _: "B" if first == "aa" else "T"))
    assert judged is not None
    assert judged.judgements[0].preferred == "student"


def test_unreadable_verdicts_tie_and_are_counted() -> None:
    judged = judge_answers([_suite(1)], _samples([("aa", "b")]), _judge(lambda *_: "I cannot say."))
    assert judged is not None
    assert (judged.file.rows[0].unreadable, judged.judgements[0].preferred) == (2, "tie")


def test_missing_verdicts_give_no_score_and_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert judge_answers([_suite(1)], _samples([("aa", "b")]), _judge(lambda *_: None)) is None
    assert "2 of 2 verdicts are missing" in capsys.readouterr().out


def test_agreement_with_exact_match_is_counted_where_one_answer_alone_is_right() -> None:
    pairs = [("Dear all", "no"), ("no", "Dear all"), ("Dear all", "much longer than that"), ("x", "yy")]
    judged = judge_answers([_suite()], _samples(pairs), _judge(_longer))
    assert judged is not None
    assert (judged.file.rows[0].one_right, judged.file.rows[0].agreeing) == (3, 2)
    section = judge_section(judged.file)
    assert section is not None
    assert section.tables[0].rows[0][-1] == "2 of 3"


def test_the_judge_reads_rubric_request_and_accepted_answer_and_braces_stay() -> None:
    question = build_question("It is polite.", "Answer the letter.\n\nHi", ["Dear all"], "{second}", "{x}")
    for part in ("It is polite.", "Answer the letter.\n\nHi", "- Dear all", "<<<\n{second}\n>>>", "<<<\n{x}\n>>>"):
        assert part in question.prompt


@pytest.mark.parametrize(
    ("reply", "verdict"),
    [
        ("A", "first"), ("b", "second"), ("**B**", "second"), ("T", "tie"), ("tie", "tie"), ("Answer A.", "first"),
        ("B is a better answer.", "second"), ("A or B", None), ("", None), (None, None), ("Both are fine", None),
    ],
)  # fmt: skip
def test_read_verdict(reply: str | None, verdict: str | None) -> None:
    assert read_verdict(reply) == verdict


def test_the_judge_s_score_is_a_gain_with_an_interval_and_no_gain_from_shots() -> None:
    suite = _suite(8)
    judged = judge_answers([suite], _samples([ANSWERS] * 8), _judge(_longer))  # type: ignore[list-item]
    assert judged is not None
    scores: dict[str, ScoresBySuite] = {
        model: {("own", k): {"exact_match": {"reply": [[0.0] * 8]}} for k in (0, 1)} for model in ("base", "student")
    }
    later = [sample.model_copy(update={"k": 1}) for sample in judged.samples]
    add_scores(scores, [*judged.samples, *later])
    assert scores["student"]["own", 0]["judge"] == {"reply": [[1.0] * 8]}
    from kshot.evaluate.run_files import BaselineMean

    means = [
        BaselineMean(suite="own", score=score, k=k, baselines={}, below=[], ties=[])
        for score in ("exact_match", "judge")
        for k in (0, 1)
    ]
    gains = gain_rows(scores, {}, means, {}, 200, 1)
    row = next(row for row in gains if (row.score, row.k) == ("judge", 0))
    assert (row.base, row.student, row.gain) == (0.0, 1.0, 1.0)
    assert {row.score for row in fewshot_rows(scores, {}, 200, 1)} == {"exact_match"}
    assert "the judge prefers the student's answer to the base's in 100.0 %" in headlines(gains, {})[0]


def test_judge_and_rubric_belong_together() -> None:
    facts = {"task": "t", "instruction": "i", "kind": "generation", "demos": 0}
    for more in ({"scores": ["judge"]}, {"rubric": "polite"}):
        with pytest.raises(ValueError, match="belong together"):
            SuiteTaskSpec.model_validate(facts | more)
    spec = SuiteTaskSpec.model_validate(facts | {"scores": ["judge"], "rubric": "polite"})
    assert spec.written_scores == ["rouge_l"]
    assert has_judged_tasks([Suite("s", (SuiteTask(spec, (), ()),))])
