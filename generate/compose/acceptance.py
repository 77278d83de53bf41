"""What a composed record has to pass: no empty output, no text of a panel, no filter against it, no duplicate.

And what a wording has to: no filter against it, and no panel's instruction.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kshot.config import DedupConfig
from kshot.core.prompting import render_answer
from kshot.core.seeding import digest
from kshot.core.text import normalize_text
from kshot.core.types import Description, Record, Reject
from kshot.generate.compose.sampler import SampledRecord, example_text
from kshot.generate.curation.decontaminate import ContaminationRow, Decontaminator, TextMatch
from kshot.generate.curation.dedup import NearIndex, SeenKeys, hash_text
from kshot.generate.curation.filters import Filter, first_rejection, refusal_filter


class SeenRecords:
    """Which records were made already; a new one is made for each unit.

    Args:
        bare: of all units together, what was made without an instruction and so does not show which unit made it.
    """

    def __init__(self, settings: DedupConfig, bare: SeenKeys) -> None:
        self._exact, self._bare, self._own = settings.exact, bare, SeenKeys()
        self._near = None if settings.near is None else NearIndex(settings.near)

    def fault(self, draft: SampledRecord, record: Record) -> str | None:
        """Why the record is a duplicate, or None, and then it is one that was made."""
        texts = (record.instruction, record.output)
        key = hash_text(*(map(normalize_text, texts) if self._exact else texts))
        if not (self._own if draft.form != "demos_only" else self._bare).add(key):
            return "duplicate"
        if self._near is None:
            return None
        return "near-duplicate" if self._near.add(example_text(draft)) is not None else None


@dataclass(frozen=True)
class Acceptance:
    """What a composed record has to pass."""

    screen: Decontaminator
    filters: Sequence[Filter]
    repeats: SeenRecords

    def fault(self, draft: SampledRecord, record: Record) -> str | TextMatch | None:
        if not record.output.strip():
            return "empty output"
        examples = [draft.query, *draft.demos]
        outputs = [render_answer(example, draft.with_rationale) for example in examples]
        if found := self.screen.match([example.input for example in examples], outputs):
            return found
        if self.filters:
            if reason := first_rejection(f"{record.instruction}\n{record.output}", self.filters):
                return reason
            if refusal_filter in self.filters and (reason := refusal_filter(record.output)):
                return reason
        return self.repeats.fault(draft, record)


def reject_paraphrases(
    variants: Mapping[str, list[Description]], filters: Sequence[Filter], screen: Decontaminator
) -> list[Reject | ContaminationRow]:
    """Take out of each unit's wordings those that a filter is against or that restate a panel's instruction.

    Returns:
        A reject for each one that was taken out, and after it the match where there is one.
    """
    dropped: list[Reject | ContaminationRow] = []
    for unit, kept in variants.items():
        for variant in list(kept):
            match = screen.match_instruction(variant.text)
            reason = (
                f"restates a panel's instruction: {match.span!r}" if match else first_rejection(variant.text, filters)
            )
            if reason:
                kept.remove(variant)
                reject = Reject(digest(unit, variant.mode, variant.text), variant.mode, unit, reason, variant.text)
                dropped += [reject, ContaminationRow(reject.id, unit, match)] if match else [reject]
    return dropped
