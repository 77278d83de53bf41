"""Exports a run for a test, and looks for texts in what was written."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import kshot
from kshot.core.run_files import read_model
from kshot.train.run_files import ExportFile


def export(run: Path, to: str, suite: Path, **more: Any) -> tuple[Path, ExportFile]:
    folder = kshot.export(run, to, suites=[str(suite)], limit=6, **more)
    return folder, read_model(folder / "export.json", ExportFile)


def find_paths(folder: Path, hidden: Sequence[str]) -> list[str]:
    """Files in which one of these texts stands."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    assert files
    return [path.name for path in files for text in hidden if text.encode() in path.read_bytes()]
