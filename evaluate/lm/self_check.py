"""Whether a model may be asked in a faster way: measured on a few prompts when it is loaded, not known by its name.

Shared prefixes need an attention that takes a mask and positions of our own: one that derives positions from the mask's
shape (ALiBi), that masks by itself (local attention), or that keeps a state, gives other log-probabilities. A padded
batch needs a model that does not see the padding. Where the fast way differs, the plain one is taken.

The check computes in float32: bfloat16's rounding alone moves a real model's logits by 10 % of their spread, which
hides what it looks for. It depends on the architecture and not on the weights, so base and student are checked once.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from random import Random
from typing import Any

import torch

from kshot.core.errors import WeightsError, summarize_error
from kshot.core.seeding import digest
from kshot.evaluate.lm.prefix_tree import PackedBatch, PrefixTree, Tokens
from kshot.models.loading import cast_weights
from kshot.runtime.parallel import one_thread

MAX_ERROR = 1e-3
"""Difference of logits, as a fraction of their spread, up to which they count as equal: rounding is near 1e-6."""
PREFIX_TOKENS = 16
"""Tokens that are run once, as the prefix of all prompts."""
HEAD_TOKENS = 20
"""Tokens that the prompts share."""
TAIL_TOKENS = (3, 12)
"""Tokens of each prompt after the shared head, beside one that is the head alone."""
FIRST_TOKEN = 5
"""Tokens before it are mostly special."""
MAX_RUN_TOKENS = 12
"""Fewer than the prompts have, so that they are run in pieces."""
PROBED = 3
"""Tokens at the end of each prompt whose logits are compared."""


@dataclass(frozen=True)
class Way:
    """How a model is asked."""

    alone: str | None = None
    """Why every prompt is run by itself; None where prompts share prefixes."""
    single: str | None = None
    """Why these prompts are run one at a time; None where they may be padded to a batch."""


_WAYS: dict[str, Way] = {}
"""By architecture."""


def find_way(model: Any, pad: int, device: torch.device) -> Way:
    """The fastest way that gives what a prompt alone gives; worked out once for each architecture in a process.

    Raises:
        WeightsError: the model cannot be run on a prompt alone.
    """
    config = model.config
    key = digest(type(model).__qualname__, config.to_json_string(), config._attn_implementation, device.type)
    if key not in _WAYS:
        with _in_float32(model), one_thread(), torch.no_grad():
            alone = why_not_shared(model) or why_sharing_differs(model, device)
            _WAYS[key] = Way(alone, why_padding_differs(model, pad, device) if alone else None)
    return _WAYS[key]


@contextmanager
def _in_float32(model: Any) -> Iterator[None]:
    """Inside, the weights are in float32, which loses nothing."""
    dtype = model.dtype
    cast_weights(model, torch.float32)
    try:
        yield
    finally:
        cast_weights(model, dtype)


def why_not_shared(model: Any) -> str | None:
    """Why prompts of this model cannot share prefixes, as far as its config says; None if it says nothing.

    A window or a chunk that is longer than the check's prompts is seen here alone.
    """
    config = model.config.get_text_config(decoder=True)
    kinds = set(getattr(config, "layer_types", None) or ["full_attention"])
    if getattr(model, "_is_stateful", False):
        return "it keeps a state beside its past or instead of it"
    if kinds != {"full_attention"} or getattr(config, "sliding_window", None):
        return "its layers keep no whole past (a sliding window or a state)"
    if "local" in str(getattr(config, "attention_types", "")) or getattr(config, "attention_chunk_size", None):
        return "its layers attend to a window"
    if config._attn_implementation not in ("sdpa", "eager"):
        return f"its attention ({config._attn_implementation}) takes no mask of our own"
    return None


def why_sharing_differs(model: Any, device: torch.device) -> str | None:
    """Why prompts that share their prefixes come out otherwise than alone; None if they do not."""
    prompts = _draw_prompts(model)
    alone = [_run_alone(model, tokens, device)[-PROBED:] for tokens in prompts]
    try:
        shared = _run_shared(model, prompts, device)
    except Exception as error:
        return f"its class cannot run shared prompts ({type(error).__name__})"
    worst = max(_difference(one, other) for one, other in zip(alone, shared, strict=True))
    if worst <= MAX_ERROR:
        return None
    return f"its logits differ by {100 * worst:.2g} % of their spread where prompts share a prefix"


def why_padding_differs(model: Any, pad: int, device: torch.device) -> str | None:
    """Why a padded batch comes out otherwise than its prompts alone; None if it does not."""
    prompts = [_draw_prompts(model)[0][-size:] for size in (7, 12)]
    width = max(map(len, prompts))
    ids = torch.tensor([[pad] * (width - len(tokens)) + list(tokens) for tokens in prompts], device=device)
    mask = torch.tensor([[0] * (width - len(tokens)) + [1] * len(tokens) for tokens in prompts], device=device)
    try:
        padded = _next_logits(model, ids, mask)
    except Exception as error:
        return f"its class cannot run padded prompts ({type(error).__name__})"
    alone = [_run_alone(model, tokens, device)[-1:] for tokens in prompts]
    worst = max(_difference(one, padded[number][None]) for number, one in enumerate(alone))
    return None if worst <= MAX_ERROR else "padded prompts come out otherwise"


def _draw_prompts(model: Any) -> list[Tokens]:
    """Prompts with a common head, one of them the head alone; sorted as a tree wants them."""
    count = len(model.get_input_embeddings().weight)
    rng = Random(0)

    def draw(size: int) -> Tokens:
        return tuple(rng.randrange(min(FIRST_TOKEN, count - 1), count) for _ in range(size))

    head = draw(HEAD_TOKENS)
    return sorted({head, *(head + draw(size) for size in TAIL_TOKENS)})


def _run_alone(model: Any, tokens: Tokens, device: torch.device) -> torch.Tensor:
    try:
        logits: torch.Tensor = model(input_ids=torch.tensor([tokens], device=device)).logits[0].float()
    except Exception as error:
        cause = summarize_error(error)
        raise WeightsError(f"{type(model).__name__}: cannot be run on a prompt: {cause}; use another student") from None
    return logits


def _run_shared(model: Any, prompts: Sequence[Tokens], device: torch.device) -> list[torch.Tensor]:
    """The last logits of each prompt, by the tree: a prefix, a row after it, and the last token as a continuation."""
    tree = PrefixTree(model, device, MAX_RUN_TOKENS)
    starts = [tokens[:-1] for tokens in prompts]
    members = tuple(range(len(starts)))
    row = tree.build_row(PackedBatch(starts[0][:PREFIX_TOKENS], members, 0), starts)
    before = row.logits([range(len(tokens) - PROBED + 1, len(tokens)) for tokens in starts])
    # The last token is run as answers and options are.
    after = row.branch([[tokens[-1:]] for tokens in prompts])
    return [torch.cat([one, other[0][0][None]]) for one, other in zip(before, after, strict=True)]


def _next_logits(model: Any, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """The logits after each row as `generate` computes them, which gives positions where a class takes them."""
    generated = model.generate(
        input_ids=ids, attention_mask=mask, max_new_tokens=1, do_sample=False, output_logits=True,
        return_dict_in_generate=True, pad_token_id=int(ids[0, 0]),
    )  # fmt: skip
    logits: torch.Tensor = generated.logits[0].float()
    return logits


def _difference(one: torch.Tensor, other: torch.Tensor) -> float:
    """Root mean square of the difference over that of the logits around their mean; infinite where one is no number."""
    spread = (one - one.mean(-1, keepdim=True)).square().mean().sqrt()
    error = float((one - other).square().mean().sqrt() / spread.clamp_min(1e-12))
    return error if error == error else float("inf")
