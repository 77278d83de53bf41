"""Lexical checks of a paraphrase: whether it still states its task. Each check returns the reason against it, or None.

A hard failure is final. A soft failure errs towards rejecting: a wrong instruction trains a wrong task, and a lost one
costs one request. Of a capable teacher's paraphrases about a third fail softly, nearly all of them good ones. So a
paraphrase that fails softly is kept if the teacher solves all held-back inputs with it.
"""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from string import Formatter

from rapidfuzz import fuzz

from kshot.core.prompting import literal_pattern
from kshot.tasks.family import Params

VERSION = 1
"""Raise when the same candidate gets another verdict."""

MIN_COPY_RATIO = 92.0
MIN_WORDS = 3
PRIVATE_USE = 0xE000
"""The first private code point of Unicode. No text holds these, so no parameter value is found in them."""
_WORD = re.compile(r"[A-Za-z]+(?:'[A-Za-z]+)?")
_QUOTED = re.compile(r"(?<!\w)'([^'\n]+)'(?!\w)|\"([^\"\n]+)\"|“([^”\n]+)”")
_REFUSAL = re.compile(
    r"\b(i'?m sorry|i am sorry|i apologi[sz]e|i can(?:no|')t|i am unable|i'm unable|as an ai|language model|i don't)\b",
    re.I,
)
_CHATTER = re.compile(
    r"^(sure|certainly|of course"
    r"|here(?:'s| is| are)\b.*\b(?:re(?:writ|word|phras)\w*|version|variant|wording|instruction|task|description)"
    r"|the (?:re\w*|new|abstract\w*|general\w*|original) (?:instruction|task)"
    r"|the task description"
    r"|this (?:instruction|task)|the instructions?|re(?:writ|phras)\w* (?:the )?(?:task|instruction|description)"
    r"|instruction:|task:|output:|answer:|input:)",
    re.I,
)
_ANSWER = re.compile(r"\b(output|answer|input):", re.I)
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


@dataclass(frozen=True)
class ParaphraseCandidate:
    """A paraphrase beside its original, both with the params filled in."""

    text: str
    original: str
    params: Params
    anchors: tuple[tuple[str, ...], ...]
    known: Sequence[str]
    """Descriptions that the task already has, with the same params filled in."""


def split_words(text: str) -> list[str]:
    return [word.lower() for word in _WORD.findall(text)]


def check_min_words(candidate: ParaphraseCandidate) -> str | None:
    return None if len(split_words(candidate.text)) >= MIN_WORDS else "too short to state a task"


def check_max_words(candidate: ParaphraseCandidate) -> str | None:
    max_words = 2 * len(split_words(candidate.original)) + 15
    return "too long" if len(split_words(candidate.text)) > max_words or "\n" in candidate.text else None


def check_refusal(candidate: ParaphraseCandidate) -> str | None:
    return "refusal" if _REFUSAL.search(candidate.text) else None


def check_chatter(candidate: ParaphraseCandidate) -> str | None:
    """Reject comments and answers in place of an instruction."""
    is_chatter = _CHATTER.match(candidate.text.strip()) or _ANSWER.search(candidate.text)
    return "answer or comment, not an instruction" if is_chatter else None


def check_copy(candidate: ParaphraseCandidate) -> str | None:
    text = candidate.text.lower().strip(" .")
    is_copy = any(fuzz.ratio(text, known.lower().strip(" .")) >= MIN_COPY_RATIO for known in candidate.known)
    return "copy of a known wording" if is_copy else None


def check_braces(candidate: ParaphraseCandidate) -> str | None:
    """Reject braces outside the parameter values: they would become template slots."""
    rest = candidate.text
    for value in candidate.params.values():
        rest = rest.replace(value, "")
    return "braces" if "{" in rest or "}" in rest else None


def check_literals(candidate: ParaphraseCandidate) -> str | None:
    """Require each quoted literal and each parameter value (label names among them), letter by letter."""
    original = candidate.original
    literals = [next(filter(None, groups)) for groups in _QUOTED.findall(original)]
    literals += [value for value in candidate.params.values() if value and literal_pattern(value).search(original)]
    missing = [text for text in dict.fromkeys(literals) if not literal_pattern(text).search(candidate.text)]
    return f"lost a literal: {missing[0]!r}" if missing else None


def check_anchors(candidate: ParaphraseCandidate) -> str | None:
    """Require a word of each group of anchors, the words that carry the task's meaning."""
    words = split_words(candidate.text)
    for group in candidate.anchors:
        if not any(word.startswith(prefix) for prefix in group for word in words) and not any(
            prefix in candidate.text.lower() for prefix in group if not prefix.isalpha()
        ):
            return f"lost its meaning: no {'|'.join(group)}"
    return None


def check_lost_demands(candidate: ParaphraseCandidate) -> str | None:
    """Require the original's demands on the form of the answer."""
    for demand in _DEMANDS:
        pattern = re.compile(rf"\b(?:{demand})\b", re.I)
        if pattern.search(candidate.original) and not pattern.search(candidate.text):
            return f"lost a demand on the form: {demand.split('|')[0]}"
    return None


def check_sense(candidate: ParaphraseCandidate) -> str | None:
    """Reject a new or lost negation, and an opposite in place of a word."""
    if bool(_NEGATION.search(candidate.original)) != bool(_NEGATION.search(candidate.text)):
        return "negation gained or lost"
    before, after = set(split_words(candidate.original)), set(split_words(candidate.text))
    for left, right in _OPPOSITES:
        for old, new in ((left, right), (right, left)):
            if new in after and new not in before and old in before:
                return f"sense changed: {new!r} for {old!r}"
    return None


def check_drift(candidate: ParaphraseCandidate) -> str | None:
    """Reject where too little of the original's content is left, or too much is new."""
    before = {word[:4] for word in split_words(candidate.original) if len(word) > 3}
    after = {word[:4] for word in split_words(candidate.text) if len(word) > 3}
    if before and len(before & after) < 0.34 * len(before):
        return "content lost"
    return "content added" if len(after - before) > 0.5 * len(before) + 3 else None


def check_imperative(candidate: ParaphraseCandidate) -> str | None:
    """Require a question mark, or an imperative where a clause begins."""
    is_instruction = "?" in candidate.text or _IMPERATIVE.search(candidate.text)
    return None if is_instruction else "a statement, not an instruction"


def check_added_details(candidate: ParaphraseCandidate) -> str | None:
    """Reject quoted words, numbers and demands that the original lacks: they change the task."""
    for pattern in (_QUOTED, _NUMBER):
        for match in pattern.finditer(candidate.text):
            if match.group().strip("'\"“”") not in candidate.original:
                return f"added a detail: {match.group()!r}"
    for demand in _FORMS:
        pattern = re.compile(rf"\b(?:{demand})\b", re.I)
        if pattern.search(candidate.text) and not pattern.search(candidate.original):
            return f"added a demand on the form: {demand.split('|')[0]}"
    return None


Check = Callable[[ParaphraseCandidate], str | None]
HARD_CHECKS: tuple[Check, ...] = (
    check_min_words,
    check_max_words,
    check_refusal,
    check_chatter,
    check_copy,
    check_braces,
    check_literals,
)
SOFT_CHECKS: tuple[Check, ...] = (
    check_anchors,
    check_lost_demands,
    check_sense,
    check_drift,
    check_imperative,
    check_added_details,
)


def find_hard_failure(candidate: ParaphraseCandidate) -> str | None:
    """Return why the candidate cannot be used, whatever it states; None if it can."""
    return next((reason for check in HARD_CHECKS if (reason := check(candidate))), None)


def find_soft_failure(candidate: ParaphraseCandidate) -> str | None:
    """Return why the candidate may state another task, or None."""
    return next((reason for check in SOFT_CHECKS if (reason := check(candidate))), None)


def build_template(text: str, original_template: str, params: Params) -> str | None:
    """Turn a paraphrase into a template with the slots of the original's template.

    Returns:
        The template, or None where a parameter value is ambiguous. Then the template renders other text, or a value
        occurs more often than in the original, as "in" and a space do.
    """
    slots = _count_slots(original_template)
    template = insert_slots(text, {name: params[name] for name in slots})
    has_more = any(count > slots[name] for name, count in _count_slots(template).items())
    return None if has_more or template.format(**params) != text else template


def _count_slots(template: str) -> Counter[str]:
    return Counter(name for _, name, _, _ in Formatter().parse(template) if name)


def insert_slots(text: str, params: Params) -> str:
    """Replace parameter values by `{name}` slots, longest values first."""
    template = text.replace("{", "{{").replace("}", "}}")
    slots: dict[str, str] = {}
    for name, value in sorted(params.items(), key=lambda item: -len(item[1])):
        if not value:
            continue
        placeholder = chr(PRIVATE_USE + len(slots))
        slots[placeholder] = "{" + name + "}"
        escaped = value.replace("{", "{{").replace("}", "}}")
        template = literal_pattern(escaped).sub(placeholder, template)
    for placeholder, slot in slots.items():
        template = template.replace(placeholder, slot)
    return template
