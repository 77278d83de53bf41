"""Generates an answer piece by piece, which a caller may stop."""

import math
import queue
import threading
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from kshot.core.errors import DataError
from kshot.models.answering import find_chat_format, find_context, make_generation_config
from kshot.models.chat_template import ChatFormat
from kshot.models.chat_text import visible
from kshot.runtime.logging import quiet

INCOMPLETE = "\N{REPLACEMENT CHARACTER}"
"""What the tokens of a part of a character decode to."""
Turns = list[dict[str, str]]


@dataclass
class Answer:
    """What is known of an answer once its pieces have come."""

    text: str = ""
    cut_at: int | None = None
    """The tokens after which it was cut, where it has no end of its own."""


@dataclass
class Speaker:
    """A model that is loaded ready to answer, and its conversation."""

    name: str
    model: Any
    tokenizer: Any
    history: Turns = field(default_factory=list)

    @cached_property
    def chat(self) -> ChatFormat:
        """How its turns are written."""
        return find_chat_format(self.model, self.tokenizer)

    @cached_property
    def context(self) -> int | None:
        """The tokens that prompt and answer may have together; None for no limit."""
        return find_context(self.model)

    def encode(self, turns: Turns) -> list[int]:
        """The tokens of the prompt for an answer after these turns: those that training and measuring send."""
        return self.chat.encode(self.chat.render_prompt(turns)).ids

    def render(self, turns: Turns) -> str:
        """The same prompt as text."""
        return visible(self.chat.render_prompt(turns))

    def find_cut(self, system: Turns, message: dict[str, str], max_tokens: int) -> int:
        """How many turns of the history's beginning to leave out, so that the prompt leaves room for an answer.

        Raises:
            DataError: the message alone is too long.
        """
        for start in range(0, len(self.history), 2):
            if self._has_room([*system, *self.history[start:], message], max_tokens):
                return start
        self.check_room([*system, message], max_tokens)
        return len(self.history)

    def check_room(self, turns: Turns, max_tokens: int) -> None:
        """Refuse a prompt that leaves no room for an answer.

        Raises:
            DataError: gives its tokens, and how many it may have.
        """
        if not self._has_room(turns, max_tokens):
            raise DataError(
                f"the prompt has {len(self.encode(turns))} tokens; {self.name} takes {self._room(max_tokens)} "
                "before an answer: shorten it, or show fewer demonstrations"
            )

    def _room(self, max_tokens: int) -> float:
        """The most tokens of a prompt: the answer has `max_tokens`, or half of the context where that is less."""
        return math.inf if self.context is None else self.context - min(max_tokens, self.context // 2)

    def _has_room(self, turns: Turns, max_tokens: int) -> bool:
        return self.context is None or len(self.encode(turns)) <= self._room(max_tokens)

    def stream(self, turns: Turns, max_tokens: int, temperature: float, answer: Answer) -> Generator[str]:
        """Yield the answer after these turns piece by piece, and note it in `answer`.

        A caller that stops early stops the model too.
        """
        ids = self.encode(turns)
        if self.context is not None:
            max_tokens = min(max_tokens, self.context - len(ids))
        config = make_generation_config(self.model, self.chat, max_tokens, temperature)
        ends = set(config.eos_token_id)
        tokens: list[int] = []
        for token in _generate(self.model, ids, config):
            if token in ends:
                break
            tokens.append(token)
            text = self.tokenizer.decode(tokens, skip_special_tokens=True).lstrip()
            # Spaces at the end may be the answer's last, and a character may still lack bytes.
            piece = text[len(answer.text) :].rstrip(INCOMPLETE).rstrip()
            if piece and text.startswith(answer.text):
                answer.text += piece
                yield piece
        else:
            answer.cut_at = len(tokens) if len(tokens) >= max_tokens else None


def _generate(model: Any, ids: Sequence[int], config: Any) -> Iterator[int]:
    """The tokens of an answer as they come. The model works in a thread, which ends with the generator."""
    import torch

    arrived: queue.SimpleQueue[int | BaseException | None] = queue.SimpleQueue()
    stop = threading.Event()

    def should_stop(input_ids: Any, scores: Any, **_: Any) -> Any:
        return torch.full((input_ids.shape[0],), stop.is_set(), device=input_ids.device, dtype=torch.bool)

    def work() -> None:
        prompt = torch.tensor([ids], device=model.device)
        try:
            with torch.inference_mode(), quiet():
                model.generate(
                    prompt, attention_mask=torch.ones_like(prompt), generation_config=config,
                    streamer=_TokenStreamer(arrived), stopping_criteria=[should_stop],
                )  # fmt: skip
        except BaseException as error:
            arrived.put(error)
        arrived.put(None)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        while (item := arrived.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        stop.set()
        thread.join()


class _TokenStreamer:
    """What transformers hands the tokens to: the prompt's first, then each of the answer."""

    def __init__(self, arrived: "queue.SimpleQueue[int | BaseException | None]") -> None:
        self._arrived = arrived
        self._is_prompt = True

    def put(self, value: Any) -> None:
        if self._is_prompt:
            self._is_prompt = False
            return
        for token in value.flatten().tolist():
            self._arrived.put(token)

    def end(self) -> None:
        """The thread says when it is done, after an error too."""
