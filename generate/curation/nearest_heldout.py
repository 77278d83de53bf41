"""Finds the held-out task whose instruction is most similar to a training family's descriptions."""

from collections.abc import Mapping, Sequence

from kshot.core.similarity import SimilarityIndex, TfIdfSimilarity
from kshot.generate.run_files import NearestRow
from kshot.suites.format import Suite

VERSION = 1
"""Raise it with every change of an output; the data's cache key contains it."""


def nearest_heldout_tasks(descriptions: Mapping[str, Sequence[str]], suites: Sequence[Suite]) -> list[NearestRow]:
    """Find the most similar held-out task of each family, in the families' order; none where there is no suite.

    Args:
        descriptions: by family; `{slots}` do not count.
    """
    held_out = [(suite.name, task.name, task.spec.instruction) for suite in suites for task in suite.tasks]
    if not held_out:
        return []
    instructions = [instruction for *_, instruction in held_out]
    distinct = list(dict.fromkeys(text for texts in descriptions.values() for text in texts))
    index = SimilarityIndex(TfIdfSimilarity([*distinct, *instructions]), instructions)
    nearest = dict(zip(distinct, index.nearest_of_each(distinct), strict=True))
    rows = []
    for family, texts in descriptions.items():
        text = max(texts, key=lambda text: nearest[text][0])
        similarity, position = nearest[text]
        suite, task, instruction = held_out[position]
        rows.append(
            NearestRow(
                family=family,
                suite=suite,
                task=task,
                similarity=round(similarity, 4),
                description=text,
                instruction=instruction,
            )
        )
    return rows
