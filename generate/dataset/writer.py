"""Writes a data set while it is composed: train.jsonl in its final order, rejects and contamination as they come."""

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from itertools import chain
from pathlib import Path
from shutil import rmtree
from typing import BinaryIO

from kshot.core.errors import ConfigError
from kshot.core.files import atomic_file
from kshot.core.types import Reject
from kshot.generate.compose.composer import AcceptedRecord, ComposeEvent
from kshot.generate.dataset.packed import PackedRecord, pack
from kshot.generate.dataset.shuffle import PREFIX, DiskShuffle
from kshot.generate.dataset.stats import COMPOSE, DatasetStats
from kshot.generate.run_files import (
    CONTAMINATION,
    REJECTS,
    TRAIN,
    ContaminationRow,
    NearestRow,
    RejectRow,
)


def write_dataset(
    folder: Path,
    earlier: Sequence[Reject | ContaminationRow | NearestRow],
    events: Iterable[ComposeEvent | PackedRecord],
    expected: int,
    seed: int,
) -> DatasetStats:
    """Write the three files, whole or not at all, and count what they hold.

    Args:
        earlier: rows from before composing; they come first.
        expected: the number of records to compose; with the seed it determines the order.

    Raises:
        ConfigError: no record was accepted; nothing is written.
    """
    _remove_leftovers(folder)
    stats = DatasetStats(seed)
    with ExitStack() as stack:
        rejects, contamination = (_open_atomic(stack, folder / name) for name in (REJECTS, CONTAMINATION))
        shuffle = stack.enter_context(DiskShuffle(folder, expected, seed))
        for event in chain(earlier, events):
            if isinstance(event, AcceptedRecord | PackedRecord):
                packed = pack(event) if isinstance(event, AcceptedRecord) else event
                shuffle.add(packed.line)
                stats.add(packed)
            elif isinstance(event, Reject):
                rejects.write(RejectRow.of(event).to_line())
                stats.add_reject(event)
            else:
                contamination.write(event.to_line())
        if not stats.records:
            rejected = stats.modes({})[COMPOSE].rejected
            reasons = ", ".join(f"{reason}: {count}" for reason, count in rejected.items())
            raise ConfigError([f"generate: no record passed ({reasons or 'none was drawn'}); widen tasks or shots"])
        with atomic_file(folder / TRAIN) as temporary, temporary.open("wb") as train:
            train.writelines(shuffle.lines())
    return stats


def _open_atomic(stack: ExitStack, path: Path) -> BinaryIO:
    temporary = stack.enter_context(atomic_file(path))
    return stack.enter_context(temporary.open("wb"))


def _remove_leftovers(folder: Path) -> None:
    """Remove what a killed process left; the folder is locked, so nobody else writes there."""
    for path in folder.glob(f"{PREFIX}*"):
        rmtree(path, ignore_errors=True)
    for path in folder.glob(".*.part"):
        path.unlink()
