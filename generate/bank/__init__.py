"""The programmatic training families that ship, a module a category."""

from kshot.generate.bank import (
    arbitrary_labels,
    arithmetic,
    classification,
    comparison,
    constraints,
    dialogue,
    extraction,
    formats,
    inference,
    mappings,
    morphology,
    multiple_choice,
    options,
    ordering,
    passage_qa,
    requests,
    rule_learning,
    structures,
    syntax,
    tables,
    text_transformation,
    unanswerable,
    world,
)
from kshot.tasks.family import Family
from kshot.tasks.registry import register_shipped

BANK_VERSION = 1
"""Raise it with every change of what a family draws; the data's cache key contains it."""

FAMILIES: tuple[Family, ...] = (
    *text_transformation.FAMILIES,
    *morphology.FAMILIES,
    *syntax.FAMILIES,
    *extraction.FAMILIES,
    *classification.FAMILIES,
    *passage_qa.FAMILIES,
    *inference.FAMILIES,
    *arithmetic.FAMILIES,
    *ordering.FAMILIES,
    *formats.FAMILIES,
    *multiple_choice.FAMILIES,
    *rule_learning.FAMILIES,
    *arbitrary_labels.FAMILIES,
    *mappings.FAMILIES,
    *options.FAMILIES,
    *dialogue.FAMILIES,
    *structures.FAMILIES,
    *constraints.FAMILIES,
    *tables.FAMILIES,
    *unanswerable.FAMILIES,
    *comparison.FAMILIES,
    *requests.FAMILIES,
    *world.FAMILIES,
)
_BY_ID = register_shipped(FAMILIES)


def by_id(family_id: str) -> Family:
    """The shipped family of that id; a KeyError if there is none."""
    return _BY_ID[family_id]
