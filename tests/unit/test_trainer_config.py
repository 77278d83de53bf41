"""Settings of TRL and PEFT: defaults, and every fault of the user's before training."""

from pathlib import Path
from typing import Any

from kshot.config import Config, TrainConfig
from kshot.runtime.device import Device
from kshot.runtime.logging import quiet
from kshot.train.trainer_config import SFT_DEFAULTS, check_trainer_config, sft_config


def test_sft_config_pads_to_few_lengths_unless_the_user_sets_another(tmp_path: Path) -> None:
    device = Device("cpu", 1, "float32", "sdpa", {})
    settings: list[dict[str, Any]] = [SFT_DEFAULTS, {**SFT_DEFAULTS, "pad_to_multiple_of": 8}]
    with quiet():
        ours, theirs = (sft_config(given, TrainConfig(), device, tmp_path, 1, validate=False) for given in settings)
    assert (ours.pad_to_multiple_of, theirs.pad_to_multiple_of) == (16, 8)


def test_check_trainer_config_checks_the_names_of_trl_and_peft() -> None:
    config = Config.model_validate({"train": {"sft": {"learning_rat": 1.0, "seed": 3}, "lora": {"rank": 4, "r": "8"}}})
    faults = check_trainer_config(config.train)
    assert "train.sft.learning_rat: unknown key; did you mean 'learning_rate'?" in faults
    assert any(fault.startswith("train.sft.seed: set by kshot") for fault in faults)
    assert any(fault.startswith("train.lora.rank: ") for fault in faults)
    assert any(fault.startswith("train.lora.r: expected a number") for fault in faults)


def test_check_trainer_config_reports_what_peft_refuses() -> None:
    config = Config.model_validate({"train": {"lora": {"layers_to_transform": [1]}}})
    (fault,) = check_trainer_config(config.train)
    assert fault.startswith("train.lora: PEFT refuses it: `layers_to_transform` cannot be used")
    assert (
        check_trainer_config(Config.model_validate({"train": {"lora": {"exclude_modules": ".*layers.0.*"}}}).train)
        == []
    )


def test_check_trainer_config_reports_what_trl_refuses() -> None:
    def faults(**sft: object) -> list[str]:
        return check_trainer_config(Config.model_validate({"train": {"sft": sft}}).train)

    (fault,) = faults(lr_scheduler_type="cosin")
    assert fault.startswith("train.sft: TRL refuses it: cosin is not a valid SchedulerType")
    assert "train.sft.per_device_train_batch_size: must be 1 or more, found 0" in faults(per_device_train_batch_size=0)
    assert "train.sft.per_device_eval_batch_size: must be 1 or more, found 0" in faults(per_device_eval_batch_size=0)
    for name in ("per_device_train_batch_size", "max_steps", "num_train_epochs"):
        assert faults(**{name: None}) == [f"train.sft.{name}: expected a number, found None"]
    assert faults(max_steps=3, num_train_epochs=0.5) == []
