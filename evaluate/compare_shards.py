"""Measurements of several checkpoints in shards: each measurement is a part that another process or machine makes.

FOLDER/.shards/job.json     what is measured
FOLDER/.shards/3/           a part's scratch: merged weights that a backend needs
FOLDER/.shards/3.done       the part is done
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from shutil import rmtree

from kshot.config import Config
from kshot.core.console import progress, say
from kshot.core.files import write_text
from kshot.core.run_files import FileModel, write_model
from kshot.evaluate.measure.measurement import Measurement
from kshot.runtime.shards.executors import Executor, run_parts, tick_for_files
from kshot.runtime.shards.work import Work

SHARDS, JOB = ".shards", "job.json"


class CompareJob(FileModel):
    """job.json: what is measured, and the parts."""

    config: Config
    """Its evaluate section says what is asked."""
    references: list[str]
    """The checkpoints as they were named, the baseline first."""
    suites: list[str]
    """Suites beside those of the config."""
    folder: str
    """Where the measurements are kept."""
    working_folder: str
    """Where paths begin that the references name."""
    parts: list[tuple[str, int]]
    """Label of a checkpoint, and the number of the measurement among its own."""


def measure_in_shards(
    executor: Executor, config: Config, references: Sequence[str], suites: Sequence[str],
    measurements: Mapping[str, Sequence[Measurement]], folder: Path,
) -> None:  # fmt: skip
    """Make all measurements that are missing, in shards.

    Raises:
        RunError: a shard noted an error, or parts are missing; a rerun continues with these.
    """
    parts = [(label, n) for label, rows in measurements.items() for n, row in enumerate(rows) if not row.is_done]
    if not parts:
        return
    shards = folder.resolve() / SHARDS
    rmtree(shards, ignore_errors=True)
    write_model(
        shards / JOB,
        CompareJob(
            config=config,
            references=list(references),
            suites=list(suites),
            folder=str(folder.resolve()),
            working_folder=str(Path.cwd()),
            parts=parts,
        ),
    )
    say(f"compare: {len(parts)} measurements in up to {executor.shards} shards ({executor.name})")
    numbers = range(len(parts))
    with progress("compare: measuring", len(parts)) as tick:
        count = tick_for_files([_done_path(shards, part) for part in numbers], tick)
        run_parts(executor, f"{__name__}:WORK", shards, numbers, count)
    rmtree(shards, ignore_errors=True)


def _done_path(folder: Path, part: int) -> Path:
    return folder / f"{part}.done"


def _measure(folder: Path, part: int) -> None:
    from kshot.evaluate.measure.checkpoints import measure_checkpoint, plan_checkpoints
    from kshot.evaluate.measure.plan import load_suites
    from kshot.models.checkpoints import find_checkpoints

    job = CompareJob.model_validate_json((folder / JOB).read_bytes())
    os.chdir(job.working_folder)
    config, scratch = job.config, folder / str(part)
    checkpoints = find_checkpoints(job.references, config)
    suites = load_suites(config.evaluate, job.suites)
    measurements, device = plan_checkpoints(config, checkpoints, suites, Path(job.folder))
    label, number = job.parts[part]
    checkpoint = next(checkpoint for checkpoint in checkpoints if checkpoint.label == label)
    scratch.mkdir(exist_ok=True)
    measure_checkpoint([measurements[label][number]], checkpoint, device, config, scratch)
    write_text(_done_path(folder, part), "")


WORK = Work("measure", _measure, _done_path)
