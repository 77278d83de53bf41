"""Architectures of today's students, tiny and with random weights, each trained for a few steps as kshot trains.

`architecture_cells()` gives the table; an entry more in `ARCHITECTURES` is a test more. Run it to print the table:
`python -m tests.architectures`.
"""

import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from kshot.config import TrainConfig
from kshot.core.errors import KshotError
from kshot.core.files import read_log
from kshot.models.loading import load_student
from kshot.runtime.device import probe_device, supported_attention
from kshot.train.adapters import adapter_coverage
from kshot.train.export.merged import is_finite, merge_student
from kshot.train.fit import fit, plan_rows
from kshot.train.rows.split import prepare_rows
from tests.chat_templates import Template, build_tokenizer, escape_cell
from tests.students import CHAT

TOKENIZER = Template("chatml", CHAT, "<|im_start|>", "<|im_end|>", ("<|im_start|>", "<|im_end|>"))
PLAIN: dict[str, Any] = {
    "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 2, "max_position_embeddings": 512,
}  # fmt: skip
GPT: dict[str, Any] = {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 512}
MOE: dict[str, Any] = {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 16}
LOCAL: dict[str, Any] = {"num_local_experts": 4, "num_experts_per_tok": 2}
HEAD: dict[str, Any] = {"head_dim": 8}
WINDOW: dict[str, Any] = {"layer_types": ["sliding_attention", "full_attention"], "sliding_window": 16}
GEMMA3: dict[str, Any] = {
    "text_config": {**PLAIN, **HEAD, "vocab_size": 0},
    "vision_config": {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2,
                      "image_size": 28, "patch_size": 14},
    "mm_tokens_per_image": 4, "image_token_index": 3, "boi_token_index": 4, "eoi_token_index": 5,
}  # fmt: skip
ARCHITECTURES: Mapping[str, tuple[str, dict[str, Any]]] = {
    "Llama": ("LlamaConfig", PLAIN),
    "Llama, tied embeddings": ("LlamaConfig", {**PLAIN, "tie_word_embeddings": True}),
    "Mistral": ("MistralConfig", {**PLAIN, "sliding_window": 16}),
    "Qwen2": ("Qwen2Config", PLAIN),
    "Qwen3": ("Qwen3Config", {**PLAIN, **HEAD}),
    "Qwen2-MoE": ("Qwen2MoeConfig", {**PLAIN, **MOE, "shared_expert_intermediate_size": 16}),
    "Qwen3-MoE": ("Qwen3MoeConfig", {**PLAIN, **MOE, **HEAD}),
    "Qwen3-Next": (
        "Qwen3NextConfig",
        {**PLAIN, **MOE, **HEAD, "shared_expert_intermediate_size": 16, "linear_num_value_heads": 4,
         "linear_num_key_heads": 2, "linear_key_head_dim": 8, "linear_value_head_dim": 8,
         "layer_types": ["linear_attention", "full_attention"]},
    ),
    "Mixtral": ("MixtralConfig", {**PLAIN, **LOCAL}),
    "OLMoE": ("OlmoeConfig", {**PLAIN, "num_experts": 4, "num_experts_per_tok": 2}),
    "Granite": ("GraniteConfig", {**PLAIN, "logits_scaling": 2.0}),
    "Granite-MoE": ("GraniteMoeConfig", {**PLAIN, **LOCAL}),
    "DeepSeek-V3": (
        "DeepseekV3Config",
        {**PLAIN, "num_key_value_heads": 4, "n_routed_experts": 4, "num_experts_per_tok": 2, "n_group": 1,
         "topk_group": 1, "moe_intermediate_size": 16, "first_k_dense_replace": 1, "q_lora_rank": 16,
         "kv_lora_rank": 16, "qk_rope_head_dim": 8, "qk_nope_head_dim": 8, "v_head_dim": 8, "n_shared_experts": 1},
    ),
    "Gemma": ("GemmaConfig", {**PLAIN, **HEAD}),
    "Gemma 2": ("Gemma2Config", {**PLAIN, **HEAD, **WINDOW}),
    "Gemma 3, text": ("Gemma3TextConfig", {**PLAIN, **HEAD, **WINDOW}),
    "Gemma 3, multimodal": ("Gemma3Config", GEMMA3),
    "Phi": ("PhiConfig", PLAIN),
    "Phi-3": ("Phi3Config", PLAIN),
    "GPT-2": ("GPT2Config", GPT),
    "GPT-J": ("GPTJConfig", {**GPT, "rotary_dim": 4}),
    "GPT-NeoX": ("GPTNeoXConfig", PLAIN),
    "GPT-Neo": (
        "GPTNeoConfig",
        {"hidden_size": 32, "num_layers": 2, "num_heads": 4, "max_position_embeddings": 512, "window_size": 16,
         "attention_types": [[["global", "local"], 1]]},
    ),
    "GPT-BigCode": ("GPTBigCodeConfig", GPT),
    "OPT": ("OPTConfig", {**PLAIN, "ffn_dim": 48, "word_embed_proj_dim": 32}),
    "BLOOM": ("BloomConfig", {"hidden_size": 32, "n_layer": 2, "n_head": 4}),
    "Falcon": ("FalconConfig", {**PLAIN, "new_decoder_architecture": False}),
    "Falcon, ALiBi": ("FalconConfig", {**PLAIN, "alibi": True}),
    "MPT": ("MptConfig", {"d_model": 32, "n_heads": 4, "n_layers": 2, "max_seq_len": 512}),
    "StableLM": ("StableLmConfig", PLAIN),
    "OLMo 2": ("Olmo2Config", PLAIN),
    "Cohere": ("CohereConfig", PLAIN),
    "Cohere 2": ("Cohere2Config", {**PLAIN, **WINDOW}),
    "GLM": ("GlmConfig", {**PLAIN, **HEAD}),
    "GLM-4": ("Glm4Config", {**PLAIN, **HEAD}),
    "SmolLM3": ("SmolLM3Config", PLAIN),
    "EXAONE 4": ("Exaone4Config", PLAIN),
    "Nemotron": ("NemotronConfig", PLAIN),
    "Apertus": ("ApertusConfig", PLAIN),
    "gpt-oss": ("GptOssConfig", {**PLAIN, **LOCAL, **HEAD, **WINDOW}),
    "LFM2": ("Lfm2Config", {**PLAIN, "layer_types": ["conv", "full_attention"], "block_auto_adjust_ff_dim": False}),
    "Mamba": ("MambaConfig", {"hidden_size": 32, "num_hidden_layers": 2, "state_size": 8}),
    "Mamba 2": ("Mamba2Config", {"hidden_size": 32, "num_hidden_layers": 2, "state_size": 8, "num_heads": 8,
                                 "head_dim": 8, "n_groups": 2, "chunk_size": 16}),
    "RWKV": ("RwkvConfig", {"hidden_size": 32, "num_hidden_layers": 2, "context_length": 512}),
    "Jamba": (
        "JambaConfig",
        {**PLAIN, "num_experts": 2, "num_experts_per_tok": 1, "attn_layer_period": 2, "attn_layer_offset": 1,
         "expert_layer_period": 2, "expert_layer_offset": 1, "mamba_d_state": 8, "use_mamba_kernels": False},
    ),
    "Bamba": (
        "BambaConfig",
        {**PLAIN, "attn_layer_indices": [1], "mamba_n_heads": 8, "mamba_d_head": 8, "mamba_d_state": 8,
         "mamba_chunk_size": 16},
    ),
    "RecurrentGemma": ("RecurrentGemmaConfig", {**PLAIN, "lru_width": 32, "attention_window_size": 16,
                                                "block_types": ["recurrent", "attention"]}),
    "Falcon-H1": (
        "FalconH1Config",
        {**PLAIN, "mamba_d_ssm": 64, "mamba_n_heads": 8, "mamba_d_head": 8, "mamba_d_state": 8, "mamba_chunk_size": 16},
    ),
}  # fmt: skip
"""By name, the config's class in transformers and its settings."""
SENTENCES = ("Name the colour of the sky.", "Say yes.", "What is two and two?", "Name a day of the week, please.")
STEPS = 6


@dataclass(frozen=True)
class Cell:
    """An architecture's outcome: `right`, `refused` or `wrong`, and what was measured or why not."""

    architecture: str
    verdict: str
    note: str


def architecture_cells(names: Sequence[str] = ()) -> list[Cell]:
    """The whole table, or the rows of these names."""
    return [try_architecture(name) for name in names or ARCHITECTURES]


def save_architecture(name: str, folder: Path) -> Path:
    """A student of this architecture with random weights."""
    import torch
    import transformers

    tokenizer = build_tokenizer(TOKENIZER)
    kind, settings = ARCHITECTURES[name]
    ends = {"bos_token_id": tokenizer.bos_token_id, "eos_token_id": tokenizer.eos_token_id}
    known = {"vocab_size": len(tokenizer), **ends, "pad_token_id": tokenizer.eos_token_id}
    if "text_config" in settings:
        settings = settings | {"text_config": {**settings["text_config"], **known}}
    torch.manual_seed(0)
    config = getattr(transformers, kind)(**(known | settings))
    transformers.AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def try_architecture(name: str) -> Cell:
    """Load, train some steps, merge, and compare the merged student with the trained one."""
    with TemporaryDirectory() as folder:
        try:
            return _train(name, save_architecture(name, Path(folder) / "student"), Path(folder))
        except KshotError as error:
            return Cell(name, "refused", str(error))


def _train(name: str, student: Path, folder: Path) -> Cell:
    import torch

    model, tokenizer = load_student(str(student))
    records = [{"instruction": text, "output": f"answer {n}"} for n, text in enumerate(SENTENCES)]
    rows = prepare_rows(records, tokenizer, 400, 0.0, 1, targets=True).train
    settings = TrainConfig(sft={"learning_rate": 0.01, "max_steps": STEPS, "save_steps": STEPS, "warmup_steps": 0})
    ways = ", ".join(supported_attention(model))
    device = probe_device(model, "float32", 1, backward=True)
    trained = fit(model, tokenizer, plan_rows(rows, settings, 1), [], settings, device, folder / "train", 1)
    losses = [row["loss"] for row in read_log(folder / "train" / "metrics.jsonl") if "loss" in row]
    still = [key for key, weight in trained.named_parameters() if "lora_B" in key and not weight.any()]
    adapters = sum("lora_B" in key for key, _ in trained.named_parameters())
    share = adapter_coverage(trained)
    ids = torch.tensor([list(rows[0].input_ids)])
    with torch.no_grad():
        before = trained.eval()(input_ids=ids).logits
        trained.save_pretrained(folder / "adapter")
        after = merge_student(str(student), folder / "adapter").eval()(input_ids=ids).logits
    gap = float((before - after).abs().max() / before.abs().max())
    faults = []
    if not (is_finite(trained) and len(losses) == STEPS and losses[-1] < losses[0]):
        faults.append(f"losses {losses}")
    if still:
        faults.append(f"{len(still)} of {adapters} adapters learn nothing, among them {still[0]}")
    if gap > 1e-4:
        faults.append(f"the merged student differs by {gap:.1e} of its largest logit")
    note = f"{ways}; {share:.0%} of the weights adapted; loss {losses[0]:.2f} to {losses[-1]:.2f}"
    return Cell(name, "wrong" if faults else "right", "; ".join(faults) or note)


def main() -> None:
    """Print the table in Markdown."""
    cells = architecture_cells()
    rows = "".join(f"| {cell.architecture} | {cell.verdict} | {escape_cell(cell.note)} |\n" for cell in cells)
    counts = ", ".join(f"{count} {verdict}" for verdict, count in Counter(cell.verdict for cell in cells).items())
    head = "| architecture | outcome | attention, adapted share of the weights, loss in six steps |\n|---|---|---|\n"
    sys.stdout.write(f"{head}{rows}\n{counts}\n")


if __name__ == "__main__":
    main()
