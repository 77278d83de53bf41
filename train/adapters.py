"""Where the LoRA layers go: the linear layers that take part when the student reads text, and their share of it."""

import re
from collections.abc import Callable, Iterable, Mapping
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

    layers = {name: module for name, module in model.named_modules() if _is_linear(module)}
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
    """PEFT's settings; by default no adapter goes on a layer that takes no part.

    Raises:
        ConfigError: a name in target_modules is no layer of this model.
    """
    lora = {**LORA_DEFAULTS, **settings.lora}
    _refuse_unknown_targets(model, lora["target_modules"])
    if lora.get("target_modules") != "all-linear" or lora.get("exclude_modules") is not None:
        return lora_config(settings)
    excluded = [re.escape(pattern).replace("N", r"\d+") for pattern in idle]
    if getattr(model.config, "model_type", "") in MAMBA_TYPES:
        excluded.append(r".*\.out_proj")
    if not excluded:
        return lora_config(settings)
    return lora_config(settings.model_copy(update={"lora": {**lora, "exclude_modules": "|".join(excluded)}}))


def _refuse_unknown_targets(model: Any, targets: str | list[str]) -> None:
    if targets == "all-linear":
        return
    names = [name for name, _ in model.named_modules() if name]
    if isinstance(targets, str):
        unknown = [] if any(re.fullmatch(targets, name) for name in names) else [targets]
    else:
        unknown = [target for target in targets if not _ends_with(names)(target)]
    if unknown:
        layers = sorted({name.rpartition(".")[2] for name, module in model.named_modules() if _is_linear(module)})
        known = f"its linear layers are {', '.join(layers)}"
        raise ConfigError(
            [f"train.lora.target_modules: {name!r:.80} is no layer of this student; {known}" for name in unknown]
        )


def _is_linear(module: Any) -> bool:
    import torch
    from transformers.pytorch_utils import Conv1D

    return isinstance(module, torch.nn.Linear | Conv1D)


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
        (id(weight) in adapted, _full_shape(weight).numel())
        for name, weight in model.named_parameters()
        if "lora_" not in name
    ]
    total = sum(size for _, size in sizes)
    return sum(size for is_adapted, size in sizes if is_adapted) / total if total else 0.0


def refuse_misplaced_adapters(model: Any, lora: dict[str, Any]) -> None:
    """Refuse settings of the adapter that do nothing on this student, or cannot be merged into it.

    Raises:
        ConfigError: names each.
    """
    adapted = {_module_name(name, module): module for name, module in _adapted(model)}
    modules = [name.removeprefix("base_model.model.").replace(".base_layer", "") for name, _ in model.named_modules()]
    faults = [
        f"train.lora.{key}: {value!r} {fault}"
        for key, values, exists, fault in (
            ("target_modules", lora.get("target_modules"), _ends_with(adapted), "gets no adapter in this student"),
            (
                "target_parameters",
                lora.get("target_parameters"),
                _ends_with(adapted),
                "is no parameter of this student",
            ),
            ("exclude_modules", lora.get("exclude_modules"), _ends_with(modules), "is no layer of this student"),
            ("layers_to_transform", lora.get("layers_to_transform"), _has_part(adapted), "is no layer with an adapter"),
            ("layers_pattern", lora.get("layers_pattern"), _has_part(adapted), "is no list of layers with an adapter"),
            ("rank_pattern", list(lora.get("rank_pattern", ())), _matches(adapted), "is no layer with an adapter"),
            ("alpha_pattern", list(lora.get("alpha_pattern", ())), _matches(adapted), "is no layer with an adapter"),
        )
        for value in ([values] if isinstance(values, int) else values if isinstance(values, list) else ())
        if not exists(str(value))
    ]
    excluded = lora.get("exclude_modules")
    if isinstance(excluded, str) and not any(re.fullmatch(excluded, name) for name in modules):
        faults.append(f"train.lora.exclude_modules: {excluded!r} is no layer of this student")
    faults += _rank_faults(adapted, lora)
    if _is_tied(model):
        faults += [
            f"train.lora.target_modules: {name} shares its weights with another layer, and a merge would change both; "
            "leave it out" for name, module in adapted.items() if _is_vocabulary(model, module)
        ]  # fmt: skip
    if faults:
        raise ConfigError(faults)


def _module_name(name: str, module: Any) -> str:
    plain = name.removeprefix("base_model.model.").replace(".base_layer", "")
    single = getattr(module, "parameter_name", None)
    return f"{plain}.{single}" if single else plain


def _ends_with(names: Iterable[str]) -> Callable[[str], bool]:
    return lambda given: any(f".{name}".endswith(f".{given}") for name in names)


def _has_part(names: Iterable[str]) -> Callable[[str], bool]:
    return lambda given: any(re.match(rf"(.*\.)?{given}\.", name) for name in names)


def _matches(names: Iterable[str]) -> Callable[[str], bool]:
    return lambda given: any(re.match(rf"(.*\.)?({given})$", name) for name in names)


def _rank_faults(adapted: Mapping[str, Any], lora: dict[str, Any]) -> list[str]:
    """Ranks above the smaller side of every matrix that they are for: the rest could learn nothing more."""
    sides = {name: _smaller_side(module) for name, module in adapted.items()}
    ranks = {"r": (lora.get("r", LORA_DEFAULTS["r"]), ".*")}
    ranks |= {f"rank_pattern.{key}": (rank, key) for key, rank in lora.get("rank_pattern", {}).items()}
    faults = []
    for key, (rank, pattern) in ranks.items():
        most = max((side for name, side in sides.items() if _matches([name])(pattern)), default=rank)
        if rank > most:
            faults.append(f"train.lora.{key}: the matrices have a rank of at most {most}, found {rank}")
    return faults


def _smaller_side(module: Any) -> int:
    base, single = module.get_base_layer(), getattr(module, "parameter_name", None)
    weight = getattr(base, single) if single else base.weight
    return int(min(_full_shape(weight)[-2:]))


def _full_shape(weight: Any) -> Any:
    """The shape of a weight, also where it is packed into four bits."""
    state = getattr(weight, "quant_state", None)
    return weight.shape if state is None else state.shape


def _is_tied(model: Any) -> bool:
    base = model.get_base_model()
    inputs, outputs = base.get_input_embeddings(), base.get_output_embeddings()
    return outputs is not None and inputs.weight is outputs.weight


def _is_vocabulary(model: Any, module: Any) -> bool:
    base = model.get_base_model()
    return any(module is layer for layer in (base.get_input_embeddings(), base.get_output_embeddings()))
