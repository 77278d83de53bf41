"""Larger pools of names and words for the families, from the tables of Faker.

The pools are fixed tuples in the order of the library's tables, so that a draw depends on the generator alone.
"""

import re
from collections.abc import Iterable
from random import Random

from faker.providers.address.en import Provider as _Address
from faker.providers.address.en_US import Provider as _UsAddress
from faker.providers.job.en_US import Provider as _Job
from faker.providers.lorem.en_US import Provider as _Lorem
from faker.providers.person.en_US import Provider as _Person

from kshot.generate.bank import words

# Words that would read as an instruction, a name or a controversy in a list of common words.
_UNWANTED = words.vocabulary("""
    american attack congress crime democrat democratic drug gun military mrs police political politics religious
    republican threat war yeah federal kid guy none nothing never not yes nor and or if then else when word letter list
    line sentence answer question number first second third last next one two three four five six seven eight nine ten
    hundred thousand million billion half once dead""")
# Countries that take an article, are also another word or person, or have another name today.
_AWKWARD = words.vocabulary("""
    Bahamas Chad Comoros Congo Gambia Georgia Guernsey Guinea Jersey Jordan Korea Macao Maldives Netherlands Niger
    Philippines Reunion Seychelles Swaziland Tokelau Turkey""")
_JOB_ENDINGS = ("er", "or", "ist", "ian", "ect", "ant")
# Names that are also a thing, a title, a place or a word.
_ALSO_WORDS = words.vocabulary("""
    Amber Angel Austin Autumn Bailey Bob Brandy Brooke Carol Chad Chase Christian Christy Chris Cole Crystal Dakota
    Dale Dawn Dean Desiree Destiny Devon Diamond Don Drew Earl Ebony Faith Frances Francis Frank Gail Gene Glen Grant
    Guy Harry Heather Holly Hunter Jack Jade Jay Jean Jesus Josh Joy Kim Lance Logan Madison Mark Mason Melody
    Mercedes Misty Morgan Parker Patty Penny Preston Raven Ray Rick Riley Robin Rocky Rose Ross Sandy Savannah Sherry
    Sierra Sue Tanner Virginia Wanda Warren Wayne Willie""")
_ODD_JOBS = ("gaffer", "mudlogger", "comptroller", "ship broker", "media buyer", "retail buyer")


def _plain(pool: Iterable[str], low: int, high: int) -> tuple[str, ...]:
    """The single words of a table, each once, of `low` to `high` letters."""
    return tuple(dict.fromkeys(word for word in pool if word.isascii() and word.isalpha() and low <= len(word) <= high))


def _first_names(pool: Iterable[str], other: Iterable[str], first: tuple[str, ...]) -> tuple[str, ...]:
    """First names of one sex only that mean nothing else, `first` before those of the pool."""
    taken = {*other, *_ALSO_WORDS, *words.MONTHS, *words.LAST_NAMES, *words.CITIES}
    return tuple(dict.fromkeys((*first, *(name for name in _plain(pool, 3, 9) if name not in taken))))


COMMON = tuple(
    word
    for word in dict.fromkeys((
        *words.NOUNS, *words.OBJECTS, *words.ADJECTIVES, *words.PLACES, *words.ANIMALS, *words.COLOURS,
        *_plain(_Lorem.word_list, 3, 12),
    ))
    if word.islower() and word not in _UNWANTED
)  # fmt: skip
"""Common English words of any part of speech, in lower case."""
FEMALE_NAMES = _first_names(_Person.first_names_female, _Person.first_names_male, words.FEMALE_NAMES)
MALE_NAMES = _first_names(_Person.first_names_male, _Person.first_names_female, words.MALE_NAMES)
FIRST_NAMES = FEMALE_NAMES + MALE_NAMES
LAST_NAMES = tuple(name for name in _plain(_Person.last_names, 4, 10) if name not in FIRST_NAMES)
COUNTRIES = tuple(name for name in _plain(_Address.countries, 4, 12) if name not in _AWKWARD)
JOBS = tuple(
    dict.fromkeys((
        *words.PROFESSIONS,
        *(
            job.lower()
            for job in _Job.jobs
            if re.fullmatch("[A-Z][a-z]{3,11}|[A-Z][a-z]+ [a-z]+", job) and job.endswith(_JOB_ENDINGS)
            and len(job) <= 20 and job.lower() not in _ODD_JOBS
        ),
    ))
)  # fmt: skip
_SUFFIXES = _plain(_UsAddress.city_suffixes, 3, 6)


def names(rng: Random, n: int) -> list[str]:
    """`n` first names with different first letters, so that none is mistaken for another."""
    by_letter: dict[str, str] = {}
    while len(by_letter) < n:
        name = rng.choice(FIRST_NAMES)
        by_letter.setdefault(name[0], name)
    return list(by_letter.values())


def word_list(rng: Random, n: int) -> list[str]:
    """`n` different common words."""
    return rng.sample(COMMON, n)


def towns(rng: Random, n: int) -> list[str]:
    """`n` different invented towns, such as Millerville."""
    return [re.sub(r"(.)\1\1", r"\1\1", name + rng.choice(_SUFFIXES)) for name in rng.sample(LAST_NAMES, n)]


def company(rng: Random) -> str:
    """An invented company, such as Miller and Cohen."""
    first, second = rng.sample(LAST_NAMES, 2)
    return rng.choice((f"{first} and {second}", f"{first} Ltd", f"{first} Brothers", f"{first} Group"))
