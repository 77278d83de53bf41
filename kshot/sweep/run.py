"""`kshot ablate CONFIG`: generate, train and measure every trial of a grid; what trials can share is made once.

    runs/RUN/data/HASH/generate/     a data set, of all trials whose tasks, settings, student and data seed agree
    runs/RUN/trials/LABEL/           a run: generate (a link to its data set) and train
    runs/RUN/ablate/                 ablate.json ablate.md heatmap.png settings.json measurements/

Each stage goes on where it stopped, so a rerun makes only what is missing. The stages come as functions.
"""

import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kshot.config import Config
from kshot.core.console import fail, say
from kshot.core.errors import ConfigError, DataError, KshotError, RunError, summarize_error
from kshot.core.files import atomic_folder, read_json
from kshot.core.runs import MANIFEST, Run
from kshot.runtime.device import Device
from kshot.sweep.grid import Grid, Trial

NOT_COPIED = (".lock", "replies.sqlite*")
"""What a copy of a data set leaves out."""


@dataclass(frozen=True)
class Stages:
    """The stages of a trial, given by the command."""

    inherit: Callable[[Config, Path, Sequence[Path]], None]
    """Before a data set (its config and folder) is made: takes the teacher's replies of finished ones."""
    generate: Callable[[Config, Run], None]
    train: Callable[[Config, Run, Device | None], None]
    measure: Callable[[Trial, Run, Path], None]
    """Measures a trained trial on the suites; measurements are kept in the folder."""
    write: Callable[[Sequence[Trial], Mapping[str, str], Path], None]
    """Writes tables and pictures of all trials, and the cause of those that failed."""


def run_sweep(grid: Grid, run: Run, stages: Stages) -> None:
    """Make every trial that is missing, then the tables. A trial that fails is reported and left out.

    Raises:
        RunError: another process is at work here; or, at the end, a trial has failed.
    """
    failed: dict[str, str] = {}
    broken: dict[str, KshotError] = {}
    with run.held("ablate") as folder:
        for number, trial in enumerate(grid.trials, 1):
            say(f"trial {number} of {len(grid.trials)}: {trial.label}")
            try:
                _run_trial(grid, trial, run, folder, stages, broken)
            except Exception as error:  # Whatever it is, the other trials are worth their time.
                kind = "" if isinstance(error, KshotError) else f"{type(error).__name__}: "
                failed[trial.label] = kind + summarize_error(error, most=None)
                fail(f"{trial.label}: {failed[trial.label]}")
        stages.write(grid.trials, failed, folder)
    if failed:
        names = ", ".join(failed)
        raise RunError(f"ablate: {len(failed)} of {len(grid.trials)} trials failed ({names}); fix them and rerun")


def _run_trial(grid: Grid, trial: Trial, run: Run, folder: Path, stages: Stages, broken: dict[str, KshotError]) -> None:
    """Data, training and measurement of one trial; a data set that failed for one fails for all that share it."""
    if trial.data_key in broken:
        raise broken[trial.data_key]
    if trial.config.train.method == "full" and not grid.config.ablate.keep_merged:
        raise ConfigError(["ablate.keep_merged: false keeps adapters, and train.method: full trains none; set it true"])
    home = Run(run.folder / "trials" / trial.label)
    try:
        _make_data(trial, run, home, stages)
    except KshotError as error:
        broken[trial.data_key] = error
        raise
    stages.train(trial.config, home, _find_device(grid, trial, run))
    if not grid.config.ablate.keep_merged:
        shutil.rmtree(home.folder / "train" / "merged", ignore_errors=True)
    stages.measure(trial, home, folder)


def _make_data(trial: Trial, run: Run, home: Run, stages: Stages) -> None:
    """Make the trial's data set if it is not there, and link the trial to it."""
    if trial.config.train.data:
        return
    own = Run(run.folder / "data" / trial.data_key)
    folders = own.folder.parent.glob("*/generate")
    others = sorted(other for other in folders if (other / MANIFEST).exists() and other.parent != own.folder)
    if not (own.folder / "generate" / MANIFEST).exists():
        stages.inherit(trial.config, own.folder / "generate", others)
    stages.generate(trial.config, own)
    link_folder(own.folder / "generate", home.folder / "generate")


def link_folder(target: Path, place: Path) -> None:
    """Make `place` a relative link to the folder `target`, or a copy of it where links are refused."""
    place.parent.mkdir(parents=True, exist_ok=True)
    relative = os.path.relpath(target, place.parent)
    if place.is_symlink():
        if str(place.readlink()) == relative:
            return
        place.unlink()
    elif place.is_dir():
        if _is_same_file(place / MANIFEST, target / MANIFEST):
            return
        shutil.rmtree(place)
    try:
        place.symlink_to(relative, target_is_directory=True)
    except (OSError, NotImplementedError):
        with atomic_folder(place) as copy:
            shutil.copytree(target, copy, dirs_exist_ok=True, ignore=shutil.ignore_patterns(*NOT_COPIED))


def _is_same_file(first: Path, second: Path) -> bool:
    return first.is_file() and second.is_file() and first.read_bytes() == second.read_bytes()


def _find_device(grid: Grid, trial: Trial, run: Run) -> Device | None:
    """The settings of an earlier trial: another outcome of the probe would separate trials that are compared."""
    names = (trial.config.student, trial.config.train.dtype, trial.config.train.threads)
    for other in grid.trials:
        if (other.config.student, other.config.train.dtype, other.config.train.threads) == names:
            try:
                settings = read_json(run.folder / "trials" / other.label / "train" / "settings.json")
                return Device(**settings["device"])
            except (DataError, KeyError, TypeError):
                continue
    return None
