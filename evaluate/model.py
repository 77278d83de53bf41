"""The model that lm-eval asks: Hugging Face weights, prompts prefilled once for all their options, float32 logits.

lm-eval's own `hf` model runs the whole prompt again for every option and takes the log-softmax over the vocabulary at
every position. Here a prompt is run once, its keys and values are kept, and only the option's tokens are run after it.
In bfloat16 the output layer still works in float32: a logit near 20 has steps of 1/8 there, enough to tie options.
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
        super().__init__(pretrained=model, tokenizer=tokenizer, batch_size=batch_size, backend="causal")
        # After lm-eval has tied the weights, which would tie this layer to the bfloat16 embedding.
        head = model.get_output_embeddings()
        if model.dtype != torch.float32 and head.bias is None:
            model.set_output_embeddings(Float32Head(head))
        self._tick = tick
        kinds = set(getattr(model.config, "layer_types", None) or ["full_attention"])
        # A window that slides, or a state that is folded, cannot be cut back to the end of the prompt.
        self._shares = kinds == {"full_attention"} and not getattr(model.config, "sliding_window", None)

    def generate_until(self, requests: Any, disable_tqdm: bool = False) -> list[str]:
        """As lm-eval's, without its progress bar: ours counts."""
        answers: list[str] = super().generate_until(requests, disable_tqdm=True)
        return answers

    def loglikelihood(self, requests: Any, disable_tqdm: bool = False) -> list[tuple[float, bool]]:
        scores: list[tuple[float, bool]] = super().loglikelihood(requests, disable_tqdm=True)
        return scores

    def _model_generate(self, context: Any, max_length: int, stop: list[str], **kwargs: Any) -> Any:
        done = super()._model_generate(context, max_length, stop, **kwargs)
        self._tick(len(context))
        return done

    def _loglikelihood_tokens(
        self, requests: list[Request], disable_tqdm: bool = False, override_bs: int | None = None
    ) -> list[tuple[float, bool]]:
        """(sum of log-probabilities of the continuation, whether it is the greedy one) for each request, in order."""
        if not self._shares:
            alone: list[tuple[float, bool]] = super()._loglikelihood_tokens(requests, True, override_bs)
            self._tick(len(requests))
            return alone
        prompts: dict[tuple[int, ...], list[int]] = {}
        for index, (_, context, _) in enumerate(requests):
            prompts.setdefault(tuple(context), []).append(index)
        found: dict[int, tuple[float, bool]] = {}
        longest_first = sorted(prompts, key=lambda tokens: (-len(tokens), tokens))
        for start in range(0, len(longest_first), self.batch_size):
            batch = longest_first[start : start + self.batch_size]
            options = [[requests[index][2] for index in prompts[tokens]] for tokens in batch]
            with torch.no_grad():
                scored = self._score(batch, options)
            for tokens, scores in zip(batch, scored, strict=True):
                found.update(zip(prompts[tokens], scores, strict=True))
                self._tick(len(scores))
        return [found[index] for index in range(len(requests))]

    def _score(self, prompts: list[tuple[int, ...]], options: list[list[list[int]]]) -> list[list[tuple[float, bool]]]:
        """Score every option of every prompt: the prompts in one batch, then the first options, the second ones, ..."""
        room = self.max_length - max(len(option) for row in options for option in row)
        ids, mask = _padded_left([list(tokens[-room:]) for tokens in prompts])
        ids, mask = ids.to(self.device), mask.to(self.device)
        positions = (mask.cumsum(1) - 1).clamp(min=0)
        output = self.model(
            input_ids=ids, attention_mask=mask, position_ids=positions, logits_to_keep=1, use_cache=True
        )
        cache = output.past_key_values
        first = torch.log_softmax(output.logits[:, -1].float(), -1)
        scores: list[list[tuple[float, bool]]] = [[] for _ in prompts]
        for place in range(max(map(len, options))):
            chosen = [row[place] if place < len(row) else row[0] for row in options]
            steps = first[:, None]
            if (longest := max(map(len, chosen))) > 1:
                tokens = torch.tensor([c[:-1] + [0] * (longest - len(c)) for c in chosen], device=self.device)
                after = self.model(
                    input_ids=tokens,
                    attention_mask=torch.cat([mask, torch.ones_like(tokens)], 1),
                    position_ids=mask.sum(1, keepdim=True) + torch.arange(longest - 1, device=self.device),
                    past_key_values=cache,
                    use_cache=True,
                ).logits
                cache.crop(1 - longest)
                steps = torch.cat([steps, torch.log_softmax(after.float(), -1)], 1)
            for row, option in enumerate(chosen):
                if place < len(options[row]):
                    target = torch.tensor(option, device=self.device)
                    own = steps[row, : len(option)]
                    greedy = bool((own.argmax(-1) == target).all())
                    scores[row].append((float(own.gather(1, target[:, None]).sum()), greedy))
        return scores


def _padded_left(rows: list[list[int]]) -> tuple[torch.Tensor, torch.Tensor]:
    """Token ids and attention mask, (rows, longest), the text at the right end."""
    longest = max(map(len, rows))
    ids = torch.tensor([[0] * (longest - len(row)) + row for row in rows])
    mask = torch.tensor([[0] * (longest - len(row)) + [1] * len(row) for row in rows])
    return ids, mask
