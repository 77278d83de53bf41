"""The shape of a programmatic task family, shared by the training families and the held-out ones.

A family is a sampler and a solver. `params` draws what distinguishes one task of the family from another (label names,
separators, made-up rules); all demonstrations and the query of a record share one draw. `sample` draws a problem and
`solve` answers it, so every output is right by construction.
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
    """The params of a family with a single task."""
    return {}


@dataclass(frozen=True)
class Family:
    """A programmatic task family.

    Args:
        id: snake_case name; train and held-out families are split by it.
        category: one of the broad kinds (see `kshot tasks list` and the dataset card).
        descriptions: at least three hand-written instructions; `{name}` is filled from the params.
        sample: draws a problem. It must balance the labels of a classification by drawing the label first.
        solve: computes the answer to `problem.facts`; it draws nothing.
        anchors: what a paraphrase must keep: for each entry at least one of its words (prefix match, case ignored).
        params: draws the task's parameters.
        labels: the label space under these params, for classification and multiple choice.
        rationale: a short step-by-step derivation that ends before the final answer.
        min_k: demonstrations below which nobody can solve the task (2 where only they show the rule).
        no_label_instructions: instructions that leave the labels to the demonstrations.
        needs_instruction: true where a few demonstrations do not show the rule (which letters, which words).
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
