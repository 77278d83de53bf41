"""Families that put a text into one of a few stated classes."""

from random import Random

from kshot.generate.bank import labels, words
from kshot.tasks.family import Family, Params, Problem

_TOPICS: dict[str, tuple[str, ...]] = {
    "sports": (
        "{name} scored twice in the {day} match.",
        "The {city} team lost the final after extra time.",
        "{name} trains for the marathon every {day}.",
        "The coach of the {city} team is looking for a new goalkeeper.",
        "Fans in {city} cheered when {name} won the race.",
        "The tennis player from {city} served well on {day}.",
    ),
    "food": (
        "{name} baked a cake with {fruit} and cream.",
        "The restaurant in {city} serves soup with fresh bread.",
        "Add salt to the dough and knead it for ten minutes, says {name}.",
        "On {day} the cook prepares rice with vegetables.",
        "{name} fried two eggs and cut the {fruit} into slices.",
        "The best cheese of {city} is sold in a small shop and tastes of nuts.",
    ),
    "weather": (
        "Heavy rain is expected in {city} on {day}.",
        "The wind grew stronger and dark clouds came over {city}.",
        "It was sunny in {city} on {day}, with a light breeze.",
        "Thick fog covers the roads around {city}.",
        "Snow fell in {city} all through {day}.",
        "{name} heard thunder over {city} and saw lightning.",
    ),
    "travel": (
        "{name} booked a flight to {city} for {day}.",
        "The hotel in {city} has rooms with a view of the harbour.",
        "{name} packed a suitcase and took the night train to {city}.",
        "Tourists in {city} can buy a ticket for the sightseeing bus.",
        "{name} lost a passport at the airport of {city}.",
        "Our holiday in {city} begins on {day}.",
    ),
    "health": (
        "The doctor told {name} to stay in bed until {day}.",
        "{name} has a fever and a sore throat.",
        "The hospital in {city} is short of nurses.",
        "{name} takes one tablet against the headache each {day}.",
        "The dentist in {city} treated the aching tooth of {name}.",
        "A new vaccine against flu is offered in {city}.",
    ),
    "technology": (
        "{name} installed an update on the laptop.",
        "The company from {city} sells a robot that can vacuum floors.",
        "The new phone has a faster chip and a larger screen, writes {name}.",
        "{name} wrote a program that sends messages every {day}.",
        "The website crashed on {day} because a server in {city} failed.",
        "{name} forgot the password of the computer.",
    ),
    "music": (
        "{name} plays the violin in an orchestra in {city}.",
        "The band gave a concert in {city} on {day}.",
        "{name} wrote the melody and the words of the song.",
        "The choir of {city} rehearses every {day}.",
        "{name} bought new strings for the guitar.",
        "The singer from {city} released her second album.",
    ),
    "money": (
        "{name} opened a savings account at a bank in {city}.",
        "Taxes in {city} will rise next year.",
        "The price of shares fell on {day}.",
        "{name} has to pay back the loan by {day}.",
        "{name} exchanged coins and notes in {city}.",
        "The bank in {city} lowered its interest rate on {day}.",
    ),
}


def _topic_params(rng: Random) -> Params:
    count = rng.randint(3, 5)
    topics = rng.sample(list(_TOPICS), count)
    style = rng.choice(("{}", "{}", "topic_{}", "{}_news", "about_{}"))
    names = [style.format(topic) for topic in topics]
    if rng.random() < 0.2:
        names = [topic.upper() for topic in topics]
    return {"topics": ",".join(topics), "names": ",".join(names), "labels": words.join_items(names, "or")}


def _named(params: Params) -> tuple[str, ...]:
    return tuple(params["names"].split(","))


def _topic_text(rng: Random, params: Params) -> Problem:
    topic = rng.choice(params["topics"].split(","))
    slots = {"name": words.FIRST_NAMES, "city": words.CITIES, "day": words.WEEKDAYS, "fruit": words.FRUITS}
    text = rng.choice(_TOPICS[topic]).format(**{slot: rng.choice(pool) for slot, pool in slots.items()})
    return Problem(text, topic)


def _relabel(topic: str, params: Params) -> str:
    return _named(params)[params["topics"].split(",").index(topic)]


def _kind_params(rng: Random) -> Params:
    kinds = rng.sample(list(words.KINDS), rng.randint(3, 8))
    names = [kind.replace(" ", "_") if rng.random() < 0.7 else kind for kind in kinds]
    return {"topics": ",".join(kinds), "names": ",".join(names), "labels": words.join_items(names, "or")}


def _kind_member(rng: Random, params: Params) -> Problem:
    kind = rng.choice(params["topics"].split(","))
    return Problem(rng.choice(words.KINDS[kind]), kind)


def _made_up_kinds(rng: Random) -> Params:
    kinds, made_up = rng.sample(list(words.KINDS), 2), words.draw_nonsense_pair(rng)
    return {"kind_a": kinds[0], "kind_b": kinds[1], "a": made_up[0], "b": made_up[1]}


def _made_up_member(rng: Random, params: Params) -> Problem:
    kind = params[rng.choice(("kind_a", "kind_b"))]
    member = rng.choice(words.KINDS[kind])
    name = rng.choice(words.FIRST_NAMES)
    text = rng.choice(
        (member, f"the word {member}", f"{name} wrote the word {member}.", f"{name} drew a card: {member}")
    )
    return Problem(text, kind)


def _made_up_why(kind: str, params: Params) -> str:
    return f"The thing that is named is of the kind {kind}."


_FORMAL = (
    "Dear {title} {last}, I am writing to request {item}.",
    "We would be grateful if you could confirm the appointment on {day}, {title} {last}.",
    "Please accept our apologies for the delay of {item}, {title} {last}.",
    "I hereby inform you that the meeting on {day} has been cancelled. Sincerely, {name} {last}",
    "Kindly return {item} to our office in {city} no later than {day}.",
    "Yours faithfully, {name} {last}, Department of Finance, {city}",
)
_INFORMAL = (
    "hey {name}, wanna grab lunch on {day}?",
    "lol can't find {item} again",
    "hi {name}! gonna be late, sorry",
    "thx for {item}, you're the best, {name}!",
    "yo {name}, what's up in {city}?",
    "can't wait to see ya on {day}, {name}!",
)


def _register(rng: Random, params: Params) -> Problem:
    formal = rng.random() < 0.5
    values = {
        "name": rng.choice(words.FIRST_NAMES),
        "last": rng.choice(words.LAST_NAMES),
        "title": rng.choice(("Mr", "Ms", "Dr")),
        "day": rng.choice(words.WEEKDAYS),
        "city": rng.choice(words.CITIES),
        "item": f"the {rng.choice(words.OBJECTS)}",
    }
    return Problem(rng.choice(_FORMAL if formal else _INFORMAL).format(**values), formal)


def _string_of(kind: str, rng: Random) -> str:
    first, last = rng.choice(words.FIRST_NAMES), rng.choice(words.LAST_NAMES)
    a, b = rng.choice(words.OBJECTS), rng.choice(words.ANIMALS)
    strings = {
        "email": f"{first.lower()}.{last.lower()}@{a}{rng.choice(('.com', '.org', '.net'))}",
        "url": f"https://www.{a}-{b}{rng.choice(('.com', '.org', '.net'))}",
        "phone": f"+{rng.randint(20, 98)} {rng.randint(100, 999)} {rng.randint(100, 999)} {rng.randint(100, 999)}",
        "price": f"{rng.choice('$€£')}{rng.randint(1, 900)}.{rng.randint(0, 99):02}",
        "time": f"{rng.randint(0, 23):02}:{rng.randint(0, 59):02}",
        "percentage": f"{rng.randint(1, 99)}.{rng.randint(0, 9)}%",
        "file": f"{a}_{b}{rng.choice(('.txt', '.pdf', '.png', '.zip'))}",
        "name": f"{first} {last}",
    }
    return strings[kind]


_STRING_NAMES = {
    "email": ("email", "email_address"),
    "url": ("url", "web_address"),
    "phone": ("phone", "phone_number"),
    "price": ("price", "amount_of_money"),
    "time": ("time", "time_of_day"),
    "percentage": ("percentage", "percentage"),
    "file": ("file", "file_name"),
    "name": ("name", "person_name"),
}


def _string_params(rng: Random) -> Params:
    kinds, style = rng.sample(list(_STRING_NAMES), rng.randint(3, 6)), rng.randrange(2)
    names = [_STRING_NAMES[kind][style] for kind in kinds]
    return {"topics": ",".join(kinds), "names": ",".join(names), "labels": words.join_items(names, "or")}


def _string_text(rng: Random, params: Params) -> Problem:
    kind = rng.choice(params["topics"].split(","))
    return Problem(_string_of(kind, rng), kind)


_HEDGED = ("{n} may", "Perhaps {n} will", "{n} might", "Maybe {n} will", "It is possible that {n} will")
_FIRM = ("{n} will", "{n} will definitely", "Everyone knows that {n} will", "It is certain that {n} will")
_PLANS = ("visit the {p}", "clean the {p}", "bring the {o}", "sell the {o}", "paint the {p}")


def _certainty(rng: Random, params: Params) -> Problem:
    sure = rng.random() < 0.5
    frame = f"{rng.choice(_FIRM if sure else _HEDGED)} {rng.choice(_PLANS)} on {rng.choice(words.WEEKDAYS)}."
    text = frame.format(n=rng.choice(words.FIRST_NAMES), p=rng.choice(words.PLACES), o=rng.choice(words.OBJECTS))
    return Problem(text, sure)


def _living_member(rng: Random, params: Params) -> Problem:
    kinds = ("animal", "flower", "profession") if rng.random() < 0.5 else ("tool", "vehicle", "furniture", "clothing")
    member = rng.choice(words.KINDS[rng.choice(kinds)])
    return Problem(
        f"{rng.choice(('small', 'large', 'old', 'heavy', 'beautiful', 'strange'))} {member}"
        if rng.random() < 0.5
        else member,
        member,
    )


def _is_living(member: str) -> bool:
    return any(member in words.KINDS[kind] for kind in ("animal", "flower", "profession"))


FAMILIES = (
    Family(
        id="topic_of_sentence",
        category="classification",
        descriptions=(
            "What is the topic of the sentence? Choose {labels}.",
            "Classify the sentence by its topic. The labels are {labels}.",
            "Given one sentence, decide which topic it is about and answer with exactly one of: {labels}.",
            "Please label the text with the topic that fits best: {labels}.",
        ),
        no_label_instructions=("What is the topic of the sentence?",),
        sample=_topic_text,
        solve=_relabel,
        anchors=(("topic", "about", "subject", "theme"),),
        params=_topic_params,
        labels=_named,
    ),
    Family(
        id="kind_of_thing",
        category="classification",
        descriptions=(
            "What kind of thing does the word name? Answer {labels}.",
            "Put the word into one of these classes: {labels}.",
            "Given a noun, choose the class that it belongs to. The classes are {labels}.",
            "Please say which class this word falls into: {labels}. Reply with the class name only.",
        ),
        no_label_instructions=("What kind of thing does the word name?",),
        sample=_kind_member,
        solve=_relabel,
        anchors=(("class", "kind", "categor", "type", "group"),),
        params=_kind_params,
        labels=_named,
    ),
    Family(
        id="made_up_class_names",
        category="classification",
        descriptions=(
            "Answer '{a}' if the text names something of the kind '{kind_a}'. Answer '{b}' if it names something of"
            " the kind '{kind_b}'.",
            "In this game '{a}' means any word of the class '{kind_a}' and '{b}' means any word of the class"
            " '{kind_b}'. Which of the two made-up words fits the input?",
            "Label the input '{a}' when something of the class '{kind_a}' is mentioned and '{b}' when something of the"
            " class '{kind_b}' is mentioned.",
            "Given a text that mentions a thing of one of two kinds, please write '{a}' for the kind '{kind_a}' or"
            " '{b}' for the kind '{kind_b}'.",
        ),
        sample=_made_up_member,
        solve=lambda kind, params: params["a" if kind == params["kind_a"] else "b"],
        anchors=(("class", "kind", "categor", "type"),),
        params=_made_up_kinds,
        labels=labels.space("a b"),
        rationale=_made_up_why,
    ),
    Family(
        id="formal_or_informal",
        category="classification",
        descriptions=(
            "Is the message formal or informal? Answer '{formal}' if it is formal and '{informal}' if it is informal.",
            "Look at the style of the message. Formal letters get '{formal}'; casual, informal chat gets '{informal}'.",
            "Given a line from a message, write '{formal}' when its style is formal and '{informal}' when it is"
            " informal.",
            "Please judge the style of this text: '{formal}' for formal writing as in a business letter, '{informal}'"
            " for informal writing as between friends.",
        ),
        no_label_instructions=("What is the style of the message?",),
        sample=_register,
        solve=lambda formal, params: params["formal" if formal else "informal"],
        anchors=(("formal",), ("informal", "casual")),
        params=labels.scheme_or_made_up(
            "formal informal", ("formal", "informal"), ("business", "casual"), ("letter", "chat"), ("F", "I")
        ),
        labels=labels.space("formal informal"),
    ),
    Family(
        id="kind_of_string",
        category="classification",
        descriptions=(
            "What sort of data is this? Answer {labels}.",
            "Recognise the type of the string. Possible types: {labels}.",
            "Given a piece of data, name its type with exactly one of these labels: {labels}.",
            "Please look at the form of the input and classify it as {labels}.",
        ),
        no_label_instructions=("What sort of data is this?",),
        sample=_string_text,
        solve=_relabel,
        anchors=(("data", "type", "form", "string", "kind"),),
        params=_string_params,
        labels=_named,
    ),
    Family(
        id="certain_or_uncertain",
        category="classification",
        descriptions=(
            "Does the sentence present its claim as certain? Answer '{sure}' if it is certain and '{unsure}' if it is"
            " only possible.",
            "Write '{sure}' when the speaker is certain and '{unsure}' when words such as 'may' or 'perhaps' show that"
            " something is only possible.",
            "Given a sentence about the future, decide if it is stated as certain ('{sure}') or as merely possible"
            " ('{unsure}').",
            "Please mark hedged sentences, where the event is only possible, with '{unsure}', and sentences that sound"
            " certain with '{sure}'.",
        ),
        no_label_instructions=("How does the sentence present its claim?",),
        sample=_certainty,
        solve=lambda sure, params: params["sure" if sure else "unsure"],
        anchors=(("certain", "sure", "definite"), ("possib", "hedg", "uncertain", "unsure")),
        params=labels.scheme(
            "sure unsure", ("certain", "uncertain"), ("sure", "unsure"), ("definite", "possible"), ("yes", "no")
        ),
        labels=labels.space("sure unsure"),
    ),
    Family(
        id="living_or_not",
        category="classification",
        descriptions=(
            "Is it alive, like a person, an animal or a plant? Answer '{yes}' or '{no}'.",
            "Label people, animals and plants '{yes}' (living) and things that people make '{no}' (not living).",
            "Given a noun, write '{yes}' if it names a living being, that is a person, an animal or a plant, and"
            " '{no}' if it names a lifeless object.",
            "Please tell living beings from objects: '{yes}' stands for living, '{no}' for not living.",
        ),
        no_label_instructions=("Sort the word by what it names.",),
        sample=_living_member,
        solve=lambda member, params: params["yes" if _is_living(member) else "no"],
        anchors=(("living", "alive"),),
        params=labels.scheme_or_made_up("yes no", *labels.YES_NO, ("living", "object"), ("alive", "not_alive")),
        labels=labels.space("yes no"),
    ),
)
