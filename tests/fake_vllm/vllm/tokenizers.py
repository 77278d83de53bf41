"""The tokenizer of a model."""

from typing import Any

from transformers import AutoTokenizer


def get_tokenizer(name: str, **_: Any) -> Any:
    return AutoTokenizer.from_pretrained(name)
