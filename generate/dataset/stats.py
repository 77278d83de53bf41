"""Statistics of a data set while it is written, for manifest and card; memory does not grow with the records."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping

from kshot.core.seeding import stream
from kshot.core.types import Record, Reject
from kshot.generate.compose.composer import AcceptedRecord
from kshot.generate.curation.dedup import SeenKeys, hash_text
from kshot.generate.run_files import ModeCounts, RecordCounts

COMPOSE = "compose"
PROPERTIES = tuple(RecordCounts.model_fields)
PERCENTILES = (5, 25, 50, 75, 95, 99, 100)
SAMPLE_RECORDS = 20
"""Records that the card prints."""


class DatasetStats:
    """Counts accepted records, and rejects by mode and reason.

    Args:
        seed: draws the records to print (reservoir sampling, algorithm R of J. Vitter, 1985).
    """

    def __init__(self, seed: int) -> None:
        self.records = 0
        self.samples: list[Record] = []
        self._rng = stream(seed, "card")
        self._counts: dict[str, Counter[str]] = {name: Counter() for name in PROPERTIES}
        self._lengths: dict[tuple[str, str], Counter[int]] = defaultdict(Counter)
        self._labels: dict[str, Counter[str]] = defaultdict(Counter)
        self._tasks: Counter[str] = Counter()
        self._family = ""
        self._seen_tasks = SeenKeys()
        self._rejected: dict[str, Counter[str]] = defaultdict(Counter)

    def add(self, accepted: AcceptedRecord) -> None:
        record, meta = accepted.record, accepted.record.meta
        self.records += 1
        for name in PROPERTIES:
            self._counts[name][str(getattr(meta, name))] += 1
        for part, text in (("instruction", record.instruction), ("output", record.output)):
            self._lengths[part, "characters"][len(text)] += 1
            self._lengths[part, "words"][len(text.split())] += 1
        if accepted.label is not None:
            self._labels[meta.family][accepted.label] += 1
        self._count_task(meta.family, meta.task)
        self._sample(record)

    def add_reject(self, reject: Reject) -> None:
        self._rejected[reject.mode][reject.reason.split(":")[0]] += 1

    def counts(self) -> RecordCounts:
        return RecordCounts.model_validate(
            {name: dict(sorted(counts.items())) for name, counts in self._counts.items()}
        )

    def modes(self, accepted: Mapping[str, int]) -> dict[str, ModeCounts]:
        """Count the candidates of each mode, composing last.

        Args:
            accepted: by synthesis or paraphrase mode, the accepted candidates.
        """
        names = sorted({*accepted, *self._rejected} - {COMPOSE})
        totals = {**{name: accepted.get(name, 0) for name in names}, COMPOSE: self.records}
        return {name: _mode_counts(total, self._rejected[name]) for name, total in totals.items()}

    def tasks(self) -> dict[str, int]:
        """Count distinct tasks by family: draws of its parameters among the records."""
        return dict(sorted(self._tasks.items()))

    def lengths(self) -> dict[str, dict[str, dict[str, int]]]:
        """The values at `PERCENTILES`, by part of the record and unit of length."""
        lengths: dict[str, dict[str, dict[str, int]]] = {}
        for (part, unit), counts in self._lengths.items():
            lengths.setdefault(part, {})[unit] = {f"p{q}": value for q, value in _percentiles(counts).items()}
        return lengths

    def labels(self) -> dict[str, dict[str, int]]:
        """Count records by family and label; `label 1` is the first of a label space that each task draws."""
        return {family: dict(sorted(counts.items())) for family, counts in sorted(self._labels.items())}

    def _count_task(self, family: str, task: str) -> None:
        """Records come family by family, so it is enough to remember the tasks of one."""
        if family != self._family:
            self._family, self._seen_tasks = family, SeenKeys()
        self._tasks[family] += self._seen_tasks.add(hash_text(task))

    def _sample(self, record: Record) -> None:
        if len(self.samples) < SAMPLE_RECORDS:
            self.samples.append(record)
        elif (position := self._rng.randrange(self.records)) < SAMPLE_RECORDS:
            self.samples[position] = record


def _mode_counts(accepted: int, rejected: Counter[str]) -> ModeCounts:
    return ModeCounts(candidates=accepted + rejected.total(), accepted=accepted, rejected=dict(rejected.most_common()))


def _percentiles(counts: Counter[int], percentiles: Iterable[int] = PERCENTILES) -> dict[int, int]:
    """The nearest-rank percentiles of counted values."""
    total, values, below = counts.total(), {}, 0
    waiting = sorted(percentiles)
    for value, count in sorted(counts.items()):
        below += count
        while waiting and 100 * below >= waiting[0] * total:
            values[waiting.pop(0)] = value
    return values
