"""Shuffles lines on disk, in memory that does not grow with their number.

Lines go to random bucket files; then each bucket is shuffled. The result is a uniformly random order (C. Rao, 1961;
R. Sandelius, 1962: split at random, shuffle the parts). A bucket takes 8 bytes for each of its lines: the offsets.
"""

from array import array
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType

from kshot.core.seeding import stream

VERSION = 1
"""Raise it with every change of an output; the data's cache key contains it."""
BUCKETS = 64
MAX_LINES_IN_ONE_BUCKET = 1 << 14
"""Up to this number of expected lines one bucket is enough."""
PREFIX = ".shuffle."


class DiskShuffle:
    """Takes lines, then yields them in an order that the seed and their number determine.

    Args:
        folder: gets a temporary folder; the next writer removes what a killed one left there.
        expected: about the number of lines. The same order needs the same number.
    """

    def __init__(self, folder: Path, expected: int, seed: int) -> None:
        self._folder, self._seed = folder, seed
        self._buckets = 1 if expected <= MAX_LINES_IN_ONE_BUCKET else BUCKETS
        self._rng = stream(seed, "buckets")
        self._stack = ExitStack()

    def __enter__(self) -> "DiskShuffle":
        target = Path(self._stack.enter_context(TemporaryDirectory(dir=self._folder, prefix=PREFIX)))
        self._files = [self._stack.enter_context((target / str(n)).open("wb+")) for n in range(self._buckets)]
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stack.close()

    def add(self, line: bytes) -> None:
        """Add a line, which must end with its only newline."""
        self._files[self._rng.randrange(self._buckets)].write(line)

    def lines(self) -> Iterator[bytes]:
        """Yield all lines in their final order."""
        rng = stream(self._seed, "order")
        for file in self._files:
            file.seek(0)
            starts, offset = array("Q"), 0
            for line in file:
                starts.append(offset)
                offset += len(line)
            rng.shuffle(starts)
            for start in starts:
                file.seek(start)
                yield file.readline()
