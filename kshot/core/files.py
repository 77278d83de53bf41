"""Files written whole or not at all, and text files read as people save them: the one place that decodes bytes.

Writers use a temporary name in the same folder, fsync and rename, so a kill or a full disk leaves the old file.
Readers take UTF-8 with or without a byte order mark, UTF-16 and UTF-32 with one, and all line endings. They never guess
another encoding, since a wrong guess changes letters without a word: the file is refused with its line.
"""

import codecs
import json
import os
import re
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import orjson

from kshot.core.errors import DataError

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # Before UTF-16, whose mark it begins with.
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_BINARY = {b"PK\x03\x04": "a workbook or a ZIP archive", b"\xd0\xcf\x11\xe0": "an Office file", b"\x1f\x8b": "gzip"}
_BYTES_PROBED = 1024
_SHOWN_BYTES = 12
"""Bytes shown before one that cannot be decoded."""
BYTE_ORDER_MARK = "\ufeff"
_NO_JSON = re.compile(r"[\s:,\[]*(-?(?:NaN|nan|Infinity|inf)|None|True|False|undefined)\b")
"""What Python, pandas and JavaScript write into what should be JSON."""


@contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; flush and rename it to `path` on success, else remove it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield temporary
        with temporary.open("rb+") as handle:
            os.fsync(handle.fileno())
        temporary.replace(path)
    finally:
        with suppress(FileNotFoundError):
            temporary.unlink()


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Like `atomic_file` for a folder; replaces an older `path`. Removes leftovers of killed writers first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    for leftover in path.parent.glob(f".{path.name}.*.part"):
        shutil.rmtree(leftover, ignore_errors=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    temporary.mkdir()
    try:
        yield temporary
        for file in temporary.rglob("*"):
            if file.is_file():
                with file.open("rb+") as handle:
                    os.fsync(handle.fileno())
        if path.exists():
            shutil.rmtree(path)
        temporary.rename(path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def write_text(path: Path, text: str) -> None:
    with atomic_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    """Write `value` as indented JSON with a final newline."""
    with atomic_file(path) as temporary:
        temporary.write_bytes(orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))


def write_jsonl(path: Path, rows: Iterable[Any]) -> None:
    with atomic_file(path) as temporary, temporary.open("wb") as handle:
        for row in rows:
            handle.write(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE))


def read_text(path: Path) -> str:
    """The text of a file, with a line feed at the end of each line.

    Raises:
        FileNotFoundError: for the caller to say what the file should have been.
        DataError: the file cannot be read, or is in an encoding that it does not name; says the line and what to do.
    """
    return "".join(line for _, line in read_lines(path))


def read_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yield (line number from 1, line with its line feed) one by one; errors as of `read_text`."""
    try:
        encoding = _encoding(path)
        with path.open(encoding=encoding, newline=None) as handle:
            for number, line in enumerate(handle, 1):
                # Files put together keep the marks of their parts.
                yield number, line.removeprefix(BYTE_ORDER_MARK)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeError:
        raise DataError(_describe_undecodable(path, encoding)) from None


def _encoding(path: Path) -> str:
    with path.open("rb") as handle:
        head = handle.read(_BYTES_PROBED)
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            return encoding
    for mark, kind in _BINARY.items():
        if head.startswith(mark):
            raise DataError(f"{path}: {kind}, not text; export the content as text in UTF-8")
    if b"\0" in head:
        raise DataError(f"{path}: NUL bytes: UTF-16 without a byte order mark, or not text; save it as UTF-8")
    return "utf-8"


def _describe_undecodable(path: Path, encoding: str) -> str:
    if not encoding.startswith("utf-8"):
        return f"{path}: begins as {encoding.upper()} and cannot be decoded as that; save it as UTF-8"
    content = path.read_bytes()
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as error:
        start = error.start
        line = content.count(b"\n", 0, start) + 1
        begin = max(content.rfind(b"\n", 0, start) + 1, start - _SHOWN_BYTES)
        shown = content[begin : start + 1]
        guess = shown.decode("cp1252", errors="replace")
        return (
            f"{path}:{line}: byte 0x{content[start]:02X} is not UTF-8 ({guess!r} if the file is in Windows-1252 or "
            "Latin-1); save it as UTF-8"
        )
    return f"{path}: changed while it was read; try again"


def read_json(path: Path) -> Any:
    """The value of a JSON file; DataError where it is missing or broken."""
    try:
        text = read_text(path)
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise DataError(f"{path}:{error.lineno}: broken JSON: {_describe_json_error(error)}") from None


def read_jsonl(path: Path, unique_keys: bool = False) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield (line number from 1, object) of each line that is not blank, or of each object of one JSON array.

    Lines are read one at a time, an array as a whole.

    Args:
        unique_keys: refuse an object in which a key stands twice. JSON readers take the last one.

    Raises:
        DataError: the file is missing, or broken at a line that is named.
    """
    is_first = True
    try:
        for number, line in read_lines(path):
            if not line.strip():
                continue
            if is_first and line.lstrip().startswith("["):
                yield from _read_array(path, read_text(path), unique_keys)
                return
            is_first = False
            yield number, _read_object(path, number, line, unique_keys)
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None


def _read_array(path: Path, text: str, unique_keys: bool) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield (line, object) of each element of a text that is one JSON array."""
    decoder = json.JSONDecoder()
    position, line, counted = text.index("[") + 1, 1, 0
    while True:
        position = _skip_space(text, position)
        line, counted = line + text.count("\n", counted, position), position
        if text[position : position + 1] == "]":
            break
        try:
            _, end = decoder.raw_decode(text, position)
        except (json.JSONDecodeError, RecursionError) as error:
            place = error.lineno if isinstance(error, json.JSONDecodeError) else line
            raise DataError(f"{path}:{place}: broken JSON: {error}; repair or delete this line") from None
        yield line, _read_object(path, line, text[position:end], unique_keys)
        position = _skip_space(text, end)
        if text[position : position + 1] == ",":
            position += 1
        elif text[position : position + 1] != "]":
            place = line + text.count("\n", counted, position)
            raise DataError(f"{path}:{place}: broken JSON: ',' or ']' expected in the array; repair this line")
    if text[position + 1 :].strip():
        place = line + text.count("\n", counted, _skip_space(text, position + 1))
        raise DataError(f"{path}:{place}: text after the end of the array; write one array, or one object a line")


def _skip_space(text: str, position: int) -> int:
    while text[position : position + 1].isspace():
        position += 1
    return position


def _read_object(path: Path, number: int, text: str, unique_keys: bool) -> dict[str, Any]:
    try:
        row = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        reason = _describe_json_error(error)
        raise DataError(f"{path}:{number}: broken JSON: {reason}; repair or delete this line") from None
    if not isinstance(row, dict):
        raise DataError(f"{path}:{number}: expected an object, found {type(row).__name__}")
    if unique_keys:
        names = Counter(name for name, _ in json.loads(text, object_pairs_hook=list))
        if repeated := [name for name, count in names.items() if count > 1]:
            raise DataError(f"{path}:{number}: the key {repeated[0]!r:.80} stands twice; keep one")
    return row


def _describe_json_error(error: json.JSONDecodeError) -> str:
    """The reason, in words that help where a program wrote what JSON does not have."""
    if constant := _NO_JSON.match(error.doc, max(0, error.pos - 1)) or _NO_JSON.match(error.doc, error.pos):
        return f"{constant.group(1)} is not JSON; write null, a number or a text in quotes"
    if error.doc.strip() in ("{", "[") or error.doc.rstrip().endswith(("{", ",")):
        return f"{error.msg}; write each object on one line, or one array of objects"
    return f"{error.msg} (column {error.colno})"


def read_log(path: Path) -> list[dict[str, Any]]:
    """The rows of an append-only log; skips a last line torn by a kill, and an absent file is empty."""
    return [row for _, row in read_numbered_log(path)]


def read_numbered_log(path: Path) -> list[tuple[int, dict[str, Any]]]:
    """The rows as of `read_log`, each with the number of its line from 1."""
    rows: list[tuple[int, dict[str, Any]]] = []
    if not path.exists():
        return rows
    lines = path.read_bytes().split(b"\n")
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            rows.append((number, orjson.loads(line)))
        except orjson.JSONDecodeError:
            if number < len(lines):
                raise DataError(f"{path}:{number}: broken JSON; repair or delete this line") from None
    return rows
