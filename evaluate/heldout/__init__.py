"""Held-out task families: the suites that measure a student are drawn from them, and no training data ever is.

Facts are mappings. Beside what the solver reads they may carry `options` (the answers to choose from, where they vary
from problem to problem), `also` (other answers that are as right) and `once` (what no two rows of a suite may share,
where that is more than the text).
"""

from typing import Any

from kshot.evaluate.heldout import forms, knowledge, messages, reasoning, uneven
from kshot.tasks.family import Family, Params, Problem

FAMILIES: tuple[Family, ...] = (*messages.FAMILIES, *knowledge.FAMILIES, *reasoning.FAMILIES, *forms.FAMILIES)
LABELLED: tuple[Family, ...] = (
    *(family for family in FAMILIES if family.labels and family.id != "sentence_type"),
    *uneven.FAMILIES,
)
"""Those with the same labels for each problem, and inputs enough for one label to be much the most frequent."""


def options(facts: Any) -> tuple[str, ...] | None:
    """The answers to choose from where each problem has its own, else None."""
    return tuple(facts["options"]) if "options" in facts else None


def accepted(family: Family, problem: Problem, params: Params) -> list[str]:
    """All answers that count as right, the solver's first; thousands may be set off by a comma."""
    answer = family.solve(problem.facts, params)
    grouped = [f"{int(answer):,}"] if answer.isdecimal() and len(answer) > 3 else []
    return [answer, *problem.facts.get("also", ()), *grouped]


__all__ = ["FAMILIES", "LABELLED", "accepted", "options"]
