"""`kshot ablate CONFIG` and `kshot compare RUN|MODEL ...`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kshot.cli.options import (
    ConfigPath,
    Cpus,
    Executors,
    Gpus,
    Overrides,
    RunName,
    Shards,
    Slurm,
    Suites,
    open_run,
    parse_pairs,
)
from kshot.core.console import say
from kshot.core.errors import ConfigError

if TYPE_CHECKING:
    from kshot.sweep.grid import Grid
    from kshot.sweep.run import Sweep


def ablate(
    config: ConfigPath,
    run: RunName = "",
    overrides: Overrides = None,
    suite: Suites = None,
    grid: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY=[V1,V2]", help="Values of a key to try, e.g. 'generate.shots=[[1],[1,2,4]]'. Repeatable."
        ),
    ] = None,
    seeds: Annotated[str, typer.Option(metavar="7,8,9", help="Training seeds.")] = "",
    resample_data: Annotated[
        bool, typer.Option("--resample-data", help="Draw the data of each seed anew as well.")
    ] = False,
    one_at_a_time: Annotated[
        bool, typer.Option("--one-at-a-time", help="The config, and each value alone, instead of every combination.")
    ] = False,
    executor: Executors = "",
    shards: Shards = None,
    slurm: Slurm = None,
    cpus: Cpus = 0,
    gpus: Gpus = 0,
) -> None:
    """Train and measure every trial of a grid: runs/RUN/ablate/ablate.md, ablate.json and heatmap.png.

    The grid is the config's `ablate` section; `--grid` and `--seeds` replace its entries or add to them. Trials share
    generated data, a teacher's replies and the base's scores. A rerun makes only what is missing.
    """
    from kshot.runtime.shards.clusters import make_executor
    from kshot.sweep.run import run_sweep
    from kshot.sweep.shards import SweepJob, run_in_shards

    pool = make_executor(executor, shards, parse_pairs("--slurm", slurm or []), cpus, gpus, whole=True)
    arguments: dict[str, Any] = {
        "config": str(config),
        "run": run,
        "overrides": overrides,
        "suites": suite,
        "grid": grid,
        "seeds": seeds,
        "resample_data": resample_data,
        "one_at_a_time": one_at_a_time,
    }
    sweep = open_sweep(**arguments)
    _check_trials(sweep.grid)
    for line in sweep.grid.describe():
        say(line)
    if pool:
        opener = f"{open_sweep.__module__}:{open_sweep.__name__}"
        run_in_shards(sweep, SweepJob(opener=opener, arguments=arguments, working_folder=str(Path.cwd())), pool)
    else:
        run_sweep(sweep)


def open_sweep(
    config: str, run: str, overrides: list[str] | None, suites: list[str] | None, grid: list[str] | None, seeds: str,
    resample_data: bool, one_at_a_time: bool,
) -> "Sweep":  # fmt: skip
    """The grid that the options describe, with the stages; a shard opens it again.

    Raises:
        KshotError: faults of config, grid or suites.
    """
    from kshot.evaluate.ablation import measure_trial, write_ablation
    from kshot.evaluate.lm.backends import check_backend
    from kshot.evaluate.measure.plan import load_suites, say_no_teacher_is_asked
    from kshot.generate.stage import run_generate
    from kshot.generate.synthesis.pipeline import inherit_replies, needs_teacher
    from kshot.sweep.grid import load_grid
    from kshot.sweep.run import Stages, Sweep
    from kshot.train.stage import run_train

    trials = load_grid(Path(config), overrides, grid, seeds, resample_data, one_at_a_time)
    settings = trials.config
    home = open_run(settings, Path(config), run)
    check_backend(settings.evaluate)
    loaded = load_suites(settings.evaluate, suites or ())
    say_no_teacher_is_asked(loaded, settings.evaluate, "ablate")
    stages = Stages(
        inherit=inherit_replies,
        generate=run_generate,
        train=lambda own, folder, device: run_train(own, folder, needed="adapter", device=device),
        measure=lambda trial, own, folder: measure_trial(settings, trial, own.folder, loaded, folder),
        asks_teacher=lambda own: not own.train.data and needs_teacher(own.generate),
        write=lambda done, failed, folder: write_ablation(
            settings, done, home.folder / "trials", failed, loaded, folder
        ),
    )
    return Sweep(trials, home, stages)


def _check_trials(grid: "Grid") -> None:
    """Notice before the first trial what only a stage of some trial would notice."""
    from kshot.models.references import parse_reference
    from kshot.train.trainer_config import check_trainer_config

    for student in dict.fromkeys(trial.config.student for trial in grid.trials):
        parse_reference(student)
    different = {trial.config.train.model_dump_json(): trial.config.train for trial in grid.trials}
    if faults := [fault for settings in different.values() for fault in check_trainer_config(settings)]:
        raise ConfigError(list(dict.fromkeys(faults)))


def compare(
    names: Annotated[
        list[str],
        typer.Argument(metavar="RUN|MODEL...", help="Runs, model folders, GGUF files, adapters (PEFT) or hub ids."),
    ],
    baseline: Annotated[
        str, typer.Option(metavar="RUN|MODEL", help="What the others are measured against; the config's student.")
    ] = "",
    config: Annotated[Path, typer.Option(help="The recipe or YAML whose evaluate section says what is asked.")] = Path(
        "quickstart"
    ),
    overrides: Overrides = None,
    suite: Suites = None,
    folder: Annotated[
        Path | None, typer.Option("--out", metavar="FOLDER", help="Where to write; by default runs/compare.")
    ] = None,
    executor: Executors = "",
    shards: Shards = None,
    slurm: Slurm = None,
    cpus: Cpus = 0,
    gpus: Gpus = 0,
) -> None:
    """Measure any number of checkpoints against one baseline: compare.json, compare.md and compare.png.

    Measurements that a run has finished on the same suites are used; a rerun measures only what is new.
    """
    from kshot.config.loader import load_config
    from kshot.evaluate.compare import run_compare
    from kshot.runtime.shards.clusters import make_executor

    pool = make_executor(executor, shards, parse_pairs("--slurm", slurm or []), cpus, gpus, whole=True)
    settings = load_config(config, overrides)
    run_compare(settings, names, baseline, suite or (), folder or settings.runs / "compare", pool)
