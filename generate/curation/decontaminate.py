"""Keeps held-out tasks out of training: finds candidates that share text with a suite or restate its instruction.

Shared text is an input of at least three words that equals an input of the suite, or any eight words in a row (in
scripts without spaces: six characters, and eight; the
n-gram overlap of GPT-3, arXiv:2005.14165, appendix C, at a length that fits short inputs). The eight words are searched
in a record's inputs and outputs, and among the suite's inputs, options and outputs.
"""

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import get_args

from rapidfuzz import fuzz

from kshot.core.similarity import SimilarityIndex, TfIdfSimilarity
from kshot.core.text import has_input_length, ngrams, words
from kshot.generate.run_files import CandidatePart, SuiteText, TextMatch
from kshot.suites.format import Suite, SuiteTask

VERSION = 2
"""Raise it with every change of an output; the data's cache key contains it."""
NGRAM_WORDS = 8
MIN_SAME_INSTRUCTION_RATIO = 90.0
"""rapidfuzz token-sort ratio, 0 to 100."""
MIN_SAME_TASK_SIMILARITY = 0.45
"""See `TfIdfSimilarity`. Of 100 tasks that a teacher invented, the six that a suite has too reached at least 0.55,
all others at most 0.34."""


class Decontaminator:
    """The suites' texts, indexed for comparison.

    Args:
        descriptions: instructions of many tasks; they show which n-grams are common to all tasks.
    """

    def __init__(self, suites: Sequence[Suite], descriptions: Sequence[str] = ()) -> None:
        self.suites = suites
        self._descriptions = descriptions
        self._inputs: dict[str, TextMatch] = {}
        self._ngrams: dict[str, TextMatch] = {}
        for suite in suites:
            for task in suite.tasks:
                inputs, options, outputs = (
                    TextMatch("input", suite.name, task.name, part, "") for part in get_args(SuiteText)
                )
                for row in task.items if task.spec.trained else (*task.demos, *task.items):
                    tokens = words(row.input)
                    if has_input_length(tokens):
                        self._inputs.setdefault(" ".join(tokens), inputs)
                    self._add_ngrams(row.input, inputs)
                    if task.spec.trained:
                        continue
                    for text in row.options:
                        self._add_ngrams(text, options)
                    for text in row.output:
                        self._add_ngrams(text, outputs)

    def match(self, inputs: Iterable[str], outputs: Iterable[str] = ()) -> TextMatch | None:
        """Find the first text that these inputs or outputs share with a suite."""
        for text in inputs:
            tokens = words(text)
            if has_input_length(tokens) and (same_input := self._inputs.get(" ".join(tokens))):
                return _located(same_input, "input", tokens)
            if match := self._match_ngrams(tokens, "input"):
                return match
        return next((match for text in outputs if (match := self._match_ngrams(words(text), "output"))), None)

    def find_shared_input(self, inputs: Iterable[str]) -> str | None:
        """The first span that an input shares with a suite."""
        match = self.match(inputs)
        return match.span if match else None

    def find_similar_instruction(self, description: str) -> str | None:
        """The suites' instruction that a description seems to state, in whatever words."""
        if match := self.match_instruction(description):
            return match.span
        if not self._instructions:
            return None
        similarity, position = self._index.nearest(description)
        return self._instructions[position] if similarity >= MIN_SAME_TASK_SIMILARITY else None

    def match_instruction(self, description: str) -> TextMatch | None:
        """Find the suites' instruction that a description states in nearly the same words."""
        for suite, task in self._unseen_tasks:
            instruction = task.spec.instruction
            ratio = fuzz.token_sort_ratio(description.lower(), instruction.lower())
            if ratio >= MIN_SAME_INSTRUCTION_RATIO:
                return TextMatch("description", suite.name, task.name, "instruction", instruction)
        return None

    @cached_property
    def _unseen_tasks(self) -> list[tuple[Suite, SuiteTask]]:
        """The tasks that training may not state in any words."""
        return [(suite, task) for suite in self.suites for task in suite.tasks if not task.spec.trained]

    @cached_property
    def _instructions(self) -> list[str]:
        return [task.spec.instruction for _, task in self._unseen_tasks]

    @cached_property
    def _index(self) -> SimilarityIndex:
        return SimilarityIndex(TfIdfSimilarity([*self._descriptions, *self._instructions]), self._instructions)

    def _add_ngrams(self, text: str, location: TextMatch) -> None:
        for gram in ngrams(words(text), NGRAM_WORDS):
            self._ngrams.setdefault(gram, location)

    def _match_ngrams(self, tokens: list[str], part: CandidatePart) -> TextMatch | None:
        grams = ngrams(tokens, NGRAM_WORDS)
        start = next((position for position, gram in enumerate(grams) if gram in self._ngrams), None)
        if start is None:
            return None
        end = start
        while end + 1 < len(grams) and grams[end + 1] in self._ngrams:
            end += 1
        return _located(self._ngrams[grams[start]], part, tokens[start : end + NGRAM_WORDS])


def _located(location: TextMatch, part: CandidatePart, tokens: Sequence[str]) -> TextMatch:
    return TextMatch(part, location.suite, location.task, location.suite_part, " ".join(tokens))
