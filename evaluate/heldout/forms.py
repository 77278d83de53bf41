"""Held-out families that rewrite their input in a fixed form: dates, acronyms, units, vowels, Roman numerals."""

import datetime
import re
from collections.abc import Mapping
from decimal import Decimal
from random import Random
from typing import Any

from kshot.tasks.family import Family, Params, Problem

_LISTS = {
    name: tuple(entries.split(", "))
    for name, entries in {
        "months": "January, February, March, April, May, June, July, August, September, October, November, December",
        "weekdays": "Monday, Tuesday, Wednesday, Thursday, Friday, Saturday, Sunday",
        "reach": "National, International, European, Northern, Royal, Coastal, Central, Western, Global, Scottish",
        "bodies": "Association, Society, Union, League, Council, Federation, Institute, Network, Guild, Alliance",
        "members": (
            "Beekeepers, Railway Workers, Young Musicians, Village Schools, Book Collectors, Public Libraries, "
            "Winter Swimmers, Rural Doctors, Bread Bakers, Urban Gardeners, Translators, Mountain Guides, "
            "Chess Players, Deep Sea Divers, Night Nurses, Engineers"
        ),
        "sizes": "small, huge, tiny, long, short, wide, narrow, old, new, clean, broken, famous",
        "kinds": "wooden, green, yellow, plastic, golden, silver, purple, paper, stone, copper, orange, white",
        "things": (
            "bridge, garden, window, basket, ladder, bottle, castle, pencil, blanket, river, mountain, kitchen, "
            "village, hammer, lantern, statue, ribbon, carpet, station, tower, button, mirror, tunnel, curtain"
        ),
    }.items()
}
MONTHS, WEEKDAYS = _LISTS["months"], _LISTS["weekdays"]

# Size of each unit in the smallest of its kind.
UNITS = (
    {"kilometres": 1_000_000, "metres": 1000, "centimetres": 10, "millimetres": 1},
    {"tonnes": 1_000_000, "kilograms": 1000, "grams": 1},
    {"litres": 1000, "millilitres": 1},
)
# (larger unit, smaller unit): neighbours only, so that the arithmetic stays easy.
CONVERSIONS = (
    ("kilometres", "metres"),
    ("metres", "centimetres"),
    ("centimetres", "millimetres"),
    ("tonnes", "kilograms"),
    ("kilograms", "grams"),
    ("litres", "millilitres"),
)

NUMERALS = (
    (1000, "M"), (900, "CM"), (500, "D"), (400, "CD"), (100, "C"), (90, "XC"), (50, "L"), (40, "XL"), (10, "X"),
    (9, "IX"), (5, "V"), (4, "IV"), (1, "I"),
)  # fmt: skip


def _ordinal(number: int) -> str:
    if number in (11, 12, 13):
        return f"{number}th"
    return str(number) + {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")


def sample_date(rng: Random, params: Params) -> Problem:
    date = datetime.date(1950, 1, 1) + datetime.timedelta(days=rng.randrange(80 * 365))
    month = MONTHS[date.month - 1]
    text = rng.choice(
        (
            f"{date.day} {month} {date.year}",
            f"{month} {date.day}, {date.year}",
            f"the {_ordinal(date.day)} of {month} {date.year}",
            f"{month[:3]} {date.day}, {date.year}",
            f"{WEEKDAYS[date.weekday()]}, {date.day} {month} {date.year}",
        )
    )
    return Problem(text, {"day": date.day, "month": month, "year": date.year})


def solve_date(facts: Mapping[str, Any], params: Params) -> str:
    return f"{facts['year']}-{MONTHS.index(facts['month']) + 1:02d}-{facts['day']:02d}"


def sample_organisation(rng: Random, params: Params) -> Problem:
    reach, body, members = (rng.choice(_LISTS[part]) for part in ("reach", "bodies", "members"))
    name = rng.choice((f"{reach} {body} of {members}", f"{reach} {members} {body}", f"{reach} {body} for {members}"))
    return Problem(name, {"name": name})


def solve_organisation(facts: Mapping[str, Any], params: Params) -> str:
    return "".join(word[0] for word in facts["name"].split() if word[0].isupper())


def sample_measure(rng: Random, params: Params) -> Problem:
    large, small = rng.choice(CONVERSIONS)
    amount = rng.choice((Decimal(rng.randint(2, 20)), Decimal(rng.randint(1, 9)) + Decimal("0.5")))
    source, target = rng.sample((large, small), 2)
    if source == small:
        amount = Decimal(solve_measure({"amount": str(amount), "from": large, "to": small}, params))
    text = rng.choice(
        (
            f"{amount} {source} to {target}",
            f"{amount} {source} in {target}",
            f"How many {target} are {amount} {source}?",
            f"Convert {amount} {source} to {target}.",
        )
    )
    return Problem(text, {"amount": str(amount), "from": source, "to": target, "once": (source, target, amount)})


def solve_measure(facts: Mapping[str, Any], params: Params) -> str:
    sizes = next(sizes for sizes in UNITS if facts["from"] in sizes)
    value = Decimal(facts["amount"]) * sizes[facts["from"]] / sizes[facts["to"]]
    return f"{value.normalize():f}"


def sample_words(rng: Random, params: Params) -> Problem:
    words = [rng.choice(_LISTS[part]) for part in ("sizes", "kinds", "things")]
    text = " ".join(words[rng.randrange(3) :])
    return Problem(text, {"words": text})


def solve_words(facts: Mapping[str, Any], params: Params) -> str:
    return re.sub("[aeiou]", "", facts["words"])


def _roman(number: int) -> str:
    written = ""
    for value, numeral in NUMERALS:
        while number >= value:
            written, number = written + numeral, number - value
    return written


def sample_numeral(rng: Random, params: Params) -> Problem:
    numeral = _roman(rng.choice((rng.randint(4, 40), rng.randint(41, 120), rng.randint(1900, 2030))))
    return Problem(numeral, {"numeral": numeral})


def solve_numeral(facts: Mapping[str, Any], params: Params) -> str:
    """A letter counts against the number when a larger one follows it."""
    letters = {numeral: value for value, numeral in NUMERALS}
    values = [letters[letter] for letter in facts["numeral"]]
    following = [*values[1:], 0]
    return str(sum(-value if value < after else value for value, after in zip(values, following, strict=True)))


FAMILIES = (
    Family(
        id="date_format",
        category="text_transformation",
        descriptions=(
            "Rewrite the date in the form YYYY-MM-DD. Answer with the date only.",
            "Write this date with digits only, as year, month and day in the pattern YYYY-MM-DD.",
            "Convert the date to the format YYYY-MM-DD.",
        ),
        sample=sample_date,
        solve=solve_date,
        anchors=(("YYYY-MM-DD",),),
    ),
    Family(
        id="acronym",
        category="text_transformation",
        descriptions=(
            "Write the acronym of this organisation: the first letter of each capitalised word, no dots or spaces.",
            "Shorten the name to the initials of its capitalised words. Skip words such as of and for; use no dots.",
            "Give the initials of the organisation in capital letters. Leave out small words and dots.",
        ),
        sample=sample_organisation,
        solve=solve_organisation,
        anchors=(("acronym", "initial", "first letter"),),
    ),
    Family(
        id="unit_conversion",
        category="arithmetic",
        descriptions=(
            "Convert the measurement to the unit asked for. Answer with the number only, without the unit.",
            "Express the amount in the other unit and write just the number.",
            "Change the unit as requested. Give only the resulting number.",
        ),
        sample=sample_measure,
        solve=solve_measure,
        anchors=(("unit",), ("number",)),
    ),
    Family(
        id="vowel_removal",
        category="text_transformation",
        descriptions=(
            "Remove the vowels a, e, i, o and u from the text. Keep all other letters and the spaces.",
            "Write the text again without any of its vowels (a, e, i, o, u), leaving the rest as it is.",
            "Delete every a, e, i, o and u and write what is left.",
        ),
        sample=sample_words,
        solve=solve_words,
        anchors=(("vowel", "a, e, i, o"),),
    ),
    Family(
        id="roman_numeral",
        category="arithmetic",
        descriptions=(
            "What number is this Roman numeral? Answer with digits only.",
            "Convert the Roman numeral to an ordinary number.",
            "Write the value of this Roman numeral in digits.",
        ),
        sample=sample_numeral,
        solve=solve_numeral,
        anchors=(("Roman",),),
    ),
)
