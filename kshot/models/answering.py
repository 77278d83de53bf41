"""Finds the model that a person wants answers of, a run's student or another, and loads it ready to answer."""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from kshot.config import Config
from kshot.core.errors import ConfigError, RunError, WeightsError
from kshot.core.files import read_json
from kshot.core.runs import MANIFEST
from kshot.models.chat_template import ChatFormat, chat_format, stop_ids_of
from kshot.models.checkpoints import RUN_SUBFOLDERS, Checkpoint, find_checkpoints, load_checkpoint
from kshot.runtime.device import available_devices
from kshot.runtime.logging import quiet

BASE = "base"
"""In place of a model: what the run's student was trained from."""
DTYPES = ("auto", "float32", "bfloat16", "float16")


def find_run(name: str) -> Path | None:
    """The folder of the run that a name or a path stands for, also one of its folders of weights; None for no run."""
    for path in (Config().runs / name, Path(name).expanduser()):
        if path.is_dir():
            while path.name in RUN_SUBFOLDERS:
                path = path.parent
            return path if (path / "train").is_dir() or (path / "generate").is_dir() else None
    return None


def find_model(name: str, adapter: bool = False) -> Checkpoint:
    """The model of a run, folder, adapter, GGUF file or hub id; it is fetched and converted if need be.

    A run's student is its merged weights, or its adapter where these are gone.

    Args:
        adapter: take the run's adapter on its base instead.

    Raises:
        RunError: the run has no student yet.
        WeightsError: it cannot be found or used.
    """
    run = find_run(name)
    if run:
        folder = run / "train" / "adapter"
        has_adapter = (folder / "adapter_config.json").is_file()
        if adapter and not has_adapter:
            manifest = run / "train" / MANIFEST
            if manifest.is_file() and read_json(manifest).get("method") == "full":
                raise RunError(f"{run}: all weights were trained, so there is no adapter; leave --adapter out")
            raise RunError(f"{folder}: no adapter here; run `kshot train` for this run first")
        if adapter or (has_adapter and not (run / "train" / "merged" / "config.json").is_file()):
            name = str(folder)
    elif adapter and not (Path(name).expanduser() / "adapter_config.json").is_file():
        raise RunError(f"{name!r}: --adapter takes a run, or the folder of an adapter")
    return find_checkpoints([name], Config())[0]


def find_base(name: str) -> str:
    """The reference of the model that a run's student, or an adapter, was trained from.

    Raises:
        WeightsError: the name stands for neither.
    """
    if run := find_run(name):
        manifest = run / "train" / MANIFEST
        if manifest.is_file() and (base := read_json(manifest).get("base")):
            return str(base)
    checkpoint = find_model(name)
    if checkpoint.adapter:
        return checkpoint.folder
    raise WeightsError(f"{name!r}: no run, so its base is not known; name the model to set beside it")


def check_dtype(dtype: str) -> None:
    """Refuse a dtype that no model is loaded in.

    Raises:
        ConfigError: names those that there are.
    """
    if dtype not in DTYPES:
        raise ConfigError([f"--dtype {dtype!r}: expected {', '.join(DTYPES)}"])


def load_ready(checkpoint: Checkpoint, dtype: str = "auto") -> tuple[Any, Any]:
    """The model on the fastest device, an adapter merged into its base, and the tokenizer.

    Args:
        dtype: `auto` is bfloat16 on a GPU that computes in it, else float32, in which students are measured on a CPU.

    Raises:
        WeightsError: it does not load.
    """
    import torch

    from kshot.models.loading import cast_weights

    model, tokenizer = load_checkpoint(checkpoint)
    kind = available_devices()[0]
    if dtype == "auto":
        dtype = "bfloat16" if kind == "cuda" and torch.cuda.is_bf16_supported() else "float32"
    with quiet():
        cast_weights(model.eval(), getattr(torch, dtype))
        return model.to(kind), tokenizer


def make_generation_config(model: Any, chat: ChatFormat, max_tokens: int, temperature: float) -> Any:
    """How to generate an answer: greedily at temperature 0, else from all tokens; what else the model came with stays.

    The model stops where its training rows end.
    """
    from copy import deepcopy

    config = deepcopy(model.generation_config)
    is_greedy = temperature == 0
    values = {
        "do_sample": not is_greedy,
        "temperature": None if is_greedy else temperature,
        "top_k": None if is_greedy else 0,
        "top_p": None if is_greedy else 1.0,
        "max_new_tokens": max_tokens,
        "max_length": None,
        "eos_token_id": sorted({*stop_ids_of(model.generation_config), chat.stop_id}),
        "pad_token_id": chat.stop_id,
    }
    for name, value in values.items():
        setattr(config, name, value)
    return config


def find_chat_format(model: Any, tokenizer: Any) -> ChatFormat:
    """How the model's turns are written, in training, measuring and talking alike."""
    return chat_format(tokenizer, stop_ids_of(model.generation_config))


def find_context(model: Any) -> int | None:
    """The tokens that prompt and answer may have together; None where the model has no limit."""
    settings = model.config.get_text_config()
    names: Sequence[str] = ("max_position_embeddings", "n_positions", "max_sequence_length", "max_seq_len")
    found: Collection[int] = [value for name in names if isinstance(value := getattr(settings, name, None), int)]
    return max(found, default=None) or None
