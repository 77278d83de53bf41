"""What training leaves: the adapter, the merged student that plain transformers loads, and the model card."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2.sandbox import SandboxedEnvironment

from kshot.files import whole_folder
from kshot.quiet import quiet

CARD = Path(__file__).parent / "card.j2"


def scale_adapter(model: Any, scale: float) -> None:
    """Keep `scale` of what the LoRA layers add, by scaling their second matrices: adapter and merged student agree."""
    import torch

    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "lora_B" in name:
                weight.mul_(scale)


def export(model: Any, tokenizer: Any, folder: Path, facts: Mapping[str, Any]) -> None:
    """Write `adapter/` and `merged/` into `folder`, each whole or absent.

    Args:
        model: the PEFT model; its layers are merged in place.
        facts: what the card tells.
    """
    environment = SandboxedEnvironment(autoescape=False, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string(CARD.read_text(encoding="utf-8"))
    with whole_folder(folder / "adapter") as target, quiet():
        model.save_pretrained(target)
        tokenizer.save_pretrained(target)
        (target / "README.md").write_text(template.render(**facts, merged=False) + "\n", encoding="utf-8")
    with whole_folder(folder / "merged") as target, quiet():
        merged = model.merge_and_unload()
        merged.config.use_cache = True
        merged.save_pretrained(target)
        tokenizer.save_pretrained(target)
        (target / "README.md").write_text(template.render(**facts, merged=True) + "\n", encoding="utf-8")
