"""The data set as Parquet."""

from pathlib import Path

import pytest

from kshot.generate.dataset.formats import write_parquet
from tests.unit.composing import generate_into, read_lines


def test_write_parquet_writes_one_row_group_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import pyarrow.parquet as pq

    monkeypatch.setattr("kshot.generate.dataset.formats.MAX_GROUP_ROWS", 100)
    folder = generate_into(tmp_path, families=["morphology"], records=250)
    write_parquet(folder / "train.jsonl", tmp_path / "t.parquet")
    file = pq.ParquetFile(tmp_path / "t.parquet")
    assert file.num_row_groups == 3
    assert file.read().to_pylist() == read_lines(folder / "train.jsonl")
