"""The labels that an instruction names: lost, renamed or added ones in a paraphrase, in any language."""

import re
from collections.abc import Sequence
from itertools import pairwise

from kshot.core.prompting import has_literal, literal_pattern

MAX_GAP_CHARS = 12
"""Longer text between two labels is no separator of a list."""
_QUOTED = re.compile(
    r"(?<!\w)'([^'\n]+)'(?!\w)|\"([^\"\n]+)\"|“([^”\n]+)”|„([^“”\n]+)[“”]|«([^»\n]+)»|‹([^›\n]+)›|「([^」\n]+)」|『([^』\n]+)』"
    r"|《([^》\n]+)》|(?<!\w)‘([^’\n]+)’(?!\w)|`([^`\n]+)`"
)
_MARK_CHARACTERS = "'\"“”„«»‹›「」『』《》‘’`*()[] "
_MARKS = rf"[{re.escape(_MARK_CHARACTERS)}]*"
_OR = (
    r"or|oder|ou|o|u|of|eller|tai|või|lub|albo|czy|nebo|či|alebo|ali|ili|или|либо|або|чи|veya|ya|vagy|sau|atau|hoặc"
    r"|ή|או|أو|أم|یا|या|หรือ|혹은|또는|아니면|vai|arba"
)
_UNSPACED_OR = "或者?|还是|還是|または|もしくは|それとも"
_COMMA = "[,，、،]"
_SEPARATOR = rf"\s*(?:[/|؛]|(?<!\w)(?:{_OR})(?!\w)|{_UNSPACED_OR})\s*"
"""A separator that only a list has; a comma may also end a clause."""
_IS_CLOSED = re.compile(_SEPARATOR, re.I)
_NAME = r"[^\s,.;:!?。、，；：！？،؛؟।/|()\[\]\"'“”«»「」]+"
_AFTER = re.compile(rf"{_MARKS}(?:{_COMMA}\s*)?{_SEPARATOR}{_MARKS}({_NAME})", re.I)
_COMMA_AFTER = re.compile(
    rf"{_MARKS}{_COMMA}\s*{_MARKS}({_NAME}){_MARKS}(?:$|[.!?。！？؟।\n]|{_SEPARATOR})",
    re.I,
)
_BEFORE = re.compile(rf"({_NAME}){_MARKS}{_SEPARATOR}{_MARKS}$", re.I)
_AFTER_MARK = re.compile(rf"(?:[:：]\s*|['\"“«「])({_NAME}){_MARKS}{_COMMA}\s*{_MARKS}$", re.I)
_AFTER_COMMA = re.compile(rf"({_NAME}){_MARKS}[,，]\s*{_MARKS}$", re.I)
"""A further comma belongs to a list with commas; before any other list, to what follows a colon or a quotation mark."""
_HAS_COMMA = re.compile(_COMMA)
LIST_LINE = re.compile(r"^\s*(?:[-*•‣·–]|\(?\d{1,2}[.)]|\(?[a-zA-Z][.)])\s+", re.M)
"""The bullet, number or letter before a point of a list."""


def find_quoted(text: str) -> list[str]:
    """Return what stands in quotation marks, of any of today's styles, in its order."""
    return [next(filter(None, groups)) for groups in _QUOTED.findall(text)]


def find_lost_label(text: str, original: str, labels: Sequence[str]) -> str | None:
    """Return a label that the original names and the text does not, in its exact spelling; or None."""
    return next((label for label in labels if has_literal(original, label) and not has_literal(text, label)), None)


def find_added_label(text: str, original: str, labels: Sequence[str]) -> str | None:
    """Return what the text lists beside the labels and the original does not contain; or None."""
    named = [label for label in labels if has_literal(text, label)]
    if not named:
        return None
    if any(not has_literal(original, label) for label in named) and len(named) < len(labels):
        return f"some labels only, such as {next(label for label in labels if label not in named)!r} left out"
    candidates = [*_list_quoted(text, named), *_list_lines(text, named), *_list_neighbours(text, named)]
    return next((name for name in candidates if name and not _is_known(name, original, labels)), None)


def _is_known(name: str, original: str, labels: Sequence[str]) -> bool:
    return name in labels or has_literal(original, name) or any(has_literal(label, name) for label in labels)


def _list_quoted(text: str, named: Sequence[str]) -> list[str]:
    """What is quoted, where labels are quoted too."""
    quoted = find_quoted(text)
    return [name.strip() for name in quoted] if any(name in named for name in quoted) else []


def _list_lines(text: str, named: Sequence[str]) -> list[str]:
    """The beginnings of the bulleted lines, where two of them begin with labels."""
    lines = [LIST_LINE.sub("", line).strip(_MARK_CHARACTERS) for line in text.splitlines() if LIST_LINE.match(line)]
    begin_with_label = [line for line in lines if any(_begins_with(line, label) for label in named)]
    if len(begin_with_label) < 2:
        return []
    return [
        re.split(r"[:：–—=]| - ", line)[0].strip(_MARK_CHARACTERS) for line in lines if line not in begin_with_label
    ]


def _begins_with(line: str, label: str) -> bool:
    match = literal_pattern(label).match(line)
    return match is not None


def _list_neighbours(text: str, named: Sequence[str]) -> list[str]:
    """What stands directly before or after a run of labels, behind a separator."""
    spans = sorted(match.span() for label in named for match in literal_pattern(label).finditer(text))
    spans = [span for span in spans if not any(other[0] <= span[0] and span[1] < other[1] for other in spans)]
    runs: list[list[tuple[int, int]]] = []
    for span in spans:
        gap = text[runs[-1][-1][1] : span[0]] if runs else ""
        if runs and len(gap) <= MAX_GAP_CHARS and not re.search(r"[.!?。！？\n:：]", gap):
            runs[-1].append(span)
        else:
            runs.append([span])
    names = []
    for run in runs:
        if len(run) < 2:
            continue
        before, after = text[: run[0][0]], text[run[-1][1] :]
        gaps = [text[left[1] : right[0]] for left, right in pairwise(run)]
        matches = [_AFTER.match(after), _BEFORE.search(before)]
        if not _IS_CLOSED.search(gaps[-1]):  # A last "or" ends the list; a comma behind it begins another clause.
            matches.append(_COMMA_AFTER.match(after))
        matches.append((_AFTER_COMMA if any(map(_HAS_COMMA.search, gaps)) else _AFTER_MARK).search(before))
        names += [match[1] for match in matches if match]
    return names
