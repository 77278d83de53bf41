"""An accepted record as the data set takes it: its line, what the statistics count, and its draw.

A process that composes packs its records, so the one that writes the set reads no record again.
"""

from typing import NamedTuple

import orjson

from kshot.core.types import Record
from kshot.generate.compose.composer import AcceptedRecord
from kshot.generate.compose.settle import Draw
from kshot.generate.curation.dedup import hash_text
from kshot.generate.run_files import RecordCounts, RecordRow

PROPERTIES = tuple(RecordCounts.model_fields)


class RecordSummary(NamedTuple):
    """What the statistics count of a record."""

    properties: tuple[str, ...]
    """In the order of `PROPERTIES`."""
    lengths: tuple[int, int, int, int]
    """Characters and words of the instruction, then of the output."""
    family: str
    task: int
    """A hash of the task's id."""
    label: str | None


class PackedRecord(NamedTuple):
    """An accepted record: a line of train.jsonl with its newline, and what is needed beside it."""

    line: bytes
    summary: RecordSummary
    draw: Draw | None = None

    @property
    def instruction(self) -> str:
        return str(orjson.loads(self.line)["instruction"])

    @property
    def record(self) -> Record:
        row = RecordRow.model_validate_json(self.line)
        return Record(row.instruction, row.output, row.meta)


def pack(accepted: AcceptedRecord) -> PackedRecord:
    """Render an accepted record's line, and count what the statistics need."""
    record, meta = accepted.record, accepted.record.meta
    texts = (record.instruction, record.output)
    summary = RecordSummary(
        properties=tuple(str(getattr(meta, name)) for name in PROPERTIES),
        lengths=(len(texts[0]), len(texts[0].split()), len(texts[1]), len(texts[1].split())),
        family=meta.family,
        task=hash_text(meta.task),
        label=accepted.label,
    )
    return PackedRecord(RecordRow.of(record).to_line(), summary, accepted.draw)
