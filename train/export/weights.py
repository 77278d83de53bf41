"""The merged student in another dtype: its safetensors cast file by file, and everything beside them."""

import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kshot.core.errors import WeightsError
from kshot.core.files import read_json, write_json

DTYPES = ("bfloat16", "float16", "float32")
MAX_FLOAT16 = 65504.0
_NAMES = {"F32": "float32", "F16": "float16", "BF16": "bfloat16", "F64": "float32"}
INDEX = "model.safetensors.index.json"


def count_bytes(folder: Path) -> int:
    """Size of a folder's safetensors."""
    return sum(file.stat().st_size for file in folder.glob("*.safetensors"))


def find_dtype(folder: Path) -> str:
    """The dtype of most of a folder's weights."""
    from safetensors import safe_open

    counts: Counter[str] = Counter()
    for file in sorted(folder.glob("*.safetensors")):
        with safe_open(file, framework="numpy") as opened:
            for name in opened.keys():  # noqa: SIM118 - not a mapping
                part = opened.get_slice(name)
                size = 1
                for side in part.get_shape():
                    size *= side
                counts[_NAMES.get(part.get_dtype(), "float32")] += size
    return counts.most_common(1)[0][0] if counts else "float32"


def check_float16(folder: Path) -> None:
    """Refuse weights that float16 cannot hold.

    Raises:
        WeightsError: names the first.
    """
    for _, tensors, _ in _read_files(folder):
        for name, tensor in tensors.items():
            if tensor.is_floating_point() and not bool(tensor.abs().max() <= MAX_FLOAT16):
                raise WeightsError(
                    f"{folder}: {name} holds {float(tensor.abs().max()):.6g}, and float16 ends at {MAX_FLOAT16:.0f}; "
                    "export bfloat16 or float32"
                )


def _read_files(folder: Path) -> Iterator[tuple[Path, dict[str, Any], dict[str, str] | None]]:
    from safetensors import safe_open

    for file in sorted(folder.glob("*.safetensors")):
        with safe_open(file, framework="pt") as opened:
            yield file, {name: opened.get_tensor(name) for name in opened.keys()}, opened.metadata()  # noqa: SIM118


def write_merged(merged: Path, target: Path, dtype: str, card: str) -> None:
    """Write the merged student in `dtype`, with tokenizer, chat template, generation settings and card.

    Raises:
        WeightsError: float16 cannot hold a weight.
    """
    import torch
    from safetensors.torch import save_file

    if dtype == "float16":
        check_float16(merged)
    wanted, total = getattr(torch, dtype), 0
    for file, tensors, metadata in _read_files(merged):
        cast = {name: tensor.to(wanted) if tensor.is_floating_point() else tensor for name, tensor in tensors.items()}
        total += sum(tensor.numel() * tensor.element_size() for tensor in cast.values())
        save_file(cast, target / file.name, metadata={"format": "pt", **(metadata or {})})
    for file in sorted(merged.iterdir()):
        if file.is_file() and file.suffix != ".safetensors" and not file.name.startswith("."):
            shutil.copy2(file, target)
    if (target / INDEX).is_file():
        index = read_json(target / INDEX)
        write_json(target / INDEX, {**index, "metadata": {**index.get("metadata", {}), "total_size": total}})
    write_json(target / "config.json", _set_dtype(read_json(target / "config.json"), dtype))
    (target / "README.md").write_text(card, encoding="utf-8")


def _set_dtype(config: dict[str, Any], dtype: str) -> dict[str, Any]:
    """The config with this dtype wherever it states one, in the configs inside it too."""
    changed = {name: _set_dtype(value, dtype) if isinstance(value, dict) else value for name, value in config.items()}
    return {name: dtype if name in ("dtype", "torch_dtype") else value for name, value in changed.items()}
