"""Where the LoRA layers go: the linear layers that take part when the student reads text, and their share of it."""

import re
from typing import Any

from kshot.config import TrainConfig
from kshot.core.errors import ConfigError
from kshot.train.trainer_config import LORA_DEFAULTS, lora_config

PROBE_TOKENS = 32
MAMBA_TYPES = frozenset({"falcon_h1", "falcon_mamba", "mamba", "mamba2", "nemotron_h"})
"""Model types for which PEFT refuses an adapter on `out_proj`, whose weights their kernels read themselves."""


def find_idle_layers(model: Any, tokens: list[int]) -> dict[str, str]:
    """Linear layers that are not called while the model reads these tokens, by their name without numbers.

    An image tower is one, and a layer whose weights a kernel reads itself. Layers that differ by a number only, such as
    experts, count as one.
    """
    import torch
    from transformers.pytorch_utils import Conv1D

    layers = {name: module for name, module in model.named_modules() if isinstance(module, torch.nn.Linear | Conv1D)}
    called: set[str] = set()
    hooks = [
        module.register_forward_hook(lambda *_, name=name: called.add(_pattern(name)))
        for name, module in layers.items()
    ]
    was_training = model.training
    try:
        with torch.no_grad():
            model.eval()(input_ids=torch.tensor([tokens[:PROBE_TOKENS]], device=model.device), use_cache=False)
    finally:
        model.train(was_training)
        for hook in hooks:
            hook.remove()
    return {_pattern(name): name for name in reversed(layers) if _pattern(name) not in called}


def _pattern(name: str) -> str:
    return re.sub(r"\d+", "N", name)


def adapter_config(model: Any, settings: TrainConfig, idle: dict[str, str]) -> Any:
    """PEFT's settings; by default no adapter goes on a layer that takes no part."""
    lora = {**LORA_DEFAULTS, **settings.lora}
    if lora.get("target_modules") != "all-linear" or lora.get("exclude_modules") is not None:
        return lora_config(settings)
    excluded = [re.escape(pattern).replace("N", r"\d+") for pattern in idle]
    if getattr(model.config, "model_type", "") in MAMBA_TYPES:
        excluded.append(r".*\.out_proj")
    if not excluded:
        return lora_config(settings)
    return lora_config(settings.model_copy(update={"lora": {**lora, "exclude_modules": "|".join(excluded)}}))


def refuse_idle_adapters(model: Any, idle: dict[str, str]) -> None:
    """Refuse adapters that the user put where they would learn nothing.

    Raises:
        ConfigError: names the first.
    """
    for name, _ in _adapted(model):
        plain = name.removeprefix("base_model.model.")
        if _pattern(plain) in idle:
            raise ConfigError(
                [f"train.lora: {plain} takes no part when this student reads text, so its adapter learns nothing; "
                 "leave it out of target_modules"]
            )  # fmt: skip


def _adapted(model: Any) -> list[tuple[str, Any]]:
    from peft.tuners.tuners_utils import BaseTunerLayer

    return [(name, module) for name, module in model.named_modules() if isinstance(module, BaseTunerLayer)]


def adapter_coverage(model: Any) -> float:
    """The fraction of the base's parameters that stand in weights with an adapter."""
    adapted: set[int] = set()
    for _, module in _adapted(model):
        base, single = module.get_base_layer(), getattr(module, "parameter_name", None)
        weights = [getattr(base, single)] if single else base.parameters()
        adapted |= {id(weight) for weight in weights}
    sizes = [
        (id(weight) in adapted, weight.numel()) for name, weight in model.named_parameters() if "lora_" not in name
    ]
    total = sum(size for _, size in sizes)
    return sum(size for is_adapted, size in sizes if is_adapted) / total if total else 0.0
