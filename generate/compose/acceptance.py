"""Accepts or rejects a composed record: a person's refusal, empty output, held-out text, filters, duplicates."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from kshot.config import DedupConfig
from kshot.core.prompting import names_all, render_answer
from kshot.core.seeding import digest
from kshot.core.text import normalize_text
from kshot.core.types import Record
from kshot.generate.compose.sampler import SampledRecord, render_examples
from kshot.generate.curation.decontaminate import Decontaminator
from kshot.generate.curation.dedup import NearIndex, SeenKeys, hash_text
from kshot.generate.curation.filters import Filter, first_rejection, refusal_filter
from kshot.generate.run_files import REFUSED_BY_PERSON, TextMatch

VERSION = 2
"""Raise it with every change of an output; the data's cache key contains it."""


class RecordKeys(NamedTuple):
    """What tells whether two records are duplicates."""

    exact: int
    """A hash of prompt and output."""
    is_bare: bool
    """The record has no instruction: nothing in it shows its source."""
    examples: str | None
    """All that it shows beside the instruction; None where near-duplicates are accepted."""


def record_keys(sampled: SampledRecord, record: Record, settings: DedupConfig, only_exact: bool = False) -> RecordKeys:
    """Return the keys of a record.

    Args:
        only_exact: a near-duplicate is accepted.
    """
    texts = (record.instruction, record.output)
    exact = hash_text(*(map(normalize_text, texts) if settings.exact else texts))
    compares_examples = settings.near is not None and not only_exact
    return RecordKeys(exact, sampled.form == "demos_only", render_examples(sampled) if compares_examples else None)


class SeenRecords:
    """The accepted records of one source.

    Args:
        without_instruction: of all sources together, the records without an instruction: nothing in them shows their
            source.
    """

    def __init__(self, settings: DedupConfig, without_instruction: SeenKeys) -> None:
        self._settings = settings
        self._without_instruction, self._of_source = without_instruction, SeenKeys()
        self._near = None if settings.near is None else NearIndex(settings.near)

    def rejection(self, sampled: SampledRecord, record: Record, only_exact: bool = False) -> str | None:
        """Why the record is a duplicate; None for a new one, which is then seen.

        Args:
            only_exact: a near-duplicate is accepted.
        """
        return self.add(record_keys(sampled, record, self._settings, only_exact))

    def add(self, keys: RecordKeys) -> str | None:
        """Why a record with these keys is a duplicate; None for a new one, which is then seen."""
        seen = self._without_instruction if keys.is_bare else self._of_source
        if not seen.add(keys.exact):
            return "duplicate"
        return "near-duplicate" if self.add_examples(keys.examples) else None

    def add_examples(self, examples: str | None) -> bool:
        """Whether these examples nearly duplicate seen ones; if not, they are seen."""
        return self._near is not None and examples is not None and self._near.add(examples) is not None


def find_hidden_label(sampled: SampledRecord, record: Record) -> str | None:
    """Why nobody can answer from what the record shows: its label stands in no instruction, demonstration or input."""
    labels, output = sampled.source.labels(sampled.params), sampled.query.output
    if not labels or any(demo.output == output for demo in sampled.demos):
        return None
    shown = f"{record.meta.task_instruction}\n{sampled.query.input}"
    is_shown = names_all(shown, [output] if sampled.demos else [*labels, output])
    return None if is_shown else f"cannot be answered: nothing shows the label {output!r}"


def example_keys(sampled: SampledRecord) -> list[str]:
    """The keys of the query's example and of the demonstrations', whatever made-up labels the record shows."""
    task = sampled.source.task_id(sampled.params)
    labels = {symbol: label for label, symbol in sampled.symbols.items()}
    examples = (sampled.query, *sampled.demos)
    return [digest(task, example.input, labels.get(example.output, example.output)) for example in examples]


@dataclass(frozen=True)
class Acceptance:
    """The checks of one source's records, in their order."""

    decontaminator: Decontaminator
    filters: Sequence[Filter]
    seen: SeenRecords
    refused: Collection[str] = frozenset()
    """Keys of examples that a person refused."""
    kept: Collection[str] = frozenset()
    """Keys of examples that a person accepted or edited: filters and near-duplicates do not remove their records."""

    def rejection(self, sampled: SampledRecord, record: Record) -> str | TextMatch | None:
        """Why the record is rejected, or None for an accepted one."""
        if self.refused and any(key in self.refused for key in example_keys(sampled)):
            return REFUSED_BY_PERSON
        is_kept = self.is_kept(sampled)
        if not record.output.strip() and not sampled.source.allow_empty_outputs:
            return "empty output"
        if reason := find_hidden_label(sampled, record):
            return reason
        examples = [sampled.query, *sampled.demos]
        outputs = [render_answer(example, sampled.with_rationale) for example in examples]
        if match := self.decontaminator.match([example.input for example in examples], outputs):
            return match
        if self.filters and not is_kept:
            if reason := first_rejection(f"{record.instruction}\n{record.output}", self.filters):
                return reason
            if refusal_filter in self.filters and (reason := refusal_filter(record.output)):
                return reason
        return self.seen.rejection(sampled, record, only_exact=is_kept)

    def is_kept(self, sampled: SampledRecord) -> bool:
        """Whether a person accepted or edited the query's example."""
        return bool(self.kept) and example_keys(sampled)[0] in self.kept
