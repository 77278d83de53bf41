"""The blocks of a large set: each is composed on its own, by whichever process, and always the same.

Within a block labels take turns, and duplicates are found at once. The division depends on the numbers of records
alone, never on the number of processes.
"""

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

MAX_UNDIVIDED_RECORDS = 1 << 15
"""A set of so many records is one block: a core composes it in half a minute."""
MAX_BLOCK_RECORDS = 1 << 13


class Span(NamedTuple):
    """Records `start` to `start + records` of a source."""

    source: str
    start: int
    records: int


Block = tuple[Span, ...]


def plan_blocks(counts: Sequence[tuple[str, int]]) -> list[Block]:
    """Divide a set into blocks of consecutive records; a source with more than a block's is cut into equal spans.

    Args:
        counts: the records of each source, by its id.
    """
    if sum(count for _, count in counts) <= MAX_UNDIVIDED_RECORDS:
        return [tuple(Span(source, 0, count) for source, count in counts)]
    blocks: list[Block] = []
    block: list[Span] = []
    for source, count in counts:
        for span in _cut(source, count):
            if block and sum(other.records for other in block) + span.records > MAX_BLOCK_RECORDS:
                blocks.append(tuple(block))
                block = []
            block.append(span)
    return [*blocks, tuple(block)]


def _cut(source: str, count: int) -> list[Span]:
    parts = max(1, -(-count // MAX_BLOCK_RECORDS))
    bounds = [count * part // parts for part in range(parts + 1)]
    return [Span(source, start, end - start) for start, end in pairwise(bounds)]


def spread_sources(blocks: Sequence[Block]) -> set[str]:
    """The sources with records in more than one block."""
    return {source for source, count in Counter(span.source for block in blocks for span in block).items() if count > 1}
