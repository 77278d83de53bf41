"""Loads students, and fingerprints what their answers depend on."""

from pathlib import Path
from typing import Any

from kshot.core.errors import WeightsError, summarize_error
from kshot.core.seeding import digest
from kshot.models.chat_template import ChatFormat, chat_format, stop_at, stop_ids_of
from kshot.models.references import hash_unchanged
from kshot.models.weights import check_loaded, check_vocabulary
from kshot.runtime.logging import quiet

ANSWER_FILES = (
    "*.safetensors", "config.json", "generation_config.json", "tokenizer*", "chat_template*", "special_tokens_map.json",
    "vocab.json", "merges.txt",
)  # fmt: skip
"""The files of a model folder that its answers depend on."""
QUANTIZATION_BLOCK = 64
"""Weights that share a scale in four bits."""


def load_student(folder: str, quantize: str | None = None) -> tuple[Any, Any]:
    """The model in float32 and its tokenizer, whose chat template is the one to train and ask with.

    Args:
        quantize: nf4 to hold the weights of linear layers in four bits, on this process's GPU where there is one.

    Raises:
        WeightsError: it does not load, has no chat template that kshot can use, or its weights, config and tokenizer do
            not fit.
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
                **(_quantization(quantize) if quantize else {}),
            )
    except (OSError, ValueError, KeyError, RuntimeError, ImportError, SafetensorError) as error:
        raise WeightsError(f"{folder}: does not load: {summarize_error(error)}") from None
    check_loaded(folder, info)
    if quantize and model.device.type == "cpu":
        _check_blocks(folder, model)
    chat = _find_chat_format(folder, tokenizer, model.generation_config)
    stop_at(model, chat)
    embeddings = len(model.get_input_embeddings().weight)
    check_vocabulary(folder, tokenizer, embeddings)
    if (tokenizer.pad_token_id or 0) >= embeddings:
        tokenizer.pad_token = chat.stop
    return model, tokenizer


def _quantization(name: str) -> dict[str, Any]:
    import torch
    from transformers import BitsAndBytesConfig

    on_gpu = torch.cuda.is_available()
    compute = torch.bfloat16 if on_gpu and torch.cuda.is_bf16_supported() else torch.float32
    settings = BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type=name,
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=compute,
    )
    return {"quantization_config": settings, "device_map": {"": torch.cuda.current_device() if on_gpu else "cpu"}}


def _check_blocks(folder: str, model: Any) -> None:
    """Refuse four bits for weights whose rows are no whole blocks, which bitsandbytes cannot multiply on a CPU."""
    import torch

    for name, module in model.named_modules():
        if isinstance(module, torch.nn.Linear) and module.in_features % QUANTIZATION_BLOCK:
            raise WeightsError(
                f"{folder}: train.quantize: on a CPU the inputs of a layer go up in {QUANTIZATION_BLOCK}, and "
                f"{name} has {module.in_features}; leave train.quantize out, or train on a GPU"
            )


def cast_weights(model: Any, dtype: Any) -> None:
    """Cast in place, as `from_pretrained(dtype=...)` loads: what the model computes itself and does not save stays.

    `model.to(dtype)` would round the frequencies of rotary embeddings too, which doubles the error of bfloat16.
    """
    strict = getattr(model, "_keep_in_fp32_modules_strict", None) or ()
    computed = [
        (module, name, module._buffers[name])
        for module in model.modules()
        for name in module._non_persistent_buffers_set
    ]
    kept = [(p, p.data) for name, p in model.named_parameters() if any(part in name.split(".") for part in strict)]
    model.to(dtype)
    for module, name, buffer in computed:
        module._buffers[name] = buffer
    for parameter, data in kept:
        parameter.data = data


def load_chat_format(folder: str) -> ChatFormat:
    """How a student's turns are written, from its tokenizer alone.

    Raises:
        WeightsError: the tokenizer does not load, or has no chat template that kshot can use.
    """
    return chat_format(load_tokenizer(folder))


def load_tokenizer(folder: str) -> Any:
    """A student's tokenizer, whose chat template is the one to train and ask with; errors as of `load_chat_format`."""
    from transformers import AutoTokenizer, GenerationConfig

    try:
        with quiet():
            tokenizer = AutoTokenizer.from_pretrained(folder)
            has_config = (Path(folder) / "generation_config.json").is_file()
            generation = GenerationConfig.from_pretrained(folder) if has_config else None
    except (OSError, ValueError, KeyError) as error:
        raise WeightsError(f"{folder}: its tokenizer does not load: {summarize_error(error)}") from None
    _find_chat_format(folder, tokenizer, generation)
    return tokenizer


def _find_chat_format(folder: str, tokenizer: Any, generation_config: Any) -> ChatFormat:
    try:
        return chat_format(tokenizer, stop_ids_of(generation_config))
    except WeightsError as error:
        raise WeightsError(f"{folder}: {error}") from None


def fingerprint_model(folder: str) -> str:
    """A hash of weights, architecture, tokenizer and chat template."""
    parts: list[object] = []
    for file in sorted({path for pattern in ANSWER_FILES for path in Path(folder).glob(pattern)}):
        parts += [file.name, hash_unchanged(file)]
    return digest(*parts)


def is_row_independent(config: Any) -> bool:
    """Whether a row's result never depends on earlier rows: no rotary embedding that stretches on demand."""
    settings = config.get_text_config().to_dict()
    rope = str(settings.get("rope_parameters") or settings.get("rope_scaling"))
    return "dynamic" not in rope and "longrope" not in rope
