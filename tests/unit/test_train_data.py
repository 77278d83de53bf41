"""Training rows: what is tokenized, dropped, held back and ordered."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from kshot.core.errors import DataError
from kshot.core.prompting import render_prompt
from kshot.core.types import Example
from kshot.models.loading import load_student
from kshot.train.data import IGNORED, TrainRow, iterate_records, tokenize_record
from kshot.train.rows.order import order_rows
from kshot.train.rows.split import prepare_rows


def make_records(n: int, length: int = 5) -> list[dict[str, Any]]:
    return [{"instruction": f"{i} " + "x" * length, "output": "y", "meta": {"k": i % 2}} for i in range(n)]


def test_prepare_rows_drops_long_rows_and_counts_them_by_shots(tiny_student: Path) -> None:
    _, tokenizer = load_student(str(tiny_student))
    split = prepare_rows([*make_records(4), *make_records(3, 400)], tokenizer, 200, 0.0, 1, True)
    assert split.dropped == {"k=0": 2, "k=1": 1}
    assert len(split.train) == 4
    with pytest.raises(DataError, match=r"all 4 records are longer than train\.max_length=20"):
        prepare_rows(make_records(4), tokenizer, 20, 0.0, 1, True)


def test_prepare_rows_holds_back_a_seeded_validation_slice(tiny_student: Path) -> None:
    _, tokenizer = load_student(str(tiny_student))
    split = prepare_rows(make_records(50), tokenizer, 200, 0.1, 1, True)
    held, trained = {r.input_ids for r in split.validation}, {r.input_ids for r in split.train}
    assert (len(held), len(trained), held & trained) == (5, 45, set())
    assert prepare_rows(make_records(50), tokenizer, 200, 0.1, 1, True) == split
    assert prepare_rows(make_records(50), tokenizer, 200, 0.1, 2, True) != split


def test_tokenize_record_labels_answers_and_the_targets_among_demonstrations(tiny_student: Path) -> None:
    _, tokenizer = load_student(str(tiny_student))
    prompt = render_prompt("arrow", None, [Example("a", "one"), Example("b", "two"), Example("c", "three")], "d")
    targets = [list(span) for span in prompt.output_spans[1:]]
    record = {"instruction": prompt.text, "output": "four", "meta": {"k": 3, "loss_spans": targets}}

    def labelled_text(row: TrainRow) -> str:
        text: str = tokenizer.decode([t for t in row.labels if t != IGNORED])
        return text.split(tokenizer.eos_token)[0]

    every, last = tokenize_record(record, tokenizer, targets=True), tokenize_record(record, tokenizer, targets=False)
    assert labelled_text(every).replace(" ", "") == "twothreefour"
    assert labelled_text(last) == "four"
    assert every.input_ids == last.input_ids
    split = prepare_rows([record, record], tokenizer, 200, 0.5, 1, True)
    assert (labelled_text(split.train[0]), labelled_text(split.validation[0])) == (labelled_text(every), "four")


def test_order_rows_takes_each_row_once_an_epoch_and_groups_lengths() -> None:
    rows = [TrainRow(f"p{i}", "c", 0, (1,) * ((i * 37) % 200), ()) for i in range(203)]
    plan = order_rows(rows, 2, 8, 1)
    assert len({row.prompt for row in plan[:200]}) == 200
    assert Counter(row.prompt for row in plan) == Counter({row.prompt: 2 for row in rows})
    assert plan == order_rows(rows, 2, 8, 1)
    assert plan[:203] != plan[203:]
    spans = [max(r.tokens for r in plan[i : i + 8]) - min(r.tokens for r in plan[i : i + 8]) for i in range(0, 192, 8)]
    assert sum(spans) / len(spans) < 60
    later = [
        max(r.tokens for r in plan[i : i + 8]) - min(r.tokens for r in plan[i : i + 8]) for i in range(200, 400, 8)
    ]
    assert sum(later) / len(later) < 60, "a remainder of an epoch shifts no batch of the next"
    assert len(order_rows(rows, 0.5, 8, 1)) == 102


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "no record in it"),
        ('{"instruction": "a"}\n', r":1: 'output' must be a text"),
        ('{"instruction": "a", "output": "b"}\n{"instruction": ', r":2: broken JSON"),
        ('{"instruction": " ", "output": "b"}\n', r":1: 'instruction' must be a text"),
        ('{"instruction": "a", "output": "b", "meta": "x"}\n', r":1: 'meta': expected an object, found 'x'"),
        ('{"instruction": "a", "output": "b", "meta": {"k": null}}\n', r":1: 'meta': 'k' must be a whole number"),
        ('{"instruction": "a", "output": "b", "meta": {"loss_spans": [[1]]}}\n', r":1: 'meta': 'loss_spans' must be"),
    ],
)
def test_iterate_records_names_bad_data(tmp_path: Path, text: str, fault: str) -> None:
    path = tmp_path / "train.jsonl"
    path.write_text(text)
    with pytest.raises(DataError, match=fault):
        list(iterate_records(path))
    with pytest.raises(DataError, match="run `kshot generate`"):
        list(iterate_records(tmp_path / "none.jsonl"))


def test_tokenize_record_takes_a_record_without_meta(tiny_student: Path) -> None:
    _, tokenizer = load_student(str(tiny_student))
    assert tokenize_record({"instruction": "a", "output": "b", "meta": None}, tokenizer, targets=True).k == 0


def test_an_empty_output_is_taken_where_its_task_allowed_it_and_teaches_the_end_of_the_turn(
    tiny_student: Path, tmp_path: Path
) -> None:
    path = tmp_path / "train.jsonl"
    path.write_text('{"instruction": "x", "output": ""}\n')
    with pytest.raises(DataError, match=r"train\.jsonl:1: 'output' must be a text that is not empty, found ''"):
        list(iterate_records(path))
    path.write_text('{"instruction": "x", "output": "", "meta": {"query": {"input": "x", "output": ""}}}\n')
    (record,) = iterate_records(path)
    _, tokenizer = load_student(str(tiny_student))
    row = tokenize_record(record, tokenizer, targets=True)
    assert 0 < sum(label != IGNORED for label in row.labels) < 5
