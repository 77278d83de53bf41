"""The model card: metadata by huggingface_hub, and what was trained."""

from pathlib import Path

from jinja2.sandbox import SandboxedEnvironment

from kshot.models.references import name_portably
from kshot.train.run_files import TrainFacts

TEMPLATE = Path(__file__).parent / "card.j2"


def render_card(facts: TrainFacts, merged: bool, usage: str = "") -> str:
    """The card of the adapter or of the merged student, in Markdown with the front matter that the hub reads.

    Args:
        usage: how the export is used, in Markdown; by default the merged student's few lines of Python.
    """
    from huggingface_hub import ModelCardData

    base = name_portably(facts.base, facts.base_fingerprint)
    kinds = ["full"] if facts.method == "full" else ["merged-lora" if merged else "lora"]
    metadata = ModelCardData(
        language="en",
        base_model=base.hub,
        library_name="transformers" if merged else "peft",
        pipeline_tag="text-generation",
        tags=["kshot", "zero-shot", "few-shot", *kinds],
    )
    environment = SandboxedEnvironment(autoescape=False, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string(TEMPLATE.read_text(encoding="utf-8"))
    text = template.render({**dict(facts), "base": base, "merged": merged, "usage": usage})
    return f"---\n{metadata.to_yaml()}\n---\n\n{text}\n"
