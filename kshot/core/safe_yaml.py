"""Reads YAML that may be hostile: no tags that run code, no exponential aliases, no stack overflow."""

import re
from pathlib import Path
from typing import Any

import yaml

from kshot.core.errors import DataError

_BRACKET = re.compile(r"[\[\]{}]")
MOST_BYTES = 16_000_000
DEEPEST = 200
"""Open brackets, or dashes in a row; PyYAML's time grows with the square of them."""
MOST_VALUES = 5_000_000
"""With every alias written out."""


def read_yaml(path: Path) -> tuple[yaml.Node | None, Any]:
    """The nodes (which know their lines) and the values of a file.

    Raises:
        FileNotFoundError: for the caller to say what the file should have been.
        DataError: names the file and the fault.
    """
    try:
        if path.stat().st_size > MOST_BYTES:
            raise DataError(f"{path}: larger than {MOST_BYTES // 1_000_000} MB; split it")
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read: {error}") from None
    if _brackets(text) > DEEPEST or "- " * DEEPEST in text:
        raise DataError(f"{path}: nested too deeply")
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        if node is None:
            return None, None
        if _size(node, {}) > MOST_VALUES:
            raise DataError(f"{path}: its aliases stand for more than {MOST_VALUES} values; write it without them")
        return node, yaml.SafeLoader("").construct_document(node)
    except (yaml.YAMLError, ValueError) as error:
        raise DataError(f"{path}: not YAML: {' '.join(str(error).split())}") from None
    except RecursionError:
        raise DataError(f"{path}: nested too deeply, or within itself") from None


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
