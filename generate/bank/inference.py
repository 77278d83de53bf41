"""Families that draw a conclusion from what is stated: rules, sets, containers, paraphrase, pronouns."""

from random import Random

from kshot.generate.bank import labels, words
from kshot.tasks.family import Family, Params, Problem


def _syllogism(rng: Random, params: Params) -> Problem:
    kinds = [words.draw_nonsense_word(rng) for _ in range(4)]
    many = [words.plural(kind) for kind in kinds]
    name, holds = rng.choice(words.FIRST_NAMES), rng.random() < 0.5
    # A rule that does not matter keeps the mere words "All" and "No" from giving the answer away.
    idle = f"{'No' if holds else 'All'} {many[3]} are {many[2]}."
    steps = [f"All {many[0]} are {many[1]}.", f"{'All' if holds else 'No'} {many[1]} are {many[2]}.", idle]
    rng.shuffle(steps)
    text = f"{' '.join(steps)} {name} is {words.with_article(kinds[0])}. Is {name} {words.with_article(kinds[2])}?"
    return Problem(text, (name, kinds, holds))


def _syllogism_why(facts: tuple[str, list[str], bool], params: Params) -> str:
    name, kinds, holds = facts
    middle = words.with_article(kinds[1])
    return (
        f"{name} is {words.with_article(kinds[0])}, so {name} is {middle}. What is {middle} is"
        f" {'' if holds else 'not '}{words.with_article(kinds[2])}."
    )


_CONDITIONS = ("it rains", "the bell rings", "the light is red", "the shop is closed", "the gate is open",
               "the bus is late",
               "the phone rings", "the lake is frozen")  # fmt: skip
_DENIED = {
    "it rains": "it does not rain",
    "the bell rings": "the bell does not ring",
    "the light is red": "the light is not red",
    "the shop is closed": "the shop is not closed",
    "the gate is open": "the gate is not open",
    "the bus is late": "the bus is not late",
    "the phone rings": "the phone does not ring",
    "the lake is frozen": "the lake is not frozen",
}
_DEEDS = ("stays at home", "takes the train", "goes to the market", "calls a friend", "reads a book",
          "cleans the kitchen",
          "plays the piano", "drinks tea", "feeds the cat", "waits outside")  # fmt: skip


def _either_rule(rng: Random, params: Params) -> Problem:
    name, condition = rng.choice(words.FIRST_NAMES), rng.choice(_CONDITIONS)
    deed, other = rng.sample(_DEEDS, 2)
    met = rng.random() < 0.5
    fact = words.capitalize(condition if met else _DENIED[condition])
    question = f"What does {name} do today?"
    return Problem(
        f"If {condition}, {name} {deed}. Otherwise {name} {other}. Today: {fact}. {question}", (name, deed, other, met)
    )


def _container(rng: Random, params: Params) -> Problem:
    item = rng.choice(("key", "coin", "ring", "stamp", "button", "needle", "ticket"))
    holders = rng.sample(("box", "basket", "bag", "suitcase", "drawer", "cupboard", "jar", "wardrobe"), 3)
    rooms = rng.sample(("kitchen", "garage", "attic", "cellar", "office", "hallway"), 2)
    facts = [
        f"The {item} is in the {holders[0]}.",
        f"The {holders[0]} is in the {rooms[0]}.",
        f"The {holders[1]} is in the {rooms[1]}.",
    ]
    rng.shuffle(facts)
    return Problem(f"{' '.join(facts)} In which room is the {item}?", (item, holders[0], rooms[0]))


def _paraphrase_params(rng: Random) -> Params:
    schemes = (
        ("same", "different"),
        ("yes", "no"),
        ("paraphrase", "not_paraphrase"),
        ("equivalent", "not_equivalent"),
        ("S", "D"),
    )
    return dict(zip(("yes", "no"), rng.choice(schemes), strict=True))


def _paraphrase(rng: Random, params: Params) -> Problem:
    a, b = words.names(rng, 2)
    first_thing, second_thing = rng.sample(words.OBJECTS, 2)
    _, _, past, participle = rng.choice(words.TRANSITIVE)
    pairs = (
        (f"{a} {past} the {first_thing}.", f"The {first_thing} was {participle} by {a}.",
         f"The {first_thing} was {participle} by {b}."),
        (f"{a} gave the {first_thing} to {b}.", f"{a} gave {b} the {first_thing}.", f"{b} gave {a} the {first_thing}."),
        (f"{a} gave {b} the {first_thing}.", f"{b} got the {first_thing} from {a}.",
        f"{a} got the {first_thing} from {b}."),
        (f"The {first_thing} is under the {second_thing}.", f"The {second_thing} is on top of the {first_thing}.",
         f"The {second_thing} is under the {first_thing}."),
        (f"{a} {past} the {first_thing} before lunch.", f"Before lunch, {a} {past} the {first_thing}.",
         f"Before lunch, {a} {past} the {second_thing}."),
        (f"{a} bought the {first_thing} from {b}.", f"{b} sold the {first_thing} to {a}.",
         f"{a} sold the {first_thing} to {b}."),
    )  # fmt: skip
    source, same, other = rng.choice(pairs)
    alike = rng.random() < 0.5
    return Problem(f"A: {source} B: {same if alike else other}", alike)


def _entailment_params(rng: Random) -> Params:
    schemes = (("entailment", "contradiction", "neutral"), ("follows", "impossible", "possible"), ("yes", "no",
               "maybe"),
               ("must_be_true", "must_be_false", "undecided"), ("E", "C", "N"))  # fmt: skip
    return dict(zip(("yes", "no", "maybe"), rng.choice(schemes), strict=True))


def _entailment(rng: Random, params: Params) -> Problem:
    verdict = rng.choice(("yes", "no", "maybe"))
    kind, other_kind = rng.sample(("animal", "fruit", "tool", "vehicle", "instrument"), 2)
    member = rng.choice(words.KINDS[kind])
    name, friend = words.names(rng, 2)
    colour, other_colour = rng.sample(words.PLAIN_COLOURS, 2)
    place = rng.choice(words.PUBLIC_PLACES)
    premise = f"{name} saw only one thing at the {place}: {words.with_article(colour)} {member}."
    hypotheses = {
        "yes": (f"{name} saw {words.with_article(kind)}.", f"{name} saw something {colour}.",
        f"{name} was at the {place}."),
        "no": (f"{name} saw nothing.", f"The {member} that {name} saw was {other_colour}.",
               f"What {name} saw was {words.with_article(other_kind)}."),
        "maybe": (f"{friend} was at the {place} too.", f"{name} liked the {member}.",
        f"The {member} belonged to {friend}.",
                  f"{name} went home by bus."),
    }  # fmt: skip
    return Problem(f"{premise} => {rng.choice(hypotheses[verdict])}", verdict)


def _pronoun(rng: Random, params: Params) -> Problem:
    woman, man = rng.choice(words.FEMALE_NAMES), rng.choice(words.MALE_NAMES)
    first, second = rng.choice(((woman, man), (man, woman)))
    pronoun = rng.choice(("she", "he"))
    start = rng.choice((
        f"{first} met {second} at the {rng.choice(words.PUBLIC_PLACES)}",
        f"{first} called {second} on {rng.choice(words.WEEKDAYS)}",
        f"{first} thanked {second}",
        f"{first} waited for {second}",
    ))  # fmt: skip
    end = rng.choice(
        ("was in a hurry", "had good news", "wanted to help", "had lost a key", "was tired", "needed advice")
    )
    return Problem(f"{start} because {pronoun} {end}.", (woman, man, pronoun))


def _pronoun_why(facts: tuple[str, str, str], params: Params) -> str:
    woman, man, pronoun = facts
    kind = "a woman" if pronoun == "she" else "a man"
    return f"The word {pronoun} stands for {kind}. {woman} is a woman's name and {man} is a man's name."


def _admission_params(rng: Random) -> Params:
    low = rng.choice((6, 8, 10, 12, 14, 16, 18))
    high = low + rng.choice((10, 20, 40))
    yes, no = rng.choice(
        (("allowed", "not_allowed"), ("yes", "no"), ("admit", "refuse"), ("in", "out"), ("True", "False"))
    )
    return {"yes": yes, "no": no, "low": str(low), "high": str(high)}


def _visitor(rng: Random, params: Params) -> Problem:
    low, high = int(params["low"]), int(params["high"])
    allowed = rng.random() < 0.5
    with_ticket, age = True, rng.randint(low, high)
    if not allowed:
        with_ticket = rng.random() < 0.4
        age = (
            rng.randint(low, high)
            if not with_ticket
            else rng.choice((rng.randint(2, low - 1), high + rng.randint(1, 20)))
        )
    name = rng.choice(words.FIRST_NAMES)
    ticket = "has a ticket" if with_ticket else "has no ticket"
    text = rng.choice((f"{name} is {age} and {ticket}.", f"{name} {ticket} and is {age} years old."))
    return Problem(text, (age, with_ticket))


def _admitted(facts: tuple[int, bool], params: Params) -> str:
    fits = int(params["low"]) <= facts[0] <= int(params["high"])
    return params["yes" if fits and facts[1] else "no"]


def _admitted_why(facts: tuple[int, bool], params: Params) -> str:
    age, ticket = facts
    where = "between" if int(params["low"]) <= age <= int(params["high"]) else "not between"
    return f"The age {age} is {where} {params['low']} and {params['high']}. There is {'a' if ticket else 'no'} ticket."


def _quantified(rng: Random, params: Params) -> Problem:
    things, colour = words.plural(rng.choice(words.OBJECTS)), rng.choice(words.COLOURS)
    place = rng.choice(words.PLACES)
    start = f"the {things} in the {place} are {colour}"
    follow = (
        (f"All {start}.", f"Some of {start}."),
        (f"None of {start}.", f"Not all {start}."),
        (f"Some, but not all, of {start}.", f"Not all {start}."),
        (f"All {start}.", f"It is not true that none of {start}."),
    )
    fail = (
        (f"All {start}.", f"None of {start}."),
        (f"None of {start}.", f"Some of {start}."),
        (f"Some of {start}.", f"None of {start}."),
        (f"Some, but not all, of {start}.", f"All {start}."),
        (f"All {start}.", f"Not all {start}."),
    )
    follows = rng.random() < 0.5
    first, second = rng.choice(follow if follows else fail)
    return Problem(f"{first} So: {second}", follows)


FAMILIES = (
    Family(
        id="made_up_syllogism",
        category="inference",
        descriptions=(
            "Use only the facts given, which are about made-up kinds. Answer the question with '{yes}' or '{no}'.",
            "Reason with the invented words: do the facts say '{yes}' or '{no}' to the question?",
            "Given rules about made-up kinds and a question, work out what follows from the facts and reply '{yes}' or"
            " '{no}'.",
            "Please decide from the facts alone, even if the words are nonsense, and write '{yes}' or '{no}'.",
        ),
        no_label_instructions=("Answer the question from the facts given.",),
        sample=_syllogism,
        solve=lambda facts, params: params["yes" if facts[2] else "no"],
        anchors=(("fact", "rule"),),
        params=labels.scheme("yes no", *labels.YES_NO),
        labels=labels.space("yes no"),
        rationale=_syllogism_why,
    ),
    Family(
        id="if_otherwise",
        category="inference",
        descriptions=(
            "Apply the rule to today's situation and say what the person does. Copy the words of the rule, without the"
            " name.",
            "What happens today under this 'if ... otherwise' rule? Answer with the action only, as it is worded in the"
            " text.",
            "Given a rule with a condition and the situation today, please copy the action that applies (no name, no"
            " full stop).",
        ),
        sample=_either_rule,
        solve=lambda facts, params: str(facts[1] if facts[3] else facts[2]),
        anchors=(("rule",),),
        rationale=lambda facts, params: (
            f"The condition is {'met' if facts[3] else 'not met'}, so the"
            f" {'first' if facts[3] else 'second'} action applies."
        ),
    ),
    Family(
        id="room_of_the_contents",
        category="inference",
        descriptions=(
            "In which room is the thing asked about? Answer with one word.",
            "Combine the facts about what is inside what, and name the room.",
            "Given three facts about where things are, please find the room in which the small thing must be. Write"
            " only the room.",
        ),
        sample=_container,
        solve=lambda facts, params: str(facts[2]),
        anchors=(("room",),),
        rationale=lambda facts, params: f"The {facts[0]} is in the {facts[1]}, so look where the {facts[1]} is.",
    ),
    Family(
        id="same_meaning",
        category="inference",
        descriptions=(
            "Do the sentences A and B mean the same? Answer '{yes}' if they do and '{no}' if they do not.",
            "Write '{yes}' if B says the same thing as A in other words, otherwise '{no}'.",
            "Given two sentences, A and B, reply '{yes}' when they describe the same event or situation and '{no}'"
            " when they describe a different one.",
            "Please compare the meaning of A and B. '{yes}' stands for the same meaning, '{no}' for a different"
            " meaning.",
        ),
        no_label_instructions=("Compare the meaning of the sentences A and B.",),
        sample=_paraphrase,
        solve=lambda alike, params: params["yes" if alike else "no"],
        anchors=(("same",),),
        params=_paraphrase_params,
        labels=labels.space("yes no"),
    ),
    Family(
        id="does_it_follow",
        category="inference",
        descriptions=(
            "Does the statement after '=>' follow from the text before it? Answer '{yes}' if it must be true, '{no}'"
            " if it cannot be true and '{maybe}' if it may or may not be true.",
            "Label the second statement, given the first: '{yes}' (it follows), '{no}' (it contradicts the first) or"
            " '{maybe}' (it could be either).",
            "Given a premise and, after the arrow, a conclusion, choose '{yes}' when the conclusion is certainly true,"
            " '{no}' when it is certainly false, and '{maybe}' when the premise does not settle it.",
        ),
        no_label_instructions=("Does the statement after '=>' follow from the text before it?",),
        sample=_entailment,
        solve=lambda verdict, params: params[verdict],
        anchors=(("follow", "true", "conclusion"),),
        params=_entailment_params,
        labels=labels.space("yes no maybe"),
    ),
    Family(
        id="whom_the_pronoun_means",
        category="inference",
        descriptions=(
            "Who is meant by 'he' or 'she'? Answer with the name.",
            "Find the person that the pronoun in the sentence refers to and write the name.",
            "Given a sentence with a woman's name, a man's name and the pronoun 'he' or 'she', name the person whom the"
            " pronoun stands for.",
        ),
        sample=_pronoun,
        solve=lambda facts, params: str(facts[0] if facts[2] == "she" else facts[1]),
        anchors=(("name",),),
        rationale=_pronoun_why,
    ),
    Family(
        id="admission_rule",
        category="inference",
        descriptions=(
            "Visitors may enter if they are from {low} to {high} years old and have a ticket. Answer '{yes}' if the"
            " person may enter and '{no}' if not.",
            "The rule for entering: at least {low} years old, at most {high}, and a ticket. Write '{yes}' for someone"
            " who satisfies all of it, otherwise '{no}'.",
            "Given a person's age and ticket, decide about the entry: '{yes}' when the age is between {low} and {high}"
            " (both included) and there is a ticket, '{no}' in any other case.",
        ),
        no_label_instructions=(
            "Visitors may enter if they are from {low} to {high} years old and have a ticket. Decide about this one.",
        ),
        sample=_visitor,
        solve=_admitted,
        needs_instruction=True,
        anchors=(("ticket",), ("enter", "entry", "admi")),
        params=_admission_params,
        labels=labels.space("yes no"),
        rationale=_admitted_why,
    ),
    Family(
        id="quantifier_conclusion",
        category="inference",
        descriptions=(
            "Is the conclusion after 'So:' right if the first sentence is true? Answer '{yes}' or '{no}'.",
            "Assume the first sentence. Write '{yes}' if the sentence after 'So:' must then be true, and '{no}' if it"
            " must be false.",
            "Given a statement with all, some or none and a conclusion, reply '{yes}' when the conclusion is true"
            " under the statement and '{no}' when it is false. There is at least one such thing in the place.",
        ),
        sample=_quantified,
        solve=lambda follows, params: params["yes" if follows else "no"],
        anchors=(("conclusion", "sentence", "statement"),),
        params=labels.scheme("yes no", *labels.TRUE_FALSE, ("follows", "does_not_follow")),
        labels=labels.space("yes no"),
    ),
)
