"""Composes records from task sources as a stream: how many each source gives, and a new draw for each rejected one.

A large set is composed in blocks (`blocks`), which depend on nothing but the seed and their place in the set. So any
number of processes gives the same set; `settle` finds what two blocks both made.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain
from typing import NamedTuple

from kshot.config import GenerateConfig
from kshot.core.console import Ticker
from kshot.core.errors import ConfigError
from kshot.core.seeding import digest, stream
from kshot.core.types import Description, Record, Reject
from kshot.generate.compose.acceptance import Acceptance, SeenRecords, record_keys
from kshot.generate.compose.blocks import Block, plan_blocks, spread_sources
from kshot.generate.compose.labels import LabelTurns, answer_label, label_space_of
from kshot.generate.compose.sampler import SampledRecord, build_record, sample_record
from kshot.generate.compose.settle import Composed, Draw, settle
from kshot.generate.curation.decontaminate import Decontaminator
from kshot.generate.curation.dedup import SeenKeys
from kshot.generate.curation.filters import Filter, build_filters
from kshot.generate.run_files import ContaminationRow, TextMatch
from kshot.tasks.source import TaskSource

VERSION = 4
"""Raise it with every change of an output; the data's cache key contains it."""
MAX_ATTEMPTS = 20
"""Draws for one record; after as many rejected ones the data set goes without it."""


class AcceptedRecord(NamedTuple):
    """An accepted record, and its output as a label; None where answers are open (see `answer_label`)."""

    record: Record
    label: str | None
    draw: Draw | None = None
    """Where it comes from; None where the set is one block."""

    @property
    def instruction(self) -> str:
        return self.record.instruction


ComposeEvent = AcceptedRecord | Reject | ContaminationRow


def allocate_records(sources: Sequence[TaskSource], settings: GenerateConfig) -> dict[str, int]:
    """Allocate records to sources: equal shares, capped for gold examples; the families take what the caps leave.

    Tasks with labels get `settings.classification_fraction` of all records together, where it is set. A source whose
    rule only demonstrations show gets none where `settings.shots` are too few to show it.

    Returns:
        Counts by source id that add up to `settings.records`, or to less if only capped sources are left.
    """
    max_shots = max(settings.shots, default=0)
    sources = [source for source in sources if source.min_k <= max_shots]
    if settings.shares:
        return _allocate_shares(sources, settings)
    cap = settings.max_records_per_example
    if settings.classification_fraction is None:
        return _allocate_evenly(sources, settings.records, cap)
    labelled = [source for source in sources if source.has_labels]
    others = [source for source in sources if not source.has_labels]
    with_labels = _allocate_evenly(labelled, round(settings.records * settings.classification_fraction), cap)
    without_labels = _allocate_evenly(others, settings.records - sum(with_labels.values()), cap)
    # The labelled sources take what the caps of the others leave.
    return _allocate_evenly(labelled, settings.records - sum(without_labels.values()), cap) | without_labels


def _allocate_shares(sources: Sequence[TaskSource], settings: GenerateConfig) -> dict[str, int]:
    """Allocate each share evenly to the sources of its name, and the rest to the others as without shares.

    Raises:
        ConfigError: a name is unknown, or two shares name one source.
    """
    counts: dict[str, int] = {}
    for name, share in settings.shares.items():
        members = [source.id for source in sources if name in (source.id, source.family, source.category)]
        if not members:
            raise ConfigError([f"generate.shares: {name!r} is no task, family or category of this config"])
        if twice := [member for member in members if member in counts]:
            raise ConfigError([f"generate.shares: {twice[0]!r} has two shares; name it once"])
        total = round(share * settings.records)
        for position, member in enumerate(members):
            counts[member] = total // len(members) + (position < total % len(members))
    others = [source for source in sources if source.id not in counts]
    left = settings.records - sum(counts.values())
    if not others or left <= 0:
        return counts
    return counts | allocate_records(others, settings.model_copy(update={"records": left, "shares": {}}))


def _allocate_evenly(sources: Sequence[TaskSource], records: int, cap: int) -> dict[str, int]:
    share = records // len(sources) if sources else 0
    caps = {source.id: cap * source.example_count for source in sources if source.example_count is not None}
    counts = {source.id: min(caps.get(source.id, share), share) for source in sources}
    uncapped = [source.id for source in sources if source.id not in caps]
    receivers = uncapped if share and uncapped else list(counts)
    left = records - sum(counts.values())
    while left and (receivers := [name for name in receivers if counts[name] < caps.get(name, records)]):
        each, more = divmod(left, len(receivers))
        # Where there is less than one for each, they are spread over the list.
        spread = [receivers[number * len(receivers) // more] for number in range(more)]
        extra = set(receivers[:more] if share else spread)
        for name in receivers:
            counts[name] = min(counts[name] + each + (name in extra), caps.get(name, records))
        left = records - sum(counts.values())
    return counts


@dataclass(frozen=True)
class Composer:
    """All that shapes the records of a set.

    Args:
        paraphrases: by source id, instructions beside the source's own.
        refused, kept: keys of examples by a person's decisions, see `Acceptance`.
        planned: the blocks as another process planned them.
    """

    sources: Sequence[TaskSource]
    paraphrases: Mapping[str, Sequence[Description]]
    settings: GenerateConfig
    decontaminator: Decontaminator
    seed: int
    refused: Collection[str] = frozenset()
    kept: Collection[str] = frozenset()
    planned: Sequence[Block] = ()

    @cached_property
    def blocks(self) -> Sequence[Block]:
        """The parts of the set in their order; a small set is one block."""
        if self.planned:
            return self.planned
        counts = allocate_records(self.sources, self.settings)
        return plan_blocks([(source.id, counts[source.id]) for source in self.sources if source.id in counts])

    def stream(self, tick: Ticker) -> Iterator[ComposeEvent]:
        """Compose all blocks in this process.

        Raises:
            ConfigError: unusable filters.
        """
        events = chain.from_iterable(self.compose_block(block, tick) for block in self.blocks)
        return self.settle(events) if len(self.blocks) > 1 else events

    def compose_block(self, block: Block, tick: Ticker) -> Iterator[ComposeEvent]:
        """Compose one block: labels take turns within it, and it holds no duplicates."""
        bare, turns = SeenKeys(), LabelTurns()
        for span in block:
            draws = self._draws(span.source, SeenRecords(self.settings.dedup, bare))
            left = span.records
            for index in range(span.start, span.start + span.records):
                if not left:
                    break
                for event in draws.draw(turns, index, left):
                    left -= isinstance(event, AcceptedRecord)
                    yield event
                tick()

    def settle(self, events: Iterable[Composed]) -> Iterator[Composed | ComposeEvent]:
        """Replace the records that two blocks both made.

        Args:
            events: of all blocks in their order.
        """
        turns = LabelTurns()

        def replace_record(draw: Draw, instruction: str, reason: str, seen: SeenRecords) -> Iterator[ComposeEvent]:
            draws = self._draws(draw.source, seen)
            yield _reject(draws.source, draw.number, draw.attempt, reason, instruction)
            yield from draws.draw(turns, draw.number, 1, draw.attempt + 1)

        return settle(events, self.settings.dedup, spread_sources(self.blocks), replace_record)

    def _draws(self, name: str, seen: SeenRecords) -> "_Draws":
        source = self._by_id[name]
        descriptions = [*(Description(text) for text in source.descriptions), *self.paraphrases.get(name, [])]
        acceptance = Acceptance(self.decontaminator, self._filters, seen, self.refused, self.kept)
        return _Draws(self, source, descriptions, acceptance)

    @cached_property
    def _by_id(self) -> dict[str, TaskSource]:
        return {source.id: source for source in self.sources}

    @cached_property
    def _filters(self) -> list[Filter]:
        return build_filters(self.settings.filters) if self.settings.filters.scope == "all" else []


@dataclass(frozen=True)
class _Draws:
    """Draws the records of one source."""

    composer: Composer
    source: TaskSource
    descriptions: Sequence[Description]
    acceptance: Acceptance

    def draw(self, turns: LabelTurns, index: int, left: int, first: int = 0) -> Iterator[ComposeEvent]:
        """Draw until a record is accepted; a ContaminationRow follows the Reject that it explains.

        Args:
            left: records that the source still may give: two leave room for a twin.
            first: the number of the first attempt.
        """
        seed, settings = self.composer.seed, self.composer.settings
        for attempt in range(first, MAX_ATTEMPTS):
            sampled = sample_record(self.source, self.descriptions, settings, turns, seed, index, attempt)
            if isinstance(sampled, str):
                yield _reject(self.source, index, attempt, sampled, "")
                continue
            is_accepted = False
            for candidate in _with_twin(sampled) if left > 1 else [sampled]:
                record = build_record(candidate, seed)
                rejection = self.acceptance.rejection(candidate, record)
                is_accepted = rejection is None
                if rejection is None:
                    yield self._accept(candidate, record)
                    left -= 1
                else:
                    yield from _rejected(candidate, record, rejection)
            if is_accepted:
                return

    def _accept(self, sampled: SampledRecord, record: Record) -> AcceptedRecord:
        label = _label_of(sampled, self._label_space)
        if len(self.composer.blocks) == 1:
            return AcceptedRecord(record, label)
        keys = record_keys(sampled, record, self.composer.settings.dedup, self.acceptance.is_kept(sampled))
        return AcceptedRecord(record, label, Draw(self.source.id, sampled.index, sampled.attempt, keys))

    @cached_property
    def _label_space(self) -> frozenset[str]:
        return label_space_of(self.source)


def stream_records(
    sources: Sequence[TaskSource],
    paraphrases: Mapping[str, Sequence[Description]],
    settings: GenerateConfig,
    decontaminator: Decontaminator,
    seed: int,
    tick: Ticker,
) -> Iterator[ComposeEvent]:
    """Compose records source by source, without a person's decisions; see `Composer`."""
    return Composer(sources, paraphrases, settings, decontaminator, seed).stream(tick)


def compose_records(
    sources: Sequence[TaskSource],
    paraphrases: Mapping[str, Sequence[Description]],
    settings: GenerateConfig,
    decontaminator: Decontaminator,
    seed: int,
    tick: Ticker,
) -> tuple[list[Record], list[Reject]]:
    """Run `stream_records` to its end, for a small set: records in an order drawn by the seed, and rejects."""
    records: list[Record] = []
    rejects: list[Reject] = []
    for event in stream_records(sources, paraphrases, settings, decontaminator, seed, tick):
        if isinstance(event, AcceptedRecord):
            records.append(event.record)
        elif isinstance(event, Reject):
            rejects.append(event)
    stream(seed, "order").shuffle(records)
    return records, rejects


def _with_twin(sampled: SampledRecord) -> list[SampledRecord]:
    """A record that reasons comes with a twin that answers at once."""
    return [sampled, replace(sampled, with_rationale=False)] if sampled.with_rationale else [sampled]


def _label_of(sampled: SampledRecord, label_space: frozenset[str]) -> str | None:
    if sampled.symbols:
        return None
    return answer_label(sampled.source, sampled.params, sampled.query.output, label_space)


def _rejected(
    sampled: SampledRecord, record: Record, rejection: str | TextMatch
) -> Iterator[Reject | ContaminationRow]:
    source, index, attempt = sampled.source, sampled.index, sampled.attempt
    if isinstance(rejection, TextMatch):
        reason = f"shares text with a suite: {rejection.span!r}"
        reject = _reject(source, index, attempt, reason, record.instruction)
        yield reject
        yield ContaminationRow(reject=reject.id, source=source.id, match=rejection)
    else:
        yield _reject(source, index, attempt, rejection, record.instruction)


def _reject(source: TaskSource, index: int, attempt: int, reason: str, candidate: str) -> Reject:
    return Reject(digest(source.id, index, attempt), "compose", source.id, reason, candidate)
