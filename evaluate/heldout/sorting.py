"""What held-out families share that ask which of a few groups a thing belongs to."""

from collections.abc import Mapping
from random import Random
from typing import Any

from kshot.tasks.family import Family, Params, Problem


def sorting(
    name: str, category: str, groups: Mapping[str, tuple[str, ...]], descriptions: tuple[str, ...], fact: str = "member"
) -> Family:
    """The family of `groups`, label to members, whose inputs are the members; the group is drawn first, for balance.

    Args:
        fact: what the member is called among the facts.
    """

    def sample(rng: Random, params: Params) -> Problem:
        member = rng.choice(groups[rng.choice(tuple(groups))])
        return Problem(member, {fact: member})

    def solve(facts: Mapping[str, Any], params: Params) -> str:
        return next(label for label, members in groups.items() if facts[fact] in members)

    return Family(
        id=name,
        category=category,
        descriptions=descriptions,
        sample=sample,
        solve=solve,
        anchors=tuple((label,) for label in groups),
        labels=lambda params: tuple(groups),
    )
