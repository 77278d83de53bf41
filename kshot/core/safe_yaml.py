"""Reads YAML that may be hostile: no tags that run code, no exponential aliases, no stack overflow."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml
from pydantic_core import ErrorDetails

from kshot.core.errors import DataError
from kshot.core.files import read_json, read_text

_BRACKET = re.compile(r"[\[\]{}]")
MOST_BYTES = 16_000_000
DEEPEST = 200
"""Open brackets, or dashes in a row; PyYAML's time grows with the square of them."""
MOST_VALUES = 5_000_000
"""With every alias written out."""


class _AsWritten(yaml.SafeLoader):
    """Takes booleans, numbers and dates for the text that stands in the file."""

    def construct_text(self, node: yaml.Node) -> Any:
        return self.construct_scalar(node)  # type: ignore[arg-type]


for _kind in ("bool", "int", "float", "timestamp", "value"):
    _AsWritten.add_constructor(f"tag:yaml.org,2002:{_kind}", _AsWritten.construct_text)


def read_yaml(path: Path, as_written: bool = False) -> tuple[yaml.Node | None, Any]:
    """The nodes (which know their lines) and the values of a file; a `.json` file is read as JSON.

    Args:
        as_written: for files of texts: `yes`, `4` and `2024-01-01` are these characters. Only null is no text.

    Raises:
        FileNotFoundError: for the caller to say what the file should have been.
        DataError: names the file, the line and the fault.
    """
    try:
        if path.stat().st_size > MOST_BYTES:
            raise DataError(f"{path}: larger than {MOST_BYTES // 1_000_000} MB; split it")
    except FileNotFoundError:
        raise
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from None
    text = read_text(path)
    if path.suffix.lower() == ".json":
        read_json(path)
        text = text.replace("\t", " ")  # YAML has all of JSON but tabs between its parts.
    if _brackets(text) > DEEPEST or "- " * DEEPEST in text:
        raise DataError(f"{path}: nested too deeply")
    loader = _AsWritten if as_written else yaml.SafeLoader
    try:
        node = yaml.compose(text, Loader=loader)
        if node is None:
            return None, None
        if _size(node, {}) > MOST_VALUES:
            raise DataError(f"{path}: its aliases stand for more than {MOST_VALUES} values; write it without them")
        _join_surrogates(path, node, set())
        if as_written:
            _refuse_repeated_keys(path, node, set())
        return node, loader("").construct_document(node)
    except (yaml.YAMLError, ValueError) as error:
        raise DataError(f"{path}{_line_of_error(error, text)}: not YAML: {' '.join(str(error).split())}") from None
    except RecursionError:
        raise DataError(f"{path}: nested too deeply, or within itself") from None


def find_line(node: yaml.Node | None, location: Iterable[str | int]) -> int:
    """The line of the value at a location of keys and positions, or of the innermost value above it that exists."""
    line = node.start_mark.line if node else 0
    for step in location:
        if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            node = node.value[step]
        elif isinstance(node, yaml.MappingNode):
            node = next((value for key, value in node.value if key.value == str(step)), None)
        else:
            break
        if node is None:
            break
        line = node.start_mark.line
    return line + 1


def describe_fault(detail: ErrorDetails) -> str:
    """The reason of a value's validation error, with what to do where a text is wanted."""
    if detail["type"] != "string_type":
        return detail["msg"]
    given = detail["input"]
    shown = "null" if given is None else repr(given)
    hint = "; put it in quotes" if isinstance(given, bool | int | float | None) else ""
    return f"expected text, found {shown:.80}{hint}"


def _line_of_error(error: Exception, text: str) -> str:
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark:
        return f":{error.problem_mark.line + 1}"
    if isinstance(error, yaml.reader.ReaderError) and isinstance(error.position, int):
        return f":{text.count(chr(10), 0, error.position) + 1}"
    return ""


def _join_surrogates(path: Path, node: yaml.Node, seen: set[int]) -> None:
    """Make one character of two escapes, as JSON writes what stands beyond 16 bits."""
    if id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, yaml.ScalarNode):
        try:
            node.value = node.value.encode("utf-16-le", "surrogatepass").decode("utf-16-le")
        except UnicodeDecodeError:
            line = node.start_mark.line + 1
            raise DataError(f"{path}:{line}: half of a surrogate pair, no character; write the character") from None
        return
    children = node.value if isinstance(node, yaml.SequenceNode) else [part for pair in node.value for part in pair]
    for child in children:
        _join_surrogates(path, child, seen)


def _refuse_repeated_keys(path: Path, node: yaml.Node, seen: set[int]) -> None:
    """YAML takes the last of two values of one key; the other one would be lost without a word."""
    if id(node) in seen or isinstance(node, yaml.ScalarNode):
        return
    seen.add(id(node))
    lines: dict[str, int] = {}
    children = node.value if isinstance(node, yaml.SequenceNode) else [value for _, value in node.value]
    for key, _ in node.value if isinstance(node, yaml.MappingNode) else ():
        line = key.start_mark.line + 1
        name = str(key.value)
        if name in lines and name != "<<":
            raise DataError(f"{path}:{line}: the key {name!r:.80} stands in line {lines[name]} too; keep one")
        lines[name] = line
    for child in children:
        _refuse_repeated_keys(path, child, seen)


def _brackets(text: str) -> int:
    """The most brackets that are open at once, in quotes or not."""
    deepest = depth = 0
    for found in _BRACKET.finditer(text):
        depth = max(0, depth + (1 if found.group() in "[{" else -1))
        deepest = max(deepest, depth)
    return deepest


def _size(node: yaml.Node, known: dict[int, int]) -> int:
    """How many values the node stands for. A node within itself has no end, which ends in a RecursionError."""
    if id(node) not in known:
        children: list[yaml.Node] = []
        if isinstance(node, yaml.MappingNode):
            children = [part for pair in node.value for part in pair]
        elif isinstance(node, yaml.SequenceNode):
            children = node.value
        known[id(node)] = 1 + sum(_size(child, known) for child in children)
    return known[id(node)]
