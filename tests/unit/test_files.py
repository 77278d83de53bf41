"""Files that are whole or absent, and JSONL that is read with its line numbers."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kshot.core.errors import DataError
from kshot.core.files import atomic_file, atomic_folder, read_jsonl, read_log, write_json, write_jsonl


def test_atomic_file_keeps_the_old_file_and_leaves_no_litter_after_a_failure(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    write_json(path, {"a": 1})
    with pytest.raises(RuntimeError), atomic_file(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert path.read_text() == '{\n  "a": 1\n}\n'
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"]


def test_atomic_folder_is_whole_or_absent_and_sweeps_what_a_kill_left(tmp_path: Path) -> None:
    (tmp_path / ".m.99.part").mkdir()
    with pytest.raises(RuntimeError), atomic_folder(tmp_path / "m") as temporary:
        (temporary / "x").write_text("half")
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []
    with atomic_folder(tmp_path / "m") as temporary:
        (temporary / "x").write_text("all")
    assert (tmp_path / "m" / "x").read_text() == "all"


def test_read_jsonl_names_a_broken_line(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"a": 1}\n\n{"a": \n')
    with pytest.raises(DataError, match=r"a\.jsonl:3: broken JSON"):
        list(read_jsonl(path))
    path.write_text("[1]\n")
    with pytest.raises(DataError, match=r"a\.jsonl:1: expected an object, found list"):
        list(read_jsonl(path))


def test_read_log_leaves_out_a_torn_last_line(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text('{"step":1}\n{"step":2}\n{"ste')
    assert [row["step"] for row in read_log(path)] == [1, 2]
    path.write_text('{"step":1}\n{"ste\n{"step":3}\n')
    with pytest.raises(DataError, match=":2:"):
        read_log(path)


@given(st.lists(st.dictionaries(st.text(max_size=5), st.text(max_size=20), max_size=3), max_size=5))
def test_read_jsonl_reads_back_what_was_written(rows: list[dict[str, str]]) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.jsonl"
        write_jsonl(path, rows)
        assert [row for _, row in read_jsonl(path)] == rows
