"""How near is the nearest held-out task? By descriptions, see `kshot.core.text.TfIdfSimilarity`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kshot.core.text import SimilarityIndex, TfIdfSimilarity
from kshot.suites.format import Suite


@dataclass(frozen=True)
class NearestTask:
    """The held-out task that is nearest to a training family, and the two wordings that are."""

    family: str
    panel: str
    task: str
    similarity: float
    """From 0, no n-gram in common, to 1."""
    description: str
    instruction: str


def nearest_heldout_tasks(descriptions: Mapping[str, Sequence[str]], panels: Sequence[Suite]) -> list[NearestTask]:
    """For each family, in its order, the panels' nearest task; nothing where there is no panel.

    Args:
        descriptions: the wordings of each family; `{slots}` do not count.
    """
    held_out = [(panel.name, task.name, task.spec.instruction) for panel in panels for task in panel.tasks]
    if not held_out:
        return []
    instructions = [instruction for *_, instruction in held_out]
    wordings = dict.fromkeys(text for texts in descriptions.values() for text in texts)
    targets = SimilarityIndex(TfIdfSimilarity([*wordings, *instructions]), instructions)
    found = []
    for family, texts in descriptions.items():
        (similarity, place), text = max(((targets.nearest(text), text) for text in texts), key=lambda each: each[0][0])
        found.append(NearestTask(family, *held_out[place][:2], round(similarity, 4), text, instructions[place]))
    return found
