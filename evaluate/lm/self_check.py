"""Whether a model may be asked in a faster way: measured on a few prompts when it is loaded, not known by its name.

Shared prefixes need an attention that takes a mask and positions of our own: one that derives positions from the mask's
shape (ALiBi), that masks by itself (local attention), or that keeps a state, gives other log-probabilities. A padded
batch needs a model that does not see the padding. Where the fast way differs, the plain one is taken.
"""

from collections.abc import Sequence
from random import Random
from typing import Any

import torch

from kshot.core.errors import WeightsError, summarize_error
from kshot.evaluate.lm.prefix_tree import PrefixTree, Tokens, pack

MAX_ERROR = 1e-3
"""Difference of logits, as a fraction of their spread, up to which float32 counts as equal: rounding is near 1e-6."""
MAX_ROUGH_ERROR = 0.1
"""The same in bfloat16 and float16, whose rounding is near 1e-2."""
HEAD_TOKENS = 40
TAIL_TOKENS = (9, 17, 24, 55)
"""Tokens of each prompt after the shared head. Five prompts are as few as share a prefix of this length."""
FIRST_TOKEN = 5
"""Tokens before it are mostly special."""
ROW = 128
PROBED = 3
"""Tokens at the end of each prompt whose logits are compared."""


def why_sharing_differs(model: Any, device: torch.device) -> str | None:
    """Why prompts that share their prefixes come out otherwise than alone; None if they do not.

    Raises:
        WeightsError: the model cannot be run on a prompt alone.
    """
    prompts = _draw_prompts(model)
    alone = [_run_alone(model, tokens, device)[-PROBED:] for tokens in prompts]
    try:
        with torch.no_grad():
            shared = _run_shared(model, prompts, device)
    except Exception as error:
        return f"its class cannot run shared prompts ({type(error).__name__})"
    worst = max(_difference(one, other) for one, other in zip(alone, shared, strict=True))
    if worst <= _tolerance(model):
        return None
    return f"its logits differ by {100 * worst:.2g} % of their spread where prompts share a prefix"


def why_padding_differs(model: Any, pad: int, device: torch.device) -> str | None:
    """Why a padded batch comes out otherwise than its prompts alone; None if it does not."""
    prompts = [_draw_prompts(model)[0][-size:] for size in (7, 12)]
    width = max(map(len, prompts))
    ids = torch.tensor([[pad] * (width - len(tokens)) + list(tokens) for tokens in prompts], device=device)
    mask = torch.tensor([[0] * (width - len(tokens)) + [1] * len(tokens) for tokens in prompts], device=device)
    try:
        with torch.no_grad():
            padded = _next_logits(model, ids, mask)
    except Exception as error:
        return f"its class cannot run padded prompts ({type(error).__name__})"
    alone = [_run_alone(model, tokens, device)[-1:] for tokens in prompts]
    worst = max(_difference(one, padded[number][None]) for number, one in enumerate(alone))
    return None if worst <= _tolerance(model) else "padded prompts come out otherwise"


def _draw_prompts(model: Any) -> list[Tokens]:
    """Prompts with a common head, one that is the head alone, and one of its own; sorted as a tree wants them."""
    count = len(model.get_input_embeddings().weight)
    rng = Random(0)

    def draw(size: int) -> Tokens:
        return tuple(rng.randrange(min(FIRST_TOKEN, count - 1), count) for _ in range(size))

    head = draw(HEAD_TOKENS)
    return sorted({head, *(head + draw(size) for size in TAIL_TOKENS), draw(HEAD_TOKENS)})


def _run_alone(model: Any, tokens: Tokens, device: torch.device) -> torch.Tensor:
    try:
        with torch.no_grad():
            logits: torch.Tensor = model(input_ids=torch.tensor([tokens], device=device)).logits[0].float()
    except Exception as error:
        cause = summarize_error(error)
        raise WeightsError(f"{type(model).__name__}: cannot be run on a prompt: {cause}; use another student") from None
    return logits


def _run_shared(model: Any, prompts: Sequence[Tokens], device: torch.device) -> list[torch.Tensor]:
    """The last logits of each prompt, but for the first token, by the tree: half in the row, half as a continuation."""
    tree = PrefixTree(model, device, ROW)
    # The last token is run as a continuation, as answers and options are.
    starts = [tokens[:-1] for tokens in prompts]
    shared: dict[int, torch.Tensor] = {}
    for batch in pack(starts, [len(tokens) - PROBED for tokens in starts], ROW):
        row = tree.build_row(batch, starts)
        members = [starts[member] for member in batch.members]
        before = row.logits([range(len(tokens) - PROBED + 1, len(tokens)) for tokens in members])
        after = row.branch([[prompts[member][-1:]] for member in batch.members])
        for member, one, other in zip(batch.members, before, after, strict=True):
            shared[member] = torch.cat([one, other[0][0][None]])
    return [shared[number] for number in range(len(prompts))]


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


def _tolerance(model: Any) -> float:
    return MAX_ERROR if model.dtype == torch.float32 else MAX_ROUGH_ERROR
