"""How new a panel is to a student: the training task nearest to each held-out one, and items that were trained on.

An item is contaminated when 13 words in a row of its input and answer stand in a training record (the n-gram overlap of
GPT-3, arXiv:2005.14165, appendix C), when its input of three words and more is a training input, or when it is a
near-duplicate of one by the measure of `kshot.core.text`. Training data are read as a stream: what is remembered grows
with the panels and the number of training tasks, not with the records.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kshot.core import similarity
from kshot.core import text as core_text
from kshot.core.errors import DataError, RunError, SuiteError
from kshot.core.files import read_json, read_jsonl, write_json
from kshot.core.records import RecordParts, read_record_parts
from kshot.core.runs import hash_file
from kshot.core.seeding import digest
from kshot.core.similarity import SimilarityIndex, TfIdfSimilarity
from kshot.core.text import (
    MIN_INPUT_WORDS,
    MIN_NEAR_DUPLICATE_JACCARD,
    MIN_SHINGLES,
    SHINGLE_WORDS,
    jaccard,
    ngrams,
    normalize_text,
    words,
)
from kshot.suites.format import Suite, SuiteTask

VERSION = 1
"""Raise it with every change of an output; the key of contamination.json contains it."""
NGRAM = 13
WORDINGS = 12
"""Instructions of a training task that are remembered, the first ones."""
SHOWN = 3
"""Items that a refusal names."""
CONTAMINATION = "contamination.json"
MEASURES = ("name", "words", "wording")
"""By the names of tasks and families; by the share of the held-out task's three-word runs that stand in the training
task's records; by the instructions (`kshot.core.similarity.TfIdfSimilarity`)."""
Row = dict[str, Any]
LeftOut = Mapping[tuple[str, str], set[int]]
"""(panel, task) -> items."""


@dataclass(frozen=True)
class Item:
    panel: str
    task: str
    item: int
    input: str
    grams: frozenset[str]
    """Runs of 13 words of the input followed by an accepted answer."""


@dataclass
class TrainingTask:
    """What is remembered of a training task."""

    name: str
    family: str
    category: str
    record: str
    input: str
    wordings: dict[str, None] = field(default_factory=dict)
    shared: set[str] = field(default_factory=set)
    """Three-word runs that its records share with a panel."""

    def meet(self, record: RecordParts) -> None:
        if record.instruction and len(self.wordings) < WORDINGS:
            self.wordings[record.instruction] = None

    @property
    def texts(self) -> list[str]:
        """What says what the task is: its instructions or, where there is none, an input."""
        return list(self.wordings) or [self.input]


class SuiteIndex:
    """The panels' items, ready to be met by one training text after another."""

    def __init__(self, panels: Sequence[Suite], items: int | None) -> None:
        self.items = [item for panel in panels for task in panel.tasks for item in _items(panel, task, items)]
        self._grams: dict[str, list[int]] = defaultdict(list)
        self._whole: dict[str, list[int]] = defaultdict(list)
        self._shingles: list[frozenset[str]] = []
        self._holders: dict[str, list[int]] = defaultdict(list)
        self.runs: set[str] = {run for panel in panels for task in panel.tasks for run in task_runs(task, items)}
        for place, item in enumerate(self.items):
            for gram in item.grams:
                self._grams[gram].append(place)
            own = words(item.input)
            if len(own) >= MIN_INPUT_WORDS:
                self._whole[normalize_text(" ".join(own))].append(place)
            shingles = frozenset(ngrams(own, SHINGLE_WORDS))
            self._shingles.append(shingles)
            if len(shingles) >= MIN_SHINGLES:
                for shingle in shingles:
                    self._holders[shingle].append(place)

    def copied(self, found: Sequence[str], shingles: Sequence[str]) -> list[tuple[int, str]]:
        """(item, span) of the items that share 13 words in a row with a text, the span as long as it is shared."""
        spans: dict[int, list[int]] = {}
        start = 0
        while start < len(shingles):
            if shingles[start] not in self.runs:
                start += 1
                continue
            end = start
            while end < len(shingles) and shingles[end] in self.runs:
                end += 1
            # A stretch of shared shingles; only there a longer run can be shared.
            for first in range(start, end + SHINGLE_WORDS - NGRAM):
                for place in self._grams.get(" ".join(found[first : first + NGRAM]), ()):
                    span = spans.setdefault(place, [first, first])
                    span[1] = first if first == span[1] + 1 else span[1]
            start = end
        return [(place, " ".join(found[first : last + NGRAM])) for place, (first, last) in spans.items()]

    def same(self, found: Sequence[str]) -> list[int]:
        """Items whose whole input these words are."""
        return self._whole.get(normalize_text(" ".join(found)), []) if len(found) >= MIN_INPUT_WORDS else []

    def near(self, shingles: Sequence[str]) -> list[tuple[int, float]]:
        """(item, Jaccard similarity) of the items of which an input with these shingles is a near-duplicate."""
        mine = set(shingles)
        if len(shingles) < MIN_SHINGLES or sum(
            shingle in self._holders for shingle in mine
        ) < MIN_NEAR_DUPLICATE_JACCARD * len(mine):
            return []
        counts = Counter(place for shingle in mine for place in self._holders.get(shingle, ()))
        likely = [place for place, shared in counts.items() if shared >= MIN_NEAR_DUPLICATE_JACCARD * len(mine)]
        return [(p, value) for p in likely if (value := jaccard(mine, self._shingles[p])) >= MIN_NEAR_DUPLICATE_JACCARD]


def _items(panel: Suite, task: SuiteTask, items: int | None) -> list[Item]:
    made = []
    for number, row in enumerate(task.items[:items]):
        grams = frozenset(gram for answer in row.output for gram in ngrams(words(f"{row.input} {answer}"), NGRAM))
        made.append(Item(panel.name, task.name, number, row.input, grams))
    return made


def task_runs(task: SuiteTask, items: int | None) -> set[str]:
    """Three-word runs of a held-out task: of its instruction, and of its items' inputs with their answers."""
    texts = [task.spec.instruction]
    texts += [f"{row.input} {answer}" for row in task.items[:items] for answer in row.output]
    return {run for text in texts for run in ngrams(words(text), SHINGLE_WORDS)}


def find_contamination(panels: Sequence[Suite], train: Path, items: int | None) -> Row:
    """What contamination.json holds, but for its key.

    Args:
        train: a train.jsonl; where it is missing nothing can be said, and `records` is null.
        items: how many of each task are measured, as in `evaluate.limit`.

    Raises:
        DataError: a line of the training data is broken.
    """
    if not train.exists():
        return {"training": str(train), "records": None, "tasks": 0, "items": 0, "near": [], "contaminated": []}
    index = SuiteIndex(panels, items)
    tasks: dict[str, TrainingTask] = {}
    found: dict[int, Row] = {}
    records = 0
    for line, value in read_jsonl(train):
        records += 1
        record = read_record_parts(value)
        record_id = record.id or f"line {line}"
        first = TrainingTask(record.task, record.family, record.category, record_id, record.pairs[-1][0])
        task = tasks.setdefault(record.task, first)
        task.meet(record)
        for place, how, span in _met(record, index, task.shared):
            where = index.items[place]
            row = {"panel": where.panel, "task": where.task, "item": where.item, "how": how, "span": span}
            found.setdefault(place, row | {"record": record_id, "training_task": record.task})
    return {
        "training": str(train),
        "records": records,
        "tasks": len(tasks),
        "items": len(index.items),
        "near": nearest_rows(panels, list(tasks.values()), items),
        "contaminated": [found[place] for place in sorted(found)],
    }


def _met(record: RecordParts, index: SuiteIndex, shared: set[str]) -> list[tuple[int, str, str]]:
    """(item, how, span) for everything that a record shares with the panels; its shared runs are added to `shared`."""
    met = []
    texts = [record.instruction, *(f"{shown} {output}" for shown, output in record.pairs)]
    for text in texts:
        own = words(text)
        shingles = ngrams(own, SHINGLE_WORDS)
        shared.update(index.runs.intersection(shingles))
        met += [(place, f"{NGRAM} words in a row", span) for place, span in index.copied(own, shingles)]
    for shown, _ in record.pairs:
        own = words(shown)
        met += [(place, "the same input", " ".join(own)) for place in index.same(own)]
        met += [
            (place, f"near-duplicate ({value:.2f})", " ".join(own))
            for place, value in index.near(ngrams(own, SHINGLE_WORDS))
        ]
    return met


def nearest_rows(panels: Sequence[Suite], tasks: Sequence[TrainingTask], items: int | None) -> list[Row]:
    """For each held-out task the nearest training task by each of `MEASURES`, with the texts of both."""
    held_out = [(panel.name, task) for panel in panels for task in panel.tasks]
    if not tasks or not held_out:
        return []
    names = [_named(task.name, task.family) for task in tasks]
    owners = [(task, text) for task in tasks for text in task.texts]
    own = [_named(task.name, task.spec.family) for _, task in held_out]
    meant = [task.spec.instruction or task.items[0].input for _, task in held_out]
    by_name = SimilarityIndex(TfIdfSimilarity([*names, *own]), names)
    by_wording = SimilarityIndex(TfIdfSimilarity([*(text for _, text in owners), *meant]), [text for _, text in owners])
    rows = []
    for (panel, task), name, text in zip(held_out, own, meant, strict=True):
        theirs = task_runs(task, items)
        shares = [len(theirs & other.shared) / max(1, len(theirs)) for other in tasks]
        best = max(range(len(tasks)), key=shares.__getitem__)
        alike, place = by_wording.nearest(text)
        owner, wording = owners[place]
        same_name, named = by_name.nearest(name)
        found = {
            "name": _near(tasks[named], same_name),
            "words": _near(tasks[best], shares[best]),
            "wording": _near(owner, alike, wording),
        }
        rows.append({"panel": panel, "task": task.name, **_text(task.spec.instruction, task.items[0].input), **found})
    return rows


def _near(task: TrainingTask, similarity: float, wording: str = "") -> Row:
    named = {"task": task.name, "family": task.family, "category": task.category}
    text = _text(wording if wording in task.wordings else next(iter(task.wordings), ""), task.input)
    return named | {"similarity": round(similarity, 4), **text}


def _text(instruction: str, shown: str) -> Row:
    return {"instruction": instruction, "input": shown}


def _named(*names: str) -> str:
    """Names as words, each once."""
    return " ".join(dict.fromkeys(" ".join(names).replace("_", " ").replace("-", " ").split()))


def load_or_find_contamination(panels: Sequence[Suite], run: Path, items: int | None, folder: Path) -> Row:
    """contamination.json of an evaluate folder: as it stands if nothing has changed, else written anew.

    Raises:
        DataError: a line of the training data is broken.
    """
    train = run / "generate" / "train.jsonl"
    content = [(p.name, t.spec.model_dump_json(), t.demos, t.items) for p in panels for t in p.tasks]
    versions = (VERSION, core_text.VERSION, similarity.VERSION)
    key = digest(content, items, hash_file(train) if train.exists() else None, versions)
    try:
        found: Row = read_json(folder / CONTAMINATION)
    except DataError:
        found = {}
    if found.get("key") != key:
        found = {"key": key, **find_contamination(panels, train, items)}
        write_json(folder / CONTAMINATION, found)
    return found


def refuse_contaminated(found: Row) -> None:
    """What `--strict` is for.

    Raises:
        RunError: there are no training data to look into.
        PanelError: names the first contaminated items, and how many there are.
    """
    if found["records"] is None:
        raise RunError(f"--strict: {found['training']}: no training data here, so no panel can be shown to be new")
    rows = found["contaminated"]
    if rows:
        named = ", ".join(f"{row['panel']}/{row['task']} item {row['item']}" for row in rows[:SHOWN])
        more = ", ..." if len(rows) > SHOWN else ""
        raise SuiteError(
            f"--strict: {len(rows)} of {found['items']} items share text with the training data: {named}{more}; "
            f"see {CONTAMINATION}, and screen the data against the panel (generate.decontaminate) or take the items out"
        )


def contaminated_items(found: Row) -> LeftOut:
    """The contaminated items."""
    items: dict[tuple[str, str], set[int]] = defaultdict(set)
    for row in found["contaminated"]:
        items[row["panel"], row["task"]].add(row["item"])
    return items
