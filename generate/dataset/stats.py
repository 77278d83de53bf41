"""Statistics of a data set while it is written, for manifest and card; memory does not grow with the records."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping

from kshot.core.seeding import stream
from kshot.core.types import Record, Reject
from kshot.generate.compose.composer import AcceptedRecord
from kshot.generate.curation.dedup import SeenKeys
from kshot.generate.dataset.packed import PROPERTIES, PackedRecord, pack
from kshot.generate.run_files import ModeCounts, RecordCounts

COMPOSE = "compose"
PARTS = tuple((part, unit) for part in ("instruction", "output") for unit in ("characters", "words"))
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
        self._samples: list[PackedRecord] = []
        self._rng = stream(seed, "card")
        self._counts: dict[str, Counter[str]] = {name: Counter() for name in PROPERTIES}
        self._lengths: dict[tuple[str, str], Counter[int]] = defaultdict(Counter)
        self._labels: dict[str, Counter[str]] = defaultdict(Counter)
        self._tasks: Counter[str] = Counter()
        self._family = ""
        self._seen_tasks = SeenKeys()
        self._rejected: dict[str, Counter[str]] = defaultdict(Counter)

    def add(self, accepted: AcceptedRecord | PackedRecord) -> None:
        packed = accepted if isinstance(accepted, PackedRecord) else pack(accepted)
        summary = packed.summary
        self.records += 1
        for name, value in zip(PROPERTIES, summary.properties, strict=True):
            self._counts[name][value] += 1
        for part, length in zip(PARTS, summary.lengths, strict=True):
            self._lengths[part][length] += 1
        if summary.label is not None:
            self._labels[summary.family][summary.label] += 1
        self._count_task(summary.family, summary.task)
        self._sample(packed)

    @property
    def samples(self) -> list[Record]:
        """The records to print."""
        return [packed.record for packed in self._samples]

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

    def _count_task(self, family: str, task: int) -> None:
        """Records come family by family, so it is enough to remember the tasks of one."""
        if family != self._family:
            self._family, self._seen_tasks = family, SeenKeys()
        self._tasks[family] += self._seen_tasks.add(task)

    def _sample(self, packed: PackedRecord) -> None:
        if len(self._samples) < SAMPLE_RECORDS:
            self._samples.append(packed)
        elif (position := self._rng.randrange(self.records)) < SAMPLE_RECORDS:
            self._samples[position] = packed


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
