"""Exports the adapter, the merged student that plain transformers loads, and their model cards."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kshot.core.console import say
from kshot.core.errors import RunError
from kshot.core.files import atomic_folder
from kshot.models.loading import load_student
from kshot.runtime.logging import quiet
from kshot.train.export.adapter import name_base_portably
from kshot.train.export.card import render_card
from kshot.train.run_files import TrainFacts

TOLERANCES = {"float32": 1e-3, "bfloat16": 0.1}
"""Rounding apart, by the arithmetic of the training: the merged student is in float32."""
MAX_COMPARED_TOKENS = 128
COMPARED_PROMPTS = 4
"""Prompts on which the merged student is compared with the trained one."""


def is_finite(model: Any) -> bool:
    """Whether all trained weights are finite; a training that diverged leaves NaN."""
    return all(bool(weight.isfinite().all()) for weight in model.parameters() if weight.requires_grad)


def scale_adapter(model: Any, scale: float) -> None:
    """Scale what the LoRA layers add, through their B matrices, so adapter and merged student agree."""
    import torch

    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "lora_B" in name or "lora_embedding_B" in name:
                weight.mul_(scale)


def export_student(
    model: Any, tokenizer: Any, student: str, folder: Path, facts: TrainFacts, prompts: Sequence[Sequence[int]],
    trained: Sequence[Any],
) -> None:  # fmt: skip
    """Write `adapter/` and `merged/` into `folder`, each whole or absent; no adapter where all weights are trained.

    Args:
        model: the PEFT model.
        student: the folder of its base, into whose float32 weights the adapter is merged.
        facts: what the card states.
        prompts: tokens on which the merged student has to agree with the trained one.
        trained: the trained student's logits on them.

    Raises:
        RunError: it does not; the adapter is kept.
    """
    if facts.method == "full":
        _export_full(model, tokenizer, student, folder, facts, prompts, trained)
        return
    with atomic_folder(folder / "adapter") as target, quiet():
        model.save_pretrained(target)
        tokenizer.save_pretrained(target)
        name_base_portably(target, facts)
        (target / "README.md").write_text(render_card(facts, merged=False), encoding="utf-8")
    if facts.quantize:
        with quiet():
            on_full_weights = compute_logits(load_adapted(student, folder / "adapter"), prompts)
        apart = measure_difference(trained, on_full_weights)
        say(f"merged into float32 weights: logits are {apart:.2g} standard deviations from those on {facts.quantize}")
        trained = on_full_weights
    with quiet():
        merged = merge_student(student, folder / "adapter")
    compare_logits(trained, compute_logits(merged, prompts), TOLERANCES[facts.device["dtype"]], folder / "adapter")
    _write_merged(merged, tokenizer, folder, facts)


def _export_full(
    model: Any, tokenizer: Any, student: str, folder: Path, facts: TrainFacts, prompts: Sequence[Sequence[int]],
    trained: Sequence[Any],
) -> None:  # fmt: skip
    """Write the trained weights into `merged/`, with the config of their base, and no adapter."""
    whole, _ = load_student(student)
    whole.load_state_dict(model.state_dict())
    tolerance = TOLERANCES[facts.device["dtype"]]
    compare_logits(trained, compute_logits(whole, prompts), tolerance, None)
    _write_merged(whole, tokenizer, folder, facts)
    shutil.rmtree(folder / "adapter", ignore_errors=True)  # An earlier training's.


def _write_merged(merged: Any, tokenizer: Any, folder: Path, facts: TrainFacts) -> None:
    with atomic_folder(folder / "merged") as target, quiet():
        merged.save_pretrained(target)
        tokenizer.save_pretrained(target)
        (target / "README.md").write_text(render_card(facts, merged=True), encoding="utf-8")


def compute_logits(model: Any, prompts: Sequence[Sequence[int]]) -> list[Any]:
    """The logits of each prompt by itself, as a model in this state computes them."""
    import torch

    was_training, found = model.training, []
    model.eval()
    mixed = len({weight.dtype for weight in model.parameters()}) > 1
    with torch.no_grad(), torch.autocast(model.device.type, torch.bfloat16, enabled=mixed):
        for prompt in prompts:
            ids = torch.tensor([list(prompt[:MAX_COMPARED_TOKENS])], device=model.device)
            found.append(model(input_ids=ids, use_cache=False).logits[0].float().cpu())
    model.train(was_training)
    return found


def compare_logits(trained: Sequence[Any], merged: Sequence[Any], tolerance: float, adapter: Path | None) -> None:
    """Check that two models agree.

    Args:
        adapter: what is left where they do not; None for nothing.

    Raises:
        RunError: they do not.
    """
    error = measure_difference(trained, merged)
    if not error <= tolerance:
        advice = "report this with your settings"
        if adapter:
            advice = (
                f"{adapter} is kept: use it with PEFT, or leave out train.lora settings other than r and lora_alpha"
            )
        raise RunError(
            f"the merged student is not the trained one: its logits differ by {error:.2g} standard deviations, at most "
            f"{tolerance:g} is rounding; it was not written, and {advice}"
        )


def measure_difference(trained: Sequence[Any], merged: Sequence[Any]) -> float:
    """The mean difference of the logits of two models, in standard deviations of them."""
    import torch

    differences, spread = (
        torch.cat([(ours - theirs).abs().flatten() for ours, theirs in zip(trained, merged, strict=True)]),
        torch.cat([ours.flatten() for ours in trained]).std(),
    )
    return float(differences.mean() / spread.clamp(min=1e-6))


def merge_student(student: str, adapter: Path) -> Any:
    """The base in a folder, in float32, with an adapter merged into it."""
    return load_adapted(student, adapter).merge_and_unload()


def load_adapted(student: str, adapter: Path) -> Any:
    """The base in a folder, in float32, with an adapter beside its weights."""
    from peft import PeftModel

    base, _ = load_student(student)
    return PeftModel.from_pretrained(base, adapter)
