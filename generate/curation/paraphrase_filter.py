"""Rejects paraphrased instructions: those that a filter rejects or that restate an instruction of a held-out suite."""

from collections.abc import Mapping, Sequence

from kshot.core.seeding import digest
from kshot.core.types import Description, Reject
from kshot.generate.curation.decontaminate import Decontaminator
from kshot.generate.curation.filters import Filter, first_rejection
from kshot.generate.run_files import ContaminationRow

VERSION = 1
"""Raise it with every change of an output; the data's cache key contains it."""


def reject_paraphrases(
    paraphrases: Mapping[str, list[Description]], filters: Sequence[Filter], decontaminator: Decontaminator
) -> list[Reject | ContaminationRow]:
    """Remove the paraphrases that fail a check from `paraphrases`, in place.

    Args:
        paraphrases: by source id.

    Returns:
        A reject for each removed paraphrase, followed by its match where it restates a suite's instruction.
    """
    events: list[Reject | ContaminationRow] = []
    for source, descriptions in paraphrases.items():
        for description in list(descriptions):
            text = description.text
            match = decontaminator.match_instruction(text)
            reason = f"restates a suite's instruction: {match.span!r}" if match else first_rejection(text, filters)
            if reason is None:
                continue
            descriptions.remove(description)
            reject = Reject(digest(source, description.mode, text), description.mode, source, reason, text)
            events.append(reject)
            if match:
                events.append(ContaminationRow(reject=reject.id, source=source, match=match))
    return events
