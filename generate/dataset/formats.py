"""The data set in other formats: Parquet beside train.jsonl."""

from dataclasses import fields
from itertools import islice
from pathlib import Path
from typing import Any

from kshot.core.files import atomic_file, read_jsonl
from kshot.core.types import RecordMeta

MAX_GROUP_ROWS = 20_000
"""Rows in a row group, and in memory at a time."""


def write_parquet(train: Path, target: Path) -> None:
    """Write train.jsonl as Parquet, one row group at a time; the columns are those of `RecordRow`."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = _schema()
    rows = (row for _, row in read_jsonl(train))
    with atomic_file(target) as temporary, pq.ParquetWriter(temporary, schema, compression="zstd") as writer:
        while group := list(islice(rows, MAX_GROUP_ROWS)):
            writer.write_table(pa.Table.from_pylist(group, schema))


def _schema() -> Any:
    """The columns of a record, those of `meta` in the order of `RecordMeta`; a field without a type here is text."""
    import pyarrow as pa

    text, number, flag = pa.string(), pa.int64(), pa.bool_()
    pair = pa.struct([("input", text), ("output", text)])
    special = {
        "k": number,
        "seed": number,
        "demonstrations": pa.list_(pair),
        "query": pair,
        "loss_spans": pa.list_(pa.list_(number)),
        "demo_ids": pa.list_(text),
        "turns": pa.list_(pa.struct([("role", text), ("content", text)])),
        "symbol_tuned": flag,
        "wrapped": flag,
    }
    meta = pa.struct([(field.name, special.get(field.name, text)) for field in fields(RecordMeta)])
    return pa.schema({"instruction": text, "output": text, "meta": meta})
