"""Checks that a folder's weights, tokenizer and adapter belong together: what transformers and peft only warn of."""

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from kshot.core.errors import WeightsError

MAX_NAMES = 3
"""Names of tensors in a message."""
OTHER_MODALITY = re.compile(
    r"(?:^|\.)(?:vision|visual|audio|image|video|speech|vit|img|multi_?modal|mm_|connector|projector|embed_vision"
    r"|embed_audio|talker|token2wav|code2wav|mtp\b|mtp_)", re.I,
)  # fmt: skip
"""Tensors of a checkpoint that its text model does not use: encoders of other modalities, heads for several tokens."""
PLACEHOLDER = re.compile(r"image|audio|video|vision|speech|soft", re.I)
"""Special tokens that stand for other modalities; text never holds them, so they need no embedding."""


def check_loaded(folder: str, info: Mapping[str, Any]) -> None:
    """Refuse weights that do not fill the model, or that it has no place for.

    Args:
        info: transformers' `output_loading_info`.

    Raises:
        WeightsError: names the first tensors.
    """
    if missing := sorted(info["missing_keys"]):
        raise WeightsError(
            f"{folder}: the weights lack {_name_some(missing)}, which would be random; fetch or make the folder again"
        )
    if mismatched := sorted(info["mismatched_keys"]):
        name, found, wanted = mismatched[0]
        more = f" (and {len(mismatched) - 1} more)" if len(mismatched) > 1 else ""
        raise WeightsError(
            f"{folder}: {name} is {_times(found)} in the weights and {_times(wanted)} by config.json{more}; they "
            "do not belong together"
        )
    if unexpected := sorted(name for name in info["unexpected_keys"] if not OTHER_MODALITY.search(name)):
        raise WeightsError(
            f"{folder}: the weights hold {_name_some(unexpected)}, which config.json has no place for; they do not "
            "belong together"
        )


def _name_some(names: list[str]) -> str:
    more = f" and {len(names) - MAX_NAMES} more" if len(names) > MAX_NAMES else ""
    return f"{', '.join(names[:MAX_NAMES])}{more}"


def _times(shape: Iterable[int]) -> str:
    return " x ".join(map(str, shape))


def check_vocabulary(folder: str, tokenizer: Any, embeddings: int) -> None:
    """Refuse a tokenizer with a token that the model has no embedding for; a padding token needs none.

    Raises:
        WeightsError: names the token.
    """
    special = {number for number, token in tokenizer.added_tokens_decoder.items() if token.special}
    beyond = {
        number: token
        for token, number in tokenizer.get_vocab().items()
        if number >= embeddings
        and number != tokenizer.pad_token_id
        and not (number in special and PLACEHOLDER.search(token))
    }
    if beyond:
        first = min(beyond)
        raise WeightsError(
            f"{folder}: the tokenizer has token {first} ({beyond[first]!r}) and the model {embeddings} embeddings; "
            "they do not belong together"
        )


def check_adapter(adapter: Path, base: str) -> None:
    """The adapter's matrices must fit the base's layers; reads only the headers of the files.

    Raises:
        WeightsError: names the first that does not fit.
    """
    layers = dict(read_shapes(Path(base).glob("*.safetensors")))
    matrices = dict(read_shapes([adapter / "adapter_model.safetensors"]))
    inner = [name for name in matrices if name.endswith(".lora_A.weight")]
    if not any("lora" in name for name in matrices):
        raise WeightsError(f"{adapter}: adapter_model.safetensors holds no LoRA matrix; save the adapter again")
    for name in inner:
        rank, wide = matrices[name]
        layer = name.removeprefix("base_model.model.").removesuffix(".lora_A.weight") + ".weight"
        found = layers.get(layer)
        if found is None or wide not in found:
            there = f"is {_times(found)} there" if found else "is not there"
            raise WeightsError(
                f"{adapter}: made for another base than {base}: {layer} takes {wide} inputs (rank {rank}) and {there}"
            )
        outer = matrices.get(name.replace(".lora_A.", ".lora_B."))
        if outer is None:
            raise WeightsError(f"{adapter}: {name} has no lora_B beside it; save the adapter again")
        if sorted((outer[0], wide)) != sorted(found):
            raise WeightsError(
                f"{adapter}: made for another base than {base}: {layer} gives {outer[0]} outputs (rank {rank}) and is "
                f"{_times(found)} there"
            )


def read_shapes(files: Iterable[Path]) -> Iterator[tuple[str, list[int]]]:
    """(name, shape) of every matrix of these safetensors files.

    Raises:
        WeightsError: a file is broken.
    """
    from safetensors import SafetensorError, safe_open

    for file in sorted(files):
        try:
            with safe_open(file, framework="numpy") as opened:
                for name in opened.keys():  # noqa: SIM118 - not a mapping
                    shape = list(opened.get_slice(name).get_shape())
                    if len(shape) == 2:
                        yield name, shape
        except SafetensorError as error:
            raise WeightsError(f"{file}: broken: {error}; make or fetch it again") from None
