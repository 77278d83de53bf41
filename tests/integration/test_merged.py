"""The merged student is compared with the trained one before it is written."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from kshot.config import TrainConfig
from kshot.core.errors import RunError
from kshot.models.loading import load_student
from kshot.runtime.device import Device
from kshot.train.data import TrainRow
from kshot.train.export import merged as merged_module
from kshot.train.export.merged import TOLERANCES, compare_logits, compute_logits, export_student, merge_student
from kshot.train.fit import fit, plan_rows
from kshot.train.rows.split import prepare_rows
from kshot.train.run_files import TrainFacts


def _train(student: Path, folder: Path, dtype: str = "float32", **more: Any) -> tuple[Any, Any, Sequence[TrainRow]]:
    """Three steps, with the settings unchecked."""
    sft = {"learning_rate": 0.01, "max_steps": 3, "warmup_steps": 0, **more.pop("sft", {})}
    settings = TrainConfig(sft=sft, **more)
    model, tokenizer = load_student(str(student))
    records = [{"instruction": f"say {n}", "output": f"word {n}"} for n in range(12)]
    rows = prepare_rows(records, tokenizer, 400, 0.0, 1, targets=True).train
    plan = plan_rows(rows, settings, 1)
    return fit(model, tokenizer, plan, [], settings, Device("cpu", 1, dtype, "eager", {}), folder, 1), tokenizer, plan


def _facts(dtype: str) -> TrainFacts:
    return TrainFacts(
        run="r", base="b", data="d", rows=12, validation_rows=0, tokens=1, dropped={}, steps=3, loss=1.0,
        validation=None, lora={}, sft={}, device=asdict(Device("cpu", 1, dtype, "eager", {})), adapter_scale=1.0,
        template_date=None, stop_token="<|im_end|>",
    )  # fmt: skip


def _export(student: Path, folder: Path, dtype: str = "float32", **more: Any) -> None:
    trained, tokenizer, plan = _train(student, folder, dtype, **more)
    prompts = [row.input_ids for row in plan[:4]]
    export_student(trained, tokenizer, str(student), folder, _facts(dtype), prompts, compute_logits(trained, prompts))


@pytest.mark.parametrize("dtype", sorted(TOLERANCES))
def test_export_student_writes_a_student_that_agrees(dtype: str, tiny_student: Path, tmp_path: Path) -> None:
    _export(tiny_student, tmp_path, dtype)
    assert (tmp_path / "adapter" / "adapter_config.json").exists()
    assert (tmp_path / "merged" / "config.json").exists()


@pytest.mark.parametrize("dtype", sorted(TOLERANCES))
def test_export_student_refuses_a_merge_without_the_adapter_and_keeps_it(
    dtype: str, tiny_student: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(merged_module, "merge_student", lambda student, _: load_student(student)[0])
    with pytest.raises(RunError, match=r"the merged student is not the trained one: .*adapter is kept"):
        _export(tiny_student, tmp_path, dtype)
    assert (tmp_path / "adapter" / "adapter_model.safetensors").exists()
    assert not (tmp_path / "merged").exists()


def test_export_student_notices_weights_that_a_merge_gets_wrong(
    tiny_student: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Initial values that change the student's own weights; `train.lora` refuses them before it comes to that."""
    from peft import LoraConfig

    pissa = LoraConfig(task_type="CAUSAL_LM", r=4, target_modules="all-linear", init_lora_weights="pissa_niter_4")
    monkeypatch.setattr("kshot.train.adapters.lora_config", lambda _: pissa)
    with pytest.raises(RunError, match="the merged student is not the trained one"):
        _export(tiny_student, tmp_path)


def test_compare_logits_takes_no_nan_for_agreement(tmp_path: Path) -> None:
    import torch

    right, wrong = torch.tensor([[1.0, 2.0]]), torch.tensor([[1.0, float("nan")]])
    compare_logits([right], [right.clone()], 1e-3, tmp_path)
    for pair in ((right, wrong), (wrong, wrong)):
        with pytest.raises(RunError):
            compare_logits([pair[0]], [pair[1]], 1e-3, tmp_path)


def test_compute_logits_leaves_the_model_in_its_mode(tiny_student: Path, tmp_path: Path) -> None:
    trained, _, plan = _train(tiny_student, tmp_path, lora={"lora_dropout": 0.5})
    trained.train()
    prompts = [row.input_ids for row in plan[:2]]
    first, again = compute_logits(trained, prompts), compute_logits(trained, prompts)
    assert trained.training
    assert all(ours.equal(theirs) for ours, theirs in zip(first, again, strict=True)), "dropout is off"
    trained.save_pretrained(tmp_path / "adapter")
    merged = compute_logits(merge_student(str(tiny_student), tmp_path / "adapter"), prompts)
    compare_logits(first, merged, 1e-4, tmp_path)


def test_fit_refuses_another_number_of_steps_than_planned(
    tiny_student: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows that get lost on the way to the trainer make fewer batches."""
    monkeypatch.setattr("kshot.train.fit.fill_steps", lambda plan, layout: plan[: -layout.rows])
    with pytest.raises(RunError, match=r"took 2 steps, and 3 were planned"):
        _train(tiny_student, tmp_path)
