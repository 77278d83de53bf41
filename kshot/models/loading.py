"""Loads students, and fingerprints what their answers depend on."""

from pathlib import Path
from typing import Any

from kshot.core.errors import WeightsError, summarize_error
from kshot.core.seeding import digest
from kshot.models.references import hash_unchanged
from kshot.models.weights import check_loaded, check_vocabulary
from kshot.runtime.logging import quiet

ANSWER_FILES = (
    "*.safetensors", "config.json", "generation_config.json", "tokenizer*", "chat_template*", "special_tokens_map.json",
    "vocab.json", "merges.txt",
)  # fmt: skip
"""The files of a model folder that its answers depend on."""


def load_student(folder: str) -> tuple[Any, Any]:
    """The model in float32 and its tokenizer.

    Raises:
        WeightsError: it does not load, has no chat template, or its weights, config and tokenizer do not fit.
    """
    import torch
    from safetensors import SafetensorError
    from transformers import AutoModelForCausalLM, AutoTokenizer

    try:
        with quiet():
            tokenizer = AutoTokenizer.from_pretrained(folder)
            # Sizes that do not fit are reported, rather than raised without a name.
            model, info = AutoModelForCausalLM.from_pretrained(
                folder,
                dtype=torch.float32,
                use_safetensors=True,
                output_loading_info=True,
                ignore_mismatched_sizes=True,
            )
    except (OSError, ValueError, KeyError, RuntimeError, ImportError, SafetensorError) as error:
        raise WeightsError(f"{folder}: does not load: {summarize_error(error)}") from None
    check_loaded(folder, info)
    check_vocabulary(folder, tokenizer, len(model.get_input_embeddings().weight))
    if not tokenizer.chat_template:
        raise WeightsError(f"{folder}: the tokenizer has no chat template; use an instruction-tuned student")
    return model, tokenizer


def fingerprint_model(folder: str) -> str:
    """A hash of weights, architecture, tokenizer and chat template."""
    parts: list[object] = []
    for file in sorted({path for pattern in ANSWER_FILES for path in Path(folder).glob(pattern)}):
        parts += [file.name, hash_unchanged(file)]
    return digest(*parts)


def is_row_independent(config: Any) -> bool:
    """Whether a row's result never depends on earlier rows: no rotary embedding that stretches on demand."""
    settings = config.to_dict()
    rope = str(settings.get("rope_parameters") or settings.get("rope_scaling"))
    return "dynamic" not in rope and "longrope" not in rope
