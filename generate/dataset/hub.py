"""What a push of the data sends."""

from pathlib import Path

from kshot.core.errors import RunError
from kshot.core.runs import MANIFEST
from kshot.generate.run_files import CARD, CONTAMINATION, PARQUET, TRAIN
from kshot.hub.upload import Upload, collect_files

PUSHED_FILES = (CARD, TRAIN, PARQUET, CONTAMINATION)
"""The manifest stays: it names local paths."""


def collect_dataset(folder: Path, license_id: str | None = None) -> Upload:
    """The upload of a generate folder's data and card.

    Args:
        license_id: the licence, as the hub names it; None leaves the card's.

    Raises:
        RunError: the data set is not finished.
    """
    from huggingface_hub import DatasetCard

    if not (folder / MANIFEST).exists():
        raise RunError(f"{folder}: no finished data set to push; run `kshot generate` first")
    files = collect_files(folder, PUSHED_FILES)
    if license_id:
        card = DatasetCard((folder / CARD).read_text(encoding="utf-8"))
        card.data["license"] = license_id
        files[CARD] = str(card).encode()
    return Upload("data", "dataset", files)
