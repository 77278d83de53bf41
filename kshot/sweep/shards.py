"""A grid in shards: data sets first, then trials, each a part of its own that another process or machine does.

    runs/RUN/ablate/.shards/job.json          how a shard opens the grid
    runs/RUN/ablate/.shards/data/3.json       trial 3's data set was made; the file holds the cause where it failed
    runs/RUN/ablate/.shards/trial/3.json      trial 3 was trained and measured, or the cause

The stages go on where they stopped, so a part that is done again makes only what is missing.
"""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from shutil import rmtree
from typing import Any

from kshot.core.console import fail, progress, say
from kshot.core.errors import RunError
from kshot.core.files import read_json, write_json
from kshot.core.run_files import FileModel, write_model
from kshot.runtime.shards.executors import Executor, run_parts, tick_for_files
from kshot.runtime.shards.work import Work, find_function
from kshot.sweep.grid import Trial
from kshot.sweep.run import Sweep, link_data, make_data, name_cause, raise_failed, train_and_measure

SHARDS, JOB = ".shards", "job.json"
DATA, TRIAL = "data", "trial"


class SweepJob(FileModel):
    """job.json: how to open the grid again, in another process."""

    opener: str
    """The function that gives an `Sweep`, as `package.module:name`."""
    arguments: dict[str, Any]
    """What it is called with."""
    working_folder: str
    """Where paths begin that the arguments name."""


def run_in_shards(sweep: Sweep, job: SweepJob, executor: Executor) -> None:
    """Make every trial that is missing in shards, then the tables. A trial that fails is reported and left out.

    The first trial goes alone: all others take its device settings and the base's scores from it. Then one trial for
    each other student, then for each other choice of dtype and threads, then all others. Data sets that ask a teacher
    are made one after another, since each takes the replies of those before it.

    Raises:
        RunError: another process is at work here; or, at the end, a trial has failed.
    """
    with sweep.home.held("ablate") as folder:
        shards = folder.resolve() / SHARDS
        rmtree(shards, ignore_errors=True)
        write_model(shards / JOB, job)
        trials = sweep.grid.trials
        failed: dict[str, str] = {}
        first_of_data: dict[str, int] = {}
        for number, trial in enumerate(trials):
            first_of_data.setdefault(trial.data_key, number)
        asks = sum(sweep.stages.asks_teacher(trials[number].config) for number in first_of_data.values())
        say(f"ablate: {len(trials)} trials in up to {executor.shards} shards ({executor.name})")
        causes = _run_phase(executor, shards, DATA, list(first_of_data.values()), 1 if asks > 1 else None)
        for trial in trials:
            if cause := causes.get(first_of_data[trial.data_key]):
                failed[trial.label] = cause
            else:
                link_data(sweep, trial)
        for level in _order_trials(trials):
            waiting = [number for number in level if trials[number].label not in failed]
            for number, cause in _run_phase(executor, shards, TRIAL, waiting).items():
                failed[trials[number].label] = cause
        for label, cause in failed.items():
            fail(f"{label}: {cause}")
        sweep.stages.write(trials, failed, folder)
        rmtree(shards, ignore_errors=True)
    raise_failed(failed, len(trials))


def _order_trials(trials: Sequence[Trial]) -> list[list[int]]:
    """Numbers of the trials that may go at once, in the order of these groups."""
    levels: list[list[int]] = [[], [], [], []]
    students: set[str] = set()
    devices: set[tuple[str, str, int]] = set()
    for number, trial in enumerate(trials):
        student = trial.config.student
        device = (student, trial.config.train.dtype, trial.config.train.threads)
        level = 0 if not number else 1 if student not in students else 2 if device not in devices else 3
        students.add(student)
        devices.add(device)
        levels[level].append(number)
    return [level for level in levels if level]


def _run_phase(
    executor: Executor, folder: Path, kind: str, numbers: list[int], shards: int | None = None
) -> dict[int, str]:
    """Do these parts; return the causes of those that failed, by number."""
    if not numbers:
        return {}
    paths = {number: _path(folder, kind, number) for number in numbers}
    missing = ""
    with progress(f"ablate: {kind}", len(numbers)) as tick:
        try:
            run_parts(
                executor,
                f"{__name__}:{kind.upper()}_WORK",
                folder,
                numbers,
                tick_for_files(paths.values(), tick),
                shards,
            )
        except RunError as error:
            missing = str(error)
    causes = {n: read_json(path)["cause"] if path.exists() else missing for n, path in paths.items()}
    return {number: cause for number, cause in causes.items() if cause}


def _path(folder: Path, kind: str, number: int) -> Path:
    return folder / kind / f"{number}.json"


def open_job(folder: Path) -> Sweep:
    """The grid of a job, opened anew in this process."""
    job = SweepJob.model_validate_json((folder / JOB).read_bytes())
    os.chdir(job.working_folder)
    sweep = find_function(job.opener)(**job.arguments)
    if not isinstance(sweep, Sweep):
        raise TypeError(f"{job.opener} gives no Sweep")
    return sweep


def _note(folder: Path, kind: str, number: int, work: Callable[[Sweep, Trial], None]) -> None:
    """Do a part and write its file; other parts are worth their time, so an error is a cause and no end."""
    sweep = open_job(folder)
    cause = ""
    try:
        work(sweep, sweep.grid.trials[number])
    except Exception as error:
        cause = name_cause(error)
    write_json(_path(folder, kind, number), {"cause": cause})


def _make_data(folder: Path, number: int) -> None:
    _note(folder, DATA, number, make_data)


def _make_trial(folder: Path, number: int) -> None:
    _note(folder, TRIAL, number, train_and_measure)


DATA_WORK = Work("data", _make_data, lambda folder, number: _path(folder, DATA, number))
TRIAL_WORK = Work("trial", _make_trial, lambda folder, number: _path(folder, TRIAL, number))
