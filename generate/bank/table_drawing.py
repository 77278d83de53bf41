"""Small tables for the families about them: their contents, layout and text."""

from collections.abc import Callable
from random import Random
from typing import NamedTuple

from kshot.generate.bank import vocabulary, words
from kshot.tasks.family import Params


class _Column(NamedTuple):
    draw: Callable[[Random], str]
    question: str
    amount: bool = False


class Asked(NamedTuple):
    """A table and what is asked of it: a column, and the first cells of the rows concerned."""

    header: list[str]
    rows: list[list[str]]
    column: str
    keys: list[str]


def _number(low: int, high: int) -> Callable[[Random], str]:
    return lambda rng: str(rng.randint(low, high))


def _of(pool: tuple[str, ...]) -> Callable[[Random], str]:
    return lambda rng: rng.choice(pool)


_COURSES = words.vocabulary(
    "Biology History Chemistry Physics Music Drawing Geography Spanish Algebra Chess Cooking Pottery Drama Yoga Latin"
    " Swimming Singing Photography Economics Astronomy"
)
_TEAMS = tuple(words.plural(animal).capitalize() for animal in words.ANIMALS if animal not in ("sheep", "deer", "seal"))
KEYS: dict[str, Callable[[Random, int], list[str]]] = {
    "name": vocabulary.names,
    "item": lambda rng, n: rng.sample(words.OBJECTS, n),
    "train": lambda rng, n: [f"{rng.choice('ABKRT')}{number}" for number in rng.sample(range(10, 99), n)],
    "team": lambda rng, n: rng.sample(_TEAMS, n),
    "course": lambda rng, n: rng.sample(_COURSES, n),
}
TOPICS: dict[str, dict[str, _Column]] = {
    "name": {
        "age": _Column(_number(18, 89), "How old is {}?", amount=True),
        "town": _Column(lambda rng: vocabulary.towns(rng, 1)[0], "In which town does {} live?"),
        "job": _Column(_of(vocabulary.JOBS), "What is {}'s job?"),
        "country": _Column(_of(vocabulary.COUNTRIES), "Which country does {} come from?"),
    },
    "item": {
        "colour": _Column(_of(words.COLOURS), "What colour is the {}?"),
        "stock": _Column(_number(2, 99), "What is the stock of the {}?", amount=True),
        "shelf": _Column(lambda rng: f"{rng.choice('ABCDEF')}{rng.randint(1, 9)}", "On which shelf is the {}?"),
        "weight": _Column(_number(2, 90), "What is the weight of the {}?", amount=True),
    },
    "train": {
        "departure": _Column(
            lambda rng: f"{rng.randint(6, 22)}:{rng.choice(('05', '10', '20', '35', '40', '55'))}",
            "When does train {} leave?",
        ),
        "platform": _Column(_number(1, 20), "From which platform does train {} leave?"),
        "destination": _Column(lambda rng: vocabulary.towns(rng, 1)[0], "Where does train {} go?"),
        "stops": _Column(_number(2, 25), "How many stops does train {} make?", amount=True),
    },
    "team": {
        "points": _Column(_number(2, 60), "How many points do the {} have?", amount=True),
        "goals": _Column(_number(2, 40), "How many goals do the {} have?", amount=True),
        "coach": _Column(_of(vocabulary.LAST_NAMES), "Who is the coach of the {}?"),
        "country": _Column(_of(vocabulary.COUNTRIES), "Which country do the {} come from?"),
    },
    "course": {
        "room": _Column(lambda rng: f"{rng.choice('ABCDEF')}{rng.randint(10, 49)}", "In which room is {} taught?"),
        "teacher": _Column(_of(vocabulary.LAST_NAMES), "Who teaches {}?"),
        "students": _Column(_number(5, 80), "How many students take {}?", amount=True),
        "day": _Column(_of(words.WEEKDAYS), "On which day is {} taught?"),
    },
}
STYLES = ("comma", "semicolon", "tab", "bars", "records", "one line")


def style(rng: Random) -> Params:
    return {"style": rng.choice(STYLES)}


def grid(rng: Random) -> Params:
    """A style with a heading, where the first cell of a row is the bare name."""
    return {"style": rng.choice([name for name in STYLES if name != "records"])}


def shown(header: list[str], rows: list[list[str]], query: str, params: Params) -> str:
    """The table in the style of the task, and after it what is asked."""
    how, lines = params["style"], [header, *rows]
    if how == "one line":
        return " / ".join([*(" | ".join(line) for line in lines), query])
    if how == "records":
        text = [", ".join(f"{name}: {value}" for name, value in zip(header, row, strict=True)) for row in rows]
    elif how == "bars":
        text = [f"| {' | '.join(line)} |" for line in lines]
        text.insert(1, "|" + "---|" * len(header))
    else:
        text = [{"comma": ",", "semicolon": "; ", "tab": "\t"}[how].join(line) for line in lines]
    return "\n".join([*text, query])


def drawn(rng: Random, amount: bool | None = None, rows: int = 0, topic: str = "") -> Asked:
    """A table whose asked column holds amounts, or does not, or may; its values are different in every column."""
    topic = topic or rng.choice(list(TOPICS))
    columns = TOPICS[topic]
    asked = rng.choice([name for name, column in columns.items() if amount is None or column.amount == amount])
    others = rng.sample([name for name in columns if name != asked], 1 if topic == "name" else rng.choice((1, 1, 2)))
    names = rng.sample([asked, *others], 1 + len(others))
    size = rows or rng.randint(3, 4)
    keys = KEYS[topic](rng, size)
    columns_drawn: list[list[str]] = []
    for name in names:
        found: dict[str, None] = {}
        while len(found) < size:
            found[columns[name].draw(rng)] = None
        columns_drawn.append(list(found))
    return Asked(
        [topic, *names], [list(row) for row in zip(keys, *columns_drawn, strict=True)], asked, rng.sample(keys, size)
    )


def cell(asked: Asked, key: str, column: str = "") -> str:
    header, rows, wanted, _ = asked
    return next(row for row in rows if row[0] == key)[header.index(column or wanted)]
