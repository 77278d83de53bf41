"""Composes a large set in shards: each writes some blocks, and this process reads them in their order.

The set is that of one process, byte for byte, whatever the executor and the number of shards.
"""

from collections.abc import Iterator
from pathlib import Path
from shutil import rmtree

from kshot.config import Config
from kshot.core.console import Ticker, say
from kshot.core.types import Reject, Task
from kshot.generate.compose.blocks import MAX_UNDIVIDED_RECORDS
from kshot.generate.compose.composer import ComposeEvent, Composer
from kshot.generate.dataset.packed import PackedRecord
from kshot.generate.run_files import ContaminationRow
from kshot.generate.scale.block_files import BLOCKS, ComposeJob, block_path, open_blocks, read_block
from kshot.runtime.shards.executors import Executor, run_parts

COMPOSE = "kshot.generate.scale.block_files:WORK"


def compose_shards(
    executor: Executor, composer: Composer, config: Config, tasks: list[Task], key: str, folder: Path, tick: Ticker
) -> Iterator[PackedRecord | ComposeEvent]:
    """Compose all blocks in shards, and yield the events of the set.

    Args:
        tasks: the example-based tasks among the composer's sources.
        key: of the data, see `cache_key`.
        folder: of the stage.

    Raises:
        RunError: a shard failed, or parts of it are missing; a rerun continues with them.
    """
    if len(composer.blocks) == 1:
        say(f"generate: sets of up to {MAX_UNDIVIDED_RECORDS} records are composed by one process")
        yield from composer.stream(tick)
        return
    target = folder.resolve() / BLOCKS
    job = ComposeJob(
        key=key,
        config=config,
        tasks=tuple(tasks),
        paraphrases={name: tuple(texts) for name, texts in composer.paraphrases.items()},
        refused=tuple(sorted(composer.refused)),
        kept=tuple(sorted(composer.kept)),
        blocks=tuple(composer.blocks),
    )
    open_blocks(target, job)
    waiting = dict(enumerate(composer.blocks))

    def count_finished() -> None:
        for number in [number for number in waiting if block_path(target, number).exists()]:
            tick(sum(span.records for span in waiting.pop(number)))

    count_finished()
    done = len(composer.blocks) - len(waiting)
    say(
        f"generate: {len(composer.blocks)} blocks in {executor.shards} shards ({executor.name})"
        + (f"; {done} are done" if done else "")
    )
    run_parts(executor, COMPOSE, target, range(len(composer.blocks)), count_finished)
    yield from composer.settle(_read_blocks(target, len(composer.blocks)))


def remove_blocks(folder: Path) -> None:
    """Remove the blocks, once the set is written."""
    rmtree(folder / BLOCKS, ignore_errors=True)


def _read_blocks(folder: Path, count: int) -> Iterator[PackedRecord | Reject | ContaminationRow]:
    for number in range(count):
        yield from read_block(folder, number)
