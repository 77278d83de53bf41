"""Faster ways to compute a step: the same losses, or a line that says what is missing."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from kshot.config import TrainConfig
from kshot.core.errors import ConfigError
from kshot.core.files import read_log
from kshot.models.loading import load_student
from kshot.runtime.device import Device
from kshot.train.acceleration import check_acceleration, choose_attention
from kshot.train.export.merged import compute_logits
from kshot.train.fit import fit, plan_rows
from kshot.train.rows.split import prepare_rows
from kshot.train.trainer_config import check_trainer_config
from tests.architectures import save_architecture

CPU = Device("cpu", 2, "float32", "sdpa", {})
PLAIN = {"learning_rate": 0.01, "per_device_train_batch_size": 3, "pad_to_multiple_of": 8}
COMPILED = {"torch_compile": True, "torch_compile_backend": "eager"}


def _losses(student: Path, folder: Path, attention: str = "sdpa", **more: object) -> list[float]:
    """Those of each step and of the validation, with rows of unlike lengths."""
    settings = TrainConfig(max_length=200, validation_fraction=0.3, sft={**PLAIN, **more})
    model, tokenizer = load_student(str(student))
    records = [{"instruction": "say it " * n, "output": f"word {n}"} for n in range(1, 15)]
    split = prepare_rows(records, tokenizer, 200, 0.3, 1, targets=False)
    plan, device = plan_rows(split.train, settings, 1), replace(CPU, attention=attention)
    fit(model, tokenizer, plan, split.validation, settings, device, folder, 1)
    return [value for row in read_log(folder / "metrics.jsonl") for key, value in row.items() if key.endswith("loss")]


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
def test_batches_without_padding_have_the_same_losses(attention: str, tiny_student: Path, tmp_path: Path) -> None:
    padded = _losses(tiny_student, tmp_path / "padded", attention)
    free = _losses(tiny_student, tmp_path / "free", attention, padding_free=True)
    assert len(padded) > 4
    assert free == pytest.approx(padded, rel=1e-4)
    assert free != padded


def test_only_the_training_takes_an_attention_that_needs_its_device(tiny_student: Path, tmp_path: Path) -> None:
    from transformers import AttentionInterface, AttentionMaskInterface
    from transformers.integrations.sdpa_attention import sdpa_attention_forward
    from transformers.masking_utils import sdpa_mask

    calls = []

    def attend(module: Any, query: Any, *arguments: Any, **options: Any) -> Any:
        # As flash attention does, which is no use to probes in float32 on the CPU.
        assert torch.is_autocast_enabled("cpu")
        calls.append(query.shape)
        return sdpa_attention_forward(module, query, *arguments, **options)

    AttentionInterface.register("picky", attend)
    AttentionMaskInterface.register("picky", sdpa_mask)
    settings = TrainConfig(max_length=200, validation_fraction=0, sft={**PLAIN, "max_steps": 2})
    model, tokenizer = load_student(str(tiny_student))
    own = model.config._attn_implementation
    records = [{"instruction": "say it", "output": f"word {n}"} for n in range(6)]
    plan = plan_rows(prepare_rows(records, tokenizer, 200, 0, 1, targets=False).train, settings, 1)
    trained = fit(model, tokenizer, plan, (), settings, replace(CPU, dtype="bfloat16", attention="picky"), tmp_path, 1)
    assert calls
    calls.clear()
    compute_logits(trained, [row.input_ids for row in plan[:2]])
    assert (model.config._attn_implementation, calls) == (own, [])


@pytest.mark.slow
def test_compiled_code_has_the_same_losses(tiny_student: Path, tmp_path: Path) -> None:
    from torch._dynamo.utils import counters

    plain = _losses(tiny_student, tmp_path / "plain")
    counters.clear()
    compiled = _losses(tiny_student, tmp_path / "compiled", **COMPILED)
    assert counters["frames"]["ok"] > 0
    assert compiled == pytest.approx(plain, rel=1e-4)


def test_padding_free_is_refused_where_layers_mix_the_rows(tmp_path: Path) -> None:
    model, _ = load_student(str(save_architecture("Mamba", tmp_path / "student")))
    with pytest.raises(ConfigError, match=r"train\.sft\.padding_free: this student"):
        check_acceleration(model, TrainConfig(sft={"padding_free": True}), CPU)


def test_what_needs_a_gpu_is_refused_on_a_cpu(tiny_student: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model, _ = load_student(str(tiny_student))
    with pytest.raises(ConfigError, match=r"train\.attention: flash_attention_2 needs a GPU, and this trains on cpu"):
        choose_attention(model, TrainConfig(attention="flash_attention_2"), CPU)
    liger = TrainConfig(sft={"use_liger_kernel": True})
    with pytest.raises(ConfigError, match=r"train\.sft\.use_liger_kernel: needs a GPU, and this trains on cpu"):
        check_acceleration(model, liger, CPU)
    monkeypatch.setattr("kshot.train.trainer_config.find_spec", lambda name: None)
    assert check_trainer_config(liger) == ["train.sft.use_liger_kernel: needs liger-kernel; pip install 'kshot[gpu]'"]


def test_the_attention_that_is_named_is_taken(tiny_student: Path) -> None:
    model, _ = load_student(str(tiny_student))
    assert choose_attention(model, TrainConfig(attention="eager"), CPU).attention == "eager"
    assert choose_attention(model, TrainConfig(), CPU) == CPU
    gpu = Device("cuda", 2, "bfloat16", "sdpa", {})
    with pytest.raises(ConfigError, match=r"train\.attention: flash_attention_2: "):
        choose_attention(model, TrainConfig(attention="flash_attention_2"), gpu)


def test_compiling_needs_a_compiler(tiny_student: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from torch._inductor import cpp_builder

    def fail() -> str:
        raise RuntimeError("none")

    model, _ = load_student(str(tiny_student))
    monkeypatch.setattr(cpp_builder, "get_cpp_compiler", fail)
    check_acceleration(model, TrainConfig(sft=COMPILED), CPU)
    with pytest.raises(ConfigError, match=r"torch_compile: needs a C\+\+ compiler, and there is none; install g\+\+"):
        check_acceleration(model, TrainConfig(sft={"torch_compile": True}), CPU)
