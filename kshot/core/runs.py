"""A run's folder: where each stage writes, its lock, and what it was made from.

    runs/RUN/generate/   train.jsonl rejects.jsonl contamination.jsonl examples.jsonl tasks/ decisions.jsonl
                         manifest.json README.md replies.sqlite; .blocks/ .shards/ while shards work
    runs/RUN/train/      adapter/ merged/ metrics.jsonl loss.png settings.json manifest.json checkpoints/ rows/
                         data.jsonl
    runs/RUN/evaluate/   gains.json fewshot.json baselines.json label_bias.json contamination.json forgetting.json
                         report.html report.md scores.png scores.svg samples.jsonl measurements/ forgetting/
                         settings.json manifest.json
    runs/RUN/export/     a folder an export, with export.json

A stage is done when its manifest stands, which is written last. The manifest carries a key of everything that shaped
the outputs: the same key means that there is nothing to do, another that the stage is made afresh.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from kshot.core.errors import RunError
from kshot.core.files import read_json, write_json
from kshot.core.version import __version__

MANIFEST = "manifest.json"
EXPORT = "export.json"
LABEL_PRIORS = "label_priors.json"
"""In the evaluate stage's folder, and in exports."""
"""In the folder of an export: what it holds, and how its answers compare."""
OUTSIDE_DATA = "data.jsonl"
"""In the train stage's folder: the records of `train.data`, where it names a training set made elsewhere."""


@dataclass(frozen=True)
class Run:
    """The folder of one run."""

    folder: Path

    @property
    def name(self) -> str:
        return self.folder.name

    def stage(self, name: str) -> Path:
        path = self.folder / name
        path.mkdir(parents=True, exist_ok=True)
        return path

    @contextmanager
    def held(self, stage: str) -> Iterator[Path]:
        """Lock a stage's folder against a second process; the system releases the lock when the holder dies.

        Raises:
            RunError: another process works there.
        """
        folder = self.stage(stage)
        lock = FileLock(folder / ".lock", timeout=0)
        try:
            lock.acquire()
        except Timeout:
            raise RunError(f"{folder}: another kshot works here; wait for it, or name another --run") from None
        try:
            yield folder
        finally:
            lock.release()


def find_training_data(run: Path) -> Path:
    """The records that the run in a folder was trained on, whether they are there or not."""
    outside = run / "train" / OUTSIDE_DATA
    return outside if outside.exists() else run / "generate" / "train.jsonl"


def is_of_training(run: Path, file: Path) -> bool:
    """Whether a run's file was made from the student that the run now holds: it names the training's key."""
    manifest = run / "train" / MANIFEST
    if not file.is_file() or not manifest.is_file():
        return False
    made_from, trained = (read_json(path) for path in (file, manifest))
    return bool(made_from.get("trained", "") == trained.get("key", ""))


def read_finished(folder: Path, key: str) -> dict[str, Any] | None:
    """The manifest of a stage that is finished under `key`, else None."""
    path = folder / MANIFEST
    if not path.exists():
        return None
    manifest = read_json(path)
    return manifest if isinstance(manifest, dict) and manifest.get("key") == key else None


def write_manifest(folder: Path, manifest: dict[str, Any]) -> None:
    write_json(folder / MANIFEST, manifest)


def hash_file(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def installed_versions(*packages: str) -> dict[str, str]:
    """Installed versions of kshot and of the packages named, for a manifest."""
    found = {"kshot": __version__}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "absent"
    return found
