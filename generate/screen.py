"""Keeps held-out text out of training: no record may hold an input of a configured panel, nor restate its instruction.

Shared text is an input of at least three words standing whole in a record's inputs, or any eight words in a row
(the n-gram overlap of GPT-3, arXiv:2005.14165, appendix C, at a length that fits short inputs).
"""

import re
from collections.abc import Iterable, Sequence

from rapidfuzz import fuzz

from kshot.panel import Panel

NGRAM = 8
SHORTEST_INPUT = 3
SAME_INSTRUCTION = 90.0
_TOKEN = re.compile(r"\w+")


def tokens(text: str) -> list[str]:
    return _TOKEN.findall(text.lower())


class Screen:
    """What the panels' inputs and instructions look like, ready to be compared with."""

    def __init__(self, panels: Sequence[Panel]) -> None:
        self._inputs: set[tuple[str, ...]] = set()
        self._ngrams: set[tuple[str, ...]] = set()
        self._instructions = [task.entry.instruction for panel in panels for task in panel.tasks]
        for panel in panels:
            for task in panel.tasks:
                for row in (*task.demos, *task.items):
                    words = tokens(row.input)
                    if len(words) >= SHORTEST_INPUT:
                        self._inputs.add(tuple(words))
                    self._ngrams.update(_ngrams(words))

    def shared_input(self, inputs: Iterable[str]) -> str | None:
        """The first text that an input has in common with a panel's inputs, or None."""
        for text in inputs:
            words = tokens(text)
            if tuple(words) in self._inputs:
                return " ".join(words)
            for gram in _ngrams(words):
                if gram in self._ngrams:
                    return " ".join(gram)
        return None

    def same_instruction(self, description: str) -> str | None:
        """The panel's instruction that a description restates, or None."""
        for instruction in self._instructions:
            if fuzz.token_sort_ratio(description.lower(), instruction.lower()) >= SAME_INSTRUCTION:
                return instruction
        return None


def _ngrams(words: list[str]) -> list[tuple[str, ...]]:
    return [tuple(words[i : i + NGRAM]) for i in range(len(words) - NGRAM + 1)]
