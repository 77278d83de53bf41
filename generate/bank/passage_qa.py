"""Families that answer a question from a short passage, some of which lack the answer."""

from random import Random

from kshot.generate.bank import labels, words
from kshot.tasks.family import Family, Params, Problem

_MISSING = ("not stated", "unknown", "no answer", "unanswerable", "not in the text", "NOT_GIVEN")
_ROOMS = ("kitchen", "garden", "cellar", "garage", "attic", "office", "library", "hallway", "balcony", "workshop")


def _missing(rng: Random) -> Params:
    return {"missing": rng.choice(_MISSING)}


def _profile(rng: Random, name: str) -> dict[str, tuple[str, str, str]]:
    """What may be known of a person: the sentence, the question and its answer, by topic."""
    job, city, pet = rng.choice(words.PROFESSIONS), rng.choice(words.CITIES), rng.choice(words.ANIMALS[:9])
    fruit, day = rng.choice(words.FRUITS), rng.choice(words.WEEKDAYS)
    sport, colour = rng.choice(words.SPORTS), rng.choice(words.PLAIN_COLOURS)
    age = rng.randint(18, 80)
    instrument = rng.choice(words.INSTRUMENTS)
    return {
        "job": (f"{name} works as {words.with_article(job)}.", f"What is {name}'s job?", job),
        "city": (f"{name} lives in {city}.", f"In which city does {name} live?", city),
        "pet": (f"{name}'s only pet is {words.with_article(pet)}.", f"What kind of pet does {name} have?", pet),
        "fruit": (f"{name}'s favourite fruit is the {fruit}.", f"What is {name}'s favourite fruit?", fruit),
        "day": (f"{name}'s only day off is {day}.", f"On which day of the week is {name} off work?", day),
        "sport": (f"{name}'s favourite sport is {sport}.", f"What is {name}'s favourite sport?", sport),
        "colour": (f"The front door of {name}'s house is {colour}.", f"What colour is {name}'s front door?", colour),
        "age": (f"{name} is {age} years old.", f"How old is {name}?", str(age)),
        "music": (f"{name} plays only the {instrument}.", f"Which instrument does {name} play?", instrument),
    }


def _two_people(rng: Random, answerable: bool) -> Problem:
    name, friend = words.names(rng, 2)
    own, other = _profile(rng, name), _profile(rng, friend)
    topics = rng.sample(list(own), 4)
    told = [own[topic][0] for topic in topics[:2]] + [other[topic][0] for topic in topics[1:3]]
    rng.shuffle(told)
    # Of the two topics never told of this person, one is told of the friend: a gap must not show by the topic alone.
    _, question, answer = own[rng.choice(topics[:2] if answerable else topics[2:])]
    return Problem(f"{' '.join(told)} {question}", answer if answerable else "")


def _person_question(rng: Random, params: Params) -> Problem:
    return _two_people(rng, answerable=True)


def _person_question_or_gap(rng: Random, params: Params) -> Problem:
    return _two_people(rng, answerable=rng.random() < 0.55)


def _moves(rng: Random, params: Params) -> Problem:
    people = words.names(rng, rng.randint(2, 3))
    steps: list[tuple[str, str]] = []
    for _ in range(rng.randint(3, 5)):
        who = rng.choice(people)
        here = next((room for name, room in reversed(steps) if name == who), None)
        steps.append((who, rng.choice([room for room in _ROOMS if room != here])))
    asked = rng.choice(steps)[0]
    verbs = ("went to", "walked to", "ran to", "moved to")
    story = " ".join(f"{who} {rng.choice(verbs)} the {room}." for who, room in steps)
    return Problem(f"{story} Where is {asked} now?", (steps, asked))


def _last_room(facts: tuple[list[tuple[str, str]], str], params: Params) -> str:
    return next(room for name, room in reversed(facts[0]) if name == facts[1])


def _moves_why(facts: tuple[list[tuple[str, str]], str], params: Params) -> str:
    steps, asked = facts
    return f"The moves of {asked}, in order, go to the {', then to the '.join(r for n, r in steps if n == asked)}."


def _schedule(rng: Random, params: Params) -> Problem:
    events = rng.sample(("breakfast", "a swim", "a lecture", "lunch", "a guided tour", "a workshop", "coffee",
    "a concert",
                         "dinner", "a quiz", "a film", "yoga"), 4)  # fmt: skip
    hours = sorted(rng.sample(range(8, 22), 4))
    by_time = rng.random() < 0.5
    plan = [f"{hour}:00 {event}" for hour, event in zip(hours, events, strict=True)]
    i = rng.randrange(4)
    question = f"What is at {hours[i]}:00?" if by_time else f"At what time is {events[i]}?"
    return Problem(f"{', '.join(plan)}. {question}", events[i] if by_time else f"{hours[i]}:00")


def _claim_params(rng: Random) -> Params:
    schemes = (("true", "false", "not_stated"), ("yes", "no", "unknown"), ("supported", "contradicted",
               "not_mentioned"),
               ("T", "F", "N"), ("right", "wrong", "cannot_tell"))  # fmt: skip
    return dict(zip(("yes", "no", "maybe"), rng.choice(schemes), strict=True))


def _claim(rng: Random, verdicts: tuple[str, ...]) -> Problem:
    name, friend = words.names(rng, 2)
    own, other, false = _profile(rng, name), _profile(rng, friend), _profile(rng, name)
    topics = rng.sample(list(own), 4)
    told = [own[topic][0] for topic in topics[:3]] + [other[rng.choice(topics)][0]]
    verdict = rng.choice(verdicts)
    topic = topics[3] if verdict == "maybe" else rng.choice(topics[:3])
    while verdict == "no" and false[topic][2] == own[topic][2]:
        false = _profile(rng, name)
    claim = (own if verdict == "yes" else false)[topic][0]
    if verdict == "maybe":
        told[3] = other[rng.choice(topics[:3])][0]
    return Problem(f"{' '.join(rng.sample(told, len(told)))} Claim: {claim}", (own[topic][0], claim, told))


def _verdict(facts: tuple[str, str, list[str]], params: Params) -> str:
    truth, claim, told = facts
    if truth not in told:
        return params["maybe"]
    return params["yes"] if claim == truth else params["no"]


def _claim_why(facts: tuple[str, str, list[str]], params: Params) -> str:
    truth, _, told = facts
    return f"The text says: {truth}" if truth in told else "The text says nothing about this."


def _letter(rng: Random, params: Params) -> Problem:
    sender, receiver, third = words.names(rng, 3)
    item, city, place = words.thing(rng), rng.choice(words.CITIES), rng.choice(words.PUBLIC_PLACES)
    text = (
        f"Dear {receiver}, thank you for the {item}. I met {third} at the {place} in {city} and we talked about you."
        f" Yours, {sender}. Question:"
    )
    question, answer = rng.choice((
        ("Who wrote the letter?", sender),
        ("Who is the letter for?", receiver),
        ("Whom did the writer meet?", third),
        ("In which city was the meeting?", city),
        ("What did the writer receive?", item),
    ))  # fmt: skip
    return Problem(f"{text} {question}", answer)


def _owners(rng: Random, params: Params) -> Problem:
    people, items = words.names(rng, 3), rng.sample(words.OBJECTS, 3)
    colours = rng.sample(words.PLAIN_COLOURS, 3)
    text = " ".join(f"{who} has the {colour} {item}." for who, colour, item in zip(people, colours, items, strict=True))
    i = rng.randrange(3)
    question, answer = rng.choice((
        (f"Who has the {items[i]}?", people[i]),
        (f"What does {people[i]} have?", f"the {colours[i]} {items[i]}"),
        (f"What colour is the {items[i]}?", colours[i]),
        (f"Who has something {colours[i]}?", people[i]),
    ))  # fmt: skip
    return Problem(f"{text} {question}", answer)


def _full_sentence(rng: Random, params: Params) -> Problem:
    people, places = words.names(rng, 3), rng.sample(words.PUBLIC_PLACES, 3)
    text = " ".join(f"{who} is waiting at the {place}." for who, place in zip(people, places, strict=True))
    i = rng.randrange(3)
    return Problem(f"{text} Where is {people[i]} waiting?", (people[i], places[i]))


FAMILIES = (
    Family(
        id="question_about_people",
        category="passage_qa",
        descriptions=(
            "Answer the question from the text, as briefly as you can.",
            "Read the sentences about two people and answer the question at the end with a word or a number.",
            "Given a short passage followed by a question, write just the answer found in the passage.",
            "What does the text say in answer to the question? Please copy only the needed words.",
        ),
        sample=_person_question,
        solve=lambda answer, params: str(answer),
        anchors=(("question",), ("answer",)),
    ),
    Family(
        id="question_maybe_unanswerable",
        category="passage_qa",
        descriptions=(
            "Answer the question from the text. If the text does not say, write '{missing}'.",
            "Read the passage and answer the question briefly; reply '{missing}' when the passage does not contain the"
            " answer.",
            "Given a passage and a question, copy the answer from the passage, or write '{missing}' if it cannot be"
            " found there.",
            "Please answer the question using nothing but the text. The reply must be '{missing}' for a question that"
            " the text leaves open.",
        ),
        sample=_person_question_or_gap,
        solve=lambda answer, params: answer or params["missing"],
        anchors=(("question",), ("text", "passage")),
        params=_missing,
    ),
    Family(
        id="where_is_the_person_now",
        category="passage_qa",
        descriptions=(
            "People move from room to room. Answer the question with the room only, without 'the'.",
            "Read who went where and say in which room the person asked about is at the end (one word).",
            "Given a story of people changing rooms, answer where the person in the question is now. Write just the"
            " name of the room.",
        ),
        sample=_moves,
        solve=_last_room,
        anchors=(("room", "place"),),
        rationale=_moves_why,
    ),
    Family(
        id="look_up_in_schedule",
        category="passage_qa",
        descriptions=(
            "Look up the answer to the question in the schedule.",
            "The input is a plan of the day and a question. Answer with the event or the time, exactly as in the plan.",
            "Given a schedule with times and events, please answer the question about it without extra words.",
        ),
        sample=_schedule,
        solve=lambda answer, params: str(answer),
        anchors=(("schedule", "plan", "timetable"), ("question",)),
    ),
    Family(
        id="claim_three_way",
        category="passage_qa",
        descriptions=(
            "Compare the claim with the text. Answer '{yes}' if the text says so, '{no}' if the text says something"
            " else about it, and '{maybe}' if the text does not tell.",
            "Is the claim true according to the text ('{yes}'), false according to the text ('{no}'), or is nothing"
            " said about it ('{maybe}')?",
            "Given a text and a claim, choose a label. '{yes}': the text supports the claim. '{no}': the text"
            " contradicts the claim. '{maybe}': the text gives no information on it.",
        ),
        no_label_instructions=("Compare the claim with the text.",),
        sample=lambda rng, params: _claim(rng, ("yes", "no", "maybe")),
        solve=_verdict,
        anchors=(("claim",), ("text",)),
        params=_claim_params,
        labels=labels.space("yes no maybe"),
        rationale=_claim_why,
    ),
    Family(
        id="claim_true_or_false",
        category="passage_qa",
        descriptions=(
            "Is the claim true according to the text? Answer '{yes}' or '{no}'.",
            "Check the claim against the sentences before it: '{yes}' if they say the same, '{no}' if they say"
            " otherwise.",
            "Given some facts and then a claim, reply '{yes}' when the claim agrees with the facts and '{no}' when it"
            " does not.",
            "Please read the facts, then decide whether the claim holds. Write only '{yes}' or '{no}'.",
        ),
        no_label_instructions=("Judge the claim by the text.",),
        sample=lambda rng, params: _claim(rng, ("yes", "no")),
        solve=lambda facts, params: params["yes" if facts[0] == facts[1] else "no"],
        anchors=(("claim",),),
        params=labels.scheme_or_made_up("yes no", *labels.TRUE_FALSE, *labels.YES_NO),
        labels=labels.space("yes no"),
    ),
    Family(
        id="question_about_letter",
        category="passage_qa",
        descriptions=(
            "Read the letter and answer the question in a few words.",
            "The input is a short letter with a question after it. What is the answer?",
            "Given a letter, please answer the question that follows it, using only words from the letter and no 'the'"
            " in front.",
        ),
        sample=_letter,
        solve=lambda answer, params: str(answer),
        anchors=(("letter",), ("question",)),
    ),
    Family(
        id="who_has_what",
        category="passage_qa",
        descriptions=(
            "Three people each have something. Answer the question about them.",
            "Read who has what, then answer the question with a name, a colour, or a thing together with 'the' and its"
            " colour.",
            "Given three facts about people and their belongings, please answer the question that comes after them,"
            " using words of the text.",
        ),
        sample=_owners,
        solve=lambda answer, params: str(answer),
        anchors=(("question",), ("answer",)),
    ),
    Family(
        id="answer_in_a_sentence",
        category="passage_qa",
        descriptions=(
            "Answer the question with a full sentence of the form 'NAME is at the PLACE.' and end it with a full stop.",
            "Where is the person? Reply with a complete sentence such as 'Ann is at the zoo.', full stop included.",
            "Given facts and a question, please answer in one sentence: the name, then 'is at the', then the place and"
            " a full stop.",
        ),
        sample=_full_sentence,
        solve=lambda facts, params: f"{facts[0]} is at the {facts[1]}.",
        anchors=(("sentence",), ("stop", "period")),
    ),
)
