"""Families about what can be answered: missing, needless and contradictory facts."""

from random import Random
from typing import NamedTuple

from kshot.generate.bank import labels, vocabulary, words
from kshot.tasks.family import Family, Params, Problem

_MISSING = ("unknown", "not stated", "cannot tell", "no answer", "?", "NOT GIVEN", "too little information")
_COLOURS = words.vocabulary("red blue green yellow black white brown pink")


class Story(NamedTuple):
    """Two facts that a question needs, the same facts left vague, and what is said about them and besides."""

    facts: tuple[str, str]
    vague: tuple[str, str]
    question: str
    answer: str
    needs: tuple[str, str]
    useless: tuple[str, ...]
    besides: str


def _story(rng: Random) -> Story:
    a, b = vocabulary.names(rng, 2)
    n, m, k = rng.randint(3, 12), rng.randint(2, 9), rng.randint(13, 60)
    thing = words.plural(
        rng.choice(("pencil", "candle", "button", "needle", "envelope", "egg", "apple", "nail", "cup"))
    )
    room, place = rng.choice(("cinema", "theatre", "school", "church")), rng.choice(words.PUBLIC_PLACES)
    colour, weekday, day = rng.choice(_COLOURS), rng.choice(words.WEEKDAYS), rng.randint(2, 30)
    besides = rng.choice((
        f"{a} wears a {colour} coat.", f"There are {day} shops near the {place}.", f"It is {day} degrees outside.",
        f"{b} lives at number {k}.", f"It is {weekday} today.", f"{a} met {b} at the {place}.",
    ))  # fmt: skip
    useless = (f"how many cousins {a} has", f"what the weather is like on {weekday}", f"where {b} spent the summer")
    facts, vague, question, answer, needs = rng.choice((
        ((f"{a} buys {n} boxes of {thing}.", f"Each box holds {k} {thing}."),
         (f"{a} buys a few boxes of {thing}.", f"Every box holds the same number of {thing}."),
         f"How many {thing} does {a} buy?", n * k, (f"how many boxes {a} buys", f"how many {thing} are in a box")),
        ((f"{a} buys {n} tickets.", f"A ticket costs {m} euros."),
         (f"{a} buys tickets for the whole family.", "All tickets cost the same."),
         f"How many euros does {a} pay for the tickets?", n * m,
         (f"how many tickets {a} buys", "how much a ticket costs")),
        ((f"{a} is {k} years old.", f"{b} is {m} years older than {a}."),
         (f"{a} has a birthday in May.", f"{b} is older than {a}."),
         f"How old is {b}?", k + m, (f"how old {a} is", f"how much older {b} is than {a}")),
        ((f"{a} reads {m} pages a day.", f"The book has {m * n} pages."),
         (f"{a} reads the same number of pages every day.", "The book is rather thick."),
         f"How many days does {a} need for the book?", n,
         (f"how many pages {a} reads a day", "how many pages the book has")),
        ((f"{a} had {k} {thing}.", f"{a} gave {m} of the {thing} to {b}."),
         (f"{a} had a bag of {thing}.", f"{a} gave some of the {thing} to {b}."),
         f"How many {thing} does {a} have left?", k - m,
         (f"how many {thing} {a} had at first", f"how many {thing} {a} gave away")),
        ((f"There are {n} rows of seats in the {room}.", f"Every row has {k} seats."),
         (f"There are several rows of seats in the {room}.", "All rows have the same number of seats."),
         f"How many seats are there in the {room}?", n * k,
         (f"how many rows there are in the {room}", "how many seats a row has")),
        ((f"{a} walks {k} km to the {place}.", f"{b} walks {m} km more than {a}."),
         (f"{a} walks all the way to the {place}.", f"{b} walks a little farther than {a}."),
         f"How many km does {b} walk?", k + m, (f"how many km {a} walks", f"how much farther {b} walks than {a}")),
        ((f"The rope is {k} m long.", f"{a} cuts off {m} m of the rope."),
         ("The rope is long enough.", f"{a} cuts off a piece of the rope."),
         "How many metres of the rope are left?", k - m,
         ("how long the rope was at first", "how much of the rope is cut off")),
    ))  # fmt: skip
    return Story(facts, vague, question, str(answer), needs, useless, besides)


class Told(NamedTuple):
    """A story as told, with a fact left vague or none (-1)."""

    story: Story
    vague: int


def _told(rng: Random, params: Params) -> Problem:
    story, vague = _story(rng), rng.choice((-1, -1, 0, 1))
    parts = [story.vague[i] if i == vague else story.facts[i] for i in (0, 1)]
    if rng.random() < 0.6:
        parts.insert(rng.randint(0, 1), story.besides)
    return Problem(f"{' '.join(parts)} {story.question}", Told(story, vague))


def _told_why(facts: Told, params: Params) -> str:
    story, vague = facts
    if vague < 0:
        return f"The text tells {story.needs[0]} and {story.needs[1]}."
    return f"The text tells {story.needs[1 - vague]}, but not {story.needs[vague]}."


def _missing(rng: Random) -> Params:
    return {"missing": words.draw_nonsense_word(rng) if rng.random() < 0.25 else rng.choice(_MISSING)}


_MARKS = (("A", "B", "C"), ("1", "2", "3"), ("a", "b", "c"), ("X", "Y", "Z"), ("i", "ii", "iii"), ("P", "Q", "R"))


def _marks(rng: Random) -> Params:
    return {**labels.scheme("a b c", *_MARKS)(rng), "style": rng.choice(("({})", "{})", "[{}]", "{}:"))}


def _marked(items: list[str], params: Params) -> str:
    return " ".join(f"{params['style'].format(params[key])} {item}" for key, item in zip("abc", items, strict=True))


def _needed_fact(rng: Random, params: Params) -> Problem:
    story, vague, at = _story(rng), rng.randrange(2), rng.randrange(3)
    options = list(rng.sample(story.useless, 2))
    options.insert(at, story.needs[vague])
    text = f"{story.vague[vague]} {story.facts[1 - vague]} {story.question} {_marked(options, params)}"
    return Problem(text, (at, story.needs[1 - vague]))


def _needless(rng: Random, params: Params) -> Problem:
    story, at = _story(rng), rng.randrange(3)
    parts = list(story.facts)
    parts.insert(at, story.besides)
    return Problem(f"{_marked(parts, params)} {story.question}", (at, story.needs))


def _contradiction_params(rng: Random) -> Params:
    schemes = (("contradiction", "no_contradiction"), ("conflict", "fine"), ("yes", "no"), ("impossible", "possible"))
    return labels.scheme_or_made_up("yes no", *schemes, ("C", "F"), ("clash", "ok"))(rng)


def _two_statements(rng: Random, params: Params) -> Problem:
    a, b = vocabulary.names(rng, 2)
    (town, other_town), (colour, other) = vocabulary.towns(rng, 2), rng.sample(_COLOURS, 2)
    (item, thing), (n, m) = rng.sample(words.OBJECTS, 2), rng.sample(range(2, 40), 2)
    hour, later = rng.sample(range(2, 12), 2)
    (place, elsewhere), country = rng.sample(words.PUBLIC_PLACES, 2), rng.choice(vocabulary.COUNTRIES)
    day, other_day = rng.sample(words.WEEKDAYS, 2)
    first, clash, fits, topic = rng.choice((
        (f"At {hour} o'clock today {a} was in {town}.", f"At {hour} o'clock today {a} was in {other_town}.",
         (f"At {later} o'clock today {a} was in {other_town}.", f"At {hour} o'clock today {b} was in {other_town}."),
         f"where {a} was at {hour} o'clock"),
        (f"{a}'s only {item} is {colour} all over.", f"{a}'s only {item} is {other} all over.",
         (f"{b}'s only {item} is {other} all over.", f"{a}'s only {item} is very old."), f"the colour of {a}'s {item}"),
        (f"There are exactly {n} {words.plural(item)} in the {place}.",
         f"There are exactly {m} {words.plural(item)} in the {place}.",
         (f"There are exactly {m} {words.plural(item)} in the {elsewhere}.",
          f"There are exactly {m} {words.plural(thing)} in the {place}."),
         f"the number of {words.plural(item)} in the {place}"),
        (f"{a} has never been to {country}.", f"{a} was in {country} on {day}.",
         (f"{b} was in {country} on {day}.", f"{a} wants to see {country}."), f"whether {a} was in {country}"),
        (f"Nobody but {a} has a {item}.", f"{b} has a {item}.", (f"{a} has a {item}.", f"{b} has no {item}."),
         f"whether {b} has a {item}"),
        (f"The {place} was closed all day last {day}.", f"The {place} was open for an hour last {day}.",
         (f"The {place} was open for an hour last {other_day}.", f"The {elsewhere} was open for an hour last {day}."),
         f"whether the {place} was closed last {day}"),
    ))  # fmt: skip
    contradict = rng.random() < 0.5
    second = clash if contradict else rng.choice(fits)
    pair = f"{first} {second}".replace(" a envelope", " an envelope").replace(" a umbrella", " an umbrella")
    return Problem(pair, (contradict, topic))


def _contradiction_why(facts: tuple[bool, str], params: Params) -> str:
    contradict, topic = facts
    return f"One statement tells {topic}. The other {'tells something else of it' if contradict else 'fits with that'}."


_EVENTS = words.vocabulary("concert fair lecture picnic race auction parade exhibition festival quiz workshop")


def _event(rng: Random, event: str) -> dict[str, tuple[str, str, str]]:
    """What may be known of an event: the sentence, the question and its answer, by topic."""
    (host, guest), town, company = vocabulary.names(rng, 2), vocabulary.towns(rng, 1)[0], vocabulary.company(rng)
    day, hour, number = rng.choice(words.WEEKDAYS), rng.randint(2, 11), rng.randint(15, 400)
    return {
        "town": (f"The {event} takes place in {town}.", f"In which town is the {event}?", town),
        "day": (f"The {event} is on {day}.", f"On which day is the {event}?", day),
        "hour": (f"The {event} begins at {hour} o'clock.", f"At what time does the {event} begin?", f"{hour} o'clock"),
        "people": (f"{number} people have tickets for the {event}.",
                   f"How many people have tickets for the {event}?", str(number)),
        "host": (f"{host} is in charge of the {event}.", f"Who is in charge of the {event}?", host),
        "money": (f"The {event} is paid for by {company}.", f"Which company pays for the {event}?", company),
        "speech": (f"{guest} will give a speech at the {event}.", f"Who will give a speech at the {event}?", guest),
    }  # fmt: skip


def _event_or_gap(rng: Random, params: Params) -> Problem:
    event, other = rng.sample(_EVENTS, 2)
    own, foreign = _event(rng, event), _event(rng, other)
    topics = rng.sample(list(own), 4)
    of_event = [own[topic][0] for topic in topics[:2]]
    told = [*of_event, foreign[topics[1]][0], foreign[topics[2]][0]]
    # A topic that the text does not tell of this event is mostly told of the other one.
    known = rng.random() < 0.5
    _, question, answer = own[rng.choice(topics[:2]) if known else rng.choice((topics[2], topics[2], topics[3]))]
    return Problem(f"{' '.join(rng.sample(told, 4))} {question}", (answer if known else "", event, of_event))


def _event_why(facts: tuple[str, str, list[str]], params: Params) -> str:
    return f"All that is said about the {facts[1]} is this: {' '.join(facts[2])}"


def _which_question(rng: Random, params: Params) -> Problem:
    event, other = rng.sample(_EVENTS, 2)
    own, foreign = _event(rng, event), _event(rng, other)
    topics, at = rng.sample(list(own), 4), rng.randrange(3)
    told = [own[topics[0]][0], own[topics[1]][0], foreign[topics[2]][0]]
    questions = [own[topics[2]][1], own[topics[3]][1]]
    questions.insert(at, own[topics[0]][1])
    return Problem(f"{' '.join(rng.sample(told, 3))} {_marked(questions, params)}", (at, own[topics[0]][0]))


def _conflict_params(rng: Random) -> Params:
    schemes = (("conflict", "unknown"), ("they disagree", "nobody says"), ("?!", "?"), ("unclear", "not mentioned"))
    return labels.scheme_or_made_up("conflict missing", *schemes, ("CONTRADICTION", "GAP"))(rng)


def _notes(rng: Random, params: Params) -> Problem:
    event, other, third = rng.sample(_EVENTS, 3)
    topic = rng.choice(("town", "day", "hour", "host", "money", "speech"))
    first, second = _event(rng, event), _event(rng, event)
    while first[topic][2] == second[topic][2]:
        second = _event(rng, event)
    verdict = rng.choice(("one", "none", "conflict"))
    claims = {"one": [first, first], "none": [], "conflict": [first, second]}[verdict]
    notes = [claim[topic][0] for claim in claims[: rng.randint(1, 2) if verdict == "one" else 2]]
    notes += [_event(rng, name)[topic][0] for name in (other, third)][: 3 - len(notes)]
    rng.shuffle(notes)
    speakers = vocabulary.names(rng, len(notes))
    text = " ".join(f"{who}: {note}" for who, note in zip(speakers, notes, strict=True))
    values = [claim[topic][2] for claim in claims]
    return Problem(f"{text} Question: {first[topic][1]}", (list(dict.fromkeys(values)), event))


def _settled(facts: tuple[list[str], str], params: Params) -> str:
    values = facts[0]
    return params["missing"] if not values else values[0] if len(values) == 1 else params["conflict"]


def _settled_why(facts: tuple[list[str], str], params: Params) -> str:
    values, event = facts
    return f"For the {event} the notes give " + (f"this: {words.join_items(values)}." if values else "nothing.")


FAMILIES: tuple[Family, ...] = (
    Family(
        id="enough_to_work_out",
        category="answerability",
        descriptions=(
            "Can the question be answered with a number from the facts given? Answer '{yes}' or '{no}'.",
            "Do not work the answer out; only say whether the text gives all numbers that the question needs: '{yes}'"
            " if it does, '{no}' if one is missing.",
            "Given a short story and a question, write '{no}' if a fact that you would need for the number is not"
            " stated, and '{yes}' if nothing is missing.",
            "Is there enough information for the question? Write '{yes}' for enough and '{no}' for too little.",
        ),
        no_label_instructions=("Can the question be answered from the facts given?",),
        sample=_told,
        solve=lambda facts, params: params["yes" if facts[1] < 0 else "no"],
        anchors=(("question",),),
        params=labels.scheme_or_made_up("yes no", *labels.YES_NO, ("enough", "too_little"), ("solvable", "open")),
        labels=labels.space("yes no"),
        rationale=_told_why,
    ),
    Family(
        id="number_or_missing_fact",
        category="answerability",
        descriptions=(
            "Work out the number that the question asks for. If a fact that you need is not stated, write '{missing}'.",
            "Answer with a number in digits, or with '{missing}' when the text does not say enough to calculate it.",
            "Given a small problem, solve it and write only the number; a problem without all the numbers it needs gets"
            " the answer '{missing}'.",
            "Solve the problem and write the number asked for. Some problems cannot be solved because something is not"
            " told: their answer is '{missing}'.",
        ),
        sample=_told,
        solve=lambda facts, params: facts[0].answer if facts[1] < 0 else params["missing"],
        anchors=(("number",),),
        params=_missing,
        rationale=_told_why,
    ),
    Family(
        id="which_fact_is_needed",
        category="answerability",
        descriptions=(
            "The question cannot be answered yet. Which of the three facts would you have to know? Answer '{a}', '{b}'"
            " or '{c}'.",
            "Choose the information that is still missing for the answer and write its mark: {a}, {b} or {c}.",
            "Given facts, a question and three things you could ask about, pick the one whose answer is needed"
            " ({a}, {b} or {c}).",
        ),
        sample=_needed_fact,
        solve=lambda facts, params: params["abc"[facts[0]]],
        anchors=(("fact", "information", "question"),),
        params=_marks,
        labels=labels.space("a b c"),
        rationale=lambda facts, params: (
            f"The text tells {facts[1]}. The other number that the question needs is not told."
        ),
    ),
    Family(
        id="sentence_not_needed",
        category="answerability",
        descriptions=(
            "Which of the three marked sentences is not needed to answer the question? Write '{a}', '{b}' or '{c}'.",
            "Two of the sentences are needed for the question at the end. Answer with the mark ({a}, {b} or {c}) of the"
            " sentence that could be left out.",
            "Given three sentences and a question, find the sentence that does not help with the question and give its"
            " mark: {a}, {b} or {c}.",
        ),
        sample=_needless,
        solve=lambda facts, params: params["abc"[facts[0]]],
        anchors=(("sentence",), ("question",)),
        params=_marks,
        labels=labels.space("a b c"),
        rationale=lambda facts, params: f"For the answer you must know {facts[1][0]} and {facts[1][1]}.",
    ),
    Family(
        id="statements_contradict",
        category="answerability",
        descriptions=(
            "Do the two statements contradict each other? Answer '{yes}' if they do and '{no}' if both can be true.",
            "Write '{no}' if the two statements can both be true, and '{yes}' if at least one of them must be false.",
            "Given two statements, check whether they fit together. '{yes}' stands for a contradiction, '{no}' for"
            " none.",
            "Look for a contradiction: reply '{yes}' if the two statements cannot both be true, and '{no}' if they"
            " can.",
        ),
        no_label_instructions=("Do the two statements contradict each other?",),
        sample=_two_statements,
        solve=lambda facts, params: params["yes" if facts[0] else "no"],
        anchors=(("statement",),),
        params=_contradiction_params,
        labels=labels.space("yes no"),
        rationale=_contradiction_why,
    ),
    Family(
        id="event_question_or_gap",
        category="answerability",
        descriptions=(
            "Answer the question about the event in a few words. Write '{missing}' if the text does not tell.",
            "The text is about two events. Give what it says in answer to the question, or '{missing}' if that is said"
            " only of the other event or of neither.",
            "Given news of two events and a question about one of them, copy the answer from the text; where the text"
            " is silent, the reply is '{missing}'.",
            "Find the answer to the question in the text and copy it. There may be none: then write '{missing}'.",
        ),
        sample=_event_or_gap,
        solve=lambda facts, params: facts[0] or params["missing"],
        anchors=(("question",), ("text",)),
        params=_missing,
        rationale=_event_why,
    ),
    Family(
        id="which_question_is_answered",
        category="answerability",
        descriptions=(
            "Only one of the three questions can be answered from the text. Write its mark: {a}, {b} or {c}.",
            "Which question does the text answer? Reply with '{a}', '{b}' or '{c}'.",
            "Given a short text and three marked questions, find the question whose answer is in the text and give its"
            " mark ({a}, {b} or {c}).",
        ),
        sample=_which_question,
        solve=lambda facts, params: params["abc"[facts[0]]],
        anchors=(("question",), ("text",)),
        params=_marks,
        labels=labels.space("a b c"),
        rationale=lambda facts, params: f"The text says: {facts[1]} This answers one of the questions.",
    ),
    Family(
        id="one_answer_none_or_conflict",
        category="answerability",
        descriptions=(
            "Answer the question from the notes. If the notes give different answers, write '{conflict}'. If they give"
            " none, write '{missing}'.",
            "Several people report. Copy the answer to the question if the reports agree on it; reply '{conflict}' if"
            " they do not, and '{missing}' if nobody says.",
            "Given notes by different people and a question, write the answer that they give, '{missing}' where no note"
            " has one, or '{conflict}' where two notes do not agree.",
        ),
        sample=_notes,
        solve=_settled,
        anchors=(("question",), ("note", "report")),
        params=_conflict_params,
        rationale=_settled_why,
    ),
)
