"""The wording of an English paraphrase: signs that it may state another task than its original.

Each check returns the reason against it, or None. The checks err towards rejecting: of a capable teacher's paraphrases
about a third fail, nearly all of them good ones, so solving inputs may refute them.
"""

import re
from collections.abc import Callable

from kshot.generate.curation.label_lists import find_quoted

_WORD = re.compile(r"[A-Za-z]+(?:'[A-Za-z]+)?")
_NEGATION = re.compile(r"\b(not|never|don't|without|except|avoid|neither|nor)\b", re.I)
_NUMBER = re.compile(r"\d+")
_VERBS = """
act add advise answer apply arrange ask assign average bring build calculate capitalise capitalize categorise
categorize change check choose classify combine compare complete compose compute consider convert copy count cut decide
decode delete describe determine do double drop enclose encode exchange explain express extract fill filter find finish
follow form give guess identify imagine infer insert join judge keep label leave list look make mark match merge move
multiply name order output paraphrase pick place point predict provide put rank read rearrange recall recognise
recognize remove rename reorder repeat replace reply report respond restate restore return reverse rewrite round say
select separate shorten show solve sort spell split state strip subtract summarise summarize swap take tell transform
translate turn underline use work wrap write
""".split()  # noqa: SIM905 - a list of words is easier to read and to change
_IMPERATIVE = re.compile(
    r"(?:^|[.;:!]\s+|,\s+(?:please\s+)?|\bplease\s+|\b(?:task|job|goal|aim) is to\s+|\byou (?:must|should|have to)\s+)"
    rf"(?:{'|'.join(_VERBS)})\b",
    re.I,
)
# Demands on the form of the answer. Those of the original must stay; none of _FORMS may be new.
_FORMS = (
    r"json", r"csv", r"markdown", r"upper ?case|capital letters?|capitals", r"lower ?case|small letters?",
    r"one word|single word", r"commas?", r"semicolons?", r"bullets?", r"hyphens?|dash(?:es)?",
    r"brackets?|parenthes[ei]s", r"full stop|period",
)  # fmt: skip
_DEMANDS = (
    *_FORMS,
    r"only",
    r"digits?|numerals?|figures?",
    r"letters?",
    r"sentences?",
    r"words?",
    r"numbers?",
    r"lines?",
)
_OPPOSITES = (
    ("first", "last"), ("smallest", "largest"), ("ascending", "descending"), ("upper", "lower"), ("before", "after"),
    ("singular", "plural"), ("longest", "shortest"), ("increasing", "decreasing"), ("add", "remove"), ("more", "less"),
    ("comparative", "superlative"), ("true", "false"), ("left", "right"), ("highest", "lowest"), ("start", "end"),
)  # fmt: skip


def split_words(text: str) -> list[str]:
    return [word.lower() for word in _WORD.findall(text)]


def check_lost_demands(text: str, original: str) -> str | None:
    """Require the original's demands on the form of the answer."""
    for demand in _DEMANDS:
        pattern = re.compile(rf"\b(?:{demand})\b", re.I)
        if pattern.search(original) and not pattern.search(text):
            return f"lost a demand on the form: {demand.split('|')[0]}"
    return None


def check_sense(text: str, original: str) -> str | None:
    """Reject a new or lost negation, and an opposite in place of a word."""
    if bool(_NEGATION.search(original)) != bool(_NEGATION.search(text)):
        return "negation gained or lost"
    before, after = set(split_words(original)), set(split_words(text))
    for left, right in _OPPOSITES:
        for old, new in ((left, right), (right, left)):
            if new in after and new not in before and old in before:
                return f"sense changed: {new!r} for {old!r}"
    return None


def check_drift(text: str, original: str) -> str | None:
    """Reject where too little of the original's content is left, or too much is new."""
    before = {word[:4] for word in split_words(original) if len(word) > 3}
    after = {word[:4] for word in split_words(text) if len(word) > 3}
    if before and len(before & after) < 0.34 * len(before):
        return "content lost"
    return "content added" if len(after - before) > 0.5 * len(before) + 3 else None


def check_imperative(text: str, original: str) -> str | None:
    """Require a question mark, or an imperative where a clause begins."""
    is_instruction = "?" in text or _IMPERATIVE.search(text)
    return None if is_instruction else "a statement, not an instruction"


def check_added_details(text: str, original: str) -> str | None:
    """Reject quoted words, numbers and demands that the original lacks: they change the task."""
    for detail in (*find_quoted(text), *_NUMBER.findall(text)):
        if detail not in original:
            return f"added a detail: {detail!r}"
    for demand in _FORMS:
        pattern = re.compile(rf"\b(?:{demand})\b", re.I)
        if pattern.search(text) and not pattern.search(original):
            return f"added a demand on the form: {demand.split('|')[0]}"
    return None


Check = Callable[[str, str], str | None]
"""Takes the paraphrase and its original."""
CHECKS: tuple[Check, ...] = (
    check_lost_demands,
    check_sense,
    check_drift,
    check_imperative,
    check_added_details,
)


def find_wording_failure(text: str, original: str) -> str | None:
    """Return why the paraphrase may state another task, or None."""
    return next((reason for check in CHECKS if (reason := check(text, original))), None)
