"""Prompts of lm-eval's models, rendered and tokenized as the training rows were.

lm-eval renders a prompt to a string and tokenizes that: what a user wrote would become control tokens, a tokenizer may
add a second BOS, and a system text is dropped where the template knows no such role.
"""

from contextlib import suppress
from functools import cached_property
from typing import Any

from jinja2 import TemplateError

from kshot.models.chat_template import ChatFormat, chat_format, stop_ids_of
from kshot.models.chat_text import CHAT, TURN_END, visible


class ChatPrompts:
    """What to put before a model class of lm-eval, so that it takes its prompts from the student's `ChatFormat`."""

    tokenizer: Any
    lm_eval_prompts: dict[str, str | None] | None = None
    """By rendered prompt, what lm-eval renders, None where it cannot; filled while this is a dict."""

    @cached_property
    def chat(self) -> ChatFormat:
        """How the model's turns are written."""
        return chat_format(
            self.tokenizer, stop_ids_of(getattr(getattr(self, "model", None), "generation_config", None))
        )

    @property
    def eot_token_id(self) -> int:
        """The token at which every generated answer stops."""
        return self.chat.stop_id

    def apply_chat_template(self, chat_history: list[dict[str, str]], add_generation_prompt: bool = True) -> str:
        """A prompt, marked where control tokens are text; a last turn of the assistant is gone on with."""
        if add_generation_prompt:
            prompt = self.chat.render_prompt(chat_history)
        else:
            *turns, begun = chat_history
            prompt = self.chat.render_prompt(turns) + self.chat.answer_lead + self.chat.control.mark(begun["content"])
        if self.lm_eval_prompts is not None:
            self.lm_eval_prompts[prompt] = self._render_as_lm_eval(chat_history, add_generation_prompt)
        return prompt

    def _render_as_lm_eval(self, turns: list[dict[str, str]], add_generation_prompt: bool) -> str | None:
        """As its class `hf` does by default, under the template that the model came with."""
        for own in (turns, [turn for turn in turns if turn["role"] != "system"]):
            with suppress(TemplateError, ValueError):
                return str(
                    self.tokenizer.apply_chat_template(
                        own, chat_template=self.chat.given, tokenize=False,
                        add_generation_prompt=add_generation_prompt, continue_final_message=not add_generation_prompt,
                    )
                )  # fmt: skip
        return None

    def why_prompt_differs(self, prompt: str, after: object) -> str | None:
        """Why a prompt, with the option behind it, has other tokens than the command `lm_eval` sends; None if not."""
        if prompt not in (known := self.lm_eval_prompts or {}):
            return None
        theirs = known[prompt]
        if theirs is None:
            return "lm_eval cannot render this prompt"
        if isinstance(after, str):
            # Where the prompt ends and the option begins counts as well.
            ours, plain = (list(self._encode_pair(text, after)) for text in (prompt, theirs))
        else:
            has_batches = hasattr(super(), "tok_batch_encode")
            ours = self.tok_encode(prompt)
            plain = self.tok_batch_encode([theirs])[0][0].tolist() if has_batches else self.tok_encode(theirs)
        if ours == plain:
            return None
        if visible(prompt) != theirs:
            notes = "; ".join(self.chat.notes) or "a thought is left out"
            return f"kshot changed the chat template: {notes}"
        if len(self.tok_encode(theirs)) == 1 + len(self.tok_encode(prompt)):
            return "lm_eval puts a BOS token in front"
        return "control tokens that a text holds are text for kshot"

    def tok_encode(self, string: Any, add_special_tokens: bool | None = None, **options: Any) -> list[Any]:
        """Tokens of a rendered prompt, or of each, to which nothing is added; of another text as lm-eval's."""
        if isinstance(string, list) and all(text.startswith(CHAT) for text in string):
            return [self.tok_encode(text, **options) for text in string]
        if not (isinstance(string, str) and string.startswith(CHAT)):
            tokens: list[int] = super().tok_encode(string, add_special_tokens, **options)  # type: ignore[misc]
            return tokens
        encoded = self.chat.encode(string).ids
        return encoded[-cut:] if (cut := options.get("left_truncate_len")) else encoded

    def tok_batch_encode(self, strings: list[str], *arguments: Any, **options: Any) -> Any:
        """The same for some prompts, padded on the left."""
        if not all(string.startswith(CHAT) for string in strings):
            return super().tok_batch_encode(strings, *arguments, **options)  # type: ignore[misc]
        import torch

        cut = options.get("left_truncate_len")
        rows = [self.tok_encode(string, left_truncate_len=cut) for string in strings]
        width = max(map(len, rows))
        padding = self.tokenizer.pad_token_id or 0
        ids = torch.tensor([[padding] * (width - len(row)) + row for row in rows])
        mask = torch.tensor([[0] * (width - len(row)) + [1] * len(row) for row in rows])
        return ids, mask

    def _encode_pair(self, context: str, continuation: str) -> tuple[list[int], list[int]]:
        """Tokens of a prompt and of an option after it, whose control tokens are text but for `TURN_END`."""
        if context.startswith(CHAT):
            continuation = TURN_END.join(map(self.chat.control.mark, continuation.split(TURN_END)))
            if visible(context).endswith(self.chat.prompt_tail) and not continuation[:1].isspace():
                continuation = self.chat.answer_lead + continuation
            continuation = continuation.replace(TURN_END, self.chat.turn_end)
            row, count = self.chat.encode_pair(context, continuation)
            if self.chat.encode(context + continuation).ids != row.ids:
                return row.ids[:count], row.ids[count:]
        pair: tuple[list[int], list[int]] = super()._encode_pair(context, continuation)  # type: ignore[misc]
        return pair


def visible_samples(value: Any) -> Any:
    """Samples of lm-eval, their texts without marks."""
    if isinstance(value, str):
        return visible(value)
    if isinstance(value, dict):
        return {name: visible_samples(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(visible_samples(item) for item in value)
    return value
