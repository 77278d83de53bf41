"""Texts in which control tokens that a user wrote stay text, and their tokens.

A chat template writes control tokens such as `<|im_end|>`; in a user's text the same characters are text. A prompt is
a string until it is tokenized, so what a user wrote is marked there with characters that Unicode reserves for use
inside a program. `ControlTokens.encode` reads the marks; `visible` removes them.
"""

import json
import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from kshot.core.errors import DataError

_BEGIN, _END = "\ufdd0", "\ufdd1"
TURN_END = "\ufdd2"
"""Stands for the end of the student's turn in a text whose other control tokens are text."""
CHAT = "\ufdd3"
"""Begins a string that a chat template rendered: the tokenizer adds nothing to it."""
_RESERVED = re.compile(f"[{_BEGIN}{_END}{TURN_END}{CHAT}]")
_BRACKETED = re.compile(r"<[|｜].+[|｜]>")


def visible(text: str) -> str:
    """The text without marks."""
    return _RESERVED.sub("", text)


@dataclass(frozen=True)
class Encoded:
    """Token ids of a text, and for each its [start, end) in the visible text."""

    ids: list[int]
    offsets: list[tuple[int, int]]


class ControlTokens:
    """The control tokens of a tokenizer under a chat template.

    They are its special tokens, the added tokens that the template writes, and those of the form `<|...|>`.
    """

    def __init__(self, tokenizer: Any, template: str) -> None:
        self._tokenizer = tokenizer
        added = tokenizer.added_tokens_decoder
        written = {
            token.content: identity
            for identity, token in added.items()
            if token.special or token.content in template or _BRACKETED.fullmatch(token.content)
        }
        self.ids: dict[str, int] = {token: identity for token, identity in written.items() if token.strip()}
        self._strips = {token.content: (token.lstrip, token.rstrip) for token in added.values()}
        longest_first = sorted(self.ids, key=len, reverse=True)
        self.pattern = re.compile("|".join(map(re.escape, longest_first)) or "(?!)")
        self._marked = re.compile(
            f"(?P<marked>{_BEGIN}(?:{self.pattern.pattern}){_END})|(?P<control>{self.pattern.pattern})|{_RESERVED.pattern}"
        )

    def mark(self, text: str) -> str:
        """A user's text, its control tokens marked as text."""
        return self.pattern.sub(lambda found: f"{_BEGIN}{found[0]}{_END}", visible(text))

    def encode(self, text: str) -> Encoded:
        """Tokens of a marked text; nothing is added before or after it.

        Raises:
            DataError: the tokenizer makes a control token of plain text.
        """
        if not _RESERVED.search(text):
            return self._encode_as_written(text)
        ids: list[int] = []
        offsets: list[tuple[int, int]] = []
        start = 0
        for part, is_plain in self._parts(text):
            encoded = self._encode_as_text(part, start > 0) if is_plain else self._encode_as_written(part)
            ids += encoded.ids
            offsets += [(start + a, start + b) for a, b in encoded.offsets]
            start += len(part)
        return Encoded(ids, offsets)

    def _parts(self, text: str) -> list[tuple[str, bool]]:
        """The visible text in parts: those between control tokens that hold a marked one, and all others."""
        parts: list[tuple[str, bool]] = []
        run, is_plain, place, left = "", False, 0, ""
        for found in [*self._marked.finditer(text), None]:
            run += text[place : found.start() if found else len(text)]
            place = found.end() if found else len(text)
            if found and found["marked"]:
                run, is_plain = run + found["marked"][1:-1], True
            elif found is None or found["control"]:
                right = found["control"] if found else ""
                parts += self._split_run(run, left, right) if is_plain else [(run, False)]
                parts.append((right, False))
                run, is_plain, left = "", False, right
        joined: list[tuple[str, bool]] = []
        for part, plain in parts:
            if joined and not plain and not joined[-1][1]:
                joined[-1] = (joined[-1][0] + part, False)
            elif part:
                joined.append((part, plain))
        return joined

    def _split_run(self, run: str, left: str, right: str) -> list[tuple[str, bool]]:
        """A run of text, without the white space that the control tokens beside it take."""
        begin = len(run) - len(run.lstrip()) if self._strips.get(left, (False, False))[1] else 0
        end = len(run.rstrip()) if self._strips.get(right, (False, False))[0] else len(run)
        return [(run[:begin], False), (run[begin:end], True), (run[end:], False)]

    def _encode_as_written(self, text: str) -> Encoded:
        encoded = self._tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
        return Encoded(list(encoded["input_ids"]), [(a, b) for a, b in encoded["offset_mapping"]])

    @cached_property
    def _plain(self) -> Any:
        """The tokenizer without added tokens."""
        from tokenizers import Tokenizer

        settings = json.loads(self._tokenizer.backend_tokenizer.to_str())
        return Tokenizer.from_str(json.dumps(settings | {"added_tokens": [], "post_processor": None}))

    @cached_property
    def _guard(self) -> str:
        """A character that keeps the tokenizer from adding a space in front; empty if it adds none.

        It may add one to a whole text and none behind a control token.
        """
        control = next(iter(self.ids))
        behind = self._encode_as_written(f"{control}a").ids[1:]
        if behind == self._plain.encode("a", add_special_tokens=False).ids:
            return ""
        return next((lead for lead in ("\x01", "\n", "|") if self._is_apart(lead)), "")

    def _is_apart(self, lead: str) -> bool:
        """Whether a character is a token of its own before others."""
        pieces = self._plain.encode(f"{lead}a", add_special_tokens=False).offsets
        return any(b == 1 for _, b in pieces) and not any(a < 1 < b for a, b in pieces)

    def _encode_as_text(self, text: str, is_inside: bool) -> Encoded:
        lead = self._guard if is_inside else ""
        encoded = self._plain.encode(lead + text, add_special_tokens=False)
        pairs = [
            (token, (a - len(lead), b - len(lead)))
            for token, (a, b) in zip(encoded.ids, encoded.offsets, strict=True)
            if b > len(lead)
        ]
        unknown = self._tokenizer.unk_token
        by_id = {identity: token for token, identity in self.ids.items() if token != unknown}
        if made := next((by_id[token] for token, _ in pairs if token in by_id), None):
            raise DataError(
                f"{visible(text)!r:.80}: the student's tokenizer makes the control token {made!r} of plain text; "
                "remove it from the text, or use another student"
            )
        return Encoded([token for token, _ in pairs], [place for _, place in pairs])
