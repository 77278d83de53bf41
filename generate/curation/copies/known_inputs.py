"""Finds the input that says again what a known one says, judged by what differs between the two.

A changed number, operator, negation or content word makes another input. Inflection, case, punctuation and function
words ("please", "can you", "my") do not. So the inputs of a task are compared by a key, and no pair is looked at.
"""

import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from kshot.core.safe_yaml import read_yaml
from kshot.core.text import MIN_INPUT_WORDS, signs, words
from kshot.generate.curation.languages import MIN_LANGUAGE_WORDS, identify_language

VERSION = 1
"""Raise when another input counts as a copy."""

FUNCTION_WORDS = Path(__file__).with_name("function_words.yaml")
MAX_LANGUAGE_TEXTS = 50
MIN_CONTENT_WORDS = 2
"""In a text with fewer, such as a greeting, the function words are what it says."""
STEMMERS = {
    "ar": "arabic", "cs": "czech", "da": "danish", "de": "german", "el": "greek", "en": "english", "es": "spanish",
    "et": "estonian", "fa": "persian", "fi": "finnish", "fr": "french", "hi": "hindi", "hu": "hungarian",
    "id": "indonesian", "it": "italian", "lt": "lithuanian", "nl": "dutch", "no": "norwegian", "pl": "polish",
    "pt": "portuguese", "ro": "romanian", "ru": "russian", "sv": "swedish", "tr": "turkish",
}  # fmt: skip
"""Snowball's algorithm by language; the words of other languages stay as they are."""
_CONTRACTED_NOT = re.compile(r"n['’]t\b|(?<=can)not\b", re.I)


class _Meaning(NamedTuple):
    """What two inputs must share to be copies."""

    content: tuple[str, ...]
    signs: tuple[str, ...]


class KnownInputs:
    """The inputs of a task that a new one must not repeat.

    Args:
        language: ISO 639-1 code, for function words and stems; None: that of the texts.
    """

    def __init__(self, texts: Sequence[str] = (), language: str | None = None) -> None:
        self._language = identify_common_language(texts) if language is None else language
        self._meanings = {self._find_meaning(text) for text in texts}

    def __contains__(self, text: str) -> bool:
        """True if the input repeats a known one."""
        return self._find_meaning(text) in self._meanings

    def add(self, text: str) -> bool:
        """Add an input; False if it repeats a known one."""
        meaning = self._find_meaning(text)
        if meaning in self._meanings:
            return False
        self._meanings.add(meaning)
        return True

    def _find_meaning(self, text: str) -> _Meaning:
        tokens = words(_CONTRACTED_NOT.sub(" not", text))
        content = tokens
        # In a word or two, each letter may be what the task is about.
        if len(tokens) >= MIN_INPUT_WORDS:
            function_words, stemmer = _list_function_words(self._language), _stemmer(self._language)
            content = [word for word in tokens if word not in function_words]
            content = content if len(content) >= MIN_CONTENT_WORDS else tokens
            content = stemmer.stemWords(content) if stemmer else content
        return _Meaning(tuple(content), tuple(signs(text)))


def identify_common_language(texts: Sequence[str]) -> str:
    """Return the language of the texts together; "" for too few words."""
    text = " ".join(texts[:MAX_LANGUAGE_TEXTS])
    return identify_language(text) if len(text.split()) >= MIN_LANGUAGE_WORDS or not text.isascii() else ""


@cache
def _list_function_words(language: str) -> frozenset[str]:
    _, tree = read_yaml(FUNCTION_WORDS, as_written=True)
    return frozenset(tree.get(language, "").split())


@cache
def _stemmer(language: str) -> Any:
    """Return the stemmer of a language, or None. The package is imported at the first use."""
    if language not in STEMMERS:
        return None
    from snowballstemmer import stemmer

    return stemmer(STEMMERS[language])
