"""Does a variant still state its task? Each check returns what it has against it, or None.

A fault is final. A doubt errs towards rejecting, since a wrong wording teaches a wrong task and a lost one costs a
request; of a capable teacher's wordings it takes about a third, nearly all of them good ones, so a proof that the
variant can be solved from refutes it.
"""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from string import Formatter

from rapidfuzz import fuzz

from kshot.core.prompting import literal_pattern
from kshot.tasks.family import Params

COPY_RATIO = 92.0
SHORTEST_WORDS = 3
PRIVATE = 0xE000
"""Code points from here on are no part of any text, so that no value is found in them."""
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
""".split()  # noqa: SIM905 - a list of words is easier to read and to mend
_ASKING = re.compile(
    r"(?:^|[.;:!]\s+|,\s+(?:please\s+)?|\bplease\s+|\b(?:task|job|goal|aim) is to\s+|\byou (?:must|should|have to)\s+)"
    rf"(?:{'|'.join(_VERBS)})\b",
    re.I,
)
# A demand on the form of the answer: one that the source makes must stay, and of the narrower ones none may be new.
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
    """A variant beside the wording that it came from, both with the params filled in."""

    text: str
    source: str
    params: Params
    anchors: tuple[tuple[str, ...], ...]
    known: Sequence[str]
    """Wordings that the unit already has, filled with the same params."""


def words(text: str) -> list[str]:
    return [word.lower() for word in _WORD.findall(text)]


def is_empty(c: ParaphraseCandidate) -> str | None:
    return None if len(words(c.text)) >= SHORTEST_WORDS else "too short to state a task"


def is_long(c: ParaphraseCandidate) -> str | None:
    return "too long" if len(words(c.text)) > 2 * len(words(c.source)) + 15 or "\n" in c.text else None


def is_refusal(c: ParaphraseCandidate) -> str | None:
    return "refusal" if _REFUSAL.search(c.text) else None


def is_answer(c: ParaphraseCandidate) -> str | None:
    """Talk about the wording, or an answer, instead of an instruction."""
    if _CHATTER.match(c.text.strip()):
        return "answer or comment, not an instruction"
    return "answer or comment, not an instruction" if re.search(r"\b(output|answer|input):", c.text, re.I) else None


def is_copy(c: ParaphraseCandidate) -> str | None:
    plain = c.text.lower().strip(" .")
    near = any(fuzz.ratio(plain, other.lower().strip(" .")) >= COPY_RATIO for other in c.known)
    return "copy of a known wording" if near else None


def loses_literal(c: ParaphraseCandidate) -> str | None:
    """Quoted literals and parameter values (label names among them) must survive, letter by letter."""
    literals = [next(filter(None, found)) for found in _QUOTED.findall(c.source)]
    literals += [value for value in c.params.values() if value and literal_pattern(value).search(c.source)]
    missing = [text for text in dict.fromkeys(literals) if not literal_pattern(text).search(c.text)]
    return f"lost a literal: {missing[0]!r}" if missing else None


def loses_anchor(c: ParaphraseCandidate) -> str | None:
    found = words(c.text)
    for group in c.anchors:
        if not any(word.startswith(prefix) for prefix in group for word in found) and not any(
            prefix in c.text.lower() for prefix in group if not prefix.isalpha()
        ):
            return f"lost its meaning: no {'|'.join(group)}"
    return None


def loses_demand(c: ParaphraseCandidate) -> str | None:
    for demand in _DEMANDS:
        pattern = re.compile(rf"\b(?:{demand})\b", re.I)
        if pattern.search(c.source) and not pattern.search(c.text):
            return f"lost a demand on the form: {demand.split('|')[0]}"
    return None


def changes_sense(c: ParaphraseCandidate) -> str | None:
    if bool(_NEGATION.search(c.source)) != bool(_NEGATION.search(c.text)):
        return "negation gained or lost"
    source, text = set(words(c.source)), set(words(c.text))
    for one, other in _OPPOSITES:
        for here, there in ((one, other), (other, one)):
            if there in text and there not in source and here in source:
                return f"sense changed: {there!r} for {here!r}"
    return None


def drifts(c: ParaphraseCandidate) -> str | None:
    """Too little of the source's content is left, or too much is new."""
    source = {word[:4] for word in words(c.source) if len(word) > 3}
    text = {word[:4] for word in words(c.text) if len(word) > 3}
    if source and len(source & text) < 0.34 * len(source):
        return "content lost"
    return "content added" if len(text - source) > 0.5 * len(source) + 3 else None


def asks_nothing(c: ParaphraseCandidate) -> str | None:
    """An instruction has a question mark, or a verb of doing where a clause begins."""
    if "?" in c.text:
        return None
    return None if _ASKING.search(c.text) else "a statement, not an instruction"


def adds_detail(c: ParaphraseCandidate) -> str | None:
    """Quoted words, numbers and demands that the source does not have change the task."""
    for pattern in (_QUOTED, _NUMBER):
        for found in pattern.finditer(c.text):
            if found.group().strip("'\"“”") not in c.source:
                return f"added a detail: {found.group()!r}"
    for demand in _FORMS:
        pattern = re.compile(rf"\b(?:{demand})\b", re.I)
        if pattern.search(c.text) and not pattern.search(c.source):
            return f"added a demand on the form: {demand.split('|')[0]}"
    return None


def has_braces(c: ParaphraseCandidate) -> str | None:
    outside = c.text
    for value in c.params.values():
        outside = outside.replace(value, "")
    return "braces" if "{" in outside or "}" in outside else None


Check = Callable[[ParaphraseCandidate], str | None]
HARD_CHECKS: tuple[Check, ...] = (is_empty, is_long, is_refusal, is_answer, is_copy, has_braces, loses_literal)
SOFT_CHECKS: tuple[Check, ...] = (loses_anchor, loses_demand, changes_sense, drifts, asks_nothing, adds_detail)


def hard_failure(candidate: ParaphraseCandidate) -> str | None:
    """Why it cannot be used, whatever it says."""
    return next((fault for check in HARD_CHECKS if (fault := check(candidate))), None)


def soft_failure(candidate: ParaphraseCandidate) -> str | None:
    """Why it may state another task."""
    return next((doubt for check in SOFT_CHECKS if (doubt := check(candidate))), None)


def as_template(text: str, source: str, params: Params) -> str | None:
    """The wording as a template with the slots of the source's.

    None where a value cannot be told from other text: it comes out otherwise, or stands more often than in the source,
    as "in" and a space do.
    """
    named = _slots(source)
    made = with_slots(text, {name: params[name] for name in named})
    more = any(count > named[name] for name, count in _slots(made).items())
    return None if more or made.format(**params) != text else made


def _slots(template: str) -> Counter[str]:
    return Counter(name for _, name, _, _ in Formatter().parse(template) if name)


def with_slots(text: str, params: Params) -> str:
    """The wording as a template: parameter values become `{name}` slots, longest values first."""
    safe = text.replace("{", "{{").replace("}", "}}")
    marks: dict[str, str] = {}
    for name, value in sorted(params.items(), key=lambda item: -len(item[1])):
        if not value:
            continue
        mark = chr(PRIVATE + len(marks))
        marks[mark] = "{" + name + "}"
        escaped = value.replace("{", "{{").replace("}", "}}")
        safe = literal_pattern(escaped).sub(mark, safe)
    for mark, slot in marks.items():
        safe = safe.replace(mark, slot)
    return safe
