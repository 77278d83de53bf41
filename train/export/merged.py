"""Exports the adapter, the merged student that plain transformers loads, and their model cards."""

from pathlib import Path
from typing import Any

from kshot.core.files import atomic_folder
from kshot.models.loading import load_student
from kshot.runtime.logging import quiet
from kshot.train.export.card import render_card
from kshot.train.run_files import TrainFacts


def is_finite(model: Any) -> bool:
    """Whether all trained weights are finite; a training that diverged leaves NaN."""
    return all(bool(weight.isfinite().all()) for weight in model.parameters() if weight.requires_grad)


def scale_adapter(model: Any, scale: float) -> None:
    """Scale what the LoRA layers add, through their B matrices, so adapter and merged student agree."""
    import torch

    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "lora_B" in name:
                weight.mul_(scale)


def export_student(model: Any, tokenizer: Any, student: str, folder: Path, facts: TrainFacts) -> None:
    """Write `adapter/` and `merged/` into `folder`, each whole or absent.

    Args:
        model: the PEFT model.
        student: the folder of its base, into whose float32 weights the adapter is merged.
        facts: what the card states.
    """
    with atomic_folder(folder / "adapter") as target, quiet():
        model.save_pretrained(target)
        tokenizer.save_pretrained(target)
        (target / "README.md").write_text(render_card(facts, merged=False), encoding="utf-8")
    with atomic_folder(folder / "merged") as target, quiet():
        merged = merge_student(student, folder / "adapter")
        merged.save_pretrained(target)
        tokenizer.save_pretrained(target)
        (target / "README.md").write_text(render_card(facts, merged=True), encoding="utf-8")


def merge_student(student: str, adapter: Path) -> Any:
    """The base in a folder, in float32, with an adapter merged into it."""
    from peft import PeftModel

    base, _ = load_student(student)
    return PeftModel.from_pretrained(base, adapter).merge_and_unload()
