"""Compatibility of loading and scoring, as rows (name, expected, got): refusals of a loader, ways to ask a model.

Everything is tiny, random and local. `loader_cells` breaks a student's folder in one way each; `scorer_cells` compares
what an architecture is measured with to one prompt at a time.
"""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests import architectures

Cell = tuple[str, str, str]
"""Name, expected, got."""
SMALL = {
    "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 2,
}  # fmt: skip
HEADS = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4}
GPT2 = {"n_embd": 32, "n_layer": 2, "n_head": 4}
ARCHITECTURES: dict[str, tuple[str, dict[str, Any]]] = {
    "llama": ("LlamaConfig", SMALL),
    "qwen2": ("Qwen2Config", SMALL),
    "olmo2": ("Olmo2Config", SMALL),
    "mixtral": ("MixtralConfig", SMALL | {"num_local_experts": 4}),
    "gpt2": ("GPT2Config", GPT2),
    "gpt_neox": ("GPTNeoXConfig", HEADS | {"intermediate_size": 64}),
    "opt": ("OPTConfig", HEADS | {"ffn_dim": 64, "word_embed_proj_dim": 32}),
    "falcon": ("FalconConfig", HEADS),
    "gptj": ("GPTJConfig", GPT2 | {"rotary_dim": 8}),
    "falcon_alibi": ("FalconConfig", HEADS | {"alibi": True}),
    "bloom": ("BloomConfig", {"hidden_size": 32, "n_layer": 2, "n_head": 4}),
    "mpt": ("MptConfig", {"d_model": 32, "n_layers": 2, "n_heads": 4}),
    "gpt_neo": (
        "GPTNeoConfig",
        {"hidden_size": 32, "num_layers": 2, "attention_types": [[["global", "local"], 1]], "num_heads": 4,
         "window_size": 16},
    ),
    "mistral": ("MistralConfig", SMALL | {"sliding_window": 16}),
    "gemma2": ("Gemma2Config", SMALL | {"head_dim": 8, "sliding_window": 16}),
    "gemma3": ("Gemma3TextConfig", SMALL | {"head_dim": 8, "sliding_window": 16}),
    "gpt_oss": (
        "GptOssConfig",
        SMALL | {"head_dim": 8, "num_local_experts": 4, "num_experts_per_tok": 2, "sliding_window": 16},
    ),
    "mamba": ("MambaConfig", {"hidden_size": 32, "num_hidden_layers": 2, "state_size": 8}),
    "mamba2": (
        "Mamba2Config",
        {"hidden_size": 32, "num_hidden_layers": 2, "state_size": 8, "num_heads": 8, "head_dim": 8, "n_groups": 1},
    ),
    "rwkv": ("RwkvConfig", {"hidden_size": 32, "num_hidden_layers": 2, "attention_hidden_size": 32}),
    "lfm2": ("Lfm2Config", SMALL | {"layer_types": ["conv", "full_attention"]}),
    "jamba": (
        "JambaConfig",
        SMALL | {"mamba_d_state": 8, "attn_layer_period": 2, "attn_layer_offset": 1, "num_experts": 2},
    ),
}  # fmt: skip
HYBRIDS = ("Bamba", "Falcon-H1", "Gemma 3, multimodal", "Granite-MoE", "Qwen3-Next", "RecurrentGemma")
ARCHITECTURES |= {name: architectures.ARCHITECTURES[name] for name in HYBRIDS}
SHARED = ("llama", "qwen2", "olmo2", "mixtral", "gpt2", "gpt_neox", "opt", "falcon", "gptj", "Granite-MoE")
"""Those whose prompts share prefixes; all others are asked one prompt by itself."""


def make_model(name: str, vocabulary: int) -> Any:
    """A model of the architecture with random weights, large enough that attention shows in the logits."""
    import torch
    import transformers

    kind, settings = ARCHITECTURES[name]
    ids: dict[str, Any] = {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 2, "initializer_range": 0.3}
    torch.manual_seed(0)
    ids["vocab_size"] = vocabulary
    if "text_config" in settings:
        settings = settings | {"text_config": settings["text_config"] | ids}
    config = getattr(transformers, kind)(**ids | settings)
    model = transformers.AutoModelForCausalLM.from_config(config).eval()
    model.generation_config.eos_token_id = 2
    return model


def _measure(lm: Any, texts: list[str]) -> tuple[list[float], list[str]]:
    """Log-probabilities of two options after each text, and greedy answers."""
    from lm_eval.api.instance import Instance

    options = [
        Instance("loglikelihood", {}, (text, option), number)
        for number, (text, option) in enumerate((text, option) for text in texts for option in (" yes", " no"))
    ]
    settings = {"until": ["\n"], "max_gen_toks": 6, "do_sample": False}
    asked = [Instance("generate_until", {}, (text, settings), number) for number, text in enumerate(texts)]
    return [score for score, _ in lm.loglikelihood(options)], lm.generate_until(asked)


def scorer_cells(student: Path, names: tuple[str, ...] = tuple(ARCHITECTURES)) -> Iterator[Cell]:
    """For each architecture: the same log-probabilities and texts as one prompt at a time, and the way it is asked."""
    from lm_eval.models.huggingface import HFLM
    from transformers import AutoTokenizer

    from kshot.evaluate.lm.prefix_lm import PrefixSharingLM
    from kshot.runtime.device import set_attention

    tokenizer = AutoTokenizer.from_pretrained(student)
    head = "Say whether the animal eats grass, leaves, roots or other animals. "
    texts = [f"{head}{animal}:" for animal in ("a cow", "a tiger and its two small cubs", "an ant", "a red fox")]
    texts += [texts[0] + " it does", "Once upon a time"]
    for name in names:
        try:
            model = make_model(name, len(tokenizer))
            set_attention(model, "sdpa")
            ours = PrefixSharingLM(model, tokenizer, row=150)
            plain = HFLM(pretrained=model, tokenizer=tokenizer, batch_size=1, backend="causal")
            (scores, answers), (wanted, right) = _measure(ours, texts), _measure(plain, texts)
            error = max(abs(one - other) for one, other in zip(scores, wanted, strict=True))
            got = "equal" if error < 1e-3 and answers == right else f"off by {error:.2g}, {answers} for {right}"
            way = "shared" if ours._shares_prefixes else "alone"
        except Exception as error:
            got = way = f"{type(error).__name__}: {error}"[:200]
        yield f"scorer: {name}", "equal", got
        yield f"scorer's way: {name}", "shared" if name in SHARED else "alone", way


def _edit_weights(change: Callable[[dict[str, Any]], None]) -> Callable[[Path], None]:
    def edit(folder: Path) -> None:
        from safetensors.torch import load_file, save_file

        tensors = load_file(folder / "model.safetensors")
        change(tensors)
        save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})

    return edit


def _edit_config(**values: object) -> Callable[[Path], None]:
    def edit(folder: Path) -> None:
        path = folder / "config.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | values))

    return edit


def _add_token(folder: Path) -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.add_tokens(["<new>"])
    tokenizer.save_pretrained(folder)


def _remove(pattern: str) -> Callable[[Path], None]:
    def edit(folder: Path) -> None:
        for path in folder.glob(pattern):
            path.unlink()

    return edit


LAYER = "model.layers.1.mlp.up_proj.weight"
BROKEN: dict[str, tuple[Callable[[Path], None], str]] = {
    "whole": (lambda folder: None, "loads"),
    "a missing tensor": (_edit_weights(lambda tensors: tensors.pop(LAYER)), f"the weights lack {LAYER}"),
    "a tensor of another shape": (
        _edit_weights(lambda tensors: tensors.update({LAYER: tensors[LAYER][:5].clone()})),
        f"{LAYER} is 5 x 32 in the weights and 64 x 32 by config.json",
    ),
    "a tensor too many": (
        _edit_weights(lambda tensors: tensors.update({LAYER.replace("1", "7"): tensors[LAYER].clone()})),
        "which config.json has no place for",
    ),
    "a tensor of a picture's encoder": (
        _edit_weights(lambda tensors: tensors.update({"vision_tower.a.weight": tensors[LAYER].clone()})), "loads"
    ),
    "more layers by the config": (_edit_config(num_hidden_layers=3), "the weights lack model.layers.2."),
    "fewer layers by the config": (_edit_config(num_hidden_layers=1), "which config.json has no place for"),
    "another width by the config": (_edit_config(intermediate_size=48), "by config.json"),
    "no tokenizer": (_remove("tokenizer*"), "does not load"),
    "a token more than embeddings": (_add_token, "the tokenizer has token 259 ('<new>') and the model 259 embeddings"),
    "no chat template": (_remove("chat_template*"), "no chat template"),
    "broken weights": (lambda folder: (folder / "model.safetensors").write_bytes(b"no"), "does not load"),
}  # fmt: skip


def loader_cells(student: Path, scratch: Path) -> Iterator[Cell]:
    """For each fault of a model's folder the line that refuses it; a part of the line is what is expected."""
    from kshot.core.errors import WeightsError
    from kshot.models.loading import load_student

    for number, (name, (spoil, expected)) in enumerate(BROKEN.items()):
        folder = scratch / str(number)
        shutil.copytree(student, folder)
        spoil(folder)
        try:
            load_student(str(folder))
            got = "loads"
        except WeightsError as error:
            got = expected if expected in str(error) and "\n" not in str(error) else str(error)
        except Exception as error:
            got = f"{type(error).__name__}: {error}"
        yield f"loader: {name}", expected, got
