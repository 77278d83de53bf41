"""Exports the adapter, the merged student that plain transformers loads, and their model cards."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

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
    model: Any, tokenizer: Any, student: str, folder: Path, facts: TrainFacts, prompts: Sequence[Sequence[int]]
) -> None:
    """Write `adapter/` and `merged/` into `folder`, each whole or absent.

    Args:
        model: the PEFT model.
        student: the folder of its base, into whose float32 weights the adapter is merged.
        facts: what the card states.
        prompts: tokens on which the merged student has to agree with the trained one.

    Raises:
        RunError: it does not; the adapter is kept.
    """
    with atomic_folder(folder / "adapter") as target, quiet():
        model.save_pretrained(target)
        tokenizer.save_pretrained(target)
        name_base_portably(target, facts)
        (target / "README.md").write_text(render_card(facts, merged=False), encoding="utf-8")
    trained = compute_logits(model, prompts)
    with quiet():
        merged = merge_student(student, folder / "adapter")
    compare_logits(trained, compute_logits(merged, prompts), TOLERANCES[facts.device["dtype"]], folder / "adapter")
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


def compare_logits(trained: Sequence[Any], merged: Sequence[Any], tolerance: float, adapter: Path) -> None:
    """Check that two models agree: the mean difference of their logits, in standard deviations of them.

    Raises:
        RunError: they do not.
    """
    import torch

    differences, spread = (
        torch.cat([(ours - theirs).abs().flatten() for ours, theirs in zip(trained, merged, strict=True)]),
        torch.cat([ours.flatten() for ours in trained]).std(),
    )
    error = float(differences.mean() / spread.clamp(min=1e-6))
    if not error <= tolerance:
        raise RunError(
            f"the merged student is not the trained one: its logits differ by {error:.2g} standard deviations, at most "
            f"{tolerance:g} is rounding; it was not written, and {adapter} is kept: use it with PEFT, or leave out "
            "train.lora settings other than r and lora_alpha"
        )


def merge_student(student: str, adapter: Path) -> Any:
    """The base in a folder, in float32, with an adapter merged into it."""
    from peft import PeftModel

    base, _ = load_student(student)
    return PeftModel.from_pretrained(base, adapter).merge_and_unload()
