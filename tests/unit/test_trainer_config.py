"""Settings of TRL and PEFT: defaults, and every fault of the user's before training."""

from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from kshot.config import Config, TrainConfig
from kshot.runtime.device import Device
from kshot.runtime.logging import quiet
from kshot.train.settings import LORA_SETTINGS, SFT_SETTINGS, TrainerSetting
from kshot.train.trainer_config import SFT_DEFAULTS, check_trainer_config, sft_config
from tests.settings import HOSTILE


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
    assert "train.lora.r: expected a whole number, 1 to 1000000, found '8'; write it without quotes" in faults


def test_check_trainer_config_reports_what_peft_refuses() -> None:
    config = Config.model_validate({"train": {"lora": {"layers_to_transform": [1]}}})
    (fault,) = check_trainer_config(config.train)
    assert fault.startswith("train.lora: PEFT refuses it: `layers_to_transform` cannot be used")
    assert (
        check_trainer_config(Config.model_validate({"train": {"lora": {"exclude_modules": ".*layers.0.*"}}}).train)
        == []
    )


def test_check_trainer_config_says_what_is_allowed() -> None:
    def faults(**sft: object) -> list[str]:
        return check_trainer_config(Config.model_validate({"train": {"sft": sft}}).train)

    (fault,) = faults(lr_scheduler_type="cosin")
    assert fault.startswith("train.sft.lr_scheduler_type: expected one of linear, cosine, ")
    assert fault.endswith("found 'cosin'")
    for name in ("per_device_train_batch_size", "per_device_eval_batch_size"):
        for value in (0, None):
            assert faults(**{name: value}) == [
                f"train.sft.{name}: expected a whole number, 1 to 1000000, found {value}"
            ]
    for name in ("max_steps", "num_train_epochs"):
        (fault,) = faults(**{name: None})
        assert fault.startswith(f"train.sft.{name}: expected a ")
    (fault,) = faults(learning_rate="1e-4")
    assert fault.endswith("YAML reads 1e-4 as text: write 1.0e-4")
    assert faults(max_steps=3, num_train_epochs=0.5) == []


def test_settings_sort_every_field_of_trl_and_peft() -> None:
    """Fails with a new version of either until each of its fields is sorted."""
    from peft import LoraConfig
    from trl import SFTConfig

    tables: list[tuple[Any, Any]] = [(SFTConfig, SFT_SETTINGS), (LoraConfig, LORA_SETTINGS)]
    for cls, table in tables:
        assert {field.name for field in fields(cls)} == set(table)
        assert all(
            setting.note and (setting.kind is not None) == (setting.status == "honoured") for setting in table.values()
        )


@pytest.mark.parametrize("section", ["sft", "lora"])
def test_check_trainer_config_has_a_line_or_no_objection_for_any_value(section: str) -> None:
    table = {"sft": SFT_SETTINGS, "lora": LORA_SETTINGS}[section]
    refused = 0
    for name, setting in table.items():
        for value in HOSTILE:
            faults = check_trainer_config(TrainConfig(**{section: {name: value}}))
            assert all("\n" not in fault and fault.startswith("train.") for fault in faults), (name, value, faults)
            assert _is_expected(setting, bool(faults)), (name, value)
            refused += bool(faults)
    assert refused > 20 * len(table)


def _is_expected(setting: TrainerSetting, refused: bool) -> bool:
    """kshot's own settings are refused with any value."""
    return refused or setting.status != "ours"


def test_check_trainer_config_accepts_what_happens_anyway() -> None:
    """`packing: false` says nothing new; 0 is not false."""
    assert (
        check_trainer_config(TrainConfig(sft={"packing": False, "torch_compile": False}, lora={"bias": "none"})) == []
    )
    assert len(check_trainer_config(TrainConfig(sft={"packing": 0}))) == 1


def test_check_trainer_config_refuses_more_threads_than_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kshot.train.trainer_config.count_cores", lambda: 2)
    assert check_trainer_config(TrainConfig(threads=2)) == []
    assert check_trainer_config(TrainConfig(threads=100_000)) == [
        "train.threads: this process may use 2 cores, found 100000; 0 takes all of them"
    ]
