"""Puts lines in a random order on disk, in memory that does not grow with their number.

Lines are dealt out to bucket files at random; each bucket is then shuffled by itself. The result is a uniformly random
order (C. Rao, 1961; R. Sandelius, 1962: splitting at random and shuffling the parts). A bucket in turn costs 8 bytes a
line: the places of its lines.
"""

from array import array
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType

from kshot.core.seeding import stream

BUCKETS = 64
FEW = 1 << 14
"""Up to so many lines one bucket will do."""
PREFIX = ".shuffle."


class DiskShuffle:
    """Takes lines, then gives them back in an order that follows from the seed and their number.

    Args:
        folder: gets a temporary folder; what a killed process left there is swept by the next one's caller.
        expected: about how many lines there will be; at the same seed it must be the same for the same order.
    """

    def __init__(self, folder: Path, expected: int, seed: int) -> None:
        self._folder, self._seed = folder, seed
        self._buckets = 1 if expected <= FEW else BUCKETS
        self._deal = stream(seed, "buckets")
        self._stack = ExitStack()

    def __enter__(self) -> "DiskShuffle":
        place = Path(self._stack.enter_context(TemporaryDirectory(dir=self._folder, prefix=PREFIX)))
        self._files = [self._stack.enter_context((place / str(n)).open("wb+")) for n in range(self._buckets)]
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stack.close()

    def add(self, line: bytes) -> None:
        """Take a line, which must end with its only newline."""
        self._files[self._deal.randrange(self._buckets)].write(line)

    def lines(self) -> Iterator[bytes]:
        order = stream(self._seed, "order")
        for file in self._files:
            file.seek(0)
            starts, place = array("Q"), 0
            for line in file:
                starts.append(place)
                place += len(line)
            order.shuffle(starts)
            for start in starts:
                file.seek(start)
                yield file.readline()
