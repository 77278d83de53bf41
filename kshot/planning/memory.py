"""Memory of a training step by component, from the student's shapes.

Activations are what autograd saves of a Llama-like layer for LoRA: the inputs of norms, projections and attention
(counted as in Korthikanti et al., arXiv:2205.05198, for SwiGLU and grouped keys). Logits are computed for the tokens
with a loss only.
"""

from dataclasses import dataclass
from typing import Any

OPTIMIZER_BYTES = 16
"""For a trained weight in float32: itself, its gradient, and Adam's two moments."""
LOGIT_BYTES = 12
"""For a logit: its value, log-softmax and gradient in float32."""
FOUR_BIT_BYTES = 0.55
"""For a weight in nf4, the scales of its blocks included."""
RUNTIME_BYTES = {"cpu": 1_200_000_000, "cuda": 1_500_000_000}
"""Python, torch and its libraries; on a GPU the context and the allocator's reserve."""


@dataclass(frozen=True)
class Shapes:
    """Sizes of a student.

    Args:
        linear: weights of the layers' linear maps, which are frozen and may be held in bfloat16.
        other: embeddings, norms, head.
        trained: weights of the adapter, or all.
    """

    linear: int
    other: int
    trained: int
    layers: int
    hidden: int
    kv: int
    intermediate: int
    vocab: int

    @property
    def parameters(self) -> int:
        return self.linear + self.other


def read_shapes(folder: str, lora: Any) -> Shapes:
    """The sizes of the student in a folder, without its weights.

    Args:
        lora: PEFT's config of the adapter; None where all weights are trained.

    Raises:
        WeightsError: transformers or PEFT does not know such a model.
    """
    import torch
    from peft import get_peft_model
    from torch import nn
    from transformers import AutoConfig, AutoModelForCausalLM

    from kshot.core.errors import WeightsError, summarize_error
    from kshot.runtime.logging import quiet

    try:
        with quiet(), torch.device("meta"):
            config = AutoConfig.from_pretrained(folder)
            model = AutoModelForCausalLM.from_config(config)
            head = model.get_output_embeddings()
            linear = sum(
                module.weight.numel()
                for module in model.modules()
                if isinstance(module, nn.Linear) and module is not head
            )
            total = sum(weight.numel() for weight in model.parameters())
            trainable = get_peft_model(model, lora) if lora else model
            trained = sum(weight.numel() for weight in trainable.parameters() if weight.requires_grad)
    except (OSError, ValueError, KeyError, RuntimeError, NotImplementedError) as error:
        raise WeightsError(f"{folder}: its sizes cannot be read: {summarize_error(error)}") from None
    text = config.get_text_config()
    heads = text.num_attention_heads
    size = getattr(text, "head_dim", None) or text.hidden_size // heads
    return Shapes(
        linear=linear,
        other=total - linear,
        trained=trained,
        layers=text.num_hidden_layers,
        hidden=text.hidden_size,
        kv=size * (getattr(text, "num_key_value_heads", None) or heads),
        intermediate=getattr(text, "intermediate_size", None) or 4 * text.hidden_size,
        vocab=text.vocab_size,
    )


def estimate_memory(
    shapes: Shapes,
    batch_tokens: int,
    loss_tokens: int,
    is_bfloat16: bool,
    checkpointing: bool,
    device: str,
    is_four_bit: bool = False,
) -> dict[str, int]:
    """Bytes by component of a step's peak in one process.

    Args:
        batch_tokens: tokens of a batch, padding included.
        loss_tokens: tokens of it with a loss.
        is_bfloat16: the frozen linear maps and the activations are in bfloat16.
        checkpointing: `gradient_checkpointing` is on.
        device: cpu or cuda.
        is_four_bit: the frozen linear maps are held in four bits.
    """
    width = 2 if is_bfloat16 else 4
    frozen = FOUR_BIT_BYTES if is_four_bit else width
    # Trained weights are counted with the optimizer.
    other, linear = (0, 0) if shapes.trained >= shapes.parameters else (shapes.other, shapes.linear)
    layer = 8 * shapes.hidden + 4 * shapes.kv + 4 * shapes.intermediate
    saved = shapes.layers * shapes.hidden + layer if checkpointing else shapes.layers * layer
    return {
        "weights": round(frozen * linear) + 4 * other,
        "adapter, gradients, optimizer": OPTIMIZER_BYTES * shapes.trained,
        "activations": batch_tokens * saved * width,
        "logits": loss_tokens * shapes.vocab * LOGIT_BYTES,
        "runtime": RUNTIME_BYTES[device],
    }
