"""What else a user could ship: a classifier on the same rows, beside base and student, and the sentence on it."""

from pathlib import Path
from typing import Any

import orjson
import pytest

from kshot.evaluate.metrics.alternatives import compare_alternatives
from kshot.evaluate.report.alternatives import alternatives_section
from kshot.evaluate.run_files import Sample
from kshot.suites.format import Suite, SuiteRow, SuiteTask, SuiteTaskSpec
from tests.unit.test_embeddings import build_encoder

LABELS = ["billing", "delivery"]
WORDS = {"billing": "invoice charged refund price", "delivery": "parcel courier late box"}


def _suite(trained: bool = True) -> Suite:
    spec = SuiteTaskSpec(
        task="desk", instruction="Which team?", kind="multiple_choice", options_fixed=True, demos=1, trained=trained
    )
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
    assert set(by_method) == {"base", "student", "tf-idf"}
    assert by_method["tf-idf"].accuracy == 1.0
    assert (by_method["tf-idf"].trained_on, by_method["tf-idf"].train_rows) == ("real", 24)
    assert by_method["student"].accuracy == pytest.approx(student, abs=0.03)
    assert by_method["student"].low < by_method["student"].accuracy < by_method["student"].high or student == 1.0
    assert found.advice[0].startswith(begins)
    section = alternatives_section(found)
    assert section is not None
    assert section.about[1] == found.advice[0]


def test_the_student_is_to_be_shipped_where_it_is_better_than_chance_allows(tmp_path: Path) -> None:
    suite = _suite()
    swapped = {"billing": WORDS["delivery"], "delivery": WORDS["billing"]}
    samples = [*_samples(suite, "base", 0.2), *_samples(suite, "student", 0.9)]
    found = compare_alternatives([suite], _train(tmp_path / "train.jsonl", swapped), samples, None)
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
    suite = _suite()
    samples = [*_samples(suite, "student", 0.1), *_samples(suite, "student", 0.8, "normalized_match")]
    rows = compare_alternatives([suite], _train(tmp_path / "train.jsonl"), samples, None).rows
    assert next(row for row in rows if row.method == "student").accuracy == pytest.approx(0.8, abs=0.03)


def test_nothing_is_compared_without_an_own_task(tmp_path: Path) -> None:
    train = _train(tmp_path / "train.jsonl")
    for suite, path in ((_suite(trained=False), train), (_suite(), tmp_path / "none.jsonl")):
        found = compare_alternatives([suite], path, _samples(suite, "student", 1.0), None)
        assert (found.rows, found.advice, alternatives_section(found)) == ([], [], None)


def test_an_encoder_adds_a_classifier_of_its_own(tmp_path: Path) -> None:
    suite = _suite()
    encoder = str(build_encoder(tmp_path / "encoder"))
    train = _train(tmp_path / "train.jsonl")
    found = compare_alternatives([suite], train, _samples(suite, "student", 0.9), None, encoder)
    by_method = {row.method: row for row in found.rows}
    assert set(by_method) == {"student", "tf-idf", "encoder"}
    assert by_method["encoder"].train_rows == by_method["tf-idf"].train_rows == 24
    assert by_method["encoder"].accuracy != by_method["tf-idf"].accuracy
    assert alternatives_section(found) is not None


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
