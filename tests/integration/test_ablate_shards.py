"""`kshot ablate` in shards: the trials of one process, also where a shard is killed; failures stay apart."""

import json
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file

from kshot.cli.app import app, guarded
from kshot.cli.compare import open_sweep
from kshot.core.files import read_json
from kshot.runtime.shards.clusters import RayExecutor
from kshot.runtime.shards.executors import Executor
from kshot.sweep.shards import SweepJob, run_in_shards
from tests.conftest import write_config
from tests.killing import KillingExecutor

GRID = ["generate.shots=[[1],[2]]"]
SAME = ["generate.records=16", "train.threads=1"]
"""With one thread each, sums of floats have one order."""


def ablate(*arguments: object) -> int:
    return guarded(lambda: app(["ablate", *map(str, arguments)], standalone_mode=False))


def arguments_of(config: Path, run: str, grid: list[str], overrides: list[str]) -> dict[str, Any]:
    return {
        "config": str(config), "run": run, "overrides": overrides, "suites": None, "grid": grid, "seeds": "3,4",
        "resample_data": False, "one_at_a_time": False,
    }  # fmt: skip


def run_with(executor: Executor, config: Path, run: str, grid: list[str], overrides: list[str] = SAME) -> None:
    arguments = arguments_of(config, run, grid, overrides)
    job = SweepJob(opener="kshot.cli.compare:open_sweep", arguments=arguments, working_folder=str(Path.cwd()))
    run_in_shards(open_sweep(**arguments), job, executor)


def results_of(run: Path) -> dict[str, Any]:
    """What a grid gives: the sums of its adapters' weights, and its tables without the names of folders and times."""
    report = json.loads((run / "ablate" / "ablate.json").read_text())
    files = sorted(run.glob("trials/*/train/adapter/adapter_model.safetensors"))
    # Products of matrices are summed in an order that depends on the process's threads.
    sums = [sum(float(weight.abs().sum()) for weight in load_file(path).values()) for path in files]
    tables = {name: report[name] for name in ("gains", "ranking", "trials", "label_bias")}
    return {"trained": [path.parts[-4] for path in files], "weights": sums, **tables}


def assert_same(results: dict[str, Any], expected: dict[str, Any]) -> None:
    assert results["weights"] == pytest.approx(expected["weights"], rel=1e-5)
    assert {**results, "weights": []} == {**expected, "weights": []}


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory, tiny_student: Path) -> Path:
    return write_config(tmp_path_factory.mktemp("ablate"), tiny_student)


@pytest.fixture(scope="module")
def serial(config: Path) -> dict[str, Any]:
    assert ablate(config, "--run", "serial", "--grid", GRID[0], "--seeds", "3,4", *(f"--set={s}" for s in SAME)) == 0
    return results_of(config.parent / "runs" / "serial")


@pytest.mark.slow
def test_shards_give_the_trials_of_one_process_though_one_is_killed(
    config: Path, serial: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    training = "../../trials/shots=2_seed=3/train/metrics.jsonl"
    executor = KillingExecutor(2, training, whole=True, work="TRIAL_WORK")
    run_with(executor, config, "shards", GRID)
    assert executor.killed == [-9]
    run = config.parent / "runs" / "shards"
    assert len(serial["trained"]) == 4
    assert_same(results_of(run), serial)
    assert not (run / "ablate" / ".shards").exists()
    assert "trial: a shard ended early (killed, or out of memory)" in capsys.readouterr().out


@pytest.mark.slow
def test_a_rerun_in_shards_makes_only_what_is_missing(config: Path, serial: dict[str, Any]) -> None:
    run = config.parent / "runs" / "serial"
    times = {path: path.stat().st_mtime_ns for path in run.rglob("manifest.json")}
    shards = ["--executor", "local", "--shards", "2"]
    sets = [f"--set={s}" for s in SAME]
    assert ablate(config, "--run", "serial", "--grid", GRID[0], "--seeds", "3,4", *sets, *shards) == 0
    assert {path: path.stat().st_mtime_ns for path in run.rglob("manifest.json")} == times
    assert_same(results_of(run), serial)


def test_a_trial_that_fails_in_a_shard_leaves_the_others(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    grid = ["--grid", "train.max_length=[16,400]", "--seeds", "3", "--set=generate.records=16"]
    assert ablate(config, "--run", "failing", *grid, "--shards", "2") == 2
    shown = capsys.readouterr()
    assert "1 of 2 trials failed (max_length=16_seed=3)" in shown.err
    report = read_json(config.parent / "runs" / "failing" / "ablate" / "ablate.json")
    assert [trial["state"] for trial in report["trials"]] == ["failed", "done"]
    assert "max_length" in report["trials"][0]["cause"]


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (["--executor", "ray"], "--executor ray: say how many shards"),
        (["--gpus", "1"], "--cpus and --gpus are what a task of Ray asks for, and this is --executor local"),
        (["--executor", "cluster"], "--executor cluster: no such executor; use local, slurm, ray"),
    ],
)
def test_options_that_do_not_fit_are_one_line(
    config: Path, capsys: pytest.CaptureFixture[str], options: list[str], line: str
) -> None:
    assert ablate(config, "--grid", GRID[0], *options) == 2
    assert line in capsys.readouterr().err


@pytest.mark.slow
def test_ray_gives_the_trials_of_one_process(config: Path, serial: dict[str, Any]) -> None:
    ray = pytest.importorskip("ray")
    ray.init(num_cpus=2, log_to_driver=False, include_dashboard=False, logging_level="error")
    try:
        run_with(RayExecutor(2), config, "ray", GRID)
    finally:
        ray.shutdown()
    assert_same(results_of(config.parent / "runs" / "ray"), serial)
