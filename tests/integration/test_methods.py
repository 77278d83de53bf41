"""What is trained and how it is held: all weights, and four bits under an adapter."""

from pathlib import Path

import pytest

from kshot.config import Config, TrainConfig
from kshot.config.loader import load_config
from kshot.core.errors import ConfigError, RunError
from kshot.core.files import read_json
from kshot.core.runs import Run
from kshot.models.answering import find_model
from kshot.models.checkpoints import find_checkpoints, load_checkpoint
from kshot.models.loading import load_student
from kshot.train.export.run import run_export
from kshot.train.stage import run_train
from kshot.train.trainer_config import check_trainer_config, sft_options
from tests.students import save_tiny_student

FULL = ["train.method=full", "train.sft.learning_rate=0.001"]


def _prepare(config_file: Path, *settings: str) -> tuple[Config, Run]:
    config = load_config(config_file, list(settings))
    run = Run(config.runs / "tiny")
    (run.folder / "generate").mkdir(parents=True, exist_ok=True)
    rows = "".join(f'{{"instruction": "say {n}", "output": "word {n}"}}\n' for n in range(12))
    (run.folder / "generate" / "train.jsonl").write_text(rows)
    return config, run


def test_full_trains_all_weights_and_writes_the_merged_student_alone(config_file: Path, tiny_student: Path) -> None:
    """An adapter of an earlier training goes; whoever loads a run finds the student; config.json is the base's."""
    run_train(*_prepare(config_file))
    config, run = _prepare(config_file, *FULL)
    train = run.folder / "train"
    assert (train / "adapter").is_dir()
    run_train(config, run)
    assert not (train / "adapter").exists()
    base, _ = load_student(str(tiny_student))
    student, _ = load_checkpoint(find_checkpoints(["tiny"], config)[0])
    moved = [name for name, weight in student.state_dict().items() if not weight.equal(base.state_dict()[name])]
    assert len(moved) == len(student.state_dict())
    ours, theirs = (read_json(folder / "config.json") for folder in (train / "merged", tiny_student))
    assert ours == theirs
    manifest = read_json(train / "manifest.json")
    assert (manifest["method"], manifest["lora"], manifest["sft"]["learning_rate"]) == ("full", {}, 0.001)
    card = (train / "merged" / "README.md").read_text()
    assert "all weights; the loss is on the answers only" in card
    assert "LoRA" not in card
    with pytest.raises(RunError, match="all weights were trained, so there is no adapter; export --to merged"):
        run_export(run.folder, "adapter", None, None, None, [], [])
    with pytest.raises(RunError, match="leave --adapter out"):
        find_model(str(run.folder), adapter=True)


def test_full_has_a_learning_rate_of_its_own() -> None:
    assert sft_options(TrainConfig(method="full"))["learning_rate"] == 2e-5
    assert sft_options(TrainConfig(method="full", sft={"learning_rate": 0.1}))["learning_rate"] == 0.1
    assert sft_options(TrainConfig())["learning_rate"] == 8e-4


@pytest.mark.parametrize("more", ["lora.r=4", "adapter_scale=0.5", "kl_coef=0.1", "quantize=nf4"])
def test_full_refuses_what_needs_an_adapter(config_file: Path, more: str) -> None:
    config = load_config(config_file, ["train.method=full", f"train.{more}"])
    (fault,) = check_trainer_config(config.train)
    assert fault.startswith(f"train.{more.split('=')[0].split('.')[0]}: needs an adapter")


def test_nf4_is_refused_without_its_library(config_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kshot.train.trainer_config.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"train.quantize: nf4 needs bitsandbytes; pip install 'kshot\[gpu\]'"):
        run_train(*_prepare(config_file, "train.quantize=nf4"))


def test_nf4_trains_an_adapter_on_four_bits(
    config_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("bitsandbytes")
    from kshot.core.errors import WeightsError

    with pytest.raises(WeightsError, match="on a CPU the inputs of a layer go up in 64"):
        run_train(*_prepare(config_file, "train.quantize=nf4"))
    student = save_tiny_student(tmp_path / "wide", hidden=128)
    config, run = _prepare(config_file, f"student={student}", "train.quantize=nf4")
    run_train(config, run)
    assert "standard deviations from those on nf4" in capsys.readouterr().out
    assert read_json(run.folder / "train" / "manifest.json")["quantize"] == "nf4"
