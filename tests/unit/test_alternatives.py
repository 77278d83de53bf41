"""What else a user could ship: a classifier on the same rows, beside base and student, and the sentence on it."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from kshot.core.replies.asking import Question, TeacherAnswers
from kshot.core.run_files import write_model
from kshot.evaluate.alternatives.compare import compare_alternatives
from kshot.evaluate.alternatives.models import Usage
from kshot.evaluate.alternatives.teacher import TeacherWay
from kshot.evaluate.report.shipping import shipping_section
from kshot.evaluate.run_files import AlternativesFile, Sample
from kshot.suites.format import ScoreName, Suite, SuiteRow, SuiteTask, SuiteTaskSpec
from kshot.suites.prompts import render_item
from tests.unit.test_embeddings import build_encoder

LABELS = ["billing", "delivery"]
WAYS = {"exact_match": 0.5, "loglikelihood": 0.7, "calibrated_choice": 0.9}
WORDS = {"billing": "invoice charged refund price", "delivery": "parcel courier late box"}
SWAPPED = {"billing": WORDS["delivery"], "delivery": WORDS["billing"]}


def _suite(trained: bool = True, scores: Sequence[ScoreName] = ("exact_match",)) -> Suite:
    spec = SuiteTaskSpec(
        task="desk", instruction="Which team?", kind="multiple_choice", options_fixed=True, demos=1, trained=trained,
        scores=list(scores),
    )  # fmt: skip
    rows = [
        SuiteRow(input=f"my {word} question {n}", output=[label], options=LABELS)
        for n in range(5)
        for label, words in WORDS.items()
        for word in words.split()
    ]
    return Suite("own", (SuiteTask(spec, tuple(rows[:1]), tuple(rows[1:])),))


def _train(path: Path, labels: dict[str, str] = WORDS, mode: str = "gold", **meta: Any) -> Path:
    with path.open("ab") as file:
        for n in range(3):
            for label, words in labels.items():
                for word in words.split():
                    query = {"input": f"about the {word}, number {n}", "output": label}
                    row = {"instruction": "x", "output": label, "meta": {"task": "desk", "query": query, **meta}}
                    row["meta"]["example_mode"] = mode
                    file.write(orjson.dumps(row) + b"\n")
    return path


def _samples(suite: Suite, model: str, share: float, score: str = "exact_match") -> list[Sample]:
    items = suite.tasks[0].items
    return [
        Sample(
            suite="own", task="desk", score=score, k=0, item=n, seed=0, model=model, prompt="", input=row.input,
            accepted=row.output, truncated=False, right=n < share * len(items), answer="",
        )
        for n, row in enumerate(items)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("student", "begins"), [(1.0, "It is open"), (0.5, "Do not ship the student yet"), (0.9, "It is open")]
)
def test_a_classifier_on_the_same_rows_stands_beside_the_student(tmp_path: Path, student: float, begins: str) -> None:
    suite = _suite()
    samples = [*_samples(suite, "base", 0.2), *_samples(suite, "student", student)]
    found = compare_alternatives([suite], _train(tmp_path / "train.jsonl"), samples, None)
    by_method = {row.method: row for row in found.rows}
    assert set(by_method) == {"base", "student", "tf-idf", "majority"}
    assert by_method["tf-idf"].mean == 1.0
    assert (by_method["tf-idf"].trained_on, by_method["tf-idf"].train_rows) == ("real", 24)
    assert by_method["student"].mean == pytest.approx(student, abs=0.03)
    assert by_method["student"].low < by_method["student"].mean < by_method["student"].high or student == 1.0
    assert found.advice[0].startswith(begins)
    section = shipping_section(found)
    assert section is not None
    assert section.about[0] == found.advice[0]
    assert [row[0] for row in section.tables[0].rows][-1] in ("base, k=0", "most frequent label")


def test_the_student_is_to_be_shipped_where_it_is_better_than_chance_allows(tmp_path: Path) -> None:
    suite = _suite()
    samples = [*_samples(suite, "base", 0.2), *_samples(suite, "student", 0.9)]
    found = compare_alternatives([suite], _train(tmp_path / "train.jsonl", SWAPPED), samples, None)
    assert found.advice[0].startswith("Ship the student: the student (k=0) is right on 92% of 39 held-out rows of desk")


def test_made_rows_give_a_line_of_their_own_and_unusable_records_none(tmp_path: Path) -> None:
    suite = _suite()
    train = _train(tmp_path / "train.jsonl")
    _train(train, {"billing": "fee"}, mode="demonstrate")
    _train(train, {"zzz": "nonsense"}, symbol_tuned=True)
    _train(train, {"steps": "thought"}, kind="cot")
    rows = compare_alternatives([suite], train, _samples(suite, "student", 0.5), None).rows
    assert [(row.trained_on, row.train_rows) for row in rows if row.method == "tf-idf"] == [
        ("real", 24), ("real and made", 27),
    ]  # fmt: skip


def test_normalized_match_counts_before_exact_match(tmp_path: Path) -> None:
    suite = _suite(scores=("exact_match", "normalized_match"))
    samples = [*_samples(suite, "student", 0.1), *_samples(suite, "student", 0.8, "normalized_match")]
    rows = compare_alternatives([suite], _train(tmp_path / "train.jsonl"), samples, None).rows
    assert next(row for row in rows if row.method == "student").mean == pytest.approx(0.8, abs=0.03)


def test_nothing_is_compared_without_an_own_task(tmp_path: Path) -> None:
    train = _train(tmp_path / "train.jsonl")
    for suite, path in ((_suite(trained=False), train), (_suite(), tmp_path / "none.jsonl")):
        found = compare_alternatives([suite], path, _samples(suite, "student", 1.0), None)
        assert (found.rows, found.advice, shipping_section(found)) == ([], [], None)


def test_an_encoder_adds_a_classifier_of_its_own(tmp_path: Path) -> None:
    suite = _suite()
    encoder = str(build_encoder(tmp_path / "encoder"))
    train = _train(tmp_path / "train.jsonl")
    found = compare_alternatives([suite], train, _samples(suite, "student", 0.9), None, encoder)
    by_method = {row.method: row for row in found.rows}
    assert set(by_method) == {"student", "tf-idf", "encoder", "majority"}
    assert by_method["encoder"].train_rows == by_method["tf-idf"].train_rows == 24
    assert by_method["encoder"].mean != by_method["tf-idf"].mean
    assert shipping_section(found) is not None


def test_demonstrations_count_too_where_it_is_known_who_wrote_them(tmp_path: Path) -> None:
    suite = _suite()
    demos = [{"input": "about my fee", "output": "billing"}, {"input": "a van came", "output": "delivery"}]
    train = _train(tmp_path / "train.jsonl", demonstrations=demos)
    queries = [f"about the {word}, number {n}" for n in range(3) for words in WORDS.values() for word in words.split()]

    def count() -> list[tuple[str, int]]:
        rows = compare_alternatives([suite], train, _samples(suite, "student", 0.5), None).rows
        return [(row.trained_on, row.train_rows) for row in rows if row.method == "tf-idf"]

    assert count() == [("real", 24)]
    examples = [{"input": text, "mode": "gold"} for text in [*queries, "about my fee"]]
    examples.append({"input": "a van came", "mode": "demonstrate"})
    row = {"id": "desk", "examples": examples}
    (tmp_path / "examples.jsonl").write_bytes(orjson.dumps(row) + b"\n")
    assert count() == [("real", 25), ("real and made", 26)]


def test_the_choice_among_labels_is_a_way_to_answer_too(tmp_path: Path) -> None:
    suite = _suite()
    samples = [*_samples(suite, "student", 0.5), *_samples(suite, "student", 0.7, "loglikelihood")]
    samples += [*_samples(suite, "student", 0.9, "calibrated_choice"), *_samples(suite, "base", 0.1)]
    found = compare_alternatives([suite], _train(tmp_path / "train.jsonl", SWAPPED), samples, None)
    students = {row.score: row.mean for row in found.rows if row.method == "student"}
    assert students == {score: pytest.approx(share, abs=0.03) for score, share in WAYS.items()}
    assert "the student (k=0, choosing among the labels, calibrated) is right on 92%" in found.advice[0]
    section = shipping_section(found)
    assert section is not None
    best, every = section.tables
    assert sum(row[0].startswith("student") for row in best.rows) == 1
    assert sum(row[0].startswith("student") for row in every.rows) == 3


def test_sizes_and_seconds_stand_beside_the_scores(tmp_path: Path) -> None:
    suite = _suite()
    usage = Usage(269_000_000, {("own", 0): 30.0}, {("own", 0): 12.0})
    samples = [*_samples(suite, "student", 0.9), *_samples(suite, "base", 0.1)]
    found = compare_alternatives(
        [suite], _train(tmp_path / "train.jsonl"), samples, None, usages={"student": usage, "base": usage}
    )
    by_method = {row.method: row for row in found.rows}
    assert (by_method["student"].seconds, by_method["student"].size) == (30.0, 269_000_000)
    assert by_method["tf-idf"].size is not None
    assert 0 < by_method["tf-idf"].size < 269_000_000
    assert "instead of 30 s for a thousand answers" in found.advice[0]
    assert "instead of 269 MB" in found.advice[0]


class _Teacher:
    """Answers with the right label to a share of the items; counts what it was asked."""

    def __init__(self, suite: Suite, share: float, missing: int = 0) -> None:
        self.items = suite.tasks[0].items
        self.share, self.missing = share, missing
        self.prompts: list[str] = []

    def __call__(self, questions: Sequence[Question], label: str) -> TeacherAnswers:
        self.prompts += [question.prompt for question in questions]
        right = int(self.share * len(self.items))
        texts = [row.output[0] if n < right else "neither" for n, row in enumerate(self.items)]
        shown = (*texts[self.missing :], *[None] * self.missing)
        return TeacherAnswers("big/model", shown, 0.39, 3900, 39, 7.8)


def _with_teacher(tmp_path: Path, teacher: _Teacher, suite: Suite, student: float) -> AlternativesFile:
    samples = [*_samples(suite, "student", student), *_samples(suite, "base", 0.1)]
    way = TeacherWay(teacher, [0, 1], tmp_path / "alternatives.json")
    train = tmp_path / "train.jsonl"
    found = compare_alternatives([suite], train if train.exists() else _train(train), samples, None, teacher=way)
    write_model(tmp_path / "alternatives.json", found)
    return found


def test_the_teacher_answers_the_same_items_and_its_price_is_given(tmp_path: Path) -> None:
    suite = _suite()
    teacher = _Teacher(suite, 1.0)
    found = _with_teacher(tmp_path, teacher, suite, 0.5)
    rows = [row for row in found.rows if row.method == "teacher"]
    assert [(row.k, row.mean, row.cost, row.seconds) for row in rows] == [(k, 1.0, 10.0, 200.0) for k in (0, 1)]
    assert found.advice[1].startswith("The teacher is better: the teacher model (k=0) is right on 100%")
    assert "a thousand of its answers cost 10" in found.advice[1]
    items = suite.tasks[0].items
    assert teacher.prompts == [render_item(suite.tasks[0], row, k) for k in (0, 1) for row in items]


@pytest.mark.parametrize(
    ("share", "student", "begins"),
    [(0.9, 0.9, "The teacher adds nothing"), (0.2, 0.9, "The student is better than its teacher")],
)
def test_a_teacher_that_is_no_better_is_said_to_be_none(
    tmp_path: Path, share: float, student: float, begins: str
) -> None:
    suite = _suite()
    assert _with_teacher(tmp_path, _Teacher(suite, share), suite, student).advice[1].startswith(begins)


def test_a_teacher_with_missing_answers_is_left_out_with_a_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    suite = _suite()
    found = _with_teacher(tmp_path, _Teacher(suite, 1.0, missing=2), suite, 0.5)
    assert "teacher" not in {row.method for row in found.rows}
    assert "37 of 39 answers to desk at k=0, so it is not compared there" in " ".join(capsys.readouterr().out.split())


def test_seconds_of_a_teacher_survive_a_rerun_from_the_cache(tmp_path: Path) -> None:
    suite = _suite()
    _with_teacher(tmp_path, _Teacher(suite, 1.0), suite, 0.5)

    class Cached(_Teacher):
        def __call__(self, questions: Sequence[Question], label: str) -> TeacherAnswers:
            return replace(super().__call__(questions, label), new_answers=0, seconds=0.01)

    found = _with_teacher(tmp_path, Cached(suite, 1.0), suite, 0.5)
    assert {row.seconds for row in found.rows if row.method == "teacher"} == {200.0}


def test_free_text_is_compared_by_its_mean_score(tmp_path: Path) -> None:
    spec = SuiteTaskSpec(
        task="desk", instruction="Answer.", kind="generation", demos=1, trained=True, scores=["rouge_l"]
    )
    rows = [SuiteRow(input=f"question {n}", output=["a long answer"]) for n in range(21)]
    suite = Suite("own", (SuiteTask(spec, tuple(rows[:1]), tuple(rows[1:])),))
    samples = [
        sample.model_copy(update={"right": 0.6 + 0.01 * sample.item if sample.model == "student" else 0.2})
        for model in ("base", "student")
        for sample in _samples(suite, model, 1.0, "rouge_l")
    ]
    found = compare_alternatives([suite], _train(tmp_path / "train.jsonl"), samples, None)
    assert {row.method for row in found.rows} == {"base", "student"}
    student = next(row for row in found.rows if row.method == "student")
    assert student.low < student.mean < student.high
    assert found.advice[0].startswith("Ship the student: the student (k=0) has a mean ROUGE-L of 70% of 20 held-out")


def test_a_lead_that_may_be_chance_is_called_open(tmp_path: Path) -> None:
    suite = _suite()
    samples = [*_samples(suite, "student", 0.6), *_samples(suite, "base", 0.1)]
    one_label = {"billing": WORDS["billing"], "delivery": "late"}
    found = compare_alternatives([suite], _train(tmp_path / "train.jsonl", one_label), samples, None)
    assert not found.advice[0].startswith("Ship neither")


def test_the_first_few_shot_seed_counts_whatever_its_number(tmp_path: Path) -> None:
    suite = _suite()
    later = [sample.model_copy(update={"k": 4, "seed": 3}) for sample in _samples(suite, "student", 0.9)]
    found = compare_alternatives(
        [suite], _train(tmp_path / "train.jsonl"), [*_samples(suite, "student", 0.5), *later], None, seed=3
    )
    assert [row.k for row in found.rows if row.method == "student"] == [0, 4]
