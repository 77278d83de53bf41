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
    asks_teacher: Callable[[Config], bool]
    """Whether a config's data set needs a teacher."""
    write: Callable[[Sequence[Trial], Mapping[str, str], Path], None]
    """Writes tables and pictures of all trials, and the cause of those that failed."""


@dataclass(frozen=True)
class Sweep:
    """A grid, the run that holds it, and the stages of its trials."""

    grid: Grid
    home: Run
    stages: Stages

    @property
    def folder(self) -> Path:
        """Where measurements and tables stand."""
        return self.home.folder / "ablate"

    def trial_run(self, trial: Trial) -> Run:
        return Run(self.home.folder / "trials" / trial.label)


def run_sweep(sweep: Sweep) -> None:
    """Make every trial that is missing, then the tables. A trial that fails is reported and left out.

    Raises:
        RunError: another process is at work here; or, at the end, a trial has failed.
    """
    trials = sweep.grid.trials
    failed: dict[str, str] = {}
    broken: dict[str, KshotError] = {}
    with sweep.home.held("ablate") as folder:
        for number, trial in enumerate(trials, 1):
            say(f"trial {number} of {len(trials)}: {trial.label}")
            try:
                _make_data_once(sweep, trial, broken)
                train_and_measure(sweep, trial)
            except Exception as error:  # Whatever it is, the other trials are worth their time.
                failed[trial.label] = name_cause(error)
                fail(f"{trial.label}: {failed[trial.label]}")
        sweep.stages.write(trials, failed, folder)
    raise_failed(failed, len(trials))


def _make_data_once(sweep: Sweep, trial: Trial, broken: dict[str, KshotError]) -> None:
    """Make the data of a trial; a set that failed for one fails for all that share it."""
    if trial.data_key in broken:
        raise broken[trial.data_key]
    try:
        make_data(sweep, trial)
    except KshotError as error:
        broken[trial.data_key] = error
        raise


def name_cause(error: Exception) -> str:
    """Why a trial failed, in one line."""
    kind = "" if isinstance(error, KshotError) else f"{type(error).__name__}: "
    return kind + summarize_error(error, most=None)


def raise_failed(failed: Mapping[str, str], trials: int) -> None:
    """Raise a RunError that names the failed trials, if there are any."""
    if failed:
        raise RunError(f"ablate: {len(failed)} of {trials} trials failed ({', '.join(failed)}); fix them and rerun")


def make_data(sweep: Sweep, trial: Trial) -> None:
    """Make the trial's data set if it is not there, and link the trial to it.

    Raises:
        ConfigError: nothing of the trial could be kept.
        KshotError: see the stage.
    """
    config, stages = trial.config, sweep.stages
    if config.train.method == "full" and not sweep.grid.config.ablate.keep_merged:
        raise ConfigError(["ablate.keep_merged: false keeps adapters, and train.method: full trains none; set it true"])
    if config.train.data:
        return
    data = Run(sweep.home.folder / "data" / trial.data_key)
    folders = data.folder.parent.glob("*/generate")
    others = sorted(other for other in folders if (other / MANIFEST).exists() and other.parent != data.folder)
    if not (data.folder / "generate" / MANIFEST).exists():
        stages.inherit(config, data.folder / "generate", others)
    stages.generate(config, data)
    link_data(sweep, trial)


def link_data(sweep: Sweep, trial: Trial) -> None:
    """Link the trial to its data set, where it has one."""
    if not trial.config.train.data:
        data = sweep.home.folder / "data" / trial.data_key / "generate"
        link_folder(data, sweep.trial_run(trial).folder / "generate")


def train_and_measure(sweep: Sweep, trial: Trial) -> None:
    """Train a trial whose data set is linked, and measure it."""
    own = sweep.trial_run(trial)
    sweep.stages.train(trial.config, own, _find_device(sweep, trial))
    if not sweep.grid.config.ablate.keep_merged:
        shutil.rmtree(own.folder / "train" / "merged", ignore_errors=True)
    sweep.stages.measure(trial, own, sweep.folder)


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


def _find_device(sweep: Sweep, trial: Trial) -> Device | None:
    """The settings of an earlier trial: another outcome of the probe would separate trials that are compared."""
    names = (trial.config.student, trial.config.train.dtype, trial.config.train.threads)
    for other in sweep.grid.trials:
        if (other.config.student, other.config.train.dtype, other.config.train.threads) == names:
            try:
                settings = read_json(sweep.trial_run(other).folder / "train" / "settings.json")
                return Device(**settings["device"])
            except (DataError, KeyError, TypeError):
                continue
    return None
