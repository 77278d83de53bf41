"""Families that copy one or more stated pieces out of a text."""

from random import Random
from typing import Any

from kshot.generate.bank import labels, words
from kshot.tasks.family import Family, Params, Problem, text_problem

_FIELDS = ("name", "city", "job", "age", "pet", "email")


def _person(rng: Random) -> dict[str, str]:
    first, last = rng.choice(words.FIRST_NAMES), rng.choice(words.LAST_NAMES)
    return {
        "name": f"{first} {last}",
        "city": rng.choice(words.CITIES),
        "job": rng.choice(words.PROFESSIONS),
        "age": str(rng.randint(18, 80)),
        "pet": rng.choice(words.ANIMALS[:9]),
        "email": f"{first.lower()}.{last.lower()}@{rng.choice(words.OBJECTS)}.{rng.choice(('com', 'org', 'net'))}",
    }


_PERSON_FRAMES = (
    "{name}, {age}, works as {a_job} in {city}. Pet: {pet}. Write to {email}.",
    "Contact {name} ({email}), {a_job} from {city}, aged {age}, who owns a {pet}.",
    "My name is {name}, I live in {city} with my {pet} and I work as {a_job}. I am {age} years old. Mail: {email}",
    "{city}: {a_job} named {name} ({age}) keeps a {pet}. Email {email}.",
)


def _person_text(rng: Random, params: Params) -> Problem:
    person = _person(rng)
    return Problem(rng.choice(_PERSON_FRAMES).format(a_job=words.with_article(person["job"]), **person), person)


def _record_text(rng: Random, params: Params) -> Problem:
    person = _person(rng)
    others = rng.sample([field for field in _FIELDS if field != params["field"]], rng.randint(2, 4))
    fields = [params["field"], *others]
    rng.shuffle(fields)
    colon, gap = rng.choice(((": ", "; "), ("=", ", "), (" - ", " | "), (": ", "\n")))
    return Problem(gap.join(f"{field}{colon}{person[field]}" for field in fields), person)


_KIND_PARAMS = ("animal", "fruit", "vegetable", "tool", "instrument", "sport", "drink", "flower")


def _members_text(rng: Random, params: Params) -> Problem:
    pool = words.KINDS[params["kind"]]
    count = rng.choice((0, 1, 1, 2, 2, 3))
    wanted = rng.sample(pool, count)
    other_kinds = [kind for kind in _KIND_PARAMS if kind != params["kind"]]
    others = [rng.choice(words.KINDS[kind]) for kind in rng.sample(other_kinds, rng.randint(2, 4))]
    items = wanted + others
    rng.shuffle(items)
    name = rng.choice(words.FIRST_NAMES)
    frame = rng.choice(("{n} wrote these words on a card: {i}.", "{i}", "On the poster {n} saw the words {i}."))
    return Problem(frame.format(n=name, i=words.join_items(items)), [item for item in items if item in wanted])


def _quoted(rng: Random, params: Params) -> Problem:
    name, quote = rng.choice(words.FIRST_NAMES), words.sentence(rng).rstrip(".")
    verb = rng.choice(("said", "whispered", "shouted", "wrote", "answered"))
    frames = ('{n} {v} "{q}" and left the {p}.', '"{q}", {v} {n} at the {p}.', 'At the {p}, {n} {v} "{q}" and smiled.')
    text = rng.choice(frames).format(n=name, v=verb, q=quote, p=rng.choice(words.PUBLIC_PLACES))
    return Problem(text, quote)


def _unique_length(rng: Random, params: Params) -> Problem:
    pick: Any = max if params["which"] == "longest" else min
    while True:
        items = words.word_list(rng, rng.randint(3, 6))
        best = pick(len(item) for item in items)
        if [len(item) for item in items].count(best) == 1:
            return text_problem(" ".join(items))


def _length_why(text: str, params: Params) -> str:
    return "Lengths: " + ", ".join(f"{word} {len(word)}" for word in text.split()) + "."


def _initial(rng: Random) -> Params:
    return {"letter": rng.choice("bcfghlmprstw")}


def _initial_text(rng: Random, params: Params) -> Problem:
    pool = words.word_list(rng, 150)
    hits = [word for word in pool if word[0] == params["letter"]][: rng.choice((0, 1, 1, 2, 3))]
    mixed = hits + [word for word in pool if word[0] != params["letter"]][: rng.randint(3, 5)]
    rng.shuffle(mixed)
    return text_problem(" ".join(mixed))


def _initial_hits(text: str, params: Params) -> str:
    hits = [word for word in text.split() if word[0] == params["letter"]]
    return ", ".join(hits) if hits else "none"


def _mixed_numbers(rng: Random, params: Params) -> Problem:
    numbers = [str(rng.randint(2, 99)) for _ in range(rng.randint(1, 3))]
    frames = (
        "{n} bought {} {o}",
        "bus {} leaves from the {p}",
        "room {} is next to the {p}",
        "{n} waited {} minutes at the {p}",
        "the {w} sold {} {o}",
    )
    parts = []
    for number, frame in zip(numbers, rng.sample(frames, len(numbers)), strict=True):
        slots = {"n": rng.choice(words.FIRST_NAMES), "o": words.plural(rng.choice(words.OBJECTS))}
        parts.append(frame.format(number, p=rng.choice(words.PUBLIC_PLACES), w=rng.choice(words.PROFESSIONS), **slots))
    return Problem(words.capitalize(" and ".join(parts)) + ".", numbers)


def _meeting(rng: Random, params: Params) -> Problem:
    facts = {
        "day": rng.choice(words.WEEKDAYS),
        "time": f"{rng.randint(7, 20)}:{rng.choice(('00', '15', '30', '45'))}",
        "place": rng.choice(words.PLACES),
        "person": rng.choice(words.FIRST_NAMES),
    }
    frames = (
        "See you on {day} at {time} in front of the {place}, {person}!",
        "{person} will be at the {place} from {time} on {day}.",
        "Meeting with {person}, {day}, {time}, at the {place}",
        "On {day} we meet {person} near the {place} at {time}.",
    )
    return Problem(rng.choice(frames).format(**facts), facts)


def _colour_text(rng: Random, params: Params) -> Problem:
    a, b = rng.sample(words.COLOURS, 2)
    first, second = rng.sample(words.OBJECTS, 2)
    name, friend = words.names(rng, 2)
    texts = (
        f"{name} has {words.with_article(a)} {first} and {words.with_article(b)} {second}.",
        f"The {first} of {name} is {a}, while the {second} is {b}.",
        f"{name} carried {words.with_article(a)} {first} past {friend}, who held {words.with_article(b)} {second}.",
    )
    target, colour = rng.choice(((first, a), (second, b)))
    return Problem(f"{rng.choice(texts)} [{target}]", (target, colour))


def _has_params(rng: Random) -> Params:
    yes, no = rng.choice(labels.YES_NO)
    what = rng.choice(("a number", "a first name", "a weekday", "a colour"))
    return {"yes": yes, "no": no, "what": what}


def _mention_text(rng: Random, params: Params) -> Problem:
    wanted = rng.random() < 0.5
    extras = {
        "a number": f"{rng.randint(2, 99)} times",
        "a first name": f"with {rng.choice(words.FIRST_NAMES)}",
        "a weekday": f"on {rng.choice(words.WEEKDAYS)}",
        "a colour": f"in {words.with_article(rng.choice(words.COLOURS))} hat",
    }
    others = [key for key in extras if key != params["what"]]
    parts = [extras[key] for key in rng.sample(others, rng.randint(0, 2))]
    if wanted:
        parts.insert(rng.randint(0, len(parts)), extras[params["what"]])
    start = f"The {rng.choice(words.PROFESSIONS)} walked to the {rng.choice(words.PLACES)}"
    return Problem(" ".join([start, *parts]) + ".", wanted)


FAMILIES = (
    Family(
        id="extract_person_detail",
        category="extraction",
        descriptions=(
            "Copy the {field} of the person from the text.",
            "What is the {field} of the person described? Answer with the {field} only.",
            "Given a few words about a person, extract the {field}.",
            "Please find the {field} in this text about a person and write it down without anything else.",
        ),
        sample=_person_text,
        solve=lambda person, params: str(person[params["field"]]),
        anchors=(("person",), ("name", "city", "job", "age", "pet", "email")),
        params=lambda rng: {"field": rng.choice(_FIELDS)},
    ),
    Family(
        id="field_of_record",
        category="extraction",
        descriptions=(
            "Write the value of the field '{field}'.",
            "The input is a record with several fields. What does it say under '{field}'?",
            "Given a record of fields and values, return only the value that belongs to '{field}'.",
            "Please read the record and copy the value of its '{field}' field.",
        ),
        sample=_record_text,
        solve=lambda person, params: str(person[params["field"]]),
        anchors=(("field", "record", "value"),),
        params=lambda rng: {"field": rng.choice(_FIELDS)},
    ),
    Family(
        id="extract_members_of_kind",
        category="extraction",
        descriptions=(
            "List every word for a kind of {kind} in the text, in order, separated by commas. If there is none, write"
            " 'none'.",
            "Which words in the text name some kind of {kind}? Separate several by a comma and a space; answer 'none'"
            " if there are none.",
            "Given a text, copy all words that name some sort of {kind} (comma-separated, in the order of the text), or"
            " write 'none'.",
        ),
        sample=_members_text,
        solve=lambda hits, params: ", ".join(hits) if hits else "none",
        anchors=(("none",), _KIND_PARAMS),
        params=lambda rng: {"kind": rng.choice(_KIND_PARAMS)},
    ),
    Family(
        id="extract_quote",
        category="extraction",
        descriptions=(
            "Copy what stands between the quotation marks, without the marks.",
            "What exactly is quoted in the sentence? Leave out the quotation marks.",
            "Given a sentence with a quotation, extract the quoted words.",
            "Please return only the part of the text that is inside the double quotes.",
        ),
        sample=_quoted,
        solve=lambda quote, params: str(quote),
        anchors=(("quot",),),
    ),
    Family(
        id="word_by_length",
        category="extraction",
        descriptions=(
            "Which word has the {extreme} letters?",
            "Copy the {which} word, that is, the one with the {extreme} letters.",
            "Given several words, find the {which} one by its number of letters.",
            "Please count the letters of each word and write the {which} word.",
        ),
        sample=_unique_length,
        solve=lambda text, params: (max if params["which"] == "longest" else min)(text.split(), key=len),
        anchors=(("word",), ("letter",)),
        params=lambda rng: rng.choice(
            ({"which": "longest", "extreme": "most"}, {"which": "shortest", "extreme": "fewest"})
        ),
        rationale=_length_why,
    ),
    Family(
        id="words_with_initial",
        category="extraction",
        descriptions=(
            "List the words that begin with the letter '{letter}', separated by commas, or write 'none'.",
            "Which of the words start with '{letter}'? Keep their order and use commas; if no word does, answer"
            " 'none'.",
            "Given some words, copy those whose first letter is '{letter}' (with commas between them). Answer 'none'"
            " if there are no such words.",
        ),
        sample=_initial_text,
        solve=_initial_hits,
        anchors=(("word",), ("none",)),
        params=_initial,
    ),
    Family(
        id="numbers_in_text",
        category="extraction",
        descriptions=(
            "Copy all numbers of the text in order, separated by commas.",
            "Which numbers appear in this sentence? Write them with a comma and a space between them.",
            "Given a sentence, extract its numbers in the order in which they appear.",
            "Please list every number that is mentioned, with commas in between if there are several.",
        ),
        sample=_mixed_numbers,
        solve=lambda numbers, params: ", ".join(numbers),
        anchors=(("number",),),
    ),
    Family(
        id="meeting_detail",
        category="extraction",
        descriptions=(
            "Which {detail} is mentioned in this note about a meeting? Answer with the {detail} only.",
            "Extract the {detail} of the meeting.",
            "Given a short note about a meeting, copy the {detail} from it.",
            "Please read the note and tell me the {detail} of the meeting, without 'the' and without any other words.",
        ),
        sample=_meeting,
        solve=lambda facts, params: str(facts[params["detail"]]),
        anchors=(("meeting",), ("day", "time", "place", "person")),
        params=lambda rng: {"detail": rng.choice(("day", "time", "place", "person"))},
    ),
    Family(
        id="colour_of_the_thing",
        category="extraction",
        descriptions=(
            "What colour is the thing named in square brackets?",
            "Read the text and answer with the colour of the object that stands in square brackets at the end.",
            "Given a text and an object in brackets, write only the colour that the text gives this object.",
            "Please find the colour of the bracketed object.",
        ),
        sample=_colour_text,
        solve=lambda facts, params: str(facts[1]),
        anchors=(("colo",), ("bracket",)),
    ),
    Family(
        id="mentions_or_not",
        category="extraction",
        descriptions=(
            "Does the sentence mention {what}? Answer '{yes}' or '{no}'.",
            "Write '{yes}' if there is {what} in the sentence, otherwise write '{no}'.",
            "Given a sentence, check whether it mentions {what}; the answer is '{yes}' or '{no}'.",
            "Please reply '{yes}' for a sentence that contains {what} and '{no}' for one that does not.",
        ),
        no_label_instructions=("Does the sentence mention {what}?",),
        sample=_mention_text,
        solve=lambda wanted, params: params["yes" if wanted else "no"],
        anchors=(("sentence",), ("number", "name", "weekday", "colour")),
        params=_has_params,
        labels=labels.space("yes no"),
    ),
)
