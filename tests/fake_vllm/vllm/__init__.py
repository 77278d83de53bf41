"""Stands for vLLM, which needs a GPU build of torch: what lm-eval's class `vllm` calls, answered by transformers."""

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer


class TokensPrompt(dict[str, Any]):
    """A prompt of tokens."""


@dataclass
class SamplingParams:
    temperature: float = 1.0
    max_tokens: int = 16
    prompt_logprobs: int | None = None
    detokenize: bool = True
    stop: list[str] = field(default_factory=list)
    stop_token_ids: list[int] = field(default_factory=list)
    skip_special_tokens: bool = True
    spaces_between_special_tokens: bool = True


class LLM:
    """One prompt after another, greedily."""

    def __init__(self, model: str, dtype: str = "auto", **_: Any) -> None:
        self.loaded = AutoModelForCausalLM.from_pretrained(model, dtype=getattr(torch, dtype))
        self.tokenizer = AutoTokenizer.from_pretrained(model)
        config = self.loaded.config
        self.llm_engine = SimpleNamespace(model_config=SimpleNamespace(max_model_len=config.max_position_embeddings))

    @torch.no_grad()
    def generate(self, prompts: list[TokensPrompt], sampling_params: list[SamplingParams], **_: Any) -> list[Any]:
        return [self._answer(p["prompt_token_ids"], s) for p, s in zip(prompts, sampling_params, strict=True)]

    def _answer(self, tokens: list[int], settings: SamplingParams) -> Any:
        log_probs = None
        if settings.prompt_logprobs:
            rows = self.loaded(torch.tensor([tokens])).logits[0].float().log_softmax(-1)
            log_probs = [None]
            for row, token in zip(rows, tokens[1:], strict=False):
                best = int(row.argmax())
                log_probs.append({best: float(row[best]), token: float(row[token])})
            return SimpleNamespace(prompt_logprobs=log_probs, outputs=[SimpleNamespace(text="", token_ids=[])])
        written: list[int] = []
        text = ""
        while len(written) < settings.max_tokens:
            token = int(self.loaded(torch.tensor([tokens + written])).logits[0, -1].argmax())
            if token in settings.stop_token_ids or token == self.tokenizer.eos_token_id:
                break
            written.append(token)
            text = self.tokenizer.decode(written, skip_special_tokens=settings.skip_special_tokens)
            if found := [text.index(stop) for stop in settings.stop if stop in text]:
                text = text[: min(found)]
                break
        return SimpleNamespace(prompt_logprobs=None, outputs=[SimpleNamespace(text=text, token_ids=written)])
