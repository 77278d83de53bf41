"""Contamination of suites by training data: items that were trained on, and the nearest training task to each task.

An item is contaminated when 13 words in a row of its input and answer stand in a training record, when its input of
three words and more is a training input, or when it is a near-duplicate of one (`kshot.core.text`). Training data are
read as a stream: memory grows with the suites and the number of training tasks, not with the records.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from kshot.core import text
from kshot.core.errors import DataError, RunError, SuiteError
from kshot.core.files import read_jsonl
from kshot.core.record_parts import RecordParts, read_record_parts
from kshot.core.run_files import read_model, write_model
from kshot.core.runs import find_training_data, hash_file
from kshot.core.seeding import digest
from kshot.core.similarity import SimilarityIndex, TfIdfSimilarity
from kshot.core.text import SHINGLE_WORDS, ngrams, words
from kshot.evaluate.contamination.index import NGRAM_WORDS, SuiteIndex, task_trigrams
from kshot.evaluate.run_files import ContaminatedItem, ContaminationFile, NearestTasks, NearestTrainingTask
from kshot.suites.format import Suite

VERSION = 1
MAX_INSTRUCTIONS = 12
"""Instructions of a training task that are remembered, the first ones."""
MAX_NAMED_ITEMS = 3
"""Items that a refusal names."""
CONTAMINATION = "contamination.json"
ContaminatedItems = Mapping[tuple[str, str], set[int]]
"""(suite, task) -> items."""


@dataclass
class TrainingTask:
    """What is remembered of a training task."""

    name: str
    family: str
    category: str
    record: str
    input: str
    instructions: dict[str, None] = field(default_factory=dict)
    shared: set[str] = field(default_factory=set)
    """Word trigrams that its records share with a suite."""

    def add(self, record: RecordParts) -> None:
        """Remember the record's instruction, up to a maximum."""
        if record.instruction and len(self.instructions) < MAX_INSTRUCTIONS:
            self.instructions[record.instruction] = None

    @property
    def texts(self) -> list[str]:
        """What states the task: its instructions or, where there is none, an input."""
        return list(self.instructions) or [self.input]


def find_contamination(suites: Sequence[Suite], train: Path, limit: int | None, key: str = "") -> ContaminationFile:
    """What contamination.json holds.

    Args:
        train: a train.jsonl; where it is missing nothing can be said, and `records` is null.
        limit: how many items of each task are measured.

    Raises:
        DataError: a line of the training data is broken.
    """
    if not train.exists():
        return ContaminationFile(
            key=key, training=str(train), records=None, tasks=0, items=0, nearest=[], contaminated=[]
        )
    index = SuiteIndex(suites, limit)
    tasks: dict[str, TrainingTask] = {}
    contaminated: dict[int, ContaminatedItem] = {}
    records = 0
    for line, row in read_jsonl(train):
        records += 1
        record = read_record_parts(row)
        record_id = record.id or f"line {line}"
        new = TrainingTask(record.task, record.family, record.category, record_id, record.pairs[-1][0])
        task = tasks.setdefault(record.task, new)
        task.add(record)
        for number, how, span in _find_shared(record, index, task.shared):
            item = index.items[number]
            shared_item = ContaminatedItem(
                suite=item.suite, task=item.task, item=item.item, how=how, span=span, record=record_id,
                training_task=record.task,
            )  # fmt: skip
            contaminated.setdefault(number, shared_item)
    return ContaminationFile(
        key=key,
        training=str(train),
        records=records,
        tasks=len(tasks),
        items=len(index.items),
        nearest=nearest_rows(suites, list(tasks.values()), limit),
        contaminated=[contaminated[number] for number in sorted(contaminated)],
    )


def _find_shared(record: RecordParts, index: SuiteIndex, shared: set[str]) -> list[tuple[int, str, str]]:
    """(item, how, span) for all that a record shares with the suites; adds its shared trigrams to `shared`."""
    matches = []
    texts = [record.instruction, *(f"{shown} {output}" for shown, output in record.pairs)]
    for content in texts:
        text_words = words(content)
        shingles = ngrams(text_words, SHINGLE_WORDS)
        shared.update(index.trigrams.intersection(shingles))
        copied = index.find_copied(text_words, shingles)
        matches += [(number, f"{NGRAM_WORDS} words in a row", span) for number, span in copied]
    for shown, _ in record.pairs:
        input_words = words(shown)
        span = " ".join(input_words)
        matches += [(number, "the same input", span) for number in index.find_same(input_words)]
        near = index.find_near(ngrams(input_words, SHINGLE_WORDS))
        matches += [(number, f"near-duplicate ({value:.2f})", span) for number, value in near]
    return matches


def nearest_rows(suites: Sequence[Suite], tasks: Sequence[TrainingTask], limit: int | None) -> list[NearestTasks]:
    """For each held-out task the nearest training task by name, by word trigrams and by wording."""
    held_out = [(suite.name, task) for suite in suites for task in suite.tasks]
    if not tasks or not held_out:
        return []
    names = [_spell_names(task.name, task.family) for task in tasks]
    owners = [(task, content) for task in tasks for content in task.texts]
    held_out_names = [_spell_names(task.name, task.spec.family) for _, task in held_out]
    statements = [task.spec.instruction or task.items[0].input for _, task in held_out]
    by_name = SimilarityIndex(TfIdfSimilarity([*names, *held_out_names]), names)
    wordings = [content for _, content in owners]
    by_wording = SimilarityIndex(TfIdfSimilarity([*wordings, *statements]), wordings)
    rows = []
    for (suite, task), name, statement in zip(held_out, held_out_names, statements, strict=True):
        trigrams = task_trigrams(task, limit)
        shares = [len(trigrams & other.shared) / max(1, len(trigrams)) for other in tasks]
        best = max(range(len(tasks)), key=shares.__getitem__)
        wording_similarity, owner_number = by_wording.nearest(statement)
        owner, wording = owners[owner_number]
        name_similarity, name_number = by_name.nearest(name)
        rows.append(
            NearestTasks(
                suite=suite,
                task=task.name,
                instruction=task.spec.instruction,
                input=task.items[0].input,
                name=_nearest(tasks[name_number], name_similarity),
                trigrams=_nearest(tasks[best], shares[best]),
                wording=_nearest(owner, wording_similarity, wording),
            )
        )
    return rows


def _nearest(task: TrainingTask, similarity: float, wording: str = "") -> NearestTrainingTask:
    instruction = wording if wording in task.instructions else next(iter(task.instructions), "")
    return NearestTrainingTask(
        task=task.name,
        family=task.family,
        category=task.category,
        similarity=round(similarity, 4),
        instruction=instruction,
        input=task.input,
    )


def _spell_names(*names: str) -> str:
    """Names as words, each once."""
    return " ".join(dict.fromkeys(" ".join(names).replace("_", " ").replace("-", " ").split()))


def load_or_find_contamination(
    suites: Sequence[Suite], run: Path, limit: int | None, folder: Path
) -> ContaminationFile:
    """contamination.json of an evaluate folder: as it is if nothing has changed, else written anew.

    Raises:
        DataError: a line of the training data is broken.
    """
    train = find_training_data(run)
    content = [(suite.name, t.spec.model_dump_json(), t.demos, t.items) for suite in suites for t in suite.tasks]
    data = hash_file(train) if train.exists() else None
    key = digest(content, limit, data, str(train), VERSION, text.VERSION)
    path = folder / CONTAMINATION
    try:
        report = read_model(path, ContaminationFile)
        if report.key == key:
            return report
    except DataError:
        pass
    report = find_contamination(suites, train, limit, key)
    write_model(path, report)
    return report


def refuse_contaminated(report: ContaminationFile) -> None:
    """What `--strict` is for.

    Raises:
        RunError: there are no training data to look into.
        SuiteError: names the first contaminated items, and how many there are.
    """
    if report.records is None:
        raise RunError(f"--strict: {report.training}: no training data here, so no suite can be shown to be new")
    rows = report.contaminated
    if rows:
        named = ", ".join(f"{row.suite}/{row.task} item {row.item}" for row in rows[:MAX_NAMED_ITEMS])
        more = ", ..." if len(rows) > MAX_NAMED_ITEMS else ""
        raise SuiteError(
            f"--strict: {len(rows)} of {report.items} items share text with the training data: {named}{more}; see "
            f"{CONTAMINATION}, and decontaminate the data against the suite (generate.decontaminate) or remove them"
        )


def contaminated_items(report: ContaminationFile) -> ContaminatedItems:
    """The contaminated items by suite and task."""
    items: dict[tuple[str, str], set[int]] = defaultdict(set)
    for row in report.contaminated:
        items[row.suite, row.task].add(row.item)
    return items
