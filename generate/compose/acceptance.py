"""What a composed record has to pass: no empty output, no text of a panel, no filter against it, no duplicate.

And what a wording has to: no filter against it, and no panel's instruction.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kshot.config import Dedup
from kshot.core.prompting import answer
from kshot.core.seeding import digest
from kshot.core.text import normalised
from kshot.core.types import Description, Record, Reject
from kshot.generate.compose.sampler import Draft, content
from kshot.generate.curation.decontaminate import Match, Overlap, Screen
from kshot.generate.curation.dedup import NearIndex, Seen, text_key
from kshot.generate.curation.filters import Filter, first_fault, refusal


class Repeats:
    """Which records were made already; a new one is made for each unit.

    Args:
        bare: of all units together, what was made without an instruction and so does not show which unit made it.
    """

    def __init__(self, settings: Dedup, bare: Seen) -> None:
        self._exact, self._bare, self._own = settings.exact, bare, Seen()
        self._near = None if settings.near is None else NearIndex(settings.near)

    def fault(self, draft: Draft, record: Record) -> str | None:
        """Why the record is a duplicate, or None, and then it is one that was made."""
        texts = (record.instruction, record.output)
        key = text_key(*(map(normalised, texts) if self._exact else texts))
        if not (self._own if draft.form != "demos" else self._bare).add(key):
            return "duplicate"
        if self._near is None:
            return None
        return "near-duplicate" if self._near.add(content(draft)) is not None else None


@dataclass(frozen=True)
class Gate:
    """What a composed record has to pass."""

    screen: Screen
    filters: Sequence[Filter]
    repeats: Repeats

    def fault(self, draft: Draft, record: Record) -> str | Match | None:
        if not record.output.strip():
            return "empty output"
        examples = [draft.query, *draft.demos]
        outputs = [answer(example, draft.reason) for example in examples]
        if found := self.screen.match([example.input for example in examples], outputs):
            return found
        if self.filters:
            if reason := first_fault(f"{record.instruction}\n{record.output}", self.filters):
                return reason
            if refusal in self.filters and (reason := refusal(record.output)):
                return reason
        return self.repeats.fault(draft, record)


def drop_wordings(
    variants: Mapping[str, list[Description]], filters: Sequence[Filter], screen: Screen
) -> list[Reject | Overlap]:
    """Take out of each unit's wordings those that a filter is against or that restate a panel's instruction.

    Returns:
        A reject for each one that was taken out, and after it the match where there is one.
    """
    dropped: list[Reject | Overlap] = []
    for unit, kept in variants.items():
        for variant in list(kept):
            match = screen.match_instruction(variant.text)
            reason = f"restates a panel's instruction: {match.span!r}" if match else first_fault(variant.text, filters)
            if reason:
                kept.remove(variant)
                reject = Reject(digest(unit, variant.mode, variant.text), variant.mode, unit, reason, variant.text)
                dropped += [reject, Overlap(reject.id, unit, match)] if match else [reject]
    return dropped
