"""Filters of one text: its length, its language, and whether it is a refusal. Each returns a reason or None.

A reason begins with words that are the same for all texts, then a colon and what the filter found.
"""

from collections.abc import Callable, Iterable

from kshot.config import FilterConfig
from kshot.core.errors import ConfigError
from kshot.core.text import count_words
from kshot.generate.curation.languages import LANGUAGES, MIN_LANGUAGE_WORDS, identify_language
from kshot.generate.curation.refusals import find_refusal

Filter = Callable[[str], str | None]

VERSION = 2
"""Raise it with every change of an output; the data's cache key contains it."""


def refusal_filter(text: str) -> str | None:
    """Reject a model's refusal, in fifteen languages; a person who regrets or cannot do something passes."""
    phrase = find_refusal(text)
    return f"refusal: {phrase!r}" if phrase else None


def length_filter(unit: str, count: Callable[[str], int], minimum: int, maximum: int | None) -> Filter:
    """Require a length between two bounds; `count` counts what `unit` names."""

    def filter_length(text: str) -> str | None:
        size = count(text)
        if size < minimum:
            return f"fewer {unit} than {minimum}: {size}"
        return f"more {unit} than {maximum}: {size}" if maximum is not None and size > maximum else None

    return filter_length


def language_filter(code: str) -> Filter:
    """Require the language of an ISO 639-1 code; texts under `MIN_LANGUAGE_WORDS` words pass.

    Raises:
        ConfigError: the code is none of `LANGUAGES`.
    """
    if code not in LANGUAGES:
        raise ConfigError([f"generate.filters.language: {code!r} is not one of {', '.join(LANGUAGES)}"])

    def filter_language(text: str) -> str | None:
        if count_words(text) < MIN_LANGUAGE_WORDS:
            return None
        language = identify_language(text)
        return None if language == code else f"not in the language {code!r}: {language!r}"

    return filter_language


def build_filters(settings: FilterConfig) -> list[Filter]:
    """Build the filters that the settings switch on, in the order of their checks."""
    filters: list[Filter] = []
    if settings.min_characters or settings.max_characters is not None:
        filters.append(length_filter("characters", len, settings.min_characters, settings.max_characters))
    if settings.min_words or settings.max_words is not None:
        filters.append(length_filter("words", count_words, settings.min_words, settings.max_words))
    if settings.refusals:
        filters.append(refusal_filter)
    if settings.language is not None:
        filters.append(language_filter(settings.language))
    return filters


def first_rejection(text: str, filters: Iterable[Filter]) -> str | None:
    """The reason of the first filter that rejects the text, or None."""
    return next((reason for check in filters if (reason := check(text))), None)
