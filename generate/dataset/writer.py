"""Writes a set while it is made: train.jsonl in its final order, rejects.jsonl and contamination.jsonl as they come."""

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path
from shutil import rmtree
from typing import Any, BinaryIO

import orjson

from kshot.core.errors import ConfigError
from kshot.core.files import atomic_file
from kshot.core.types import Reject
from kshot.generate.compose.composer import AcceptedRecord
from kshot.generate.curation.decontaminate import ContaminationRow
from kshot.generate.curation.similarity import NearestTask
from kshot.generate.dataset.shuffle import PREFIX, DiskShuffle
from kshot.generate.dataset.stats import DatasetStats

TRAIN, REJECTS, CONTAMINATION = "train.jsonl", "rejects.jsonl", "contamination.jsonl"


def write_dataset(
    folder: Path,
    before: Sequence[Reject | ContaminationRow | NearestTask],
    events: Iterable[AcceptedRecord | Reject | ContaminationRow],
    expected: int,
    seed: int,
) -> DatasetStats:
    """Write the three files, whole or not at all, and count what they hold.

    Args:
        before: what was found before composing, which comes first.
        expected: records asked for; with the seed it fixes the order.

    Raises:
        ConfigError: no record passed; nothing was written.
    """
    _sweep(folder)
    tally = DatasetStats(seed)
    with ExitStack() as stack:
        rejects, overlaps = (_opened(stack, folder / name) for name in (REJECTS, CONTAMINATION))
        shuffle = stack.enter_context(DiskShuffle(folder, expected, seed))
        for events_now in (before, events):
            for event in events_now:
                if isinstance(event, AcceptedRecord):
                    shuffle.add(_line(event.record))
                    tally.keep(event)
                elif isinstance(event, Reject):
                    rejects.write(_line(event))
                    tally.reject(event)
                else:
                    overlaps.write(
                        _line({"kind": "nearest" if isinstance(event, NearestTask) else "match", **vars(event)})
                    )
        if not tally.records:
            raise ConfigError(["generate: no record passed; rejects.jsonl would hold them all: widen tasks or shots"])
        with atomic_file(folder / TRAIN) as temporary, temporary.open("wb") as train:
            train.writelines(shuffle.lines())
    return tally


def _opened(stack: ExitStack, path: Path) -> BinaryIO:
    temporary = stack.enter_context(atomic_file(path))
    return stack.enter_context(temporary.open("wb"))


def _line(row: Any) -> bytes:
    return orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE)


def _sweep(folder: Path) -> None:
    """Remove what a killed process left; the folder is held, so nobody is writing there."""
    for path in folder.glob(f"{PREFIX}*"):
        rmtree(path, ignore_errors=True)
    for path in folder.glob(".*.part"):
        path.unlink()
