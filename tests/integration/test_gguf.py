"""A student that is a GGUF file, as llama.cpp and Ollama keep them."""

from collections.abc import Collection
from pathlib import Path
from typing import Any

import pytest

from kshot.config import Config
from kshot.core.errors import WeightsError
from kshot.models.checkpoints import find_checkpoints
from kshot.models.loading import load_student
from kshot.models.resolve import resolve_model

NAMES = {
    "model.embed_tokens": "token_embd", "model.norm": "output_norm", "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm", "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output", "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down",
}  # fmt: skip


def pack(student: Path, target: Path, kind: str = "f32", settings: Collection[str] = ("eos", "template")) -> Path:
    """The student as a GGUF file, named and turned as llama.cpp does for a Llama.

    Args:
        kind: how matrices are held: f32, f16, bf16 or q8_0.
        settings: which of these stand in the file.
    """
    from gguf import GGMLQuantizationType, GGUFWriter, quants

    model, tokenizer = load_student(str(student))
    config = model.config
    writer = GGUFWriter(target, "llama")
    writer.add_block_count(config.num_hidden_layers)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_freq_base(10000.0)
    writer.add_vocab_size(config.vocab_size)
    tokens = tokenizer.convert_ids_to_tokens(range(len(tokenizer)))
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(tokens)
    writer.add_token_types([3 if token in tokenizer.all_special_tokens else 1 for token in tokens])
    writer.add_token_scores([0.0] * len(tokens))
    writer.add_bos_token_id(tokenizer.bos_token_id)
    if "eos" in settings:
        writer.add_eos_token_id(tokenizer.eos_token_id)
    writer.add_pad_token_id(tokenizer.pad_token_id)
    if "template" in settings:
        writer.add_chat_template(tokenizer.chat_template)
    for name, tensor in model.state_dict().items():
        if name == "lm_head.weight":  # tied
            continue
        values = tensor.numpy()
        for heads, part in ((config.num_attention_heads, "q_proj"), (config.num_key_value_heads, "k_proj")):
            if part in name:
                values = values.reshape(heads, 2, -1, values.shape[1]).swapaxes(1, 2).reshape(values.shape)
        held = GGMLQuantizationType[kind.upper() if values.ndim > 1 else "F32"]
        writer.add_tensor(renamed(name), quants.quantize(values, held), raw_dtype=held)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return target


def renamed(name: str) -> str:
    """`model.layers.0.mlp.up_proj.weight` is `blk.0.ffn_up.weight`."""
    name = name.replace("model.layers.", "blk.")
    for ours, theirs in NAMES.items():
        name = name.replace(ours, theirs)
    return name


@pytest.fixture
def packed(tiny_student: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file, beside what is none of its business."""
    monkeypatch.setenv("KSHOT_CACHE", str(tmp_path / "cache"))
    for name in ("adapter_config.json", "tokenizer_config.json", "generation_config.json"):
        (tmp_path / name).write_text("{")
    return pack(tiny_student, tmp_path / "tiny.gguf")


def logits(folder: str) -> Any:
    import torch

    model, tokenizer = load_student(folder)
    turns = [{"role": "user", "content": "Is it day or night?"}]
    ids = tokenizer.apply_chat_template(turns, add_generation_prompt=True, return_tensors="pt", return_dict=True)
    with torch.no_grad():
        return model(**ids).logits


def test_it_is_the_same_student(packed: Path, tiny_student: Path) -> None:
    import torch

    folder = resolve_model(str(packed))
    torch.testing.assert_close(logits(folder), logits(str(tiny_student)))
    assert [path.name for path in Path(folder).parent.iterdir() if not path.name.startswith(".")] == [Path(folder).name]


def test_it_is_converted_once_and_again_when_it_changes(packed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = resolve_model(str(packed))
    assert "converting tiny.gguf" in capsys.readouterr().out
    assert resolve_model(str(packed)) == first
    assert "converting" not in capsys.readouterr().out
    packed.write_bytes(packed.read_bytes() + b"\0" * 32)
    assert resolve_model(str(packed)) != first


def test_compare_calls_it_by_its_name(packed: Path) -> None:
    assert [candidate.label for candidate in find_checkpoints([str(packed)], Config())] == ["tiny"]


def test_what_is_no_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KSHOT_CACHE", str(tmp_path / "cache"))
    with pytest.raises(WeightsError, match=r"missing.gguf': no such file"):
        resolve_model(str(tmp_path / "missing.gguf"))
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"GGUF and then nothing")
    with pytest.raises(WeightsError, match=r"broken.gguf: does not convert: "):
        resolve_model(str(broken))
    assert not list((tmp_path / "cache").rglob("*.safetensors"))
