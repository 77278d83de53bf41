"""Trainings in real processes on the CPU: the numbers of one process, kills, resumes, and one line for an error."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from kshot.config.loader import load_config
from kshot.core.files import read_json, read_log
from kshot.core.runs import Run
from kshot.core.shipped import RECIPES
from tests.conftest import write_config

ACCELERATE = [sys.executable, "-m", "accelerate.commands.launch"]
ACCELERATE += ["--config_file", str(RECIPES / "accelerate" / "ddp.yaml"), "--main_process_port", "0", "--num_processes"]
COMMAND = ["-m", "kshot.cli"]
LONG = ["train.sft.num_train_epochs=15", "train.sft.save_steps=20", "train.sft.eval_steps=60"]
HALF = "train.sft.per_device_train_batch_size=2"


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory, tiny_student: Path) -> Path:
    """A config whose run `data` has records."""
    from kshot.generate.stage import run_generate

    path = write_config(tmp_path_factory.mktemp("processes"), tiny_student)
    settings = load_config(path)
    run_generate(settings, Run(settings.runs / "data"))
    return path


@pytest.fixture
def make_run(config: Path) -> Iterator[Callable[[str], Path]]:
    """Makes a run with the records, which no training has touched."""

    def make(name: str) -> Path:
        folder = config.parent / "runs" / name
        (folder / "generate").mkdir(parents=True)
        records = config.parent / "runs" / "data" / "generate" / "train.jsonl"
        (folder / "generate" / "train.jsonl").write_bytes(records.read_bytes())
        return folder

    yield make
    assert not _workers(), "a process outlived its launcher"


def _workers() -> list[str]:
    found = subprocess.run(["pgrep", "-f", "kshot.train.worker"], capture_output=True, text=True, check=False)
    return found.stdout.split()


def _wait_for_workers(tries: int) -> None:
    """Until the processes of a launcher that was killed have ended; ten tries are a second."""
    for _ in range(tries):
        if not _workers():
            break
        time.sleep(0.1)


def _arguments(config: Path, run: Path, *settings: str) -> list[str]:
    pairs = [part for setting in settings for part in ("--set", setting)]
    return ["train", str(config), "--run", run.name, *pairs]


def _train(config: Path, run: Path, *settings: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *COMMAND, *_arguments(config, run, *settings)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def _launch(config: Path, run: Path, count: int, *settings: str) -> subprocess.CompletedProcess[str]:
    command = [*ACCELERATE, str(count), *COMMAND, *_arguments(config, run, *settings)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def _start_until(checkpoint: int, config: Path, run: Path, *settings: str) -> "subprocess.Popen[str]":
    """Start a training in two processes; returns when this checkpoint is whole."""
    command = [sys.executable, *COMMAND, *_arguments(config, run, *settings, "train.processes=2")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    marker = run / "train" / "checkpoints" / f"checkpoint-{checkpoint}" / "complete.json"
    for _ in range(1200):
        if marker.exists() or process.poll() is not None:
            break
        time.sleep(0.1)
    assert marker.exists()
    return process


def _rows(run: Path) -> list[dict[str, Any]]:
    return read_log(run / "train" / "metrics.jsonl")


def _largest_difference(run: Path, other: Path) -> float:
    """Of what two trainings logged and learnt; both have a row for each step, and no other."""
    from safetensors.torch import load_file

    rows, others = _rows(run), _rows(other)
    assert len(rows) > 10
    assert [(row["step"], sorted(row)) for row in rows] == [(row["step"], sorted(row)) for row in others]
    kinds = ("loss", "eval_loss", "grad_norm", "learning_rate")
    logged = [abs(a[key] - b[key]) for a, b in zip(rows, others, strict=True) for key in kinds if key in a]
    weights, others_weights = (load_file(each / "train/adapter/adapter_model.safetensors") for each in (run, other))
    learnt = [float((weights[name] - others_weights[name]).abs().max()) for name in weights]
    print(f"largest difference: {max(logged):.2g} of what was logged, {max(learnt):.2g} of a weight")  # noqa: T201
    return max(*logged, *learnt)


def test_two_processes_train_what_one_trains(config: Path, make_run: Callable[[str], Path]) -> None:
    """At the same rows a step, with a last step that is short; one lock, one row a step, one export."""
    alone, shared = make_run("alone"), make_run("shared")
    short = "train.sft.num_train_epochs=1.2"
    assert _train(config, alone, short).returncode == 0
    done = _train(config, shared, short, HALF, "train.processes=2")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("wrote ") == 1
    assert "2 processes, 4 rows a step: 1 x 2 in each" in done.stdout
    assert _largest_difference(alone, shared) < 1e-5
    ours, theirs = (read_json(run / "train" / "manifest.json") for run in (alone, shared))
    assert (theirs["processes"], theirs["step_rows"]) == (2, 4)
    same = ("rows", "tokens", "steps", "validation_rows")
    assert [ours[key] for key in same] == [theirs[key] for key in same]
    again = _train(config, shared, short, HALF)
    assert "is up to date" in again.stdout, "the number of processes makes no other training"


@pytest.mark.slow
def test_divided_weights_have_the_losses_of_whole_ones(config: Path, make_run: Callable[[str], Path]) -> None:
    whole, divided, killed = make_run("undivided"), make_run("divided"), make_run("divided-killed")
    two = "train.processes=2"
    assert _train(config, whole, HALF, two).returncode == 0
    done = _train(config, divided, HALF, two, "train.shard_base=true")
    assert (done.returncode, done.stderr) == (0, "")
    assert "of the weights are divided among 2 processes" in done.stdout
    assert _largest_difference(whole, divided) < 1e-5
    process = _start_until(5, config, killed, HALF, "train.shard_base=true", "train.sft.save_steps=5")
    process.kill()
    process.communicate(timeout=60)
    _wait_for_workers(100)
    done = _train(config, killed, HALF, two, "train.shard_base=true", "train.sft.save_steps=5")
    assert "resuming after step" in done.stdout, done.stderr
    assert _largest_difference(whole, killed) < 1e-4
    alone = _train(config, make_run("divided-alone"), "train.shard_base=true")
    assert alone.returncode == 2
    assert alone.stderr == (
        "error: train.shard_base: one process has nobody to divide weights with; set train.processes\n"
    )


@pytest.mark.slow
@pytest.mark.parametrize("victim", [0, 1])
def test_kill_of_one_process_loses_and_doubles_nothing(
    config: Path, make_run: Callable[[str], Path], victim: int
) -> None:
    """The rest end in one line; a rerun goes on, with the same number of processes, or with one, or three."""
    whole = config.parent / "runs" / "whole"
    if not whole.exists():
        assert _train(config, make_run("whole"), *LONG).returncode == 0
    run = make_run(f"killed{victim}")
    process = _start_until(40, config, run, *LONG, HALF)
    os.kill(int(_workers()[victim]), signal.SIGKILL)
    out, error = process.communicate(timeout=60)
    assert process.returncode == 2, out
    assert error == (
        f"error: train: process {victim} was killed (SIGKILL); rerun to go on from the last complete checkpoint\n"
    )
    done = _launch(config, run, 3, *LONG, HALF) if victim else _train(config, run, *LONG, HALF)
    assert "resuming after step" in done.stdout, done.stderr
    assert "a step keeps the 4 rows with which this training began" in done.stdout
    assert _largest_difference(whole, run) < 1e-4


@pytest.mark.slow
def test_kill_of_the_launcher_leaves_no_process(config: Path, make_run: Callable[[str], Path]) -> None:
    run = make_run("orphans")
    process = _start_until(20, config, run, *LONG, HALF)
    assert len(_workers()) == 2
    process.kill()
    process.communicate(timeout=60)
    _wait_for_workers(50)
    done = _train(config, run, *LONG, HALF, "train.processes=2")
    assert "resuming after step" in done.stdout, done.stderr
    assert [row["step"] for row in _rows(run) if "loss" in row] == list(range(1, 181))


@pytest.mark.slow
@pytest.mark.parametrize(("name", "loss"), [("dft", "train.sft.loss_type=dft"), ("kl", "train.kl_coef=0.3")])
def test_three_processes_have_the_loss_of_one(
    config: Path, make_run: Callable[[str], Path], name: str, loss: str
) -> None:
    """With TRL's own loss, which gathers within a batch, and a last step that leaves two processes without rows."""
    alone, shared = make_run(f"alone-{name}"), make_run(f"shared-{name}")
    epochs = "train.sft.num_train_epochs=1.3"
    assert _train(config, alone, loss, epochs, "train.sft.per_device_train_batch_size=6").returncode == 0
    done = _launch(config, shared, 3, loss, epochs, HALF)
    assert done.returncode == 0, done.stderr
    assert _largest_difference(alone, shared) < 1e-5


@pytest.mark.slow
def test_an_error_in_all_processes_is_one_line(config: Path, make_run: Callable[[str], Path]) -> None:
    run = make_run("faulty")
    done = _train(config, run, "train.processes=2", "train.lora.target_modules=[nope]")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("error: train.lora.target_modules: 'nope' is no layer of this student")
    with Run(run).held("train"):
        done = _train(config, run, "train.processes=2")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "another kshot works here" in done.stderr


@pytest.mark.parametrize("failing", [0, 1])
def test_an_error_in_one_process_is_its_line_alone(tmp_path: Path, failing: int) -> None:
    """The others, who wait for it, leave without a word."""
    script = tmp_path / "script.py"
    script.write_text(f"""
import sys
from kshot.cli import guarded
from kshot.core.errors import RunError
from kshot.runtime.processes import process_rank
from kshot.train.parallel.group import join_group, lead, wait_for_all

def work():
    with join_group():
        assert lead(lambda: 7) == 7
        if process_rank() == {failing}:
            raise RunError("the disk of process {failing}")
        wait_for_all()

sys.exit(guarded(work))
""")
    done = subprocess.run([*ACCELERATE, "2", str(script)], capture_output=True, text=True, check=False)
    lines = [line for line in done.stderr.splitlines() if line.startswith("error:")]
    assert lines == [f"error: the disk of process {failing}"]
    assert "Connection closed" not in done.stderr


def test_accelerate_that_starts_one_process_of_two_is_refused(config: Path) -> None:
    """Without GPUs it does so by default."""
    command = [sys.executable, "-m", "accelerate.commands.launch", "--num_processes", "2", *COMMAND]
    command += ["train", str(config), "--run", "data"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "error: accelerate launch: started one of the processes that it was asked for" in done.stderr
