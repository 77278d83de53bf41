"""The model card: metadata by huggingface_hub, and what was trained."""

from pathlib import Path

from jinja2.sandbox import SandboxedEnvironment

from kshot.train.run_files import TrainFacts

TEMPLATE = Path(__file__).parent / "card.j2"


def render_card(facts: TrainFacts, merged: bool) -> str:
    """The card of the adapter or of the merged student, in Markdown with the front matter that the hub reads."""
    from huggingface_hub import ModelCardData

    is_hub_id = not facts.base.startswith(("/", ".", "pypi:"))
    metadata = ModelCardData(
        language="en",
        base_model=facts.base if is_hub_id else None,
        library_name="transformers" if merged else "peft",
        pipeline_tag="text-generation",
        tags=["kshot", "zero-shot", "few-shot", "merged-lora" if merged else "lora"],
    )
    environment = SandboxedEnvironment(autoescape=False, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string(TEMPLATE.read_text(encoding="utf-8"))
    return f"---\n{metadata.to_yaml()}\n---\n\n{template.render(**dict(facts), merged=merged)}\n"
