"""A file of tokenized rows that is mapped into memory, and selections of its rows in some order.

A selection holds a number a row; tokens are read when a batch needs them. Lists of rows serve in the same places.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, overload

import numpy as np

from kshot.train.data import BLANK, TrainRow

LAST = "asked"
"""The column with the tokens of the prompt in the row of a record's last answer, and -1 in its other rows."""


@dataclass(frozen=True)
class RowTable:
    """The rows of a file, in the order of its records, and behind them a blank one."""

    dataset: Any
    """A `datasets.Dataset` with input_ids, labels, k, record and asked."""

    @property
    def blank(self) -> int:
        return len(self.dataset) - 1

    @cached_property
    def lengths(self) -> Any:
        """Tokens of each row but the blank one."""
        return self._column("tokens")[:-1]

    @cached_property
    def records(self) -> Any:
        """The record of each row."""
        return self._column("record")[:-1]

    def _column(self, name: str) -> Any:
        return self.dataset.data.column(name).to_numpy()

    def row(self, index: int) -> TrainRow:
        stored = self.dataset[index]
        return TrainRow("", "", stored["k"], tuple(stored["input_ids"]), tuple(stored["labels"]))


def open_table(path: Path) -> RowTable:
    """The rows of a file that `write_table` wrote."""
    from datasets import Dataset

    return RowTable(Dataset.from_file(str(path)))


def build_table(rows: Iterable[dict[str, list[Any]]]) -> RowTable:
    """The same in memory."""
    import pyarrow as pa
    from datasets import Dataset

    return RowTable(Dataset(pa.Table.from_batches(list(encode_batches(rows)), schema=schema())))


def schema() -> Any:
    """The columns of the file."""
    import pyarrow as pa

    tokens = pa.list_(pa.int32())
    numbers = {name: pa.int32() for name in ("tokens", "k", "record", LAST)}
    return pa.schema({"input_ids": tokens, "labels": tokens, **numbers})


def encode_batches(batches: Iterable[dict[str, list[Any]]]) -> Iterator[Any]:
    """Columns as Arrow's batches, with the blank row at the end."""
    import pyarrow as pa

    for columns in batches:
        yield pa.RecordBatch.from_pydict(columns, schema=schema())
    blank = {"input_ids": [BLANK.input_ids], "labels": [BLANK.labels], "tokens": [BLANK.tokens]}
    yield pa.RecordBatch.from_pydict({**blank, "k": [0], "record": [-1], LAST: [-1]}, schema=schema())


def write_table(path: Path, batches: Iterable[dict[str, list[Any]]]) -> None:
    """Write rows as they come, so that memory holds one batch."""
    import pyarrow as pa

    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_stream(sink, schema()) as writer:
        for batch in encode_batches(batches):
            writer.write_batch(batch)


class StoredRows(Sequence[TrainRow]):
    """Rows of a table in some order, each as often as it is named."""

    def __init__(self, table: RowTable, order: Any) -> None:
        self.table = table
        self.order = order

    def __len__(self) -> int:
        return len(self.order)

    @overload
    def __getitem__(self, index: int) -> TrainRow: ...
    @overload
    def __getitem__(self, index: slice) -> "StoredRows": ...
    def __getitem__(self, index: int | slice) -> "TrainRow | StoredRows":
        if isinstance(index, slice):
            return StoredRows(self.table, self.order[index])
        return self.table.row(int(self.order[index]))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]


def lengths_of(rows: Sequence[TrainRow]) -> Any:
    """Tokens of each row."""
    if isinstance(rows, StoredRows):
        return rows.table.lengths[rows.order]
    return np.array([row.tokens for row in rows], dtype=np.int64)


def pick_rows(rows: Sequence[TrainRow], positions: Sequence[int]) -> Sequence[TrainRow]:
    """The rows at these positions, in this order; -1 stands for the blank row."""
    if isinstance(rows, StoredRows):
        places = np.asarray(positions, dtype=np.int64)
        return StoredRows(rows.table, np.where(places < 0, rows.table.blank, rows.order[places]))
    return [BLANK if position < 0 else rows[position] for position in positions]


def to_dataset(rows: Sequence[TrainRow]) -> Any:
    """What the trainer reads."""
    from datasets import Dataset

    if isinstance(rows, StoredRows):
        return rows.table.dataset.select_columns(["input_ids", "labels"]).select(rows.order)
    return Dataset.from_list([row.example() for row in rows])
