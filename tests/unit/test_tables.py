"""Tables as people have them: every form is read as the same texts, and odd ones are refused in one line."""

from collections.abc import Callable
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest

from kshot.core.errors import DataError
from kshot.project import tables
from kshot.project.tables import read_table

ROWS = [("My card is gone, help!", "lost"), ("Où est ma carte ?", "lost"), ("two\nlines", "other"), ("7", "other")]


def _write_csv(path: Path, delimiter: str = ",", head: str = "text,label", encoding: str = "utf-8") -> Path:
    lines = [head.replace(",", delimiter)] if head else []
    lines += [delimiter.join('"' + cell.replace('"', '""') + '"' for cell in row) for row in ROWS]
    path.write_text("\n".join(lines) + "\n", encoding=encoding)
    return path


def _write_parquet(path: Path) -> Path:
    table = pyarrow.table({"text": [text for text, _ in ROWS], "label": [label for _, label in ROWS]})
    pyarrow.parquet.write_table(table, path)
    return path


def _write_jsonl(path: Path) -> Path:
    import json

    path.write_text("".join(json.dumps({"text": text, "label": label}) + "\n" for text, label in ROWS))
    return path


def _write_json(path: Path) -> Path:
    import json

    path.write_text(json.dumps([{"text": text, "label": label} for text, label in ROWS], indent=1))
    return path


FORMS: dict[str, Callable[[Path], Path]] = {
    "a.csv": _write_csv,
    "semicolons.csv": lambda path: _write_csv(path, ";"),
    "excel.csv": lambda path: _write_csv(path, ";", encoding="utf-8-sig"),
    "utf16.csv": lambda path: _write_csv(path, encoding="utf-16"),
    "a.tsv": lambda path: _write_csv(path, "\t"),
    "a.parquet": _write_parquet,
    "a.jsonl": _write_jsonl,
    "a.json": _write_json,
}


@pytest.mark.parametrize("name", FORMS)
def test_every_form_gives_the_same_texts(name: str, tmp_path: Path) -> None:
    table = read_table(str(FORMS[name](tmp_path / name)))
    assert table.columns == ("text", "label")
    assert [(row.cells["text"], row.cells["label"]) for row in table.rows] == ROWS


def test_a_workbook_is_read(tmp_path: Path) -> None:
    table = read_table(str(Path(__file__).parents[1] / "data" / "tickets.xlsx"))
    assert table.columns == ("text", "label")
    assert [row.cells for row in table.rows][:2] == [
        {"text": "My card is gone", "label": "lost"}, {"text": "42", "label": "other"},
    ]  # fmt: skip


def test_a_table_without_header_gets_names_and_places(tmp_path: Path) -> None:
    table = read_table(str(_write_csv(tmp_path / "a.csv", head="")))
    assert (table.columns, table.has_header, len(table.rows)) == (("column 1", "column 2"), False, 4)
    assert table.rows[3].place.endswith("a.csv:5")


@pytest.mark.parametrize(
    ("name", "content", "error"),
    [
        ("a.csv", "", "an empty file"),
        ("a.csv", "text,label\n", "no row"),
        ("a.csv", 'text,label\n"open,x\n', "a.csv:2: "),
        ("a.csv", "text,label\na,b,c\n", "a.csv:2: more cells than the 2 columns"),
        ("a.jsonl", '{"text": "a"\n', "a.jsonl:1: broken JSON"),
        ("a.xlsx", "no workbook", "cannot be read as a workbook"),
        ("a.parquet", "no parquet", "cannot be read as Parquet"),
        ("a.docx", "x", ".docx is not read; save it as CSV"),
        ("a", "x", "a file without an ending"),
    ],
)
def test_odd_files_are_refused_in_one_line(name: str, content: str, error: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(DataError, match=error.replace(".", r"\.")) as raised:
        read_table(str(tmp_path / name))
    assert "\n" not in str(raised.value)


def test_missing_and_large_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DataError, match="no such file"):
        read_table(str(tmp_path / "none.csv"))
    with pytest.raises(DataError, match="a folder"):
        read_table(str(tmp_path))
    path = _write_csv(tmp_path / "a.csv")
    monkeypatch.setattr(tables, "MAX_ROWS", 3)
    with pytest.raises(DataError, match="4 rows; at most 3"):
        read_table(str(path))
    monkeypatch.setattr(tables, "MAX_BYTES", 3)
    with pytest.raises(DataError, match="keep a sample"):
        read_table(str(path))
