"""Which model class answers: our `PrefixSharingLM`, or lm-eval's own `hf` and `vllm`, from the model's folder."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from kshot.config import EvaluateConfig
from kshot.core.errors import ConfigError, summarize_error
from kshot.evaluate.lm.chat_prompts import ChatPrompts
from kshot.models.chat_template import stop_at
from kshot.models.checkpoints import Checkpoint, load_checkpoint
from kshot.models.loading import load_chat_format
from kshot.runtime.device import Device
from kshot.runtime.logging import quiet

MERGED_PREFIX = ".merged-"
SPEED_ARGS = frozenset(
    {
        "batch_size", "max_batch_size", "data_parallel_size", "gpu_memory_utilization", "parallelize",
        "pipeline_parallel_size", "swap_space", "tensor_parallel_size",
    }
)  # fmt: skip
"""Arguments that change how fast answers come, and scores by no more than rounding."""


@dataclass(frozen=True)
class Backend:
    """lm-eval's class of this name, over the model in a folder."""

    name: str
    folder: str
    args: dict[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """Changes with what shapes the answers."""
        from importlib.metadata import version

        args = sorted((name, value) for name, value in self.args.items() if name not in SPEED_ARGS)
        return repr((self.name, args, version("lm_eval")))


def make_backend(settings: EvaluateConfig, folder: str) -> Backend | None:
    """None for our own."""
    return None if settings.backend == "own" else Backend(settings.backend, folder, settings.backend_args)


def check_backend(settings: EvaluateConfig) -> None:
    """Check what is known without a model.

    Raises:
        ConfigError: vllm is not installed, or there are arguments that no backend takes.
    """
    if settings.backend == "vllm" and find_spec("vllm") is None:
        raise ConfigError(["evaluate.backend: vllm is not installed here; `pip install vllm`, or set hf or own"])
    if settings.backend == "own" and settings.backend_args:
        raise ConfigError(["evaluate.backend_args: only the backends hf and vllm take any; set evaluate.backend"])


@contextmanager
def backend_of(checkpoint: Checkpoint, settings: EvaluateConfig, scratch: Path) -> Iterator[Backend | None]:
    """The backend for a checkpoint; None for our own. An adapter is merged into its base for as long as it is asked.

    Args:
        scratch: where merged weights may lie meanwhile.

    Raises:
        WeightsError: the checkpoint does not load.
    """
    backend = make_backend(settings, checkpoint.folder)
    if backend is None or checkpoint.adapter is None:
        yield backend
        return
    with TemporaryDirectory(prefix=MERGED_PREFIX, dir=scratch) as folder, quiet():
        for part in load_checkpoint(checkpoint):
            part.save_pretrained(folder)
        yield replace(backend, folder=folder)


def remove_leftovers(scratch: Path) -> None:
    """Remove merged weights that a killed command has left."""
    for path in scratch.glob(f"{MERGED_PREFIX}*"):
        shutil.rmtree(path, ignore_errors=True)


def open_backend(backend: Backend, device: Device) -> Any:
    """lm-eval's model.

    Raises:
        ConfigError: the backend refuses its arguments, or does not start.
    """
    from lm_eval.api.registry import get_model

    chat = load_chat_format(backend.folder)
    settings: dict[str, Any] = {"pretrained": backend.folder, "dtype": device.dtype}
    if backend.name == "hf":
        settings |= {"device": device.type, "attn_implementation": device.attention, "batch_size": 8}
    try:
        with quiet():
            cls: Any = type(f"Chat{backend.name}", (ChatPrompts, get_model(backend.name)), {"chat": chat})
            lm = cls.create_from_arg_obj(settings | backend.args)
    except (TypeError, ValueError, AttributeError, ImportError, OSError, RuntimeError) as error:
        raise ConfigError([f"evaluate.backend_args: {backend.name} does not start: {summarize_error(error)}"]) from None
    if backend.name == "hf":
        stop_at(lm.model, chat)
    return lm
