"""The file of a training's rows: made once, in order, by one process or several, and selections of it."""

import json
from pathlib import Path
from typing import Any

import pytest

from kshot.core.errors import DataError
from kshot.train.data import BLANK
from kshot.train.rows import store
from kshot.train.rows.order import limit_tokens, order_rows
from kshot.train.rows.split import split_rows
from kshot.train.rows.store import RowStore, store_rows
from kshot.train.rows.table import lengths_of, pick_rows, to_dataset


def _write(path: Path, count: int) -> Path:
    rows = [
        {"instruction": f"say {n} " + "x" * (n % 50), "output": f"w{n}", "meta": {"k": n % 3}} for n in range(count)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def _store(data: Path, student: Path, folder: Path, content: str = "a") -> RowStore:
    return store_rows(data, content, str(student), 80, True, folder)


def _rows(stored: RowStore) -> list[Any]:
    return [stored.table.row(index) for index in range(len(stored.table.lengths))]


def test_store_rows_is_the_same_in_worker_processes(
    tiny_student: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = _write(tmp_path / "train.jsonl", 230)
    alone = _store(data, tiny_student, tmp_path / "alone")
    monkeypatch.setattr(store, "MIN_PARALLEL", 10)
    monkeypatch.setattr(store, "CHUNK", 7)
    monkeypatch.setattr(store, "count_cores", lambda: 2)
    shared = _store(data, tiny_student, tmp_path / "shared")
    assert 0 < len(alone.table.lengths) < 230
    assert sum(alone.dropped.values()) + len(alone.table.lengths) == 230
    assert _rows(alone) == _rows(shared)
    assert alone.dropped == shared.dropped
    assert [len(row.input_ids) for row in _rows(alone)] == alone.table.lengths.tolist()
    assert alone.table.dataset.cache_files, "the file is mapped, not read"


def test_store_rows_finds_what_an_unfinished_training_left(
    tiny_student: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = _write(tmp_path / "train.jsonl", 20)
    before = _rows(_store(data, tiny_student, tmp_path / "rows"))
    with monkeypatch.context() as patch:
        patch.setattr(store, "tokenize_conversation", None)
        assert _rows(_store(data, tiny_student, tmp_path / "rows")) == before
    _store(data, tiny_student, tmp_path / "rows", "b")
    assert len(list((tmp_path / "rows").glob("*.arrow"))) == 1, "other content replaces the file"


def test_store_rows_names_a_broken_line_and_leaves_nothing(tiny_student: Path, tmp_path: Path) -> None:
    data = _write(tmp_path / "train.jsonl", 20)
    data.write_text(data.read_text() + '{"instruction": "a"}\n')
    with pytest.raises(DataError, match=r"train.jsonl:21: 'output' must be a text"):
        _store(data, tiny_student, tmp_path / "rows")
    assert not list((tmp_path / "rows").iterdir())


def test_stored_rows_are_picked_ordered_and_cut_as_lists_are(tiny_student: Path, tmp_path: Path) -> None:
    stored = _store(_write(tmp_path / "train.jsonl", 60), tiny_student, tmp_path / "rows")
    rows = split_rows(stored, 80, 0.1, 1).train
    plain = list(rows)
    assert order_rows(rows, 1.5, 4, 1) == order_rows(plain, 1.5, 4, 1)
    budget = int(lengths_of(rows)[:20].sum())
    assert limit_tokens(rows, 4, budget) == plain[:20] == limit_tokens(plain, 4, budget)
    picked = pick_rows(rows, [3, -1, 0])
    assert [row.input_ids for row in picked] == [plain[3].input_ids, BLANK.input_ids, plain[0].input_ids]
    assert picked[1].labels == BLANK.labels
    assert to_dataset(picked)["labels"] == [list(row.labels) for row in picked]
    assert len(to_dataset(picked)) == 3
