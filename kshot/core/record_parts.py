"""Reads the structure of a training record from its `meta`: instruction, demonstrations and query."""

from collections.abc import Mapping
from dataclasses import dataclass

UNNAMED_TASK = "(no task named)"


@dataclass(frozen=True)
class RecordParts:
    """A training record by its parts."""

    id: str
    """Empty where the record has none."""
    task: str
    """The family where each record draws the task's parameters anew, or `UNNAMED_TASK`."""
    family: str
    category: str
    instruction: str
    """The task's instruction; empty where the record shows none or its structure is unknown."""
    pairs: tuple[tuple[str, str], ...]
    """(input, output) of each demonstration and, last, of the query."""


def read_record_parts(row: Mapping[str, object]) -> RecordParts:
    """The parts of a line of train.jsonl.

    A record without a usable structure in `meta` counts as one input, its whole instruction. The structure is unusable
    where a field is missing or malformed, or where the record's text was edited and no longer holds it.
    """
    meta = row.get("meta")
    fields: Mapping[str, object] = meta if isinstance(meta, dict) else {}
    text, output = (_text(row.get(name)) for name in ("instruction", "output"))
    family = _text(fields.get("family"))
    task = family if fields.get("origin") == "programmatic" else _text(fields.get("task")) or family
    instruction, pairs = _structure(fields, text, output) or ("", ((text, output),))
    return RecordParts(
        id=_text(fields.get("id")),
        task=task or UNNAMED_TASK,
        family=family,
        category=_text(fields.get("category")),
        instruction=instruction,
        pairs=pairs,
    )


def _structure(fields: Mapping[str, object], text: str, output: str) -> tuple[str, tuple[tuple[str, str], ...]] | None:
    instruction, demonstrations = fields.get("task_instruction"), fields.get("demonstrations")
    if not isinstance(instruction, str) or not isinstance(demonstrations, list | tuple):
        return None
    pairs = []
    for value in (*demonstrations, fields.get("query")):
        pair = _pair(value)
        if pair is None:
            return None
        pairs.append(pair)
    *demos, (query_input, query_output) = pairs
    shown = [instruction, query_input, *(part for demo in demos for part in demo)]
    if query_output != output or not all(part in text for part in shown):
        return None
    return instruction, tuple(pairs)


def _pair(value: object) -> tuple[str, str] | None:
    if not isinstance(value, dict):
        return None
    shown, output = value.get("input"), value.get("output")
    return (shown, output) if isinstance(shown, str) and isinstance(output, str) else None


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
