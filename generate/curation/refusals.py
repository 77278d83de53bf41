"""Tells a model's refusal from a text in which a person regrets or cannot do something, in fifteen languages.

A refusal is a clause in which the speaker names itself a model, or in the first person declines what was requested:
it cannot *help with that*, cannot *answer this question*, cannot *provide such information*. "I'm sorry" and "I can't"
alone are words of people. Quoted and reported speech is a person's report on a refusal, hence a text like any other.
"""

import re
import unicodedata
from functools import cache
from pathlib import Path

from kshot.core.safe_yaml import read_yaml

PHRASES = Path(__file__).with_suffix(".yaml")
_QUOTED = re.compile(
    r"\"[^\"\n]+\"|“[^”\n]+”|„[^“”\n]+[“”]|«[^»\n]+»|「[^」\n]+」|『[^』\n]+』|(?<!\w)'[^'\n]+(?:'\w[^'\n]*)*'(?!\w)|‘[^\n]+?’(?!\w)"
)
_REPORTED = re.compile(
    r"\b(?:said|says?|saying|told|tells?|replied|replies|answered|answers|responds?|responded|wrote|writes|claimed|claims?"
    r"|sagte?|schrieb|antwortete?|zei|schreef|dit|répondu|répond|dijo|dice|respondió|detto|disse|respondeu|сказал|ответил"
    r"|пишет)\w*\b[^.!?\n]*$"
    r"|(?:说|說|回答|回复|言った|言われ|قال|قالت)[^。.!?\n]*$",
    re.IGNORECASE,
)
_OUTER_MARKS = re.compile(r"^[\s\"'“”„«»‘’*_`>#-]+|[\s\"'“”»’*_`]+$")


def find_refusal(text: str) -> str | None:
    """The phrase with which a model declines or names itself a model; None in any other text."""
    plain = unicodedata.normalize("NFKC", text).replace("’", "'").replace("ʼ", "'")
    plain = _QUOTED.sub(_blank, _OUTER_MARKS.sub("", plain))
    folded = plain.casefold()
    for hints, patterns in _languages():
        if not any(hint in folded for hint in hints):
            continue
        for match in (match for pattern in patterns for match in pattern.finditer(plain)):
            group = "phrase" if "phrase" in match.re.groupindex else 0
            if not _REPORTED.search(plain[: match.start(group)]):
                return match.group(group).strip(" \n\t,.;:!?–—-")
    return None


def _blank(match: re.Match[str]) -> str:
    return "□" * len(match.group())


@cache
def _languages() -> list[tuple[list[str], list[re.Pattern[str]]]]:
    """By language, its hints and its compiled patterns."""
    _, tree = read_yaml(PHRASES, as_written=True)
    parts: dict[str, str] = {}
    for name, pattern in tree["parts"].items():
        parts[name] = _insert(pattern, parts)
    return [
        (
            entry["hints"],
            [re.compile(_insert(pattern, parts), re.IGNORECASE | re.MULTILINE) for pattern in entry["patterns"]],
        )
        for entry in tree["languages"]
    ]


def _insert(pattern: str, parts: dict[str, str]) -> str:
    return re.sub(r"(?<!P)<(\w+)>", lambda match: parts[match.group(1)], pattern)
