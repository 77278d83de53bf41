"""Renders the dataset card: what the data set holds, where it came from, and sample records."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from jinja2.sandbox import SandboxedEnvironment

from kshot.core.types import Record
from kshot.generate.run_files import GenerateManifest

TEMPLATE = Path(__file__).parent / "card.j2"
SIZES = ((10**3, "n<1K"), (10**4, "1K<n<10K"), (10**5, "10K<n<100K"), (10**6, "100K<n<1M"), (10**7, "1M<n<10M"))
LARGEST_SIZE = "10M<n<100M"


class FamilyRow(NamedTuple):
    """A line of the card's table of families."""

    family: str
    records: int
    tasks: int
    labels: str
    nearest: str
    similarity: float


def render_card(samples: Sequence[Record], manifest: GenerateManifest, run: str) -> str:
    """Render the card in Markdown, with the front matter that the Hugging Face hub reads.

    Args:
        samples: records to print in full.
    """
    from huggingface_hub import DatasetCardData

    # The bank is English and ours; what a user or a teacher adds is theirs, and `kshot push --license` names it.
    is_own = bool(manifest.config.generate.tasks)
    size = next((name for limit, name in SIZES if manifest.records < limit), LARGEST_SIZE)
    metadata = DatasetCardData(
        language=None if is_own else "en",
        license=None if is_own or manifest.teacher else "apache-2.0",
        task_categories=["text-generation"],
        tags=["synthetic", "instruction-tuning", "few-shot", "zero-shot", "kshot"],
        size_categories=[size],
        configs=[{"config_name": "default", "data_files": "train.jsonl"}],
    )
    environment = SandboxedEnvironment(autoescape=False, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string(TEMPLATE.read_text(encoding="utf-8"))
    rows = _family_rows(manifest)
    body = template.render(run=run, manifest=manifest, records=samples, families=rows)
    return f"---\n{metadata.to_yaml()}\n---\n\n{body}\n"


def _family_rows(manifest: GenerateManifest) -> list[FamilyRow]:
    """A row for each family, the most similar to a held-out task first."""
    rows = []
    for family, records in manifest.counts.family.items():
        labels, near = manifest.labels.get(family, {}), manifest.nearest.get(family)
        rows.append(
            FamilyRow(
                family=family,
                records=records,
                tasks=manifest.tasks.get(family, 0),
                labels=" : ".join(str(count) for count in labels.values()),
                nearest=f"{near.suite}/{near.task}" if near else "",
                similarity=near.similarity if near else 0.0,
            )
        )
    return sorted(rows, key=lambda row: -row.similarity)
