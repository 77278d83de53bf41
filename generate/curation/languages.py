"""Languages of texts: which one a text is in, and whether two texts are in different ones."""

from collections.abc import Sequence
from functools import cache, lru_cache
from typing import Any

from kshot.core.text import count_words

MIN_LANGUAGE_WORDS = 6
"""Fewer words do not identify a language."""
MIN_FOREIGN_WORDS = 4
"""Fewer words do not tell a language from a given one."""
MIN_FOREIGN_GAP = 15.0
"""A text is foreign where its language is more probable than all expected ones by this much (in nats)."""
LANGUAGES = (
    "ar", "bg", "cs", "da", "de", "el", "en", "es", "et", "fa", "fi", "fr", "he", "hi", "hr", "hu", "id", "it",
    "ja", "ko", "lt", "lv", "nl", "no", "pl", "pt", "ro", "ru", "sk", "sl", "sv", "th", "tr", "uk", "vi", "zh",
)  # fmt: skip
"""The candidates: among all of py3langid's languages, short English with made-up words becomes Nigerian Pidgin."""


@lru_cache(maxsize=4096)
def identify_language(text: str) -> str:
    """Return the ISO 639-1 code of the most probable language. Gold examples are asked for with every new one."""
    return str(_identifier().classify(text)[0])


def find_foreign_language(text: str, expected: Sequence[str]) -> str | None:
    """Return the language of a text that is in none of the expected ones; None where it is, or where it is too short.

    Args:
        expected: ISO 639-1 codes of `LANGUAGES`; none allows every language.
    """
    if not expected or count_words(text) < MIN_FOREIGN_WORDS:
        return None
    scores = {str(code): float(score) for code, score in _identifier().rank(text)}
    best = max(scores, key=lambda code: scores[code])
    return best if scores[best] - max(scores[code] for code in expected) >= MIN_FOREIGN_GAP else None


@cache
def _identifier() -> Any:
    """Load py3langid (naive Bayes over byte n-grams, its model in the wheel) at the first use; it takes 120 MB."""
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE)
    identifier.set_languages(list(LANGUAGES))
    return identifier
