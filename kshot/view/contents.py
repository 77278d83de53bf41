"""What the page shows of a run: records, examples and rejects, and the keys by which a person decides on them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from pydantic import ValidationError

from kshot.core.errors import DataError, RunError
from kshot.core.files import read_jsonl
from kshot.core.run_files import FileModel
from kshot.core.seeding import digest
from kshot.generate.curation.decisions.checks import read_rejected_example
from kshot.generate.curation.decisions.log import Decisions, read_decisions
from kshot.generate.run_files import DECISIONS, EXAMPLES, REJECTS, TRAIN, RejectRow, TaskExamples

GOLD = "gold"
MAX_ROWS = 20_000
"""Rows of each kind that the page loads; of more, the first ones, which the data set's order drew at random."""
RowT = TypeVar("RowT", bound=FileModel)


@dataclass(frozen=True)
class ShownExample:
    """An example as it was made, before any decision."""

    key: str
    task: str
    input: str
    output: str
    rationale: str
    mode: str
    verified_by: str
    teacher: str


@dataclass(frozen=True)
class ShownRecord:
    """A record as the student reads it."""

    prompt: str
    output: str
    task: str
    family: str
    k: int
    form: str
    mode: str
    """How the query's example was written."""
    verified_by: str
    label: str
    """The output where the task has labels, else empty."""
    key: str
    """Of the query's example; empty where nobody can decide on it."""
    demos: tuple[str, ...]
    """Keys of the demonstrations' examples."""


@dataclass(frozen=True)
class ShownReject:
    """A candidate that did not pass a check."""

    task: str
    mode: str
    kind: str
    """The words of the reason that are the same for all candidates."""
    reason: str
    candidate: str
    original: str
    key: str
    """Of the whole example in the candidate, which a person may accept; empty where there is none."""
    input: str
    output: str


class ExampleTexts(NamedTuple):
    """What a key stands for."""

    task: str
    input: str
    output: str


@dataclass(frozen=True)
class RunContents:
    """Everything that the page shows of a run."""

    folder: Path
    """The run's."""
    tasks: Mapping[str, TaskExamples]
    examples: Sequence[ShownExample]
    records: Sequence[ShownRecord]
    rejects: Sequence[ShownReject]
    totals: Mapping[str, int]
    """Rows in the files, of which the page loads at most `MAX_ROWS`."""
    texts: Mapping[str, ExampleTexts]
    """By key, all that a person may decide on."""

    @property
    def decisions_path(self) -> Path:
        return self.folder / "generate" / DECISIONS

    def rows(self, kind: str) -> Sequence[Any]:
        """The rows of one kind: examples, records or rejects."""
        return {"examples": self.examples, "records": self.records, "rejects": self.rejects}[kind]


def load_contents(folder: Path) -> RunContents:
    """Read the files of a run's data.

    Raises:
        RunError: the run has no data.
        DataError: a file is broken; names the file and the line.
    """
    data = folder / "generate"
    if not (data / REJECTS).is_file():
        raise RunError(f"{folder}: no data to view; run `kshot generate` first, or name the folder of another run")
    tasks = {row.id: row for row in _read_rows(data / EXAMPLES, TaskExamples)}
    examples = [
        ShownExample(
            key=e.key,
            task=task.id,
            input=e.input,
            output=e.output,
            rationale=e.rationale or "",
            mode=e.mode,
            verified_by=e.verified_by,
            teacher=e.teacher or "",
        )
        for task in tasks.values()
        for e in task.examples
    ]
    # Those that wait for a person first.
    examples.sort(key=lambda example: example.mode == GOLD)
    texts = {example.key: ExampleTexts(example.task, example.input, example.output) for example in examples}
    rejects = [_show_reject(row, tasks, texts) for row in islice(_read_rows(data / REJECTS, RejectRow), MAX_ROWS)]
    rejects.sort(key=lambda row: not row.key)
    texts |= {row.key: ExampleTexts(row.task, row.input, row.output) for row in rejects if row.key}
    originals = find_originals(read_decisions(data / DECISIONS))
    records = []
    for _, row in islice(_read_lines(data / TRAIN), MAX_ROWS):
        record, drawn = _show_record(row, tasks, texts, originals)
        records.append(record)
        if drawn:
            texts[record.key] = drawn
    totals = {
        "examples": len(examples),
        "records": len(records) if len(records) < MAX_ROWS else count_lines(data / TRAIN),
        "rejects": len(rejects) if len(rejects) < MAX_ROWS else count_lines(data / REJECTS),
    }
    return RunContents(folder, tasks, examples[:MAX_ROWS], records, rejects, totals, texts)


def count_lines(path: Path) -> int:
    """The lines of a file."""
    with path.open("rb") as handle:
        return sum(1 for _ in handle)


def find_originals(decisions: Decisions) -> dict[str, str]:
    """By the key of an edited form, the key of the example as it was made."""
    return {
        digest(row.task, row.edited_input, row.edited_output): key
        for key, row in decisions.by_key.items()
        if row.what == "edit"
    }


def _read_lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """The objects of a file; none where the file is absent, as after a failed stage."""
    if path.is_file():
        yield from read_jsonl(path)


def _read_rows(path: Path, model: type[RowT]) -> Iterator[RowT]:
    for number, row in _read_lines(path):
        try:
            yield model.model_validate(row)
        except ValidationError as error:
            detail = error.errors(include_url=False)[0]
            field = ".".join(map(str, detail["loc"]))
            raise DataError(f"{path}:{number}: {field}: {detail['msg']}; run `kshot generate` again") from None


def _show_reject(row: RejectRow, tasks: Mapping[str, TaskExamples], texts: Mapping[str, ExampleTexts]) -> ShownReject:
    texts_of = read_rejected_example(row.mode, row.reason, row.candidate) if row.task in tasks else None
    input, output = texts_of if texts_of and texts_of[1] is not None else ("", "")
    key = digest(row.task, input, output) if input else ""
    if key in texts:
        # A copy of an example that is there.
        key = ""
    kind = row.reason.split(":")[0]
    return ShownReject(row.task, row.mode, kind, row.reason, row.candidate, row.original, key, input, output or "")


def _show_chat(turns: object) -> str:
    """The chat before the answer, a role above each turn; "" where the record is one user's message."""
    if not isinstance(turns, list):
        return ""
    parts = [turn for turn in turns if isinstance(turn, dict)]
    return "\n\n".join(f"[{turn.get('role')}]\n{turn.get('content')}" for turn in parts)


def _show_record(
    row: Mapping[str, Any],
    tasks: Mapping[str, TaskExamples],
    texts: Mapping[str, ExampleTexts],
    originals: Mapping[str, str],
) -> tuple[ShownRecord, ExampleTexts | None]:
    """A record, and what its key stands for where a program drew the query. A record of another make shows less."""
    meta = row.get("meta")
    fields: Mapping[str, Any] = meta if isinstance(meta, dict) else {}

    def text(name: str, source: Mapping[str, Any] = fields) -> str:
        value = source.get(name)
        return value if isinstance(value, str) else ""

    query = fields.get("query")
    query_fields: Mapping[str, Any] = query if isinstance(query, dict) else {}
    drawn = ExampleTexts(text("task"), text("input", query_fields), text("output", query_fields))
    key = originals.get(text("query_id"), text("query_id"))
    is_drawn = key not in texts and bool(key) and digest(*drawn) == key
    demos, task = fields.get("demo_ids"), tasks.get(drawn.task)
    record = ShownRecord(
        prompt=_show_chat(fields.get("turns")) or text("instruction", row),
        output=text("output", row),
        task=drawn.task,
        family=text("family"),
        k=int(fields.get("k") or 0),
        form=text("form"),
        mode=text("example_mode"),
        verified_by=text("verified_by"),
        label=drawn.output if task and drawn.output in task.labels else "",
        key=key if is_drawn or key in texts else "",
        demos=tuple(originals.get(demo, demo) for demo in demos) if isinstance(demos, list) else (),
    )
    return record, drawn if is_drawn else None
