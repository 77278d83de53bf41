"""Plain rules that a reader of demonstrations would try first: a hidden rule must not be mistaken for one of them.

A rule that sorts inputs looks at one feature: their length, their first character, a number in them. A rule that turns
an input into an output picks one of its words, changes its letters, or calculates.
"""

import itertools
import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import NamedTuple

VERSION = 1
"""Raise it with every change of an output; the data's cache key contains it."""

MAX_LABELS = 4
"""More distinct outputs are open answers, not labels."""
_WORD = re.compile(r"\w+")
_NUMBER = re.compile(r"-?\d+")


class Shown(NamedTuple):
    """An input with its output."""

    input: str
    output: str


def find_rival_rule(demos: Sequence[Shown], query: Shown) -> str | None:
    """Name a plain rule that fits all demonstrations and answers the query otherwise; None if there is none."""
    if not demos:
        return None
    outputs = {demo.output for demo in demos}
    if outputs == {demos[0].output} != {query.output} and len(demos) > 1:
        return "one output for all"
    for name, rule in _RULES.items():
        if _apply(rule, query.input) in (None, query.output):
            continue
        if all(_apply(rule, demo.input) == demo.output for demo in demos):
            return name
    if rival := _find_rival_calculation(demos, query):
        return rival
    if 1 < len(outputs) <= min(MAX_LABELS, len(demos) - 1):
        return _find_rival_feature(demos, query)
    return None


def _find_rival_feature(demos: Sequence[Shown], query: Shown) -> str | None:
    for name, feature in _CLASSES.items():
        if _predict_by_class(demos, query.input, feature) not in (None, query.output):
            return name
    for name, quantity in _QUANTITIES.items():
        if _predict_by_size(demos, query.input, quantity) not in (None, query.output):
            return name
    for word in sorted({word for demo in demos for word in _words(demo.input)}):
        if _predict_by_class(demos, query.input, partial(_has_word, word)) not in (None, query.output):
            return f"has the word {word!r}"
    return None


def _has_word(word: str, text: str) -> bool:
    return word in _words(text)


def _predict_by_class(demos: Sequence[Shown], text: str, feature: Callable[[str], object]) -> str | None:
    """The output of the demonstrations with the query's feature, if the feature decides every output."""
    outputs: dict[object, str] = {}
    for demo in demos:
        if outputs.setdefault(feature(demo.input), demo.output) != demo.output:
            return None
    return outputs.get(feature(text))


def _predict_by_size(demos: Sequence[Shown], text: str, quantity: Callable[[str], int | None]) -> str | None:
    """The output whose range of sizes holds the query's, if the ranges do not overlap."""
    sizes = [quantity(demo.input) for demo in demos]
    size = quantity(text)
    if size is None or any(value is None for value in sizes):
        return None
    ranges: dict[str, list[int]] = {}
    for demo, value in zip(demos, sizes, strict=True):
        ranges.setdefault(demo.output, []).append(value or 0)
    ordered = sorted((min(values), max(values), output) for output, values in ranges.items())
    if any(left[1] >= right[0] for left, right in itertools.pairwise(ordered)):
        return None
    if size <= ordered[0][1]:
        return ordered[0][2]
    if size >= ordered[-1][0]:
        return ordered[-1][2]
    return next((output for low, high, output in ordered if low <= size <= high), None)


def _find_rival_calculation(demos: Sequence[Shown], query: Shown) -> str | None:
    """A sum or a product with one number, from two demonstrations on."""
    pairs = [(_single_number(demo.input), _single_number(demo.output)) for demo in demos]
    value = _single_number(query.input)
    if value is None or len(pairs) < 2 or any(None in pair for pair in pairs):
        return None
    numbers = [(left or 0, right or 0) for left, right in pairs]
    differences = {right - left for left, right in numbers}
    if len(differences) == 1 and str(value + differences.pop()) != query.output:
        return "adds a number"
    if all(left for left, _ in numbers):
        quotients = {right / left for left, right in numbers}
        if len(quotients) == 1 and float(value * quotients.pop()) != (_single_number(query.output) or 0):
            return "multiplies by a number"
    return None


def _single_number(text: str) -> int | None:
    return int(text) if _NUMBER.fullmatch(text.strip()) else None


def _words(text: str) -> list[str]:
    return _WORD.findall(text)


def _apply(rule: Callable[[list[str], str], str], text: str) -> str | None:
    try:
        return rule(_words(text), text)
    except (IndexError, ValueError):  # no such word
        return None


def _only(values: Sequence[str], key: Callable[[str], int], best: Callable[..., int]) -> str:
    """The one value whose key is the best.

    Raises:
        ValueError: several values share it.
    """
    wanted = best(map(key, values))
    (value,) = (value for value in values if key(value) == wanted)
    return value


_RULES: Mapping[str, Callable[[list[str], str], str]] = {
    "the input": lambda words, text: text,
    "in capitals": lambda words, text: text.upper(),
    "in small letters": lambda words, text: text.lower(),
    "backwards": lambda words, text: text[::-1],
    "twice": lambda words, text: f"{text} {text}",
    **{f"word {n + 1}": lambda words, text, n=n: words[n] for n in range(3)},  # type: ignore[misc]
    **{f"word {n} from the end": lambda words, text, n=n: words[-n] for n in range(1, 4)},  # type: ignore[misc]
    **{f"letter {n + 1}": lambda words, text, n=n: text[n] for n in range(3)},  # type: ignore[misc]
    **{f"letter {n} from the end": lambda words, text, n=n: text[-n] for n in range(1, 4)},  # type: ignore[misc]
    "the longest word": lambda words, text: _only(words, len, max),
    "the shortest word": lambda words, text: _only(words, len, min),
    "the first word in the alphabet": lambda words, text: min(words, key=str.casefold),
    "the last word in the alphabet": lambda words, text: max(words, key=str.casefold),
    "the number of words": lambda words, text: str(len(words)),
    "the number of letters": lambda words, text: str(sum(map(len, words))),
    "the words backwards": lambda words, text: " ".join(words[::-1]),
    "the words in order": lambda words, text: " ".join(sorted(words, key=str.casefold)),
    "without the first word": lambda words, text: " ".join(words[1:]),
    "without the last word": lambda words, text: " ".join(words[:-1]),
    "the initials": lambda words, text: "".join(word[0] for word in words),
}
"""Output by input: the words of the input and the whole of it."""


def _number(text: str) -> int | None:
    """The only number of a text."""
    numbers = _NUMBER.findall(text)
    return int(numbers[0]) if len(numbers) == 1 else None


def _digit(position: int) -> Callable[[str], int | None]:
    def digit_at(text: str) -> int | None:
        digits = re.findall(r"\d", text)
        return int(digits[position]) if digits else None

    return digit_at


def _kind(character: str) -> str:
    return "digit" if character.isdigit() else "letter" if character.isalpha() else character


def _remainder(divisor: int) -> Callable[[str], object]:
    def is_multiple(text: str) -> object:
        number = _number(text)
        return None if number is None else number % divisor == 0

    return is_multiple


_CLASSES: Mapping[str, Callable[[str], object]] = {
    "the kind of the first character": lambda text: _kind(text[:1]),
    "the kind of the last character": lambda text: _kind(text[-1:]),
    "begins with a capital": lambda text: text[:1].isupper(),
    "begins with a vowel": lambda text: text[:1].lower() in "aeiou",
    "has a capital": lambda text: any(map(str.isupper, text)),
    "has a digit": lambda text: any(map(str.isdigit, text)),
    "has a comma": lambda text: "," in text,
    "has a mark": lambda text: any(mark in text for mark in "!?.;:"),
    "has one word": lambda text: len(_words(text)) == 1,
    "repeats a word": lambda text: len(set(_words(text))) < len(_words(text)),
    "repeats a digit": lambda text: len(set(re.findall(r"\d", text))) < len(re.findall(r"\d", text)),
    "the first word": lambda text: tuple(_words(text)[:1]),
    "the last word": lambda text: tuple(_words(text)[-1:]),
    "an even last digit": lambda text: (_digit(-1)(text) or 0) % 2,
    "an even first digit": lambda text: (_digit(0)(text) or 0) % 2,
    **{f"a multiple of {divisor}": _remainder(divisor) for divisor in (2, 3, 5, 10)},
}
"""Features of which each value may stand for a label."""
_QUANTITIES: Mapping[str, Callable[[str], int | None]] = {
    "the number of characters": len,
    "the number of words": lambda text: len(_words(text)),
    "the number of digits": lambda text: sum(map(str.isdigit, text)),
    "the length of the first word": lambda text: len("".join(_words(text)[:1])),
    "the length of the last word": lambda text: len("".join(_words(text)[-1:])),
    "the number": _number,
    "the first digit": _digit(0),
    "the last digit": _digit(-1),
    "the sum of the digits": lambda text: sum(map(int, re.findall(r"[0-9]", text))) if text else None,
}
"""Features of which a range may stand for a label."""
