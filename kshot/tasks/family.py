"""The shape of a programmatic task family, shared by the training bank and the held-out panel.

A family is a sampler and a solver. `params` draws what distinguishes one task of the family from another (label names,
separators, made-up rules); all demonstrations and the query of a record share one draw. `sample` draws a problem and
`solve` answers it, so that every output is right by construction.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any, NamedTuple

Params = Mapping[str, str]


class Problem(NamedTuple):
    """What the student reads (`text`) and what the solver needs to know (`facts`)."""

    text: str
    facts: Any


def text_problem(text: str) -> Problem:
    """A problem whose text is all that the solver needs."""
    return Problem(text, text)


def no_params(rng: Random) -> Params:
    """For a family with one task only."""
    return {}


@dataclass(frozen=True)
class Family:
    """A programmatic task family.

    Args:
        id: snake_case name; the unit of the train/held-out split.
        category: one of the broad kinds (see `kshot tasks list` and the data card).
        descriptions: at least three hand-written instructions; `{name}` is filled from the params.
        sample: draws a problem; it must balance the labels of a classification by drawing the label first.
        solve: the answer to `problem.facts`, computed and never drawn.
        must: what a rewording has to keep: for each entry at least one of its words (prefix match, case ignored).
        params: draws the task's parameters.
        labels: the label space under these params, for classification and multiple choice.
        rationale: a short step-by-step derivation that ends before the final answer.
        briefs: wordings that leave the labels to the demonstrations.
        stated: a few demonstrations do not show the rule (which letters, which words), so it needs its instruction.
        min_k: shots below which the task cannot be solved (2 where only the demonstrations show the rule).
    """

    id: str
    category: str
    descriptions: tuple[str, ...]
    sample: Callable[[Random, Params], Problem]
    solve: Callable[[Any, Params], str]
    anchors: tuple[tuple[str, ...], ...]
    params: Callable[[Random], Params] = no_params
    labels: Callable[[Params], tuple[str, ...]] | None = None
    rationale: Callable[[Any, Params], str] | None = None
    min_k: int = 0
    no_label_instructions: tuple[str, ...] = ()
    needs_instruction: bool = False
