"""A hidden rule is not mistaken for a plain one that the demonstrations fit as well."""

import re

import pytest

from kshot.core.seeding import stream
from kshot.core.types import Example
from kshot.generate.bank import FAMILIES
from kshot.tasks.rival_rules import Shown, find_rival_rule
from kshot.tasks.source import source_from_family


def _rival(demos: str, query: str) -> str | None:
    """Demonstrations as `input=output` separated by `;`."""
    rows = [Shown(*row.strip().split("=")) for row in f"{demos};{query}".split(";")]
    return find_rival_rule(rows[:-1], rows[-1])


@pytest.mark.parametrize(
    ("demos", "query", "rival"),
    [
        ("pear / fig=fig; kiwi / apple=apple", "plum / zebra=zebra", "the first word in the alphabet"),
        ("pear / fig=fig; kiwi / apple=apple", "zebra / plum=plum", None),
        ("river=r; stone=s", "lamp=p", "letter 1"),
        ("12=yes; 14=yes; 31=no; 35=no", "7=yes", "an even last digit"),
        ("a=no; b=no", "c=yes", "one output for all"),
        ("a=no; b=no", "c=no", None),
        ("red bus=A; blue car=A; tall old tree=B; one more big house=B", "green lamp=B", "the number of words"),
        ("cat!=A; a red dog!=A; mouse=B; the old bird=B", "horse!=B", "the kind of the last character"),
        ("3=13; 5=15", "8=80", "adds a number"),
        ("3=6; 5=10", "8=11", "multiplies by a number"),
        ("3=6; 5=10", "8=16", None),
        ("oak tree=A; old oak=A; pine tree=B; old pine=B", "an oak leaf=B", "has the word 'oak'"),
        ("big red bus=bus; old oak tree=tree", "one two three=two", "word 3"),
        ("", "a=b", None),
    ],
)
def test_find_rival_rule_names_a_rule_that_answers_otherwise(demos: str, query: str, rival: str | None) -> None:
    assert (_rival(demos, query) if demos else find_rival_rule([], Shown("a", "b"))) == rival


def _draws(family_id: str, k: int) -> list[list[Example]]:
    source = source_from_family(next(family for family in FAMILIES if family.id == family_id))
    drawn = []
    for number in range(200):
        rng = stream(5, family_id, number)
        params = source.params(rng)
        labels = source.labels(params)
        outputs = [labels[position % len(labels)] for position in range(k + 1)] if labels else []
        rng.shuffle(outputs)
        if examples := source.sample_examples(rng, params, k + 1, outputs):
            drawn.append(examples)
    assert len(drawn) > 100, f"{family_id}: hardly any draw is left"
    return drawn


def test_alphabetical_order_never_fits_a_hidden_choice_as_well() -> None:
    for examples in _draws("hidden_choice_of_two", 4):
        for order in (min, max):
            answers = [order(example.input.split(" / ")) for example in examples]
            fits = all(answer == e.output for answer, e in zip(answers[:-1], examples[:-1], strict=True))
            assert not fits or answers[-1] == examples[-1].output, examples


@pytest.mark.parametrize("family_id", ["hidden_ticket_labels", "hidden_number_class"])
def test_digits_never_fit_a_hidden_label_as_well(family_id: str) -> None:
    features = (
        lambda digits: int(digits[-1]) % 2, lambda digits: digits[0] == digits[-1], lambda digits: digits[-1] == "0",
        lambda digits: len(set(digits)) < len(digits), lambda digits: int(digits) % 3 == 0,
    )  # fmt: skip
    for examples in _draws(family_id, 4):
        digits = [re.search(r"\d+", example.input) for example in examples]
        for feature in features:
            values = [feature(match.group()) if match else None for match in digits]
            meaning = dict(zip(values[:-1], (e.output for e in examples[:-1]), strict=True))
            fits = all(meaning[value] == e.output for value, e in zip(values[:-1], examples[:-1], strict=True))
            assert not fits or meaning.get(values[-1], examples[-1].output) == examples[-1].output, examples


@pytest.mark.parametrize("family_id", [family.id for family in FAMILIES if family.min_k])
def test_every_hidden_rule_keeps_enough_draws(family_id: str) -> None:
    for examples in _draws(family_id, 4):
        rows = [Shown(example.input, example.output) for example in examples]
        assert find_rival_rule(rows[:-1], rows[-1]) is None
