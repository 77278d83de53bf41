"""Counts of a set while it is made, for the manifest and the card, in memory that does not grow with the records."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from kshot.core.seeding import stream
from kshot.core.types import Record, Reject
from kshot.generate.compose.composer import AcceptedRecord
from kshot.generate.curation.dedup import SeenKeys, hash_text

KEYS = ("family", "category", "mode", "k", "form", "kind", "template", "source")
PERCENTILES = (5, 25, 50, 75, 95, 99, 100)
SHOWN = 20


class DatasetStats:
    """What was kept, and what was rejected, by mode and reason.

    Args:
        seed: draws the records to show (reservoir sampling, algorithm R of J. Vitter, 1985).
    """

    def __init__(self, seed: int) -> None:
        self.records = 0
        self.shown: list[Record] = []
        self._draw = stream(seed, "card")
        self._counts: dict[str, Counter[Any]] = {key: Counter() for key in KEYS}
        self._lengths: dict[tuple[str, str], Counter[int]] = defaultdict(Counter)
        self._labels: dict[str, Counter[str]] = defaultdict(Counter)
        self._tasks: Counter[str] = Counter()
        self._family = ""
        self._seen = SeenKeys()
        self._rejected: dict[str, Counter[str]] = defaultdict(Counter)

    def keep(self, kept: AcceptedRecord) -> None:
        record, meta = kept.record, kept.record.meta
        self.records += 1
        for key in KEYS:
            self._counts[key][str(meta[key])] += 1
        for part, text in (("instruction", record.instruction), ("output", record.output)):
            self._lengths[part, "characters"][len(text)] += 1
            self._lengths[part, "words"][len(text.split())] += 1
        if kept.label is not None:
            self._labels[meta["family"]][kept.label] += 1
        self._count_task(meta["family"], meta["task"])
        self._offer(record)

    def reject(self, reject: Reject) -> None:
        self._rejected[reject.mode][reject.reason.split(":")[0]] += 1

    def counts(self) -> dict[str, dict[str, int]]:
        """Records by family, category, mode, k, form, kind, template and source, each sorted by name."""
        return {key: dict(sorted(found.items())) for key, found in self._counts.items()}

    def flow(self, kept: Mapping[str, int]) -> dict[str, dict[str, Any]]:
        """By mode: candidates in, kept out, and rejects by reason; in = out + rejects.

        Args:
            kept: what came out of the modes before composing.
        """
        modes = sorted({*kept, *self._rejected} - {"compose"})
        out = {**{mode: kept.get(mode, 0) for mode in modes}, "compose": self.records}
        return {mode: _row(n, self._rejected[mode]) for mode, n in out.items()}

    def tasks(self) -> dict[str, int]:
        """Distinct tasks by family: how many draws of its parameters are among the records."""
        return dict(sorted(self._tasks.items()))

    def lengths(self) -> dict[str, dict[str, dict[str, int]]]:
        """By part of the record and unit of length: the value at each of `PERCENTILES`."""
        found: dict[str, dict[str, dict[str, int]]] = {}
        for (part, unit), sizes in self._lengths.items():
            found.setdefault(part, {})[unit] = {f"p{q}": value for q, value in _percentiles(sizes).items()}
        return found

    def labels(self) -> dict[str, dict[str, int]]:
        """Records by label, for families that have labels, sorted by name; `label 1` is the first of a drawn pair."""
        return {name: dict(sorted(found.items())) for name, found in sorted(self._labels.items())}

    def _count_task(self, family: str, task: str) -> None:
        """Records come family by family, so one family's tasks need to be known at a time."""
        if family != self._family:
            self._family, self._seen = family, SeenKeys()
        self._tasks[family] += self._seen.add(hash_text(task))

    def _offer(self, record: Record) -> None:
        if len(self.shown) < SHOWN:
            self.shown.append(record)
        elif (place := self._draw.randrange(self.records)) < SHOWN:
            self.shown[place] = record


def _row(out: int, rejected: Counter[str]) -> dict[str, Any]:
    return {"in": out + rejected.total(), "out": out, "rejected": dict(rejected.most_common())}


def _percentiles(sizes: Counter[int], wanted: Iterable[int] = PERCENTILES) -> dict[int, int]:
    """The nearest-rank percentiles of values given with their counts."""
    total, found, below = sizes.total(), {}, 0
    waiting = sorted(wanted)
    for size, count in sorted(sizes.items()):
        below += count
        while waiting and 100 * below >= waiting[0] * total:
            found[waiting.pop(0)] = size
    return found
