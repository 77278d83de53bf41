"""Embeddings of a small encoder with random weights: pooling, order, references."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import BertConfig, BertModel, BertTokenizer

from kshot.core.errors import WeightsError
from kshot.models.embeddings import embed_texts, resolve_encoder

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "red", "blue", "boat", "car"]


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_encoder(tmp_path_factory.mktemp("encoder"))


def build_encoder(folder: Path) -> Path:
    torch.manual_seed(1)
    config = BertConfig(
        vocab_size=len(WORDS), hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16,
        max_position_embeddings=300,
    )  # fmt: skip
    BertModel(config).save_pretrained(folder)
    (folder / "vocab.txt").write_text("\n".join(WORDS))
    BertTokenizer(vocab_file=str(folder / "vocab.txt")).save_pretrained(folder)
    return folder


def test_embed_texts_gives_unit_vectors_that_do_not_depend_on_the_batch(encoder: Path) -> None:
    texts = ["red boat blue car red boat", "car", "blue boat"]
    embeddings = embed_texts(texts, str(encoder))
    assert embeddings.shape == (3, 8)
    np.testing.assert_allclose(np.linalg.norm(embeddings, axis=1), 1, atol=1e-5)
    alone = np.concatenate([embed_texts([text], str(encoder)) for text in texts])
    np.testing.assert_allclose(embeddings, alone, atol=1e-5)
    assert abs(float(embeddings[0] @ embeddings[1])) < 0.999


def test_the_pooling_is_the_encoders_own(tmp_path: Path) -> None:
    folder = build_encoder(tmp_path / "cls")
    mean = embed_texts(["red boat"], str(folder))
    (folder / "1_Pooling").mkdir()
    pooling = folder / "1_Pooling" / "config.json"
    pooling.write_text(json.dumps({"word_embedding_dimension": 8, "pooling_mode_cls_token": True}))
    assert not np.allclose(mean, embed_texts(["red boat"], str(folder)))
    pooling.write_text(json.dumps({"pooling_mode_max_tokens": True}))
    with pytest.raises(WeightsError, match="pooling_mode_max_tokens"):
        embed_texts(["red boat"], str(folder))
    (folder / "modules.json").write_text(json.dumps([{"type": "sentence_transformers.models.Dense"}]))
    with pytest.raises(WeightsError, match="Dense"):
        embed_texts(["red boat"], str(folder))


@pytest.mark.parametrize("encoder_name", ["package:no_such_package/model", "package:json/model", "./no/such/folder"])
def test_an_encoder_that_is_not_here_is_named(encoder_name: str) -> None:
    with pytest.raises(WeightsError) as raised:
        resolve_encoder(encoder_name)
    assert encoder_name in str(raised.value)
    assert "\n" not in str(raised.value)
