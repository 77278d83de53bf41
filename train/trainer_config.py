"""Default settings of TRL and PEFT, and the faults of the user's."""

from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import Any

from kshot.config import TrainConfig
from kshot.config.loader import suggest
from kshot.runtime.device import Device

LORA_DEFAULTS: dict[str, Any] = {"r": 16, "lora_alpha": 32, "lora_dropout": 0.0, "target_modules": "all-linear"}
SFT_DEFAULTS: dict[str, Any] = {
    "learning_rate": 8e-4,
    "lr_scheduler_type": "cosine",
    "warmup_steps": 0.1,
    "per_device_train_batch_size": 4,
    "per_device_eval_batch_size": 8,
    # Varying batch lengths fragment the heap, so each allocation takes longer.
    "pad_to_multiple_of": 16,
    "num_train_epochs": 1,
    "weight_decay": 0.0,
    "save_steps": 50,
    "save_total_limit": 2,
    "logging_steps": 1,
    "eval_strategy": "steps",
    "eval_steps": 0.25,  # A fraction of all steps: the validation grows with the data, its number does not.
}
RESERVED = {
    "output_dir": "the run folder",
    "max_length": "train.max_length",
    "seed": "seed",
    "data_seed": "seed",
    "bf16": "train.dtype",
    "fp16": "train.dtype",
    "use_cpu": "the device",
    "resume_from_checkpoint": "rerunning the stage",
    "push_to_hub": "no key",
}

NUMBERS = {
    "per_device_train_batch_size": 1, "per_device_eval_batch_size": 1, "gradient_accumulation_steps": 1,
    "max_steps": -1, "num_train_epochs": 0,
}  # fmt: skip
"""Numbers that kshot computes with before TRL sees them, and their minimum."""


def lora_config(settings: TrainConfig) -> Any:
    """PEFT's settings: our defaults, then the user's."""
    from peft import LoraConfig

    return LoraConfig(**{"task_type": "CAUSAL_LM", **LORA_DEFAULTS, **settings.lora})


def sft_config(
    options: dict[str, Any], settings: TrainConfig, device: Device, checkpoints: Path, seed: int, validate: bool
) -> Any:
    """TRL's settings: our defaults, the user's, then what the device decides."""
    from trl import SFTConfig

    if not validate:
        options = {**options, "eval_strategy": "no"}
    return SFTConfig(
        **{
            "gradient_checkpointing": False,
            "train_sampling_strategy": "sequential",
            "report_to": [],
            "disable_tqdm": True,
            "dataloader_pin_memory": device.type == "cuda",
            **options,
            "num_train_epochs": 1,  # The plan holds the rows of every epoch and of max_steps.
            "max_steps": -1,
            "output_dir": str(checkpoints),
            "max_length": settings.max_length,
            "bf16": device.dtype == "bfloat16",
            "use_cpu": device.type == "cpu",
            "seed": seed,
        }
    )


def check_trainer_config(settings: TrainConfig) -> list[str]:
    """All faults of `train.sft` and `train.lora` at once; imports TRL and PEFT, which takes seconds."""
    if not settings.sft and not settings.lora:
        return []
    from kshot.runtime.logging import quiet

    with quiet():
        from peft import LoraConfig
        from trl import SFTConfig
    faults = []
    for section, values, cls in (("sft", settings.sft, SFTConfig), ("lora", settings.lora, LoraConfig)):
        known = [field.name for field in fields(cls)]
        for name, value in values.items():
            if section == "sft" and name in RESERVED:
                faults.append(f"train.sft.{name}: set by kshot from {RESERVED[name]}; leave it out here")
            elif name not in known:
                near = suggest(name, known, f"it is no field of {cls.__name__}")
                faults.append(f"train.{section}.{name}: unknown key; {near}")
            elif isinstance(value, str) and _is_number(cls, name):
                faults.append(
                    f"train.{section}.{name}: expected a number, found {value!r}; YAML reads 1e-4 as text: write 1.0e-4"
                )
    if faults:
        return faults
    options = {**SFT_DEFAULTS, **settings.sft}
    for name, least in NUMBERS.items():
        value = options.get(name, 1)
        if isinstance(value, bool) or not isinstance(value, int if least == 1 else int | float):
            faults.append(f"train.sft.{name}: expected a number, found {value!r}")
        elif value < least:
            faults.append(f"train.sft.{name}: must be {least} or more, found {value}")
    if faults:
        return faults
    plain = Device("cpu", 1, "float32", "sdpa", {})
    for section, name, make in (
        ("lora", "PEFT", partial(lora_config, settings)),
        ("sft", "TRL", partial(sft_config, options, settings, plain, Path("unused"), 0, validate=True)),
    ):
        try:
            with quiet():
                make()
        except (ImportError, TypeError, ValueError) as error:
            faults.append(f"train.{section}: {name} refuses it: {' '.join(str(error).split())}")
    return faults


def _is_number(cls: Any, name: str) -> bool:
    kind = str(next(field.type for field in fields(cls) if field.name == name))
    return any(word in kind for word in ("float", "int")) and "str" not in kind
