"""The dataset card: what the set holds, where it came from, and records to look at."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2.sandbox import SandboxedEnvironment

from kshot.schema import Record
from kshot.seeding import stream

TEMPLATE = Path(__file__).parent / "prompts" / "card.j2"
SHOWN = 20


def counts(records: Sequence[Record]) -> dict[str, dict[str, int]]:
    """Records by task, family, category, mode, k, form, kind and template, each sorted by name."""
    keys = ("task", "family", "category", "mode", "k", "form", "kind", "template", "source")
    return {key: dict(sorted(Counter(str(r.meta[key]) for r in records).items())) for key in keys}


def dataset_card(records: Sequence[Record], manifest: Mapping[str, Any], run: str) -> str:
    """The card in Markdown, with the front matter that the Hugging Face hub reads."""
    shown = stream(0, "card").sample(list(records), min(SHOWN, len(records)))
    environment = SandboxedEnvironment(autoescape=False, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string(TEMPLATE.read_text(encoding="utf-8"))
    return template.render(run=run, manifest=manifest, records=shown, total=len(records)) + "\n"
