"""Device settings: probed once, kept, and refused where the device is gone."""

from pathlib import Path
from typing import Any

import pytest

from kshot.core.errors import RunError
from kshot.models.loading import load_student
from kshot.runtime import device as device_module
from kshot.runtime.device import Device, _time_step, cast_frozen_linears, load_or_probe_device, probe_device


def test_probe_device_gives_up_a_hopelessly_slow_dtype_early(
    tiny_student: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A CPU without bfloat16 instructions takes several times as long for it, and each such pass is the user's time."""
    import torch

    products = {torch.float32: 1.0, torch.bfloat16: 1.9}
    seconds = {(False, "sdpa"): 2.0, (False, "eager"): 1.5, (True, "sdpa"): 3.5, (True, "eager"): 1.0}
    steps = []

    def time_step(model: Any, autocast: bool, attention: str, backward: bool, limit: float) -> float:
        steps.append((autocast, attention, limit))
        return seconds[autocast, attention]

    model, _ = load_student(str(tiny_student))
    monkeypatch.setattr(device_module, "_time_step", time_step)
    monkeypatch.setattr(device_module, "_time_product", lambda dtype: products[dtype])
    device = probe_device(model, "auto", 1, backward=True)
    assert steps == [(False, "sdpa", float("inf")), (False, "eager", 4.0), (True, "sdpa", 3.0)]
    assert (device.dtype, device.attention) == ("float32", "eager")
    seconds[True, "sdpa"] = 2.9
    assert probe_device(model, "auto", 1, backward=True).dtype == "bfloat16"
    products[torch.bfloat16] = 2.1
    steps.clear()
    assert probe_device(model, "auto", 1, backward=True).dtype == "float32"
    assert [autocast for autocast, _, _ in steps] == [False, False]
    assert probe_device(model, "bfloat16", 1, backward=True).dtype == "bfloat16", "the user wants it"


def test_time_step_stops_beyond_its_limit(tiny_student: Path) -> None:
    model, _ = load_student(str(tiny_student))
    passes = []
    model.register_forward_hook(lambda *_: passes.append(1))
    assert _time_step(model, False, "sdpa", True, float("inf")) > 0
    assert len(passes) == 3
    assert _time_step(model, False, "sdpa", True, 0.0) > 0
    assert len(passes) == 5


def test_cast_frozen_linears_gives_loss_and_gradients_of_autocast(tiny_student: Path) -> None:
    import torch

    ids = torch.tensor([[1, 5, 9, 4, 3]])
    results = []
    for change in (lambda model: model, cast_frozen_linears):
        model = change(load_student(str(tiny_student))[0])
        for name, weight in model.named_parameters():
            weight.requires_grad_("norm" in name)
        with torch.autocast("cpu", torch.bfloat16):
            loss = model(input_ids=ids, labels=ids).loss
        loss.backward()
        results.append((loss.item(), model.model.norm.weight.grad))
        linear, output = model.model.layers[0].mlp.up_proj.weight.dtype, model.lm_head.weight.dtype
    assert (linear, output) == (torch.bfloat16, torch.float32)
    assert results[0][0] == results[1][0]
    assert torch.equal(results[0][1], results[1][1])


def test_load_or_probe_device_refuses_and_keeps_the_settings_of_a_missing_device(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beginning again by itself would sweep the checkpoints that were made there."""
    path = tmp_path / "settings.json"
    there, here = Device("cuda", 1, "bfloat16", "sdpa", {}), Device("cpu", 1, "float32", "sdpa", {})
    assert load_or_probe_device(path, "key", lambda: there) == there
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(RunError, match=r"settings\.json: this began on cuda, which this machine lacks; go on where"):
        load_or_probe_device(path, "key", lambda: here)
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    assert load_or_probe_device(path, "key", lambda: here) == there
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    path.unlink()
    assert load_or_probe_device(path, "key", lambda: here) == here
