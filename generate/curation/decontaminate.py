"""Keeps held-out tasks out of training: no record may hold text of a configured panel, nor restate its instruction, and
no task that a teacher makes up may be like one of its own.

Shared text is an input of at least three words standing whole in a record's inputs, or any eight words in a row
(the n-gram overlap of GPT-3, arXiv:2005.14165, appendix C, at a length that fits short inputs). The eight words are
looked for in the record's inputs and in its outputs of that length, and among the panel's inputs, options and outputs.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from rapidfuzz import fuzz

from kshot.core.text import MIN_INPUT_WORDS, SimilarityIndex, TfIdfSimilarity, ngrams, words
from kshot.suites.format import Suite

NGRAM = 8
SAME_INSTRUCTION = 90.0
SAME_TASK = 0.45
"""See `TfIdfSimilarity`. Of a hundred tasks that a teacher invented, the six that a panel has too came to 0.55 and
above, all others to 0.34 and below."""
Place = Literal["input", "output", "description"]


@dataclass(frozen=True)
class TextMatch:
    """Text of a training candidate that a panel holds too."""

    place: Place
    """Where in the candidate it stands."""
    panel: str
    task: str
    part: Literal["input", "option", "output", "instruction"]
    """Where in the panel's task it stands."""
    span: str
    """All words in a row that both share, lower case, parted by single spaces; an instruction as it stands."""


@dataclass(frozen=True)
class ContaminationRow:
    """A line of contamination.jsonl: a match, and the reject that it led to."""

    reject: str
    unit: str
    match: TextMatch


class Decontaminator:
    """What the panels' texts look like, ready to be compared with.

    Args:
        wordings: descriptions of many tasks, which tell what is common to all of them.
    """

    def __init__(self, panels: Sequence[Suite], wordings: Sequence[str] = ()) -> None:
        self.panels = panels
        self._wordings = wordings
        self._inputs: dict[str, TextMatch] = {}
        self._ngrams: dict[str, TextMatch] = {}
        for panel in panels:
            for task in panel.tasks:
                inputs, options, outputs = (TextMatch("input", panel.name, task.name, p, "") for p in _PARTS)
                for row in (*task.demos, *task.items):
                    found = words(row.input)
                    if len(found) >= MIN_INPUT_WORDS:
                        self._inputs.setdefault(" ".join(found), inputs)
                    self._learn(row.input, inputs)
                    for text in row.options:
                        self._learn(text, options)
                    for text in row.output:
                        self._learn(text, outputs)

    def match(self, inputs: Iterable[str], outputs: Iterable[str] = ()) -> TextMatch | None:
        """The first text that these inputs or outputs have in common with a panel, or None."""
        for text in inputs:
            own = words(text)
            if len(own) >= MIN_INPUT_WORDS and (whole := self._inputs.get(" ".join(own))):
                return _at(whole, "input", own)
            if found := self._shared(own, "input"):
                return found
        return next((found for text in outputs if (found := self._shared(words(text), "output"))), None)

    def shared_input(self, inputs: Iterable[str]) -> str | None:
        """The first text that an input has in common with a panel, or None."""
        found = self.match(inputs)
        return found.span if found else None

    def resembles(self, description: str) -> str | None:
        """The instruction of the panels' task that a description seems to state, in whatever words, or None."""
        if found := self.match_instruction(description):
            return found.span
        if not self._instructions:
            return None
        cosine, place = self._alike.nearest(description)
        return self._instructions[place] if cosine >= SAME_TASK else None

    @cached_property
    def _instructions(self) -> list[str]:
        return [task.spec.instruction for panel in self.panels for task in panel.tasks]

    @cached_property
    def _alike(self) -> SimilarityIndex:
        return SimilarityIndex(TfIdfSimilarity([*self._wordings, *self._instructions]), self._instructions)

    def match_instruction(self, description: str) -> TextMatch | None:
        for panel in self.panels:
            for task in panel.tasks:
                instruction = task.spec.instruction
                if fuzz.token_sort_ratio(description.lower(), instruction.lower()) >= SAME_INSTRUCTION:
                    return TextMatch("description", panel.name, task.name, "instruction", instruction)
        return None

    def _learn(self, text: str, where: TextMatch) -> None:
        for gram in ngrams(words(text), NGRAM):
            self._ngrams.setdefault(gram, where)

    def _shared(self, own: list[str], place: Place) -> TextMatch | None:
        grams = ngrams(own, NGRAM)
        start = next((n for n, gram in enumerate(grams) if gram in self._ngrams), None)
        if start is None:
            return None
        end = start
        while end + 1 < len(grams) and grams[end + 1] in self._ngrams:
            end += 1
        return _at(self._ngrams[grams[start]], place, own[start : end + NGRAM])


_PARTS: tuple[Literal["input", "option", "output"], ...] = ("input", "option", "output")


def _at(where: TextMatch, place: Place, words: Sequence[str]) -> TextMatch:
    return TextMatch(place, where.panel, where.task, where.part, " ".join(words))
