"""Phrases of a dozen languages that show what a text is: an assistant's chatter, a gap to fill in, a second thought."""

import re
from functools import cache
from pathlib import Path
from typing import Literal

from kshot.core.safe_yaml import read_yaml

PHRASES = Path(__file__).with_suffix(".yaml")
MAX_TAIL_CHARS = 160
PhraseKind = Literal[
    "chatter_lead", "chatter_tail", "second_thought", "conclusion", "negation", "placeholder", "few_shot_layout",
    "injection", "cut_end", "marked_label",
]  # fmt: skip


@cache
def phrase_pattern(kind: PhraseKind) -> str:
    """Return one regular expression, without groups of its own, that matches any phrase of the kind."""
    _, tree = read_yaml(PHRASES, as_written=True)
    return f"(?:{'|'.join(tree[kind])})"


@cache
def _compiled(kind: PhraseKind) -> re.Pattern[str]:
    return re.compile(phrase_pattern(kind), re.I)


def find_phrase(kind: PhraseKind, text: str) -> str | None:
    """Return the first phrase of the kind in the text, or None."""
    return match[0].strip() if (match := _compiled(kind).search(text)) else None


def find_chatter(text: str) -> str | None:
    """Return an assistant's words at the text's beginning or in its last lines; None where there are none."""
    text = text.strip()
    if match := _compiled("chatter_lead").match(text) or _compiled("chatter_tail").search(
        text, max(0, len(text) - MAX_TAIL_CHARS)
    ):
        return match[0].strip()
    return None
