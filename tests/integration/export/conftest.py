"""A run of three steps with a tiny student, and a stand-in for llama.cpp."""

import shutil
import sys
from dataclasses import asdict
from pathlib import Path

import pytest

from kshot.config import TrainConfig
from kshot.core.run_files import write_model
from kshot.models.loading import fingerprint_model, load_student
from kshot.runtime.device import Device
from kshot.train.export import answers
from kshot.train.export.llama import llama_cpp
from kshot.train.export.merged import compute_logits, export_student
from kshot.train.fit import fit, plan_rows
from kshot.train.rows.split import prepare_rows
from kshot.train.run_files import TrainManifest
from tests.converters import write_converter

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="session")
def student(tiny_student: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny student with larger weights, which answers every item with other characters."""
    import torch
    from safetensors.torch import load_file, save_file

    folder = Path(shutil.copytree(tiny_student, tmp_path_factory.mktemp("bases") / "lively"))
    weights, generator = load_file(folder / "model.safetensors"), torch.Generator().manual_seed(3)
    lively = {
        name: torch.randn(tensor.shape, generator=generator) if tensor.dim() == 2 else tensor
        for name, tensor in weights.items()
    }
    save_file(lively, folder / "model.safetensors", {"format": "pt"})
    return folder


@pytest.fixture(scope="session")
def trained(student: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of three steps."""
    run = tmp_path_factory.mktemp("runs") / "three"
    settings = TrainConfig(sft={"learning_rate": 0.01, "max_steps": 3, "warmup_steps": 0})
    model, tokenizer = load_student(str(student))
    records = [{"instruction": f"say {n}", "output": f"word {n}"} for n in range(12)]
    plan = plan_rows(prepare_rows(records, tokenizer, 400, 0.0, 1, targets=True).train, settings, 1)
    device = Device("cpu", 1, "float32", "eager", {})
    adapted = fit(model, tokenizer, plan, [], settings, device, run / "train", 1)
    manifest = TrainManifest(
        run="three", base=str(student), base_fingerprint=fingerprint_model(str(student)), data="d", rows=12,
        validation_rows=0, tokens=1, dropped={}, steps=3, loss=1.0, validation=None, lora={}, sft={},
        device=asdict(device), adapter_scale=1.0, template_date=None, stop_token="<|im_end|>", key="k", seed=1,
        training_seed=1, versions={},
    )  # fmt: skip
    prompts = [row.input_ids for row in plan[:4]]
    logits = compute_logits(adapted, prompts)
    export_student(adapted, tokenizer, str(student), run / "train", manifest, prompts, logits)
    write_model(run / "train" / "manifest.json", manifest)
    return run


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Path:
    """A copy of the run, to export and to spoil."""
    return Path(shutil.copytree(trained, tmp_path / "runs" / "three", ignore=shutil.ignore_patterns("checkpoints")))


@pytest.fixture
def converter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A stand-in for llama.cpp, and none of its programs elsewhere."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    folder = write_converter(tmp_path / "llama.cpp")
    monkeypatch.setenv("LLAMA_CPP_DIR", str(folder))
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    return folder


@pytest.fixture
def without_llama_cpp(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where no binding of llama.cpp is installed."""
    monkeypatch.setitem(sys.modules, "mlx_lm", None)
    for module in (answers, llama_cpp):
        monkeypatch.setattr(module, "find_spec", lambda name: None)
