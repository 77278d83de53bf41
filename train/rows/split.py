"""From tokenized rows to those that are trained on and the validation slice."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kshot.core.errors import DataError
from kshot.core.seeding import stream
from kshot.train.data import IGNORED, TrainRow
from kshot.train.rows.store import RowStore, tokenize_records
from kshot.train.rows.table import LAST, RowTable, StoredRows, build_table


@dataclass(frozen=True)
class Split:
    train: Sequence[TrainRow]
    validation: list[TrainRow]
    dropped: dict[str, int]
    """Rows whose answer or end-of-turn would be cut, by shots."""


def split_rows(store: RowStore, max_length: int, validation: float, seed: int) -> Split:
    """Hold back the validation slice, which is scored on its answers only.

    Raises:
        DataError: no row is short enough.
    """
    table = store.table
    if not len(table.lengths):
        raise DataError(f"all {store.records} records are longer than train.max_length={max_length} tokens; raise it")
    # The rows of a record follow one another.
    kept, starts = np.unique(table.records, return_index=True)
    ends = [*starts[1:].tolist(), len(table.records)]
    records = list(range(len(kept)))
    stream(seed, "validation").shuffle(records)
    held = min(round(len(kept) * validation), len(kept) - 1)
    measured = [row for record in records[:held] if (row := _answer_only(table, ends[record] - 1))]
    # Like lengths together save most of the padding.
    measured.sort(key=lambda row: row.tokens)
    order = [row for record in records[held:] for row in range(int(starts[record]), ends[record])]
    return Split(StoredRows(table, np.array(order, dtype=np.int64)), measured, store.dropped)


def _answer_only(table: RowTable, index: int) -> TrainRow | None:
    """The row of a record's last answer with the loss on that alone; None where it is too long and another is not."""
    asked = table.dataset[index][LAST]
    if asked < 0:
        return None
    row = table.row(index)
    labels = (IGNORED,) * asked + row.input_ids[asked:]
    return TrainRow("", "", row.k, row.input_ids, labels)


def prepare_rows(
    records: Sequence[dict[str, Any]], tokenizer: Any, max_length: int, validation: float, seed: int, targets: bool
) -> Split:
    """Tokenize records that are in memory, drop what would be cut, and split them.

    Raises:
        DataError: nothing is left.
    """
    columns, dropped = tokenize_records(list(enumerate(records)), tokenizer, max_length, targets)
    store = RowStore(build_table([columns]), len(records), dict(sorted(dropped.items())))
    return split_rows(store, max_length, validation, seed)
