"""Device settings: probed once, kept, and refused where the device is gone."""

from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from kshot.core.errors import RunError
from kshot.models.loading import load_student
from kshot.runtime import device as device_module
from kshot.runtime.device import (
    Device,
    _time_step,
    cast_frozen_linears,
    load_or_probe_device,
    probe_device,
    time_in_turns,
)
from kshot.runtime.parallel import count_worker_groups


def test_probe_device_times_steps_in_turns_and_gives_up_a_slow_dtype(
    tiny_student: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A CPU without bfloat16 instructions takes several times as long for it, and each such pass is the user's time."""
    import torch

    products = {torch.float32: 1.0, torch.bfloat16: 1.9}
    seconds = {(False, "sdpa"): 2.0, (False, "eager"): 1.5, (True, "sdpa"): 3.5, (True, "eager"): 6.5}
    steps = []

    def time_step(model: Any, autocast: bool, attention: str, backward: bool) -> float:
        steps.append((autocast, attention))
        return seconds[autocast, attention]

    model, _ = load_student(str(tiny_student))
    monkeypatch.setattr(device_module, "_time_step", time_step)
    monkeypatch.setattr(device_module, "_time_product", lambda dtype: products[dtype])
    device = probe_device(model, "auto", 1, backward=True)
    plain = [(False, "sdpa"), (False, "eager")]
    assert steps == [*plain, (True, "sdpa"), (True, "eager"), *plain, (True, "sdpa"), *plain, *plain]
    assert (device.dtype, device.attention) == ("float32", "eager")
    assert device.seconds == {"float32 sdpa": 2.0, "float32 eager": 1.5, "bfloat16 sdpa": 3.5, "bfloat16 eager": 6.5}
    seconds[True, "sdpa"] = 1.4
    assert probe_device(model, "auto", 1, backward=True).dtype == "float32", "not clearly faster"
    seconds[True, "sdpa"] = 1.3
    assert probe_device(model, "auto", 1, backward=True).dtype == "bfloat16"
    products[torch.bfloat16] = 2.1
    steps.clear()
    assert probe_device(model, "auto", 1, backward=True).dtype == "float32"
    assert not any(autocast for autocast, _ in steps)
    assert probe_device(model, "bfloat16", 1, backward=True).dtype == "bfloat16", "the user wants it"


@pytest.mark.parametrize("bfloat16_seconds", [3.0, 1.2])
@pytest.mark.parametrize("busy", [{0}, {0, 1}, {1, 2}, {0, 2}, {0, 1, 2}, {1, 2, 3}])
def test_time_in_turns_finds_the_faster_step_on_a_machine_that_is_busy_for_a_while(
    busy: set[int], bfloat16_seconds: float
) -> None:
    """bfloat16 was seen at 9.5 s beside other work and at 3.0 s without, float32 at 2.0 s and 1.9 s."""
    rounds = {"float32": count(), "bfloat16": count()}

    def measure(name: str) -> float:
        is_busy = next(rounds[name]) in busy
        return (2.0 if is_busy else 1.9) if name == "float32" else bfloat16_seconds * (9.5 / 3.0 if is_busy else 1)

    seconds = time_in_turns({name: partial(measure, name) for name in rounds})
    assert min(seconds, key=lambda name: seconds[name]) == ("float32" if bfloat16_seconds > 2 else "bfloat16")
    assert seconds["float32"] == 1.9


def test_time_in_turns_times_a_step_that_is_far_behind_once() -> None:
    slow = count()
    assert time_in_turns({"fast": lambda: 1.0, "slow": lambda: 5.0 + next(slow)}) == {"fast": 1.0, "slow": 5.0}
    assert next(slow) == 1


def test_time_step_makes_one_pass(tiny_student: Path) -> None:
    import torch

    model, _ = load_student(str(tiny_student))
    passes = []
    model.register_forward_hook(lambda *_: passes.append(1))
    assert _time_step(model, False, "sdpa", True) > 0
    assert len(passes) == count_worker_groups(torch.get_num_threads(), 4)


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
