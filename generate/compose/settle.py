"""Settles blocks that were composed apart: what a later block repeats is rejected and drawn anew.

Blocks are read in their order, so the same blocks give the same set, whoever composed them.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from typing import NamedTuple, Protocol, TypeVar

from kshot.config import DedupConfig
from kshot.core.types import Reject
from kshot.generate.compose.acceptance import RecordKeys, SeenRecords
from kshot.generate.curation.dedup import SeenKeys
from kshot.generate.run_files import ContaminationRow


class Draw(NamedTuple):
    """Where an accepted record of a block comes from, and what its duplicates share with it."""

    source: str
    number: int
    attempt: int
    keys: RecordKeys


class DrawnRecord(Protocol):
    """An accepted record, in whatever form."""

    @property
    def draw(self) -> Draw | None: ...

    @property
    def instruction(self) -> str: ...


Composed = TypeVar("Composed", bound=DrawnRecord | Reject | ContaminationRow)
Replacement = TypeVar("Replacement", bound=DrawnRecord | Reject | ContaminationRow)
Replace = Callable[[Draw, str, str, SeenRecords], Iterable[Replacement]]
"""Rejects a draw, given its instruction and the reason, and draws until a record is new among those seen."""


class _SettledSource:
    """The settled records of one source."""

    def __init__(self, dedup: DedupConfig, bare: SeenKeys, is_spread: bool) -> None:
        self._seen = SeenRecords(dedup, bare)
        self._compares = is_spread
        self._examples: list[str | None] = []

    def add(self, keys: RecordKeys) -> str | None:
        """Why a record is a duplicate; None for a new one, which is then settled."""
        if self._compares:
            return self._seen.add(keys)
        # The block has compared the examples of a source that it holds whole.
        rejection = self._seen.add(keys._replace(examples=None))
        if rejection is None:
            self._examples.append(keys.examples)
        return rejection

    def compare_all(self) -> SeenRecords:
        """All settled records, for comparison with one that is drawn anew."""
        self._compares = True
        for examples in self._examples:
            self._seen.add_examples(examples)
        self._examples = []
        return self._seen


def settle(
    events: Iterable[Composed], dedup: DedupConfig, spread: Collection[str], replace: Replace[Replacement]
) -> Iterator[Composed | Replacement]:
    """Yield the events, and in place of each record that an earlier block has too its reject and a new one.

    Args:
        events: of all blocks in their order.
        spread: ids of the sources with records in more than one block.
    """
    bare = SeenKeys()
    name, source = "", _SettledSource(dedup, bare, False)
    for event in events:
        draw = None if isinstance(event, Reject | ContaminationRow) else event.draw
        if draw is None:
            yield event
            continue
        if draw.source != name:
            name, source = draw.source, _SettledSource(dedup, bare, draw.source in spread)
        reason = source.add(draw.keys)
        if reason is None:
            yield event
        elif not isinstance(event, Reject | ContaminationRow):
            yield from replace(draw, event.instruction, reason, source.compare_all())
