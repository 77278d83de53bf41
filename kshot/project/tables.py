"""Reads a table of texts: CSV, TSV, JSONL, JSON, Parquet, XLSX, or a dataset of the hub.

Every cell becomes the text that a person sees: numbers without a trailing `.0`, nothing for an empty cell.
"""

import csv
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time
from io import StringIO
from pathlib import Path
from typing import Any

from kshot.core.errors import DataError
from kshot.core.files import read_jsonl, read_text

MAX_BYTES = 64 << 20
"""A larger file is no list of examples for a person to look at."""
MAX_ROWS = 200_000
DELIMITERS = ",;\t|"
PROBED_LINES = 50
WORKBOOKS = {".xlsx", ".xlsm", ".xls", ".ods", ".xlsb"}
TEXTS = {".csv", ".tsv", ".tab", ".txt"}
RECORDS = {".jsonl", ".ndjson", ".json", ".parquet"}
HUB_ID = re.compile(r"^[\w.-]+/[\w.-]+(?::[\w.-]+)?$")


@dataclass(frozen=True)
class TableRow:
    """A row: where it stands (a line, or the number of a record), and its cells by column."""

    place: str
    cells: Mapping[str, str]


@dataclass(frozen=True)
class ExampleTable:
    """Rows with named columns; `has_header` is false where kshot named the columns."""

    source: str
    columns: tuple[str, ...]
    rows: tuple[TableRow, ...]
    has_header: bool = True
    notes: tuple[str, ...] = ()
    """What of the file was not read."""


def is_table(name: str) -> bool:
    """Whether a name is a table's by its ending. A folder of this name is none."""
    return Path(name).suffix.lower() in TEXTS | RECORDS | WORKBOOKS and not Path(name).is_dir()


def read_table(source: str) -> ExampleTable:
    """Read a file by its ending, or `OWNER/NAME[:SPLIT]` from the hub through `datasets`.

    Raises:
        DataError: no such file, a form that is not read, a broken row (named), no row, or too many.
    """
    path = Path(source)
    if not path.exists():
        if HUB_ID.match(source) and not path.suffix:
            return _check(_read_hub(source))
        raise DataError(f"{source}: no such file, and not the name of a dataset of the hub (OWNER/NAME)")
    if path.is_dir():
        raise DataError(f"{source}: a folder; name a file: CSV, TSV, JSONL, JSON, Parquet or XLSX")
    if (size := path.stat().st_size) > MAX_BYTES:
        raise DataError(
            f"{source}: {size >> 20} MiB; examples are read up to {MAX_BYTES >> 20} MiB: keep a sample of the rows"
        )
    suffix = path.suffix.lower()
    if suffix in TEXTS:
        return _check(_read_delimited(path))
    if suffix in {".jsonl", ".ndjson", ".json"}:
        return _check(_from_records(source, ((f"{source}:{line}", row) for line, row in read_jsonl(path))))
    if suffix == ".parquet":
        return _check(_from_records(source, _iterate_parquet(path)))
    if suffix in WORKBOOKS:
        return _check(_read_workbook(path))
    raise DataError(f"{source}: {suffix or 'a file without an ending'} is not read; save it as CSV, JSONL or XLSX")


def iterate_rows(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield (place, row) of a file of any size with the values as they stand; those of CSV are texts.

    Raises:
        DataError: no such file, a form that is not read, or a broken row (named).
    """
    suffix = path.suffix.lower()
    if not path.is_file():
        raise DataError(f"{path}: no such file")
    if suffix in TEXTS:
        for row in _read_delimited(path).rows:
            yield row.place, {name: cell or None for name, cell in row.cells.items()}
    elif suffix == ".parquet":
        yield from _iterate_parquet(path)
    elif suffix in RECORDS:
        yield from ((f"{path}:{line}", row) for line, row in read_jsonl(path))
    else:
        raise DataError(f"{path}: {suffix or 'a file without an ending'} is not read; save it as JSONL or Parquet")


def _check(table: ExampleTable) -> ExampleTable:
    if not table.rows:
        raise DataError(f"{table.source}: no row in it")
    if len(table.rows) > MAX_ROWS:
        raise DataError(f"{table.source}: {len(table.rows)} rows; at most {MAX_ROWS} are read: keep a sample of them")
    return table


def _read_delimited(path: Path) -> ExampleTable:
    text = read_text(path)
    if not text.strip():
        raise DataError(f"{path}: an empty file")
    delimiter = "\t" if path.suffix.lower() in {".tsv", ".tab"} else _find_delimiter(text)
    reader = csv.reader(StringIO(text), delimiter=delimiter, strict=True)
    rows: list[tuple[str, list[str]]] = []
    line = 1
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                rows.append((f"{path}:{line}", [cell.strip() for cell in cells]))
            line = reader.line_num + 1
    except csv.Error as error:
        raise DataError(f"{path}:{line}: {error}; a quotation mark in a text is doubled, and the text quoted") from None
    return _from_rows(str(path), rows)


def _find_delimiter(text: str) -> str:
    """The delimiter that gives the first lines the same number of cells, and most of them."""

    def regularity(delimiter: str) -> tuple[float, int]:
        lines = "\n".join(text.splitlines()[:PROBED_LINES])
        try:
            widths = [len(row) for row in csv.reader(StringIO(lines), delimiter=delimiter) if row]
        except csv.Error:
            return (0.0, 0)
        common = max(set(widths), key=widths.count)
        return (widths.count(common) / len(widths), common) if common > 1 else (0.0, 1)

    return max(DELIMITERS, key=regularity)


def _read_workbook(path: Path) -> ExampleTable:
    from python_calamine import CalamineError, CalamineWorkbook

    try:
        workbook = CalamineWorkbook.from_path(str(path))
        sheets = {name: workbook.get_sheet_by_name(name).to_python(skip_empty_area=False) for name in _sheets(workbook)}
    except (CalamineError, ValueError, IndexError, OSError) as error:
        raise DataError(f"{path}: cannot be read as a workbook ({error}); save it again, or as CSV") from None
    tables = {}
    for name, values in sheets.items():
        rows = [(f"{path}:{number}", [_to_text(cell) for cell in row]) for number, row in enumerate(values, 1)]
        if rows := [(place, cells) for place, cells in rows if any(cells)]:
            tables[name] = _drop_empty_columns(rows)
    if not tables:
        return ExampleTable(str(path), (), ())
    first, *others = tables
    table = _from_rows(str(path), tables[first])
    names = ", ".join(map(repr, others))
    note = f"the sheet {first!r} is read; not read: {names}; save such a sheet as a file of its own"
    return replace(table, notes=(note,)) if others else table


def _sheets(workbook: Any) -> list[str]:
    from python_calamine import SheetTypeEnum

    return [sheet.name for sheet in workbook.sheets_metadata if sheet.typ == SheetTypeEnum.WorkSheet]


def _drop_empty_columns(rows: Sequence[tuple[str, list[str]]]) -> list[tuple[str, list[str]]]:
    """The rows without the columns to the left of a table that does not begin in the first one."""
    first = min(next(position for position, cell in enumerate(cells) if cell) for _, cells in rows)
    return [(place, cells[first:]) for place, cells in rows]


def _iterate_parquet(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    import pyarrow.parquet
    from pyarrow import ArrowException

    try:
        records = pyarrow.parquet.read_table(path).to_pylist()
    except (ArrowException, OSError) as error:
        raise DataError(f"{path}: cannot be read as Parquet ({str(error).splitlines()[0]})") from None
    yield from ((f"{path}, record {number}", row) for number, row in enumerate(records, 1))


def _read_hub(source: str) -> ExampleTable:
    from datasets import load_dataset
    from datasets.exceptions import DatasetNotFoundError

    name, _, split = source.partition(":")
    try:
        data = load_dataset(name, split=split or "train")
    except (DatasetNotFoundError, OSError, ValueError) as error:
        reason = " ".join(str(error).split())[:200]
        raise DataError(f"{source}: neither a file nor a dataset that the hub gives ({reason})") from None
    features = data.features
    names = {column: feature.names for column, feature in features.items() if getattr(feature, "names", None)}

    def records() -> Iterator[tuple[str, dict[str, Any]]]:
        for number, row in enumerate(data, 1):
            # A class label is stored as its number.
            yield (
                f"{source}, record {number}",
                {
                    column: names[column][value] if column in names and isinstance(value, int) and value >= 0 else value
                    for column, value in row.items()
                },
            )

    return _from_records(source, records())


def _from_records(source: str, records: Iterable[tuple[str, Mapping[str, Any]]]) -> ExampleTable:
    rows = [TableRow(place, {str(name): _to_text(value) for name, value in row.items()}) for place, row in records]
    columns = dict.fromkeys(name for row in rows for name in row.cells)
    return ExampleTable(source, tuple(columns), tuple(rows))


def _from_rows(source: str, rows: Sequence[tuple[str, list[str]]]) -> ExampleTable:
    """Name the columns by the first row, if it is a header."""
    width = max((len(cells) for _, cells in rows), default=0)
    if width == 0:
        return ExampleTable(source, (), ())
    head = rows[0][1]
    has_header = _is_header(head, [cells for _, cells in rows[1:]])
    names = head if has_header else [""] * width
    if twice := next((name for name in names if name and names.count(name) > 1), None):
        raise DataError(f"{rows[0][0]}: the column {twice!r} stands twice; give each its own name")
    columns = tuple(name or f"column {number}" for number, name in enumerate(names, 1))
    if has_header and (long := next((place for place, cells in rows if any(cells[len(columns) :])), None)):
        raise DataError(
            f"{long}: more cells than the {len(columns)} columns of the first row; quote a text that holds a delimiter"
        )
    body = rows[1:] if has_header else rows
    return ExampleTable(
        source,
        columns,
        tuple(TableRow(place, dict(zip(columns, [*cells, *[""] * width], strict=False))) for place, cells in body),
        has_header,
    )


def _is_header(head: Sequence[str], body: Sequence[Sequence[str]]) -> bool:
    """True if the first row names columns: short, no number, no sentence, and no value of the rows below.

    An index that a program wrote has no name.
    """
    names = [name for name in head if name]
    if len(names) < min(2, len(head)) or any(len(name) > MAX_NAME_CHARS for name in names):
        return False
    if any(re.fullmatch(r"[-+\d.,\s]+", name) or _SENTENCE.search(name) for name in names):
        return False
    below = [{row[position] for row in body if position < len(row)} for position in range(len(head))]
    return not any(name and name in values for name, values in zip(head, below, strict=True))


MAX_NAME_CHARS = 40
"""A longer first cell is a text, not the name of a column."""
_SENTENCE = re.compile(r"[.?!。？！]$|\S+(?:\s+\S+){5}")
"""The end of a sentence, or six words: no name of a column."""


def _to_text(value: Any) -> str:
    if value is None or (isinstance(value, float) and value != value):
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, datetime) and value.time() == time():
        return value.date().isoformat()
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value).strip()
