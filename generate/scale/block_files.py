"""Blocks as files: what shards need to compose them, what they write, and how it is read.

.blocks/job.json         all that shapes the set, and the blocks
.blocks/00012.jsonl      a block: a row for each event, and after an accepted record's row its line of train.jsonl
"""

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from shutil import rmtree
from typing import Any

import orjson
from pydantic import TypeAdapter

from kshot.config import Config
from kshot.core.errors import ConfigError
from kshot.core.files import atomic_file
from kshot.core.run_files import FileModel
from kshot.core.types import Description, Reject, Task
from kshot.generate.bank import FAMILIES
from kshot.generate.compose.acceptance import RecordKeys
from kshot.generate.compose.blocks import Block
from kshot.generate.compose.composer import AcceptedRecord, ComposeEvent, Composer
from kshot.generate.compose.settle import Draw
from kshot.generate.curation.decontaminate import Decontaminator
from kshot.generate.dataset.packed import PackedRecord, RecordSummary, pack
from kshot.generate.run_files import ContaminationRow
from kshot.generate.sources import load_sources
from kshot.project.suite import load_protected_suite
from kshot.runtime.shards.work import Work
from kshot.tasks.source import source_from_task

BLOCKS, JOB = ".blocks", "job.json"
ACCEPTED, REJECTED, CONTAMINATED = "accepted", "rejected", "contaminated"
_REJECT = TypeAdapter(Reject)


class ComposeJob(FileModel):
    """job.json: all that shapes the records of a set."""

    key: str
    """The key of the data, see `cache_key`: blocks of other versions or inputs are not taken."""
    config: Config
    """The config."""
    tasks: tuple[Task, ...]
    """The example-based tasks, with what the teacher and a person's decisions made of them."""
    paraphrases: dict[str, tuple[Description, ...]]
    """By source."""
    refused: tuple[str, ...]
    """Keys of examples that a person refused."""
    kept: tuple[str, ...]
    """Keys of examples that a person accepted or edited."""
    blocks: tuple[Block, ...]
    """The parts of the set."""


def block_path(folder: Path, number: int) -> Path:
    return folder / f"{number:05}.jsonl"


def open_blocks(folder: Path, job: ComposeJob) -> None:
    """Make the folder of a set's blocks; those of another set are removed."""
    content = job.model_dump_json().encode()
    path = folder / JOB
    if not path.exists() or path.read_bytes() != content:
        rmtree(folder, ignore_errors=True)
        with atomic_file(path) as temporary:
            temporary.write_bytes(content)


@lru_cache(maxsize=1)
def _load_composer(folder: Path) -> Composer:
    """The composer of a folder's job, in another process.

    Raises:
        ConfigError: this process does not know a family of the job.
    """
    job = ComposeJob.model_validate_json((folder / JOB).read_bytes())
    settings = job.config.generate
    programmatic, _ = load_sources(settings, job.config.seed)
    names = {task.id for task in job.tasks}
    sources = [*(source for source in programmatic if source.id not in names), *map(source_from_task, job.tasks)]
    suites = [load_protected_suite(entry) for entry in settings.decontaminate]
    decontaminator = Decontaminator(suites, [text for family in FAMILIES for text in family.descriptions])
    if unknown := {span.source for block in job.blocks for span in block} - {source.id for source in sources}:
        raise ConfigError(
            [
                f"generate.families: a shard does not know {sorted(unknown)[0]!r}; name the file of a family that your "
                "program registers, and install the packages of families on every machine"
            ]
        )
    return Composer(
        sources,
        job.paraphrases,
        settings,
        decontaminator,
        job.config.seed,
        frozenset(job.refused),
        frozenset(job.kept),
        job.blocks,
    )


def write_block(folder: Path, number: int) -> None:
    """Compose a block of the folder's job, and write it whole."""
    composer = _load_composer(folder)
    with atomic_file(block_path(folder, number)) as temporary, temporary.open("wb") as file:
        for event in composer.compose_block(composer.blocks[number], lambda done=1, note="": None):
            file.writelines(_encode(event))


def read_block(folder: Path, number: int) -> Iterator[PackedRecord | Reject | ContaminationRow]:
    """The events of a block that was written."""
    with block_path(folder, number).open("rb") as file:
        for line in file:
            kind, row = orjson.loads(line)
            yield _decode(kind, row, file.readline() if kind == ACCEPTED else b"")


def _encode(event: ComposeEvent) -> Iterator[bytes]:
    if isinstance(event, AcceptedRecord):
        packed = pack(event)
        yield _to_line([ACCEPTED, [packed.summary, packed.draw]])
        yield packed.line
    elif isinstance(event, Reject):
        yield _to_line([REJECTED, event])
    else:
        yield _to_line([CONTAMINATED, event.model_dump(mode="json")])


def _to_line(row: list[Any]) -> bytes:
    return orjson.dumps(row, default=_as_list, option=orjson.OPT_APPEND_NEWLINE)


def _as_list(value: Any) -> Any:
    if isinstance(value, tuple):
        return list(value)
    raise TypeError(f"{type(value)} is no JSON")


def _decode(kind: str, row: Any, line: bytes) -> PackedRecord | Reject | ContaminationRow:
    if kind == ACCEPTED:
        (properties, lengths, family, task, label), (source, number, attempt, keys) = row
        summary = RecordSummary(tuple(properties), tuple(lengths), family, task, label)
        return PackedRecord(line, summary, Draw(source, number, attempt, RecordKeys(*keys)))
    return _REJECT.validate_python(row) if kind == REJECTED else ContaminationRow.model_validate(row)


WORK = Work("compose", write_block, block_path)
