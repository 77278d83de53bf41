"""What a run can be exported to, and which settings each target takes."""

from dataclasses import dataclass
from pathlib import Path

from kshot.core.errors import ConfigError, RunError
from kshot.core.runs import EXPORT
from kshot.train.export.llama.gguf import CONVERTED, KINDS
from kshot.train.export.weights import DTYPES

TARGETS = ("merged", "adapter", "gguf", "ollama", "mlx")
DEFAULT_KIND = "q8_0"
KIND_OF_DTYPE = {dtype: kind for kind, dtype in CONVERTED.items() if dtype}


@dataclass(frozen=True)
class ExportTarget:
    """A target with its settings."""

    name: str
    dtype: str | None
    """Of the weights; None where they are quantised."""
    kind: str | None
    """How a GGUF file holds them; None for other targets."""

    @property
    def is_gguf(self) -> bool:
        return self.name in ("gguf", "ollama")

    @property
    def quantization(self) -> str | None:
        """The kind where it rounds weights in blocks."""
        return self.kind if self.kind and not CONVERTED.get(self.kind) else None

    @property
    def folder_name(self) -> str:
        return "-".join(filter(None, (self.name, self.quantization or self.dtype if self.name != "adapter" else None)))

    @property
    def is_lossless(self) -> bool:
        """Whether every answer has to be the trained student's."""
        return self.name == "adapter" or (self.name == "merged" and self.dtype == "float32")


def choose_target(name: str, dtype: str | None, kind: str | None, base_dtype: str) -> ExportTarget:
    """The target with its defaults: the base's dtype for folders, q8_0 for GGUF.

    Raises:
        ConfigError: an unknown name, or a setting that the target does not take.
    """
    kind = kind.lower() if kind else None
    faults = list(_find_faults(name, dtype, kind))
    if faults:
        raise ConfigError(faults)
    if name == "adapter":
        return ExportTarget(name, "float32", None)
    if name not in ("gguf", "ollama"):
        return ExportTarget(name, dtype or base_dtype, None)
    kind = kind or (KIND_OF_DTYPE[dtype] if dtype else DEFAULT_KIND)
    return ExportTarget(name, CONVERTED.get(kind), kind)


def _find_faults(name: str, dtype: str | None, kind: str | None) -> list[str]:
    if name not in TARGETS:
        return [f"--to {name!r}: expected one of {', '.join(TARGETS)}"]
    faults = []
    if dtype and dtype not in DTYPES:
        faults.append(f"--dtype {dtype!r}: expected one of {', '.join(DTYPES)}")
    if kind and kind not in KINDS:
        faults.append(f"--quantize {kind!r}: expected one of {', '.join(KINDS)}")
    if kind and name not in ("gguf", "ollama"):
        faults.append(f"--quantize {kind}: --to {name} takes none; GGUF is quantised (--to gguf or --to ollama)")
    if dtype and name == "adapter":
        faults.append(f"--dtype {dtype}: --to adapter takes none; an adapter stays in float32, as it was trained")
    if dtype and kind:
        faults.append(f"--dtype {dtype} and --quantize {kind}: each names how the weights are held; give one of them")
    return faults


def check_folder(folder: Path) -> None:
    """Refuse a folder that holds something else than an earlier export.

    Raises:
        RunError: names it.
    """
    if folder.exists() and not (folder / EXPORT).is_file() and (not folder.is_dir() or any(folder.iterdir())):
        raise RunError(f"{folder}: is there and holds no {EXPORT}; name a new folder with --out")
