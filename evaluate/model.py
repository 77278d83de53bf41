"""The model that lm-eval asks: Hugging Face weights, float32 logits, and logits at the continuation only.

lm-eval's own `hf` model takes the log-softmax over the whole vocabulary at every position of the prompt; here only the
positions of the option are projected, and prompts that differ in their last token alone are run once. In bfloat16 the
output layer still works in float32: a logit near 20 has steps of 1/8 there, enough to tie options.
"""

from typing import Any

import torch
from lm_eval.models.huggingface import HFLM

from kshot.console import Ticker

Request = tuple[tuple[str, str], list[int], list[int]]


class Float32Head(torch.nn.Module):  # type: ignore[misc,unused-ignore]
    """The output layer in float32, whatever the rest of the model computes in."""

    def __init__(self, head: torch.nn.Module) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(head.weight.detach().float(), requires_grad=False)

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.linear(hidden.float(), self.weight)


class PanelLM(HFLM):  # type: ignore[misc,unused-ignore]
    """lm-eval's model over a loaded student; `tick` counts the requests done."""

    def __init__(self, model: Any, tokenizer: Any, batch_size: int, tick: Ticker) -> None:
        head = model.get_output_embeddings()
        if model.dtype != torch.float32 and head.bias is None:
            model.set_output_embeddings(Float32Head(head))
        super().__init__(pretrained=model, tokenizer=tokenizer, batch_size=batch_size, backend="causal")
        self._tick = tick

    def _loglikelihood_tokens(
        self, requests: list[Request], disable_tqdm: bool = False, override_bs: int | None = None
    ) -> list[tuple[float, bool]]:
        """(sum of log-probabilities of the continuation, whether it is the greedy one) for each request, in order."""
        groups: dict[tuple[int, ...], list[int]] = {}
        for index, (_, context, continuation) in enumerate(requests):
            groups.setdefault(tuple(context + continuation[:-1]), []).append(index)
        found: dict[int, tuple[float, bool]] = {}
        longest_first = sorted(groups, key=lambda tokens: (-len(tokens), tokens))
        for start in range(0, len(longest_first), self.batch_size):
            batch = longest_first[start : start + self.batch_size]
            keep = max(len(requests[i][2]) for tokens in batch for i in groups[tokens])
            log_probs = self._tail(batch, keep)
            for row, tokens in enumerate(batch):
                for index in groups[tokens]:
                    continuation = torch.tensor(requests[index][2])
                    tail = log_probs[row, keep - len(continuation) :]
                    greedy = bool((tail.argmax(-1) == continuation).all())
                    total = float(tail.gather(1, continuation[:, None]).sum())
                    found[index] = (total, greedy)
                    self._tick()
        return [found[index] for index in range(len(requests))]

    def _tail(self, batch: list[tuple[int, ...]], keep: int) -> torch.Tensor:
        """Log-probabilities after the last `keep` positions of each row: (rows, keep, vocabulary), on the CPU."""
        longest = min(max(map(len, batch)), self.max_length)
        ids = torch.zeros(len(batch), longest, dtype=torch.long)
        mask = torch.zeros(len(batch), longest, dtype=torch.long)
        for row, tokens in enumerate(batch):
            kept = tokens[-longest:]
            ids[row, longest - len(kept) :] = torch.tensor(kept)
            mask[row, longest - len(kept) :] = 1
        positions = (mask.cumsum(1) - 1).clamp(min=0)
        with torch.no_grad():
            logits = self.model(
                input_ids=ids.to(self.device),
                attention_mask=mask.to(self.device),
                position_ids=positions.to(self.device),
                logits_to_keep=keep,
                use_cache=False,
            ).logits
        return torch.log_softmax(logits.float(), -1).cpu()

    def _model_generate(self, context: Any, max_length: int, stop: list[str], **kwargs: Any) -> Any:
        done = super()._model_generate(context, max_length, stop, **kwargs)
        self._tick(len(context))
        return done
