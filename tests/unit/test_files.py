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
    with pytest.raises(DataError, match=r"a\.jsonl:1: expected an object, found int"):
        list(read_jsonl(path))
    path.write_text('{"a": 1}\n[1]\n')
    with pytest.raises(DataError, match=r"a\.jsonl:2: expected an object, found list"):
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


@pytest.mark.parametrize(
    "text",
    [
        '[{"a": "é"}, {"a": 2}]',
        '\n[\n  {"a": "é"},\n  {"a": 2}\n]\n',
        '\ufeff{"a": "é"}\n\ufeff{"a": 2}\n',
        '{"a": "é"}\r\n\r\n{"a": 2}\r\n',
        '{"a": "é"}\r{"a": 2}',
    ],
)
def test_read_jsonl_reads_arrays_marks_and_all_line_endings(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.jsonl"
    for encoding in ("utf-8", "utf-8-sig", "utf-16", "utf-32"):
        path.write_bytes(text.encode(encoding))
        assert [row for _, row in read_jsonl(path)] == [{"a": "é"}, {"a": 2}]


def test_read_jsonl_numbers_the_lines_of_an_array(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('[\n{"a": 1,\n "b": 2}, {"a": 2},\n\n{"a": 3}]')
    assert [number for number, _ in read_jsonl(path)] == [2, 3, 5]
    path.write_text("[]")
    assert list(read_jsonl(path)) == []


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('{"a": 1}\n{"a": NaN}', r"a\.jsonl:2: broken JSON: NaN is not JSON; write null"),
        ('[{"a": 1},\n{"a": -Infinity}]', r"a\.jsonl:2: broken JSON: -Infinity is not JSON"),
        ('{"a": None}', r"a\.jsonl:1: broken JSON: None is not JSON"),
        ('{\n  "a": 1\n}', r"a\.jsonl:1: broken JSON: .*one array of objects"),
        ('[{"a": 1}\n{"a": 2}]', r"a\.jsonl:2: broken JSON: ',' or ']' expected"),
        ('[{"a": 1},\n', r"a\.jsonl:2: broken JSON"),
        ('[{"a": 1}]\n{"a": 2}', r"a\.jsonl:2: text after the end of the array"),
        ("PK\x03\x04", "a workbook or a ZIP archive, not text"),
        ('{\0"\0a\0"\0', r"a\.jsonl: NUL bytes.*save it as UTF-8"),
    ],
)
def test_read_jsonl_says_in_one_line_what_to_do(tmp_path: Path, text: str, fault: str) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(text)
    with pytest.raises(DataError, match=fault) as caught:
        list(read_jsonl(path))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252"])
def test_a_file_in_another_encoding_is_refused_with_its_line(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes('{"a": 1}\n{"a": "the café"}\n'.encode(encoding))
    expected = r"a\.jsonl:2: byte 0xE9 is not UTF-8 \('.*the café' if .*Windows-1252.*; save it as UTF-8"
    with pytest.raises(DataError, match=expected):
        list(read_jsonl(path))
    path.write_bytes("\ufeffab".encode("utf-16-le")[:-1])
    with pytest.raises(DataError, match="begins as UTF-16 and cannot be decoded"):
        list(read_jsonl(path))
    with pytest.raises(DataError, match="cannot be read: Is a directory"):
        list(read_jsonl(tmp_path))
