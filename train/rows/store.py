"""Makes the file of a training's rows: records are read one by one, tokenized on all cores, and written as they come.

The file is named by what its rows depend on, so a resumed training, and every process of one, finds it.
"""

import multiprocessing
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from kshot.core.console import Ticker, progress
from kshot.core.files import atomic_file, read_json, write_json
from kshot.core.runs import installed_versions
from kshot.core.seeding import digest
from kshot.models import chat_template
from kshot.models.loading import fingerprint_model, load_tokenizer
from kshot.runtime.device import count_cores
from kshot.runtime.processes import die_with_parent
from kshot.train.data import count_records, iterate_records, tokenize_conversation
from kshot.train.rows.table import LAST, RowTable, open_table, write_table

VERSION = 1
"""Raise it when the same records give other rows."""
CHUNK = 500
"""Records that a worker takes at once."""
MIN_PARALLEL = 5000
"""Records below which starting workers takes longer than it saves."""
MAX_WAITING = 3
"""Chunks a worker that wait in memory."""

Chunk = Sequence[tuple[int, dict[str, Any]]]
Columns = dict[str, list[Any]]


@dataclass(frozen=True)
class RowStore:
    """The rows of a training set."""

    table: RowTable
    records: int
    """Records that they were made from."""
    dropped: dict[str, int]
    """Rows longer than max_length, by shots."""


def store_rows(data: Path, data_hash: str, student: str, max_length: int, targets: bool, folder: Path) -> RowStore:
    """The rows of a file of records: those kept in `folder`, or new ones, which replace others.

    Args:
        targets: the loss is also on the outputs of demonstrations and on earlier answers.

    Raises:
        DataError: the file is broken at a line that is named.
    """
    versions = installed_versions("transformers", "tokenizers")
    chat = chat_template.VERSION, chat_template.TEMPLATE_DATE.isoformat()
    key = digest(data_hash, fingerprint_model(student), max_length, targets, VERSION, versions, *chat)[:16]
    rows, facts = folder / f"{key}.arrow", folder / f"{key}.json"
    if not facts.exists():
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.iterdir():
            old.unlink()
        total = count_records(data)
        dropped: Counter[str] = Counter()
        shown = progress("tokenizing", total) if total >= MIN_PARALLEL else nullcontext(lambda *_: None)
        with atomic_file(rows) as temporary, shown as tick:
            write_table(temporary, _tokenize_file(data, total, student, max_length, targets, dropped, tick))
        write_json(facts, {"records": total, "dropped": dict(sorted(dropped.items()))})
    return RowStore(open_table(rows), **read_json(facts))


def check_records_once(data: Path, folder: Path) -> None:
    """Check the records of a file before anything is fetched, unless rows of an unfinished training stand in `folder`.

    Raises:
        DataError: the file is missing, empty, or broken at a line that is named.
    """
    if not data.exists() or not any(folder.glob("*.json")):
        count_records(data)


def _tokenize_file(
    data: Path, total: int, student: str, max_length: int, targets: bool, dropped: Counter[str], tick: Ticker
) -> Iterator[Columns]:
    numbered = enumerate(iterate_records(data))
    chunks = iter(lambda: list(islice(numbered, CHUNK)), [])
    workers = count_cores()
    if total < MIN_PARALLEL or workers == 1 or "fork" not in multiprocessing.get_all_start_methods():
        _start_worker(student, max_length, targets)
        results: Iterator[tuple[Columns, Counter[str], int]] = map(_tokenize_chunk, chunks)
    else:
        results = _tokenize_in_workers(chunks, workers, student, max_length, targets)
    for columns, too_long, count in results:
        dropped.update(too_long)
        tick(count)
        yield columns


def _tokenize_in_workers(
    chunks: Iterator[Chunk], workers: int, student: str, max_length: int, targets: bool
) -> Iterator[tuple[Columns, Counter[str], int]]:
    """The results in the order of the chunks, of which only a few are in memory."""
    # A child that imports its parent's main module would run a script without a guard again; this one imports nothing.
    context = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(workers, context, _start_worker, (student, max_length, targets, True)) as pool:
        waiting: deque[Future[tuple[Columns, Counter[str], int]]] = deque()
        try:
            for chunk in chunks:
                waiting.append(pool.submit(_tokenize_chunk, chunk))
                if len(waiting) > MAX_WAITING * workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


_settings: dict[str, Any] = {}
"""What a worker tokenizes with."""


def _start_worker(student: str, max_length: int, targets: bool, is_child: bool = False) -> None:
    if is_child:
        die_with_parent()
    _settings.update(tokenizer=load_tokenizer(student), max_length=max_length, targets=targets)


def _tokenize_chunk(chunk: Chunk) -> tuple[Columns, Counter[str], int]:
    columns, dropped = tokenize_records(chunk, **_settings)
    return columns, dropped, len(chunk)


def tokenize_records(chunk: Chunk, tokenizer: Any, max_length: int, targets: bool) -> tuple[Columns, Counter[str]]:
    """The columns of the rows of numbered records, and how many rows were too long, by shots."""
    columns: Columns = {name: [] for name in ("input_ids", "labels", "tokens", "k", "record", LAST)}
    dropped: Counter[str] = Counter()
    for number, record in chunk:
        rows = tokenize_conversation(record, tokenizer, targets)
        for row in rows:
            if row.tokens > max_length:
                dropped[f"k={row.k}"] += 1
                continue
            columns["input_ids"].append(row.input_ids)
            columns["labels"].append(row.labels)
            columns["tokens"].append(row.tokens)
            columns["k"].append(row.k)
            columns["record"].append(number)
            columns[LAST].append(row.asked if row is rows[-1] else -1)
    return columns, dropped
