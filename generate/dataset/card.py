"""The dataset card: what the set holds, where it came from, and records to look at."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2.sandbox import SandboxedEnvironment

from kshot.core.types import Record

TEMPLATE = Path(__file__).parent / "card.j2"
SIZES = ((10**3, "n<1K"), (10**4, "1K<n<10K"), (10**5, "10K<n<100K"), (10**6, "100K<n<1M"), (10**7, "1M<n<10M"))
LARGEST = "10M<n<100M"


def render_card(shown: Sequence[Record], manifest: Mapping[str, Any], run: str) -> str:
    """The card in Markdown, with the front matter that the Hugging Face hub reads.

    Args:
        shown: records to print in full.
        manifest: of the generate stage.
    """
    total = manifest["records"]
    size = next((name for most, name in SIZES if total < most), LARGEST)
    environment = SandboxedEnvironment(autoescape=False, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string(TEMPLATE.read_text(encoding="utf-8"))
    return template.render(run=run, manifest=manifest, records=shown, size=size, families=_families(manifest)) + "\n"


def _families(manifest: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A row for each family, those nearest to a held-out task first."""
    rows = []
    for family, records in manifest["counts"]["family"].items():
        labels, near = manifest["labels"].get(family, {}), manifest["nearest"].get(family)
        rows.append(
            {
                "family": family,
                "records": records,
                "tasks": manifest["tasks"].get(family, 0),
                "labels": " : ".join(str(n) for n in labels.values()),
                "nearest": near["task"] if near else "",
                "similarity": near["similarity"] if near else 0.0,
            }
        )
    return sorted(rows, key=lambda row: -row["similarity"])
