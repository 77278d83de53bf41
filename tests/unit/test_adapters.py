"""Where LoRA layers go, and what share of the weights they cover."""

from pathlib import Path
from typing import Any

import pytest

from kshot.config import TrainConfig
from kshot.core.errors import ConfigError, WeightsError
from kshot.models.loading import is_row_independent, load_student
from kshot.runtime.device import ATTENTION, set_attention, supported_attention
from kshot.train.adapters import adapter_config, adapter_coverage, find_idle_layers, refuse_idle_adapters
from kshot.train.fit import _has_plain_logits as has_plain_logits
from tests.architectures import save_architecture

TOKENS = [5, 6, 7, 8, 9]


def with_adapter(model: Any, settings: TrainConfig) -> Any:
    from peft import get_peft_model

    return get_peft_model(model, adapter_config(model, settings, find_idle_layers(model, TOKENS)))


def test_adapters_go_on_every_layer_that_takes_part(tiny_student: Path) -> None:
    model, _ = load_student(str(tiny_student))
    assert find_idle_layers(model, TOKENS) == {}
    linear = sum(w.numel() for name, w in model.named_parameters() if "proj" in name)
    total = sum(w.numel() for w in model.parameters())
    assert adapter_config(model, TrainConfig(), {}).exclude_modules is None
    assert adapter_coverage(with_adapter(model, TrainConfig())) == linear / total
    only = with_adapter(load_student(str(tiny_student))[0], TrainConfig(lora={"target_modules": ["q_proj"]}))
    assert adapter_coverage(only) == sum(w.numel() for n, w in model.named_parameters() if "q_proj.base" in n) / total


def test_an_image_tower_gets_no_adapter_by_default_and_is_refused_by_name(tmp_path: Path) -> None:
    folder = save_architecture("Gemma 3, multimodal", tmp_path)
    model, _ = load_student(str(folder))
    idle = find_idle_layers(model, TOKENS)
    assert idle
    assert all("vision" in name for name in idle)
    adapted = {name for name, _ in with_adapter(model, TrainConfig()).named_parameters() if "lora_A" in name}
    assert adapted
    assert not [name for name in adapted if "vision" in name]
    settings = TrainConfig(lora={"target_modules": ["q_proj"]})
    model, _ = load_student(str(folder))
    with pytest.raises(ConfigError, match=r"train\.lora: model\.vision_tower\.\S+q_proj takes no part when this"):
        refuse_idle_adapters(with_adapter(model, settings), idle)


def test_layers_that_differ_by_number_count_as_one(tiny_student: Path) -> None:
    """An expert to which no probe token goes is no idle layer."""
    model, _ = load_student(str(tiny_student))
    model.model.layers[1].forward = lambda hidden, *_, **__: hidden
    assert find_idle_layers(model, TOKENS) == {}
    model.model.layers[0].forward = lambda hidden, *_, **__: hidden
    assert "model.layers.N.mlp.up_proj" in find_idle_layers(model, TOKENS)


def test_attention_falls_back_to_one_that_the_model_has(
    tiny_student: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model, _ = load_student(str(tiny_student))
    assert supported_attention(model) == list(ATTENTION)
    set_attention(model, "sdpa")
    assert (model.config._attn_implementation, capsys.readouterr().err) == ("sdpa", "")
    gemma, _ = load_student(str(save_architecture("Gemma 2", tmp_path)))
    assert supported_attention(gemma) == ["eager"]
    set_attention(gemma, "sdpa")
    assert gemma.config._attn_implementation == "eager"
    said = capsys.readouterr()
    assert "Gemma2ForCausalLM has no sdpa attention; it computes with eager" in said.out + said.err


def test_has_plain_logits_notices_scaled_ones(tiny_student: Path) -> None:
    model, _ = load_student(str(tiny_student))
    assert has_plain_logits(model)
    forward = model.forward

    def scaled(*arguments: Any, **options: Any) -> Any:
        output = forward(*arguments, **options)
        output.logits = output.logits / 2
        return output

    model.forward = scaled
    assert not has_plain_logits(model)


def test_a_stretching_rotary_embedding_in_a_nested_config_is_seen() -> None:
    from transformers import Gemma3Config

    rope = {"rope_type": "dynamic", "factor": 2.0, "rope_theta": 1e4}
    text = {"rope_parameters": {"full_attention": rope, "sliding_attention": rope}}
    assert not is_row_independent(Gemma3Config(text_config=text))
    assert is_row_independent(Gemma3Config())


def test_a_tokenizer_of_other_weights_is_refused(tiny_student: Path, tmp_path: Path) -> None:
    model, tokenizer = load_student(str(tiny_student))
    tokenizer.add_tokens(["Hello"])
    tokenizer.save_pretrained(tmp_path)
    model.save_pretrained(tmp_path)
    with pytest.raises(WeightsError, match=r"token 259 \('Hello'\) and the model 259 embeddings; they do not belong"):
        load_student(str(tmp_path))
    _, tokenizer = load_student(str(tiny_student))
    tokenizer.add_special_tokens({"pad_token": "<|pad|>"})
    tokenizer.save_pretrained(tmp_path)
    assert load_student(str(tmp_path))[1].pad_token == "<|im_end|>"
