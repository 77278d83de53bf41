"""Training records taken apart again: instruction, and each input that was shown with its output.

The inverse of `kshot.core.prompting.render`. A record of another make, or one that does not come apart, is one input.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from kshot.core.files import read_jsonl
from kshot.core.prompting import COT_INSTRUCTION, TEMPLATES, Template

UNNAMED = "(no task named)"


@dataclass(frozen=True)
class TrainingRecord:
    """A training record. `task` is the family where a task's parameters are drawn anew for each record."""

    id: str
    task: str
    family: str
    category: str
    instruction: str
    pairs: tuple[tuple[str, str], ...]
    """(input, output) of each demonstration and, last, of the query."""


def read_taught(path: Path) -> Iterator[TrainingRecord]:
    """The records of a train.jsonl, one at a time.

    Raises:
        DataError: the file is missing or a line is broken.
    """
    for line, row in read_jsonl(path):
        meta = row.get("meta")
        meta = meta if isinstance(meta, dict) else {}
        family = str(meta.get("family") or "")
        task = family if meta.get("source") == "programmatic" else str(meta.get("task") or family)
        instruction, pairs = _apart(str(row.get("instruction") or ""), str(row.get("output") or ""), meta)
        category = str(meta.get("category") or "")
        yield TrainingRecord(
            str(meta.get("id") or f"line {line}"), task or UNNAMED, family, category, instruction, pairs
        )


def _apart(text: str, output: str, meta: dict[str, Any]) -> tuple[str, tuple[tuple[str, str], ...]]:
    layout = TEMPLATES.get(str(meta.get("template")))
    whole = "", ((text, output),)
    if layout is None:
        return whole
    instruction, _, body = ("", "", text) if meta.get("form") == "demos_only" else text.partition("\n\n")
    body = body.removeprefix(f"{COT_INSTRUCTION}\n\n").removeprefix(layout.before_demos + layout.between)
    before, after = layout.query.split("{input}")
    if not body.endswith(after):
        return whole
    body = body[: len(body) - len(after)]
    if not meta.get("k"):
        return instruction, ((body.removeprefix(before), output),)
    shown, found, query = body.rpartition(layout.between + before)
    if not found:
        return whole
    pattern = _pattern(layout)
    matches = [(block, pattern.fullmatch(block)) for block in shown.split(layout.between)]
    demos = [(match[1], match[2]) if match else (block, "") for block, match in matches]
    return instruction, (*demos, (query, output))


@lru_cache
def _pattern(layout: Template) -> re.Pattern[str]:
    escaped = re.escape(layout.pair)
    return re.compile(escaped.replace(r"\{input\}", "(.*)").replace(r"\{output\}", "(.*)"), re.DOTALL)
