"""Default settings of TRL and PEFT, and the faults of the user's."""

import re
from collections.abc import Mapping
from dataclasses import fields
from functools import partial
from importlib.util import find_spec
from math import ceil, isfinite
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from kshot.config import TrainConfig
from kshot.config.loader import suggest
from kshot.core.errors import summarize_error
from kshot.runtime.device import Device, count_cores
from kshot.runtime.logging import quiet
from kshot.train.settings import LORA_SETTINGS, SFT_SETTINGS, TrainerSetting, convert

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
    "eval_strategy": "steps",
    "eval_steps": 0.25,  # A fraction of all steps: the validation grows with the data, its number does not.
}
FULL_DEFAULTS: dict[str, Any] = {"learning_rate": 2e-5}
"""What differs where all weights are trained (TRL's default)."""
ADAM_ONLY = ("adam_beta1", "adam_beta2", "adam_epsilon")
"""Settings of the optimizers whose name begins with adamw."""
EVALUATION_ONLY = ("eval_strategy", "eval_steps", "eval_delay", "eval_on_start", "per_device_eval_batch_size")
"""Settings of the measurements on the validation part."""
MAX_SCHEDULE_STEPS = 1000
"""Steps whose learning rates are looked at before training."""
MAX_QUOTED_CHARS = 80


def sft_options(settings: TrainConfig) -> dict[str, Any]:
    """Our defaults for the method, then the user's."""
    return {**SFT_DEFAULTS, **(FULL_DEFAULTS if settings.method == "full" else {}), **settings.sft}


def lora_config(settings: TrainConfig) -> Any:
    """PEFT's settings: our defaults, then the user's."""
    from peft import LoraConfig

    return LoraConfig(**{"task_type": "CAUSAL_LM", **LORA_DEFAULTS, **convert(settings.lora, LORA_SETTINGS)})


def sft_config(
    options: dict[str, Any], settings: TrainConfig, device: Device, checkpoints: Path, seed: int, validate: bool
) -> Any:
    """TRL's settings: our defaults, the user's, then what the device decides."""
    from trl import SFTConfig

    if not validate:
        options = {**options, "eval_strategy": "no"}
    config = SFTConfig(
        **{
            "gradient_checkpointing": False,
            **convert(options, SFT_SETTINGS),
            # Re-entrant checkpointing gives no gradient to weights that are asked for by name, as threads ask.
            "gradient_checkpointing_kwargs": {"use_reentrant": False},
            "train_sampling_strategy": "sequential",
            # The rows are tokenized and of the right length; TRL would read all of them twice more in each process.
            "dataset_kwargs": {"skip_prepare_dataset": True},
            "report_to": [],
            "disable_tqdm": True,
            "log_level_replica": "error",
            "dataloader_pin_memory": device.type == "cuda",
            "logging_steps": 1,
            "num_train_epochs": 1,  # The plan holds the rows of every epoch and of max_steps.
            "max_steps": -1,
            "output_dir": str(checkpoints),
            # TRL takes None as a promise that rows are of the right length already, which they are.
            "max_length": None if options.get("padding_free") else settings.max_length,
            "bf16": device.dtype == "bfloat16",
            "use_cpu": device.type == "cpu",
            "seed": seed,
        }
    )
    # The trainer would split batches over all GPUs that it sees, each of the size for one.
    config._n_gpu = min(config.n_gpu, 1)
    return config


def check_trainer_config(settings: TrainConfig) -> list[str]:
    """All faults of `train` that the config alone shows; imports TRL and PEFT where the cheap checks find none."""
    faults = _check_threads(settings.threads, settings.processes) + _check_method(settings)
    if faults or (not settings.sft and not settings.lora):
        return faults
    faults += _check_values("sft", settings.sft, SFT_SETTINGS)
    faults += _check_values("lora", settings.lora, LORA_SETTINGS)
    faults = faults or _check_combinations(settings)
    return faults or _build(settings)


def _check_threads(threads: int, processes: int | str) -> list[str]:
    cores = count_cores()
    if isinstance(processes, int) and 1 < processes <= cores < threads * processes:
        return [
            f"train.threads: this process may use {cores} cores, found {threads} in each of {processes} processes; "
            "0 takes a share of them"
        ]
    if threads <= cores:
        return []
    return [f"train.threads: this process may use {cores} cores, found {threads}; 0 takes all of them"]


def _check_method(settings: TrainConfig) -> list[str]:
    """Settings of an adapter where none is trained, weights in four bits or parts where none can be held so."""
    if settings.method == "full":
        changed = {
            "lora": bool(settings.lora),
            "adapter_scale": settings.adapter_scale != 1,
            "kl_coef": settings.kl_coef != 0,
            "quantize": settings.quantize is not None,
            "shard_base": settings.shard_base,
        }
        return [
            f"train.{name}: needs an adapter, and train.method: full trains none; leave one of the two out"
            for name, is_set in changed.items()
            if is_set
        ]
    if settings.shard_base and settings.quantize:
        return ["train.shard_base: divides weights of 16 or 32 bits, and not those of train.quantize; leave one out"]
    if settings.quantize is None:
        return []
    if find_spec("bitsandbytes") is None:
        return [f"train.quantize: {settings.quantize} needs bitsandbytes; pip install 'kshot[gpu]'"]
    return []


def _check_values(section: str, given: dict[str, Any], known: Mapping[str, TrainerSetting]) -> list[str]:
    faults = []
    for name, value in given.items():
        setting = known.get(name)
        key = f"train.{section}.{name}"
        if setting is None:
            owner = "TRL's SFTConfig" if section == "sft" else "PEFT's LoraConfig"
            faults.append(f"{key}: unknown key; {suggest(name, known, f'it is no field of {owner}')}")
        elif setting.status == "ours":
            faults.append(f"{key}: set by kshot: {setting.note}; leave it out here")
        elif setting.status == "unsupported":
            if not _is_default(section, name, value):
                faults.append(f"{key}: not supported, found {_quote(value)}; {setting.note}")
        elif not _fits(setting.kind, value):
            faults.append(f"{key}: expected {setting.note}, found {_quote(value)}{_advise(value)}")
    return faults


def _is_default(section: str, name: str, value: Any) -> bool:
    """Whether a value says what happens anyway, such as `packing: false`."""
    with quiet():
        from peft import LoraConfig
        from trl import SFTConfig
    cls: Any = SFTConfig if section == "sft" else LoraConfig
    default = next(field.default for field in fields(cls) if field.name == name)
    return type(value) is type(default) and bool(value == default)


def _fits(kind: Any, value: Any) -> bool:
    try:
        TypeAdapter(kind).validate_python(value, strict=True)
    except ValidationError:
        return False
    return True


def _quote(value: Any) -> str:
    try:
        text = repr(value)
    except ValueError:  # A whole number of thousands of digits.
        text = "a number of thousands of digits"
    return text if len(text) <= MAX_QUOTED_CHARS else f"{text[:MAX_QUOTED_CHARS]}…"


def _advise(value: Any) -> str:
    """What to write for a number that is read as text."""
    try:
        float(value if isinstance(value, str) else "")
    except ValueError:
        return ""
    return "; YAML reads 1e-4 as text: write 1.0e-4" if "e" in value.lower() else "; write it without quotes"


def _check_combinations(settings: TrainConfig) -> list[str]:
    """Settings that another one leaves without effect, or makes wrong."""
    sft, lora = settings.sft, settings.lora
    faults = []
    optimizer = sft.get("optim", "adamw_torch_fused")
    if not optimizer.startswith("adamw"):
        faults += [
            f"train.sft.{name}: {optimizer} has no such setting; leave it out" for name in ADAM_ONLY & sft.keys()
        ]
    if settings.validation_fraction == 0:
        faults += [
            f"train.sft.{name}: without effect under train.validation_fraction: 0; leave it out or raise the fraction"
            for name in sorted(set(EVALUATION_ONLY) & sft.keys())
        ]
    elif sft.get("eval_strategy") == "no":
        faults += [
            f"train.sft.{name}: without effect under eval_strategy: no; leave one of the two out"
            for name in sorted((set(EVALUATION_ONLY) - {"eval_strategy"}) & sft.keys())
        ]
    if sft.get("loss_type") == "dft" and sft.get("label_smoothing_factor"):
        faults.append("train.sft.label_smoothing_factor: without effect under loss_type: dft; leave one of the two out")
    if "gradient_checkpointing_kwargs" in sft and not sft.get("gradient_checkpointing"):
        faults.append("train.sft.gradient_checkpointing_kwargs: without effect unless gradient_checkpointing: true")
    if sft.get("use_liger_kernel") and find_spec("liger_kernel") is None:
        faults.append("train.sft.use_liger_kernel: needs liger-kernel; pip install 'kshot[gpu]'")
    if not is_compiled(sft):
        faults += [
            f"train.sft.{name}: without effect unless torch_compile: true"
            for name in sorted({"torch_compile_backend", "torch_compile_mode"} & sft.keys())
        ]
    if settings.kl_coef and (is_compiled(sft) or sft.get("use_liger_kernel")):
        faults.append("train.kl_coef: kshot computes it with its own loss; leave out torch_compile, use_liger_kernel")
    if settings.kl_coef and not has_plain_loss(sft):
        faults.append("train.kl_coef: needs the plain loss; leave out loss_type and label_smoothing_factor")
    if lora.get("use_dora") and settings.adapter_scale != 1:
        faults.append("train.adapter_scale: cannot scale the magnitudes of use_dora; leave one of the two out")
    scheduler = sft.get("lr_scheduler_type")
    if scheduler in ("constant", "constant_with_warmup") and sft.get("lr_scheduler_kwargs"):
        faults.append(f"train.sft.lr_scheduler_kwargs: {scheduler} takes none; leave them out")
    if scheduler == "constant" and sft.get("warmup_steps"):
        faults.append("train.sft.warmup_steps: constant has none; use constant_with_warmup")
    for name in ("target_modules", "exclude_modules"):
        faults += _check_pattern(f"train.lora.{name}", lora.get(name))
    for name in ("rank_pattern", "alpha_pattern"):
        faults += [fault for key in lora.get(name, {}) for fault in _check_pattern(f"train.lora.{name}", key)]
    return faults


def is_compiled(sft: dict[str, Any]) -> bool:
    """Whether torch.compile makes the student's code."""
    return bool(sft.get("torch_compile"))


def has_plain_loss(sft: dict[str, Any]) -> bool:
    """Whether the loss is the mean negative log-likelihood of the answers."""
    return sft.get("loss_type", "nll") == "nll" and not sft.get("label_smoothing_factor")


def _check_pattern(key: str, pattern: Any) -> list[str]:
    if not isinstance(pattern, str):
        return []
    try:
        re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        return [f"{key}: expected a regular expression, found {_quote(pattern)}: {error}"]
    return []


def _build(settings: TrainConfig) -> list[str]:
    """What TRL and PEFT themselves refuse."""
    plain = Device("cpu", 1, "float32", "sdpa", {})
    options = sft_options(settings)
    steps = options.get("max_steps", -1)
    steps = steps if steps > 1 else MAX_SCHEDULE_STEPS
    faults = []
    for section, name, make in (
        ("lora", "PEFT", partial(lora_config, settings)),
        ("sft", "TRL", partial(sft_config, options, settings, plain, Path("unused"), 0, validate=True)),
        ("sft.lr_scheduler_kwargs", options["lr_scheduler_type"], partial(check_schedule, options, steps)),
    ):
        try:
            with quiet():
                make()
        except (ArithmeticError, AttributeError, ImportError, KeyError, TypeError, ValueError) as error:
            faults.append(f"train.{section}: {name} refuses it: {summarize_error(error)}")
    return faults


def check_schedule(options: dict[str, Any], steps: int) -> None:
    """Refuse learning rates that are none.

    Raises:
        Exception: the scheduler does not take its settings.
        ValueError: a learning rate is below 0 or no number, or all are 0, so nothing would be trained.
    """
    import torch
    from transformers import get_scheduler

    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=options["learning_rate"])
    warmup = options["warmup_steps"]
    warmup = int(warmup) if warmup >= 1 else ceil(steps * warmup)
    scheduler = get_scheduler(
        options["lr_scheduler_type"], optimizer, warmup, steps, options.get("lr_scheduler_kwargs")
    )
    rates = []
    for _ in range(min(steps, MAX_SCHEDULE_STEPS)):
        rates.append(scheduler.get_last_lr()[0])
        optimizer.step()
        scheduler.step()
    if not all(isinstance(rate, int | float) and isfinite(rate) and rate >= 0 for rate in rates):
        raise ValueError("it gives learning rates below 0 or none")
    if not any(rates):
        raise ValueError(
            f"the learning rate is 0 in all {steps} steps, so nothing would be trained; lower warmup_steps"
        )
