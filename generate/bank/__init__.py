"""The bank of programmatic training families, by category."""

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
_BY_ID = {family.id: family for family in FAMILIES}


def by_id(family_id: str) -> Family:
    """The family of that id; a KeyError if there is none."""
    return _BY_ID[family_id]
