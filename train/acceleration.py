"""Faster ways to compute the same step: another attention, batches without padding, compiled code, fused kernels.

Each is refused in a line where the machine, a package or the student does not allow it.
"""

from dataclasses import replace
from typing import Any

from kshot.config import TrainConfig
from kshot.core.errors import ConfigError, summarize_error
from kshot.runtime.device import Device
from kshot.train.trainer_config import is_compiled

CHECKED_TOKENS = 8
"""Tokens of each of two rows that are computed in one and apart."""
MAX_DIFFERENCE = 0.02
"""Between the logits of both, as a fraction of the largest; bfloat16 rounds at 0.004."""


def choose_attention(model: Any, settings: TrainConfig, device: Device) -> Device:
    """The settings with the attention that the user named.

    Raises:
        ConfigError: it needs a GPU or a package, or the student has none.
    """
    wanted = settings.attention
    if wanted == "auto":
        return device
    if wanted.startswith("flash") and device.type != "cuda":
        raise ConfigError([f"train.attention: {wanted} needs a GPU, and this trains on {device.type}; leave it out"])
    before = model.config._attn_implementation
    try:
        model.set_attn_implementation(wanted)
        model.set_attn_implementation(before)
    except (ImportError, NotImplementedError, ValueError) as error:
        raise ConfigError([f"train.attention: {wanted}: {summarize_error(error)}"]) from None
    return replace(device, attention=wanted)


def check_acceleration(model: Any, settings: TrainConfig, device: Device) -> None:
    """Refuse what this device or this student cannot do.

    Raises:
        ConfigError: says which setting.
    """
    sft = settings.sft
    if sft.get("use_liger_kernel") and device.type != "cuda":
        raise ConfigError([f"train.sft.use_liger_kernel: needs a GPU, and this trains on {device.type}; leave it out"])
    if is_compiled(sft) and device.type == "cpu":
        _check_compiler(sft)
    if sft.get("padding_free"):
        _check_padding_free(model, device)


def _check_compiler(sft: dict[str, Any]) -> None:
    from torch._inductor.exc import InvalidCxxCompiler

    if sft.get("torch_compile_backend", "inductor") != "inductor":
        return
    try:
        from torch._inductor.cpp_builder import get_cpp_compiler

        get_cpp_compiler()
    except (InvalidCxxCompiler, RuntimeError):
        raise ConfigError(
            ["train.sft.torch_compile: needs a C++ compiler, and there is none; install g++, or leave it out"]
        ) from None


def _check_padding_free(model: Any, device: Device) -> None:
    """Refuse a student that mixes rows which stand in one, as layers with a state of their own do."""
    import torch

    rows = torch.arange(2 * CHECKED_TOKENS, device=model.device).reshape(2, CHECKED_TOKENS)
    positions = torch.arange(CHECKED_TOKENS, device=model.device).repeat(2)[None]
    try:
        with torch.no_grad(), torch.autocast(device.type, torch.bfloat16, enabled=device.dtype == "bfloat16"):
            apart = model(input_ids=rows, use_cache=False).logits.flatten(0, 1)
            together = model(input_ids=rows.reshape(1, -1), position_ids=positions, use_cache=False).logits[0]
    except (RuntimeError, TypeError, ValueError) as error:
        raise ConfigError([f"train.sft.padding_free: this student refuses it: {summarize_error(error)}"]) from None
    if (apart - together).abs().max() > MAX_DIFFERENCE * apart.abs().max():
        raise ConfigError(
            ["train.sft.padding_free: this student's layers mix rows that stand in one; leave padding_free out"]
        )
