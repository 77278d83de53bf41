"""Structural checks of a paraphrase: whether it can be used at all. They hold for every language.

A hard failure is final: a label lost or added, a rule of a guideline left out, another language, a comment in place of
an instruction. A soft failure is a sign that the text states another task: a lost anchor or, in English, its wording.
What the text means is for the teacher to prove, by solving inputs with it.
"""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from string import Formatter

from rapidfuzz import fuzz

from kshot.core.prompting import has_literal, literal_pattern
from kshot.core.text import count_words, words
from kshot.generate.curation.english_wording import find_wording_failure
from kshot.generate.curation.label_lists import LIST_LINE, find_added_label, find_lost_label, find_quoted
from kshot.generate.curation.languages import find_foreign_language, identify_language
from kshot.generate.curation.phrases import find_chatter
from kshot.generate.curation.refusals import find_refusal
from kshot.tasks.family import Params

VERSION = 3
"""Raise when the same candidate gets another verdict, by `english_wording`, `label_lists` and `languages` too."""

MIN_COPY_RATIO = 92.0
MIN_WORDS = 3
LONG_WORDS = 60
"""An original of so many words, or of several paragraphs, is a guideline: each of its rules counts."""
MIN_KEPT_WORDS = 0.6
"""Fraction of a guideline's words that a paraphrase keeps at least."""
PRIVATE_USE = 0xE000
"""The first private code point of Unicode. No text holds these, so no parameter value is found in them."""
_CHATTER = re.compile(
    r"^(?:sure|certainly|of course"
    r"|here(?:'s| is| are)\b.*\b(?:re(?:writ|word|phras)\w*|version|variant|wording|instruction|task|description)"
    r"|the (?:re\w*|new|abstract\w*|general\w*|original) (?:instruction|task)"
    r"|the task description"
    r"|this (?:instruction|task)|the instructions?|re(?:writ|phras)\w* (?:the )?(?:task|instruction|description)"
    r"|instruction:|task:|output:|answer:|input:)",
    re.I,
)
_ANSWER = re.compile(r"\b(output|answer|input):", re.I)


@dataclass(frozen=True)
class ParaphraseCandidate:
    """A paraphrase beside its original, both with the params filled in."""

    text: str
    original: str
    params: Params
    anchors: tuple[tuple[str, ...], ...]
    known: Sequence[str]
    """Descriptions that the task already has, with the same params filled in."""
    labels: tuple[str, ...] = ()


def check_min_words(candidate: ParaphraseCandidate) -> str | None:
    return None if count_words(candidate.text) >= MIN_WORDS else "too short to state a task"


def check_max_words(candidate: ParaphraseCandidate) -> str | None:
    return "too long" if count_words(candidate.text) > 2 * count_words(candidate.original) + 15 else None


def check_cut(candidate: ParaphraseCandidate) -> str | None:
    """Reject a guideline of which a part is missing."""
    before, after = count_words(candidate.original), count_words(candidate.text)
    is_guideline = before >= LONG_WORDS or len(candidate.original.split("\n\n")) > 1
    if is_guideline and after < MIN_KEPT_WORDS * before:
        return f"a part is missing: {after} of {before} words"
    items, kept = (len(LIST_LINE.findall(text)) for text in (candidate.original, candidate.text))
    return f"a part is missing: {kept} of {items} points" if items > 1 and 0 < kept < items else None


def check_refusal(candidate: ParaphraseCandidate) -> str | None:
    return "refusal" if find_refusal(candidate.text) and not find_refusal(candidate.original) else None


def check_chatter(candidate: ParaphraseCandidate) -> str | None:
    """Reject comments and answers in place of an instruction, unless the original begins like them."""
    text, original = candidate.text.strip(), candidate.original.strip()
    patterns = (_CHATTER.match, _ANSWER.search, find_chatter)
    is_chatter = any(find(text) and not find(original) for find in patterns)
    return "answer or comment, not an instruction" if is_chatter or _has_comment_line(text, original) else None


def _has_comment_line(text: str, original: str) -> bool:
    """True if a first line announces the instruction: it ends in a colon, and no list follows it."""
    first, _, rest = text.partition("\n")
    is_announcement = bool(rest.strip()) and first.rstrip(" *_").endswith((":", "："))
    return is_announcement and not LIST_LINE.match(rest.lstrip("\n")) and "\n" not in original


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
    literals = find_quoted(original)
    literals += [value for value in candidate.params.values() if value and has_literal(original, value)]
    missing = [text for text in dict.fromkeys(literals) if not has_literal(candidate.text, text)]
    return f"lost a literal: {missing[0]!r}" if missing else None


def check_labels(candidate: ParaphraseCandidate) -> str | None:
    """Require the labels that the original names, and no others."""
    if lost := find_lost_label(candidate.text, candidate.original, candidate.labels):
        return f"lost a label: {lost!r}"
    added = find_added_label(candidate.text, candidate.original, candidate.labels)
    return f"added a label: {added!r}" if added else None


def check_language(candidate: ParaphraseCandidate) -> str | None:
    """Reject another language than the original's; what the paraphrase must copy has none."""
    copied = [*find_quoted(candidate.original), *candidate.labels, *filter(None, candidate.params.values())]
    text, original = candidate.text, candidate.original
    for literal in sorted(copied, key=len, reverse=True):
        text, original = text.replace(literal, " "), original.replace(literal, " ")
    if count_words(original) < MIN_WORDS:
        return None
    foreign = find_foreign_language(text, [identify_language(original)])
    return f"another language: {foreign!r}" if foreign else None


def check_anchors(candidate: ParaphraseCandidate) -> str | None:
    """Require a word of each group of anchors, the words that carry the task's meaning."""
    found, text = words(candidate.text), candidate.text.lower()
    for group in candidate.anchors:
        prefixes = [prefix.lower() for prefix in group]
        is_kept = any(word.startswith(prefix) for prefix in prefixes for word in found)
        if not is_kept and not any(
            prefix in text for prefix in prefixes if not prefix.isascii() or not prefix.isalpha()
        ):
            return f"lost its meaning: no {'|'.join(group)}"
    return None


def check_wording(candidate: ParaphraseCandidate) -> str | None:
    """Compare the wording where both are in English, which is all that these checks know."""
    if identify_language(candidate.original) != "en":
        return None
    return find_wording_failure(candidate.text, candidate.original)


Check = Callable[[ParaphraseCandidate], str | None]
HARD_CHECKS: tuple[Check, ...] = (
    check_min_words,
    check_max_words,
    check_cut,
    check_refusal,
    check_chatter,
    check_braces,
    check_labels,
    check_literals,
    check_copy,
    check_language,
)
SOFT_CHECKS: tuple[Check, ...] = (check_anchors, check_wording)


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
