"""What llama.cpp calls the rule by which a tokenizer splits texts, and what a target's folder is called."""

from typing import Any

import pytest

from kshot.train.export.llama.gguf import SPLITS, name_pre_tokenizer
from kshot.train.export.targets import choose_target

BYTES: dict[str, Any] = {"type": "ByteLevel", "add_prefix_space": False, "use_regex": True}
DIGITS = {"type": "Digits", "individual_digits": True}


def _tokenizer(*parts: dict[str, Any], **more: Any) -> dict[str, Any]:
    rule = parts[0] if len(parts) == 1 else {"type": "Sequence", "pretokenizers": list(parts)}
    return {"model": {"type": "BPE"}, "normalizer": None, "pre_tokenizer": rule, **more}


def _split(pattern: str) -> dict[str, Any]:
    return {"type": "Split", "pattern": {"Regex": pattern}}


def test_name_pre_tokenizer_goes_by_the_rule() -> None:
    assert name_pre_tokenizer(_tokenizer(BYTES)) == "gpt-2"
    assert name_pre_tokenizer(_tokenizer(DIGITS, BYTES)) == "smollm"
    plain = BYTES | {"use_regex": False}
    assert {name_pre_tokenizer(_tokenizer(_split(pattern), plain)) for pattern in SPLITS} == {"llama-bpe", "qwen2"}


@pytest.mark.parametrize(
    "tokenizer",
    [
        _tokenizer(BYTES | {"add_prefix_space": True}),
        _tokenizer(_split(r"\d"), BYTES | {"use_regex": False}),
        _tokenizer(BYTES, normalizer={"type": "Lowercase"}),
        _tokenizer(BYTES, model={"type": "Unigram"}),
        _tokenizer({"type": "Metaspace"}),
        {"model": {"type": "BPE"}, "pre_tokenizer": None},
    ],
)
def test_name_pre_tokenizer_guesses_nothing(tokenizer: dict[str, Any]) -> None:
    assert name_pre_tokenizer(tokenizer) is None


@pytest.mark.parametrize(
    ("arguments", "folder", "is_lossless"),
    [
        (("merged", None, None), "merged-bfloat16", False),
        (("merged", "float32", None), "merged-float32", True),
        (("adapter", None, None), "adapter", True),
        (("gguf", None, None), "gguf-q8_0", False),
        (("gguf", "float32", None), "gguf-float32", False),
        (("ollama", None, "Q4_K_M"), "ollama-q4_k_m", False),
        (("mlx", None, None), "mlx-bfloat16", False),
    ],
)
def test_choose_target_has_a_folder_for_each_setting(
    arguments: tuple[str, str | None, str | None], folder: str, is_lossless: bool
) -> None:
    target = choose_target(*arguments, "bfloat16")
    assert (target.folder_name, target.is_lossless) == (folder, is_lossless)
