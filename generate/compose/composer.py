"""Records from units, as a stream: how many each gives, and another draw where one was not taken."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from kshot.config import GenerateConfig
from kshot.core.console import Ticker
from kshot.core.seeding import digest, stream
from kshot.core.types import Description, Record, Reject
from kshot.generate.compose.acceptance import Acceptance, SeenRecords
from kshot.generate.compose.sampler import LabelTurns, answer_label, build_record, label_space_of, sample_record
from kshot.generate.curation.decontaminate import ContaminationRow, Decontaminator, TextMatch
from kshot.generate.curation.dedup import SeenKeys
from kshot.generate.curation.filters import build_filters
from kshot.tasks.source import TaskSource

MAX_ATTEMPTS = 20


class AcceptedRecord(NamedTuple):
    """A record that passed, and its answer as a label, None where answers are open (see `answer_label`)."""

    record: Record
    label: str | None


def allocate_records(units: Sequence[TaskSource], settings: GenerateConfig) -> dict[str, int]:
    """Records for each unit: even shares, capped for gold examples, what is over going to the families.

    Tasks with labels get `settings.labelled` of all records together, where that is set. A unit whose rule only
    demonstrations show gives none where `settings.shots` are too few to show it.

    Returns:
        Counts that add up to `settings.records`, or to less if only capped units are left.
    """
    most = max(settings.shots, default=0)
    units = [unit for unit in units if unit.min_k <= most]
    cap = settings.max_records_per_example
    if settings.classification_fraction is None:
        return _even(units, settings.records, cap)
    groups = [[unit for unit in units if unit.has_labels is labelled] for labelled in (True, False)]
    with_labels = _even(groups[0], round(settings.records * settings.classification_fraction), cap)
    others = _even(groups[1], settings.records - sum(with_labels.values()), cap)
    # What the others cannot give the first ones may.
    return _even(groups[0], settings.records - sum(others.values()), cap) | others


def _even(units: Sequence[TaskSource], records: int, cap: int) -> dict[str, int]:
    capped = {u.id: cap * u.example_count for u in units if u.example_count is not None}
    counts = {name: min(most, records // len(units)) for name, most in capped.items()}
    free = [u.id for u in units if u.example_count is None]
    left = records - sum(counts.values())
    for place, name in enumerate(free):
        counts[name] = left // len(free) + (place < left % len(free))
    return counts


def stream_records(
    units: Sequence[TaskSource],
    variants: Mapping[str, Sequence[Description]],
    settings: GenerateConfig,
    screen: Decontaminator,
    seed: int,
    tick: Ticker,
) -> Iterator[AcceptedRecord | Reject | ContaminationRow]:
    """Records and rejected drafts, unit by unit, as they are made; an Overlap follows the Reject that it explains.

    The same arguments give the same stream. What is remembered does not grow with the records of all units but with
    those of one (`SeenRecords`).

    Raises:
        ConfigError: filters that cannot be had.
    """
    counts = allocate_records(units, settings)
    filters = build_filters(settings.filters) if settings.filters.scope == "all" else []
    bare, turns = SeenKeys(), LabelTurns()
    for unit in units:
        if unit.id not in counts:
            continue
        descriptions = [*(Description(text) for text in unit.descriptions), *variants.get(unit.id, [])]
        answers = label_space_of(unit)
        gate = Acceptance(screen, filters, SeenRecords(settings.dedup, bare))
        left = counts[unit.id]
        for index in range(left):
            if not left:
                break
            for attempt in range(MAX_ATTEMPTS):
                draft = sample_record(unit, descriptions, settings, turns, seed, index, attempt)
                if isinstance(draft, str):
                    yield _reject(unit, index, attempt, draft, "")
                    continue
                # A record that reasons comes with a twin that answers directly.
                drafts = [draft, replace(draft, with_rationale=False)] if draft.with_rationale and left > 1 else [draft]
                fault: str | TextMatch | None = None
                for one in drafts:
                    record = build_record(one, seed)
                    fault = gate.fault(one, record)
                    if fault is None:
                        yield AcceptedRecord(record, answer_label(one, answers))
                        left -= 1
                    elif isinstance(fault, TextMatch):
                        reason = f"shares text with a panel: {fault.span!r}"
                        reject = _reject(unit, index, attempt, reason, record.instruction)
                        yield reject
                        yield ContaminationRow(reject.id, unit.id, fault)
                    else:
                        yield _reject(unit, index, attempt, fault, record.instruction)
                if fault is None:
                    break
            tick()


def compose_records(
    units: Sequence[TaskSource],
    variants: Mapping[str, Sequence[Description]],
    settings: GenerateConfig,
    screen: Decontaminator,
    seed: int,
    tick: Ticker,
) -> tuple[list[Record], list[Reject]]:
    """All of `stream_records` at once, for a small set: records in an order drawn by the seed, and rejects."""
    records: list[Record] = []
    rejects: list[Reject] = []
    for event in stream_records(units, variants, settings, screen, seed, tick):
        if isinstance(event, AcceptedRecord):
            records.append(event.record)
        elif isinstance(event, Reject):
            rejects.append(event)
    stream(seed, "order").shuffle(records)
    return records, rejects


def _reject(unit: TaskSource, index: int, attempt: int, reason: str, candidate: str) -> Reject:
    return Reject(digest(unit.id, index, attempt), "compose", unit.id, reason, candidate)
