"""A base measured in one run is not measured again in the next; facts of the machine are read once."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from kshot.runtime.device import Device
from tests.conftest import write_config
from tests.integration.ready import evaluated, read, ready_run


def probes(monkeypatch: pytest.MonkeyPatch, *outcomes: tuple[str, str]) -> list[tuple[str, str]]:
    """Let the probe choose these (dtype, attention) one after another; returns those that are left."""
    left = list(outcomes)

    def probe(model: Any, dtype: str, threads: int, backward: bool) -> Device:
        return Device("cpu", threads or 1, *left.pop(0), {})

    monkeypatch.setattr("kshot.evaluate.stage.probe_device", probe)
    return left


def measured(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The labels of the measurements that are really made from now on."""
    from kshot.evaluate.measure import measurement

    made: list[str] = []
    make = measurement.measure

    def note(one: Any, lm: Any, limit: int | None) -> None:
        made.append(f"{one.model} k={one.k} {lm.model.dtype}")
        make(one, lm, limit)

    monkeypatch.setattr(measurement, "measure", note)
    return made


def second_run(config: Path, student: Path) -> Path:
    """Another config beside the first, with a run that can be evaluated."""
    other = config.with_name("second.yaml")
    shutil.copy(config, other)
    ready_run(other, student)
    return other


def test_two_runs_with_other_probes_share_the_measurements_of_their_base(
    tmp_path: Path, tiny_student: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    config = write_config(tmp_path, tiny_student)
    run = ready_run(config, tiny_student)
    other = second_run(config, tiny_student)
    left = probes(monkeypatch, ("bfloat16", "eager"), ("float32", "sdpa"))
    made = measured(monkeypatch)
    more = ("evaluate.dtype=auto", "evaluate.shots=[0, 1]", "evaluate.forgetting=true")
    assert evaluated(config, *more, "train.threads=1") == 0
    assert made == [f"{model} k={k} torch.bfloat16" for model in ("base", "student") for k in (0, 1)]
    made.clear()
    capsys.readouterr()
    assert evaluated(other, *more, "train.threads=2", "evaluate.backend_args={}") == 0
    # The student is asked in the arithmetic of its base, and nothing is probed.
    assert made == [f"student k={k} torch.bfloat16" for k in (0, 1)]
    assert len(left) == 1
    assert f"base: 2 of 2 measurements are those of the run {run.name}" in " ".join(capsys.readouterr().out.split())
    first, second = (folder.parent / "runs" / folder.stem / "evaluate" for folder in (config, other))
    for name in ("measurements/tinysuite/base-k1/samples.jsonl", "forgetting/base.json"):
        assert (first / name).read_bytes() == (second / name).read_bytes()
    devices = [read(folder / "manifest.json")["device"] for folder in (first, second)]
    assert [(d["dtype"], d["attention"], d["threads"]) for d in devices] == [
        ("bfloat16", "eager", 1),
        ("bfloat16", "eager", 2),
    ]
    # Other threads measure nothing again.
    made.clear()
    assert evaluated(other, *more, "train.threads=1") == 0
    assert made == []


@pytest.mark.parametrize(
    ("change", "again"),
    [
        ("evaluate.dtype=float32", True),
        ("evaluate.dtype=bfloat16", False),
        ("evaluate.limit=2", True),
        ("evaluate.fewshot_seeds=[0]", False),
    ],
)
def test_a_base_is_measured_again_where_its_scores_may_be_others(
    tmp_path: Path, tiny_student: Path, monkeypatch: pytest.MonkeyPatch, change: str, again: bool
) -> None:
    config = write_config(tmp_path, tiny_student)
    ready_run(config, tiny_student)
    other = second_run(config, tiny_student)
    probes(monkeypatch, ("bfloat16", "sdpa"), ("float32", "sdpa"))
    made = measured(monkeypatch)
    assert evaluated(config, "evaluate.shots=[0]", "evaluate.dtype=auto") == 0
    made.clear()
    assert evaluated(other, "evaluate.shots=[0]", "evaluate.dtype=auto", change) == 0
    assert ("base" in str(made)) is again
    assert "student" in str(made)


def test_the_facts_of_the_machine_are_read_once(
    tmp_path: Path, tiny_student: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from torch.utils import collect_env

    asked = []
    monkeypatch.setattr(collect_env, "get_pretty_env_info", lambda: asked.append(1) or "facts")
    config = write_config(tmp_path, tiny_student)
    run = ready_run(config, tiny_student)
    assert evaluated(config, "evaluate.shots=[0, 1]") == 0
    assert asked == [1]
    files = list(run.glob("evaluate/measurements/*/*/**/results_*.json"))
    assert len(files) == 4
    assert {json.loads(file.read_text())["pretty_env_info"] for file in files} == {"facts"}
