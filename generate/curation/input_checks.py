"""Checks of an input that a teacher wrote: what shows that it is no input of its task. Each names what is wrong.

What the gold examples have themselves is no fault: a task may be about templates, prompts or chats.
"""

import re
from collections.abc import Callable, Sequence
from difflib import SequenceMatcher
from functools import cache, partial

from kshot.core.answers import normalize_answer
from kshot.core.prompting import has_literal
from kshot.core.text import count_words, words
from kshot.generate.curation.languages import MIN_LANGUAGE_WORDS, find_foreign_language, identify_language
from kshot.generate.curation.phrases import find_phrase, phrase_pattern

VERSION = 3
"""Raise when the same input gets another verdict."""

MIN_REPEATED_WORDS = 6
"""So many words in a row of the instruction are a copy of it."""
MIN_CLAUSE_WORDS = 3
"""A shorter text has no clause to leave open."""
SHOWN_CHARS = 20
MAX_COMMON_LABEL_CHARS = 3
_COMMON_LABELS = {"true", "false", "other", "none", "unknown", "neither", "both"}
"""Labels that are ordinary words of any text, beside the short ones."""
_PAIRS = (("(", ")"), ("[", "]"), ("{", "}"), ("“", "”"), ("«", "»"), ("「", "」"), ("（", "）"))


def find_input_fault(
    text: str, output: str, gold: Sequence[str], labels: Sequence[str] = (), instruction: str = ""
) -> str | None:
    """Return the reason against a new input, or None.

    Args:
        output: its right output.
        gold: the inputs of the task's gold examples; what they have is allowed.
        labels: of the task, empty where answers are open.
        instruction: of the task.
    """
    for reason, find in _PATTERNS.items():
        if (found := find(text)) and not any(find(other) for other in gold):
            return f"{reason}: {found.strip()!r}"
    if labels and (giveaway := _find_giveaway(text, output, labels, gold)):
        return giveaway
    if repeated := _find_repetition(text, instruction):
        return f"repeats the instruction: {repeated!r}"
    # Short inputs are often names and word lists, which are in no language.
    known = [other for other in (*gold, text) if count_words(other) >= MIN_LANGUAGE_WORDS]
    expected = sorted({identify_language(other) for other in known if other != text})
    language = find_foreign_language(text, expected) if text in known else None
    return f"another language: {language!r}" if language else None


@cache
def _cut_end() -> re.Pattern[str]:
    return re.compile(rf"{phrase_pattern('cut_end')}$", re.I)


def _find_cut(text: str) -> str | None:
    """Return the end of a text that stops in the middle: an open clause, pair or code block."""
    text = text.strip()
    if count_words(text) >= MIN_CLAUSE_WORDS and (match := _cut_end().search(text)):
        return text[max(0, match.start() - SHOWN_CHARS) :]
    if text.count("```") % 2:
        return "```"
    return next((opened for opened, closed in _PAIRS if text.count(opened) > text.count(closed)), None)


_PATTERNS: dict[str, Callable[[str], str | None]] = {
    "a placeholder": partial(find_phrase, "placeholder"),
    "few-shot layout": partial(find_phrase, "few_shot_layout"),
    "an instruction to the model": partial(find_phrase, "injection"),
    "cut off": _find_cut,
}


def _find_giveaway(text: str, label: str, labels: Sequence[str], gold: Sequence[str]) -> str | None:
    """Return why the input tells its own label: it is the label, marks it, or names it.

    Where a gold input names or marks any label, that is natural for the task.
    """
    name = label.casefold()
    is_common = (len(name) <= MAX_COMMON_LABEL_CHARS and name.isascii()) or name in _COMMON_LABELS
    if normalize_answer(text) == normalize_answer(label) and not is_common:
        return f"the input is its label: {label!r}"
    if (marked := _marks(text, [label])) and not any(_marks(other, labels) for other in gold):
        return f"the input gives its label away: {marked!r}"
    if is_common or not gold or not _names(text, [label]) or any(_names(other, labels) for other in gold):
        return None
    return f"the input gives its label away: {label!r}"


def _marks(text: str, labels: Sequence[str]) -> str | None:
    """Return a label in brackets at the beginning or end, or behind a word such as `Category:`."""
    names = "|".join(re.escape(label.casefold()) for label in labels)
    marked = re.search(
        rf"(?:^|\n|[.!?]\s)\s*[(\[<*]{{1,2}}(?:{names})[)\]>*]{{1,2}}|[(\[<](?:{names})[)\]>]\s*$"
        rf"|{phrase_pattern('marked_label')}\s*[:：=]\s*[\"']?(?:{names})",
        text.casefold(),
    )
    return marked[0].strip() if marked else None


def _names(text: str, labels: Sequence[str]) -> bool:
    """Whether the text holds a label as words of its own; one of the ordinary words does not count."""
    folded = text.casefold()
    names = [label.casefold() for label in labels if len(label) > MAX_COMMON_LABEL_CHARS or not label.isascii()]
    spellings = {spelling for name in names for spelling in (name, re.sub(r"[_-]+", " ", name))}
    return any(has_literal(folded, spelling) for spelling in spellings - _COMMON_LABELS)


def _find_repetition(text: str, instruction: str) -> str | None:
    mine, theirs = words(text), words(instruction)
    if len(theirs) < MIN_REPEATED_WORDS:
        return None
    match = SequenceMatcher(None, mine, theirs, autojunk=False).find_longest_match()
    return " ".join(mine[match.a : match.a + match.size]) if match.size >= MIN_REPEATED_WORDS else None
