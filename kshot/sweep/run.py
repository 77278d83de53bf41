"""`kshot ablate CONFIG`: every cell of a grid generated, trained and measured, with what cells can share made once.

    runs/<run>/data/<hash>/generate/     a set of data, of all cells whose tasks, settings, student and data seed agree
    runs/<run>/trials/<label>/            a run: generate (a link to its set) and train
    runs/<run>/ablate/                   ablate.json ablate.md heatmap.svg settings.json cells/

Each stage goes on where it stopped, so a rerun makes only what is missing. The stages come as functions.
"""

import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kshot.config import Config
from kshot.core.console import fail, say
from kshot.core.errors import DataError, KshotError, RunError, summarize_error
from kshot.core.files import atomic_folder, read_json
from kshot.core.runs import MANIFEST, Run
from kshot.runtime.device import Device
from kshot.sweep.grid import Grid, Trial

APART = (".lock", "replies.sqlite*")
"""What of a set is its own and not for a copy."""


@dataclass(frozen=True)
class Stages:
    """What is done for a cell; the command puts in the stages."""

    inherit: Callable[[Config, Path, Sequence[Path]], None]
    """Before a set (its config and folder) is made: takes the teacher's replies of finished ones."""
    generate: Callable[[Config, Run], None]
    train: Callable[[Config, Run, Device | None], None]
    measure: Callable[[Trial, Run, Path], None]
    """A trained cell on the panels; what is measured is kept in the folder."""
    write: Callable[[Sequence[Trial], Mapping[str, str], Path], None]
    """The tables and pictures of all cells, and of those that failed the cause."""


def run_sweep(grid: Grid, run: Run, stages: Stages) -> None:
    """Make every cell that is missing, then the tables. A cell that fails is told and left out.

    Raises:
        RunError: another process is at work here; or, at the end, a cell has failed.
    """
    failed: dict[str, str] = {}
    broken: dict[str, KshotError] = {}
    with run.held("ablate") as folder:
        for number, cell in enumerate(grid.trials, 1):
            say(f"cell {number} of {len(grid.trials)}: {cell.label}")
            try:
                _make(grid, cell, run, folder, stages, broken)
            except Exception as error:  # Whatever it is, the other cells are worth their time.
                kind = "" if isinstance(error, KshotError) else f"{type(error).__name__}: "
                failed[cell.label] = kind + summarize_error(error, most=None)
                fail(f"{cell.label}: {failed[cell.label]}")
        stages.write(grid.trials, failed, folder)
    if failed:
        raise RunError(
            f"ablate: {len(failed)} of {len(grid.trials)} cells failed ({', '.join(failed)}); mend and rerun"
        )


def _make(grid: Grid, cell: Trial, run: Run, folder: Path, stages: Stages, broken: dict[str, KshotError]) -> None:
    """Data, training and measurement of one cell; a set of data that failed for one fails for all that share it."""
    if cell.data_key in broken:
        raise broken[cell.data_key]
    home = Run(run.folder / "trials" / cell.label)
    try:
        _data(cell, run, home, stages)
    except KshotError as error:
        broken[cell.data_key] = error
        raise
    stages.train(cell.config, home, _machine(grid, cell, run))
    if not grid.config.ablate.keep_merged:
        shutil.rmtree(home.folder / "train" / "merged", ignore_errors=True)
    stages.measure(cell, home, folder)


def _data(cell: Trial, run: Run, home: Run, stages: Stages) -> None:
    """The cell's set, made if it is not there, and the cell's link to it."""
    own = Run(run.folder / "data" / cell.data_key)
    sets = own.folder.parent.glob("*/generate")
    others = sorted(one for one in sets if (one / MANIFEST).exists() and one.parent != own.folder)
    if not (own.folder / "generate" / MANIFEST).exists():
        stages.inherit(cell.config, own.folder / "generate", others)
    stages.generate(cell.config, own)
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
        if _same(place / MANIFEST, target / MANIFEST):
            return
        shutil.rmtree(place)
    try:
        place.symlink_to(relative, target_is_directory=True)
    except (OSError, NotImplementedError):
        with atomic_folder(place) as copy:
            shutil.copytree(target, copy, dirs_exist_ok=True, ignore=shutil.ignore_patterns(*APART))


def _same(one: Path, other: Path) -> bool:
    return one.is_file() and other.is_file() and one.read_bytes() == other.read_bytes()


def _machine(grid: Grid, cell: Trial, run: Run) -> Device | None:
    """What an earlier cell was trained with: a probe that comes out otherwise would part cells that are compared."""
    wanted = (cell.config.student, cell.config.train.dtype, cell.config.train.threads)
    for other in grid.trials:
        if (other.config.student, other.config.train.dtype, other.config.train.threads) == wanted:
            try:
                kept = read_json(run.folder / "trials" / other.label / "train" / "settings.json")
                return Device(**kept["machine"])
            except (DataError, KeyError, TypeError):
                continue
    return None
