"""Held-out families that take a step of reasoning: who came last, which is cheaper, who is taller, what follows."""

from collections.abc import Callable, Mapping
from itertools import pairwise
from random import Random
from typing import Any

from kshot.tasks.family import Family, Params, Problem

NAMES = tuple(
    name
    for line in (
        "Ada Ben Cora Dan Ella Finn Gina Hugo Iris Jack Kate",
        "Leo Mia Noah Olga Paul Rosa Sam Tina Victor Wendy Zoe",
    )
    for name in line.split()
)
# Things that cost about the same, so that the kind of thing does not give the answer away; bounds in whole dollars.
GOODS = tuple(
    (low, high, tuple(goods.split(", ")))
    for low, high, goods in (
        (1, 12, "notebook, mug, candle, toothbrush, sandwich, magazine, spoon, bar of soap, pen, bowl"),
        (15, 90, "lamp, backpack, kettle, blanket, sweater, clock, board game, toaster, umbrella, mirror"),
        (110, 900, "sofa, bicycle, washing machine, camera, tent, desk, television, carpet, wardrobe, guitar"),
    )
)


def _chain(rng: Random, names: list[str]) -> Problem:
    """Two comparisons in either wording and order: Ben came after Ada. Ben came before Cora."""
    verb = rng.choice(("arrived", "came", "got there"))
    pairs = list(pairwise(names))
    statements = [f"{a} {verb} before {b}." if rng.random() < 0.5 else f"{b} {verb} after {a}." for a, b in pairs]
    rng.shuffle(statements)
    return Problem(" ".join(statements), {"before": pairs})


def _clock(rng: Random, names: list[str]) -> Problem:
    start = rng.randrange(7 * 60, 11 * 60, 5)
    minutes = dict(zip(names, sorted(rng.sample(range(start, start + 90, 5), 3)), strict=True))
    order = rng.sample(names, 3)
    a, b, c = (f"{minutes[name] // 60}:{minutes[name] % 60:02d}" for name in order)
    place = rng.choice(("the station", "the party", "the office", "school"))
    text = f"{order[0]} arrived at {place} at {a}, {order[1]} at {b} and {order[2]} at {c}."
    return Problem(text, {"minutes": minutes})


def _offsets(rng: Random, names: list[str]) -> Problem:
    """Two people placed around the third: Cora came 5 minutes after Ada, and Ben 10 minutes before Ada."""
    base = rng.choice(names)
    at = names.index(base)
    early, late = sorted(rng.sample((5, 10, 15, 20, 30), 2))
    steps = {0: (early, late), 1: (-early, late), 2: (-late, -early)}[at]
    minutes = {base: 0} | dict(zip([name for name in names if name != base], steps, strict=True))
    others = rng.sample([name for name in names if name != base], 2)
    statements = [
        f"{name} arrived {abs(minutes[name])} minutes {'before' if minutes[name] < 0 else 'after'} {base}"
        for name in others
    ]
    return Problem(f"{statements[0]}, and {statements[1]}.", {"minutes": minutes})


def sample_arrival(rng: Random, params: Params) -> Problem:
    names = rng.sample(NAMES, 3)
    text, facts = rng.choice((_chain, _clock, _offsets))(rng, names)
    return Problem(text, facts | {"options": rng.sample(names, 3)})


def solve_arrival(facts: Mapping[str, Any], params: Params) -> str:
    names: list[str] = facts["options"]
    if "minutes" in facts:
        return max(names, key=lambda name: int(facts["minutes"][name]))
    earlier = {first for first, _ in facts["before"]}
    return next(name for name in names if name not in earlier)


def _price(cents: int) -> str:
    return f"${cents // 100}" if cents % 100 == 0 else f"${cents // 100}.{cents % 100:02d}"


def sample_prices(rng: Random, params: Params) -> Problem:
    low, high, goods = rng.choice(GOODS)
    a, b = rng.sample(goods, 2)
    step = 5 if high < 100 else 100
    first, second = rng.sample(range(low * 100, high * 100, step), 2)
    text = rng.choice(
        (
            f"The {a} costs {_price(first)} and the {b} costs {_price(second)}.",
            f"One shop window, two prices: {a} {_price(first)}, {b} {_price(second)}.",
            f"You can have the {a} for {_price(first)} or the {b} for {_price(second)}.",
            f"I paid {_price(first)} for the {a} and {_price(second)} for the {b}.",
        )
    )
    return Problem(text, {"cents": {a: first, b: second}, "options": rng.sample((a, b), 2)})


def solve_prices(facts: Mapping[str, Any], params: Params) -> str:
    items: list[str] = facts["options"]
    return min(items, key=lambda item: int(facts["cents"][item]))


def sample_heights(rng: Random, params: Params) -> Problem:
    """The question joins the two ends of the chain, so that neither sentence alone answers it."""
    names = rng.sample(NAMES, 3)
    pairs = list(pairwise(names))
    statements = [f"{a} is taller than {b}." if rng.random() < 0.7 else f"{b} is shorter than {a}." for a, b in pairs]
    if rng.random() < 0.5:
        statements.reverse()
    asked = (names[0], names[2]) if rng.random() < 0.5 else (names[2], names[0])
    return Problem(f"{' '.join(statements)} Is {asked[0]} taller than {asked[1]}?", {"taller": pairs, "asked": asked})


def solve_heights(facts: Mapping[str, Any], params: Params) -> str:
    below = dict(facts["taller"])
    person, other = facts["asked"]
    while person in below:
        person = below[person]
        if person == other:
            return "yes"
    return "no"


def _adding(rng: Random) -> list[int]:
    start, step = rng.randint(1, 20), rng.randint(2, 12)
    return [start + step * n for n in range(5)]


def _taking(rng: Random) -> list[int]:
    """Lifted by the largest step, so that the next number is above zero."""
    return [number + 12 for number in reversed(_adding(rng))]


def _multiplying(rng: Random) -> list[int]:
    start, factor = rng.randint(1, 6), rng.choice((2, 2, 3))
    return [start * factor**n for n in range(5)]


def _growing(rng: Random) -> list[int]:
    start, step = rng.randint(1, 10), rng.randint(1, 3)
    return [start + sum(step + i for i in range(n)) for n in range(5)]


def sample_sequence(rng: Random, params: Params) -> Problem:
    rules: tuple[Callable[[Random], list[int]], ...] = (_adding, _adding, _taking, _multiplying, _growing)
    terms = rng.choice(rules)(rng)
    return Problem(", ".join(map(str, terms)), {"terms": terms})


def solve_sequence(facts: Mapping[str, Any], params: Params) -> str:
    """The rule is read off the terms: a constant step, a constant factor, or a step that grows by a constant."""
    terms: list[int] = facts["terms"]
    steps = [b - a for a, b in pairwise(terms)]
    if len(set(steps)) == 1:
        return str(terms[-1] + steps[-1])
    if all(b * terms[0] == a * terms[1] for a, b in pairwise(terms)):
        return str(terms[-1] * terms[1] // terms[0])
    return str(terms[-1] + 2 * steps[-1] - steps[-2])


FAMILIES = (
    Family(
        id="last_arrival",
        category="reasoning",
        descriptions=(
            "Who arrived last? Answer with the name of the person only.",
            "Work out the order in which the three people came, and write the name of the last one.",
            "Name the person who was the last to arrive.",
        ),
        sample=sample_arrival,
        solve=solve_arrival,
        anchors=(("last", "latest"),),
    ),
    Family(
        id="cheaper_item",
        category="reasoning",
        descriptions=(
            "Which of the two items costs less? Answer with the name of the item only.",
            "Compare the two prices and write down the cheaper item.",
            "Name the item with the lower price.",
        ),
        sample=sample_prices,
        solve=solve_prices,
        anchors=(("cheap", "less", "lower"),),
    ),
    Family(
        id="taller_person",
        category="reasoning",
        descriptions=(
            "Use the facts to answer the question about who is taller. Answer with yes or no.",
            "Three people are compared by height. Reply to the final question with yes or no.",
            "Does the answer to the question follow as yes or as no? Write one word.",
        ),
        sample=sample_heights,
        solve=solve_heights,
        anchors=(("yes",), ("no",)),
        labels=lambda params: ("yes", "no"),
    ),
    Family(
        id="number_sequence",
        category="arithmetic",
        descriptions=(
            "What number comes next in this sequence? Answer with the number only.",
            "The numbers follow a rule. Write the next one.",
            "Continue the sequence with one more number.",
        ),
        sample=sample_sequence,
        solve=solve_sequence,
        anchors=(("next", "continue"),),
    ),
)
