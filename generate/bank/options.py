"""Families whose options are listed in the input in one of many layouts, the answer is a mark or the option itself."""

from itertools import pairwise
from random import Random
from typing import Any

from kshot.generate.bank import words
from kshot.tasks.family import Family, Params, Problem

# Layout: marks ("" for none), how one option is written, what stands between two of them.
_LAYOUTS = (("ABCD", "({}) {}", " "), ("ABCD", "{}. {}", "\n"), ("abcd", "{}) {}", " "), ("1234", "{}) {}", "\n"),
            ("1234", "[{}] {}", " "), ("WXYZ", "{}: {}", "\n"), ("", "{}- {}", "\n"), ("", "{}{}", " / "),
            ("", "{}* {}", "\n"))  # fmt: skip
_BY_TEXT = (
    "Copy the words of the right option.",
    "Answer with the text of the option.",
    "Write out the text of the option you choose.",
)
_BY_LETTER = ("Answer with its letter.", "Give only the letter of the option.", "Reply with one letter.")
_BY_NUMBER = ("Answer with its number.", "Give only the number of the option.", "Reply with one digit.")
Facts = tuple[list[str], str, Any]
"""The options in the order shown, the right one, and what the rationale needs."""


def _layout(rng: Random) -> Params:
    marks, form, joint = rng.choice(_LAYOUTS)
    by_mark = bool(marks) and rng.random() < 0.6
    how = _BY_TEXT if not by_mark else _BY_NUMBER if marks[0].isdigit() else _BY_LETTER
    answer = "mark" if by_mark else "text"
    return {"marks": marks, "form": form, "joint": joint, "answer": answer, "how": rng.choice(how),
            "count": rng.choice(("3", "4"))}  # fmt: skip


def _options(lead: str, right: str, wrong: list[str], rng: Random, params: Params, known: Any = None) -> Problem:
    """A problem with the right option in a drawn place; `known` is what its rationale needs."""
    options = rng.sample(wrong := wrong[: int(params["count"]) - 1], len(wrong))
    options.insert(rng.randrange(len(options) + 1), right)
    marks = params["marks"] or " " * len(options)
    shown = [params["form"].format(mark, option).strip() for mark, option in zip(marks, options, strict=False)]
    lead += " " if params["joint"] == " " else "\n"
    return Problem((lead + params["joint"].join(shown)).strip(), (options, right, known))


def _chosen(facts: Facts, params: Params) -> str:
    options, right, _ = facts
    return params["marks"][options.index(right)] if params["answer"] == "mark" else right


def _group(rng: Random, params: Params) -> Problem:
    kinds, size = rng.sample(list(words.KINDS), 4), rng.randint(2, 3)
    members = rng.sample(words.KINDS[kinds[0]], 4 * size)
    groups = [members[i * size : (i + 1) * size] for i in range(4)]
    strays = [rng.choice(words.KINDS[kind]) for kind in kinds[1:]]
    for group, stray in zip(groups[1:], strays, strict=True):
        group[rng.randrange(size)] = stray
    right, *wrong = (", ".join(group) for group in groups)
    known = (strays[: int(params["count"]) - 1], kinds[0])
    return _options(f"Kind: {kinds[0]}.", right, wrong, rng, params, known)


def _group_why(facts: Facts, params: Params) -> str:
    strays, kind = facts[2]
    return f"Not of the kind {kind} are {words.join_items(strays)}."


def _statement(rng: Random, params: Params) -> Problem:
    a, b, c = words.names(rng, 3)
    x, y = rng.sample(words.OBJECTS, 2)
    place = rng.choice(words.PUBLIC_PLACES)
    _, _, past, participle = rng.choice([forms for forms in words.TRANSITIVE if forms[0] != "want"])
    source, right, *wrong = rng.choice((
        (f"{a} sold the {x} to {b}.", f"{b} bought the {x} from {a}.", f"{a} bought the {x} from {b}.",
         f"{b} sold the {x} to {a}.", f"{b} bought the {y} from {a}."),
        (f"{a} lent {b} the {x}.", f"{b} borrowed the {x} from {a}.", f"{a} borrowed the {x} from {b}.",
         f"{b} lent {a} the {x}.", f"{a} lent {c} the {x}."),
        (f"{a} is older than {b}.", f"{b} is younger than {a}.", f"{a} is younger than {b}.",
         f"{b} is older than {a}.", f"{a} and {b} are of the same age."),
        (f"The {x} is behind the {y}.", f"The {y} is in front of the {x}.", f"The {y} is behind the {x}.",
         f"The {x} is in front of the {y}.", f"The {x} is next to the {y}."),
        (f"Only {a} came to the {place}.", f"Nobody but {a} came to the {place}.", f"{a} did not come to the {place}.",
         f"Everybody but {a} came to the {place}.", f"{a} and {b} came to the {place}."),
        (f"{a} {past} the {x}.", f"The {x} was {participle} by {a}.", f"The {x} was {participle} by {b}.",
         f"The {y} was {participle} by {a}.", f"The {x} was not {participle} by anybody."),
    ))  # fmt: skip
    rng.shuffle(wrong)
    return _options(source, right, wrong, rng, params)


_STEPS = ("buy some paint", "wash the car", "call the dentist", "feed the hens", "water the plants", "bake a cake",
          "sweep the floor", "write a letter", "repair the fence", "iron the shirts", "peel the potatoes",
          "pack the suitcase", "pay the bill", "clean the windows", "walk the dog", "chop some wood", "empty the bin",
          "book a room", "set the table", "charge the phone")  # fmt: skip


def _plan(rng: Random, params: Params) -> Problem:
    steps, done = rng.sample(_STEPS, 5), rng.randint(1, 3)
    name = rng.choice(words.FIRST_NAMES)
    plan = f"{name} plans to {steps[0]}, then {steps[1]}, then {steps[2]} and finally {steps[3]}."
    state = rng.choice((
        f"Finished so far: {words.join_items(steps[:done])}.",
        f"The {words.ORDINALS[done - 1]} step has just been finished.",
        f"{name} has just done this: {steps[done - 1]}.",
    ))  # fmt: skip
    wrong = [step for i, step in enumerate(steps) if i != done]
    rng.shuffle(wrong)
    return _options(f"{plan} {state}", steps[done], wrong, rng, params, done)


def _total(rng: Random, params: Params) -> Problem:
    one, other = rng.sample(words.OBJECTS, 2)
    a, b, p, q = rng.randint(2, 5), rng.randint(1, 5), rng.randint(2, 9), rng.randint(2, 9)
    first = f"{a} {words.plural(one)} at {p} euros each"
    second = f"{b} {words.plural(other)} at {q} euros each" if b > 1 else f"{words.with_article(other)} at {q} euros"
    total = a * p + b * q
    wrong = [str(n) for n in dict.fromkeys((a * p, total + p, total - q, total + 10, total + 1)) if n not in (total, 0)]
    rng.shuffle(wrong)
    lead = f"{rng.choice(words.FIRST_NAMES)} buys {first} and {second}."
    return _options(lead, str(total), wrong, rng, params, (a, p, b, q))


def _total_why(facts: Facts, params: Params) -> str:
    a, p, b, q = facts[2]
    return f"The first part costs {a} * {p} = {a * p} euros and the second part {b} * {q} = {b * q} euros."


def _offer(rng: Random, params: Params) -> Problem:
    colour, *others = rng.sample(words.PLAIN_COLOURS, 3)
    limit, things = 10 * rng.randint(2, 9), rng.sample(words.OBJECTS, 4)
    prices = [rng.randint(limit // 2, limit - 1) if i in (0, 2) else limit + rng.randint(1, 30) for i in range(4)]
    rows = zip((colour, colour, *others), things, prices, strict=True)
    right, *wrong = (f"{shade} {thing} for {price} euros" for shade, thing, price in rows)
    lead = rng.choice((
        f"Wanted: something {colour} for less than {limit} euros.",
        f"{rng.choice(words.FIRST_NAMES)} has less than {limit} euros to spend and wants something {colour}.",
        f"It must be {colour} and cost less than {limit} euros.",
    ))  # fmt: skip
    return _options(lead, right, wrong, rng, params, (colour, limit, sorted(prices[:2])))


def _offer_why(facts: Facts, params: Params) -> str:
    colour, limit, (low, high) = facts[2]
    return f"Two things are {colour}, for {low} and {high} euros. The limit is {limit} euros."


_SCENES = {
    "library": ("{n} returned three novels and borrowed two others.",
                "Between the shelves, {n} read a book in silence."),
    "bank": ("{n} opened a savings account.", "{n} asked the clerk to change banknotes into coins."),
    "bakery": ("{n} bought two loaves of fresh bread.", "{n} took the rolls out of the large oven and sold them."),
    "hospital": ("The nurse took {n} to the operating room.", "{n} visited a friend after an operation."),
    "airport": ("{n} watched the planes take off.", "The flight of {n} was late, and so was the luggage."),
    "cinema": ("{n} saw a film on the big screen.", "{n} ate popcorn until the film was over."),
    "classroom": ("The teacher wrote a sum on the board for {n}.", "{n} raised a hand and asked the teacher."),
    "farm": ("{n} milked the cows at six.", "{n} fed the pigs and shut the barn."),
    "beach": ("{n} built a castle of sand by the sea.", "{n} looked for shells between the waves and the towels."),
    "restaurant": ("{n} read the menu and called the waiter.", "The waiter brought {n} the bill for the dinner."),
    "museum": ("The guide showed {n} paintings from four centuries.", "{n} looked at old statues behind glass."),
    "stadium": ("{n} cheered with thousands of others at the goal.", "{n} watched the match from the top row."),
    "pharmacy": ("{n} handed in a prescription and got the tablets.", "{n} bought cough syrup and plasters."),
    "church": ("{n} listened to the organ and the sermon.", "{n} got married in front of the altar."),
    "zoo": ("{n} watched the keeper feed the lions in their cage.",
            "{n} saw a giraffe and two elephants behind a fence."),
    "station": ("{n} waited on platform two for the train.", "The train of {n} left from track five."),
    "post office": ("{n} had a parcel weighed and bought stamps.", "{n} sent a registered letter abroad."),
    "garage": ("The mechanic changed a tyre of the car for {n}.", "{n} had the brakes of the car repaired."),
}  # fmt: skip


def _scene(rng: Random, params: Params) -> Problem:
    places = rng.sample(list(_SCENES), 4)
    scene = rng.choice(_SCENES[places[0]]).format(n=rng.choice(words.FIRST_NAMES))
    return _options(scene, places[0], places[1:], rng, params)


_GENERAL = {
    "animal": (words.ANIMAL_ADJECTIVES, "animal", "living being"),
    "fruit": (("ripe", "fresh", "large", "small", "sweet"), "fruit", "plant product"),
    "tool": (words.THING_ADJECTIVES, "tool", "object"),
    "vehicle": (words.THING_ADJECTIVES, "vehicle", "machine"),
    "instrument": (words.THING_ADJECTIVES, "musical instrument", "object"),
    "clothing": (words.THING_ADJECTIVES, "piece of clothing", "object"),
    "furniture": (words.THING_ADJECTIVES, "piece of furniture", "object"),
    "flower": (("yellow", "white", "small", "large", "fresh"), "flower", "plant"),
}


def _chain(rng: Random, params: Params) -> Problem:
    kind = rng.choice(list(_GENERAL))
    traits, *general = _GENERAL[kind]
    member = rng.choice(
        [one for one in words.KINDS[kind] if one not in ("sandpaper", "canoe", "bicycle", "wheelbarrow")]
    )
    chain = [f"{rng.choice(traits)} {member}", member, *map(str, general)]
    if params["count"] == "3":
        del chain[rng.randrange(4)]
    right, *wrong = chain if params["which"] == "most specific" else chain[::-1]
    return _options("", right, wrong, rng, params, chain)


def _chain_why(facts: Facts, params: Params) -> str:
    steps = [f"every {low} is {words.with_article(high)}" for low, high in pairwise(facts[2])]
    return words.capitalize(words.join_items(steps)) + "."


_REASONS = (
    ("put on gloves", "The air was freezing."), ("call a plumber", "The kitchen tap was leaking."),
    ("take the stairs", "The lift was out of order."), ("whisper all evening", "The baby was asleep next door."),
    ("go to the dentist", "A tooth was aching."), ("call the fire brigade", "The barn was burning."),
    ("change the battery", "The wall clock had stopped."), ("open an umbrella", "It had begun to rain."),
    ("oil the garden gate", "Its hinges were squeaking."), ("put a plaster on one finger", "The knife had slipped."),
    ("exchange the shoes", "They were a size too small."), ("buy a new key", "The old one had broken in the lock."),
    ("add salt to the soup", "It had no taste at all."), ("wear dark glasses", "The sun was dazzling."),
    ("sharpen the pencil", "Its point had broken off."), ("buy a bag of flour", "None was left for the cake."),
    ("water the tomatoes", "The soil was dry."), ("refuel the car", "The petrol was nearly used up."),
    ("sew on a button", "One was missing from the coat."), ("set two alarm clocks", "The first train left at five."),
)  # fmt: skip


def _reason(rng: Random, params: Params) -> Problem:
    (deed, right), *others = rng.sample(_REASONS, 4)
    lead = f"Why did {rng.choice(words.FIRST_NAMES)} {deed}?"
    return _options(lead, right, [reason for _, reason in others], rng, params)


_REPLIES = {
    "where": (("Where did you put the {o}?", "Where did you find this {o}?"),
              ("On the {f} in the hall.", "Under the {f}.", "Next to the {f}.")),
    "when": (("When does the last {v} leave?", "When does the concert begin?"),
             ("At half past {k}.", "At a quarter to {k}.", "Shortly after {k} o'clock.")),
    "who": (("Who gave you the {o}?", "Who has broken the {o}?"),
            ("It was {n}.", "My friend {n} did.", "{n} did, I think.")),
    "many": (("How many {s} do you need?", "How many {s} are left?"), ("Only {k} of them.", "At least {k} of them.")),
    "why": (("Why is the shop closed?", "Why are you so late?"),
            ("Because {n} has fallen ill.", "Because the {v} broke down.")),
    "colour": (("What colour is your new {o}?", "What is the colour of the {o}?"),
               ("It is dark {c}.", "It is {c} and white.")),
    "price": (("How much did the {o} cost?", "What did you pay for the {o}?"),
              ("Nearly {k} hundred euros.", "I got it for free.")),
    "offer": (("Would you like some {d}?", "Can I offer you some {d}?"),
              ("No, thank you.", "Yes, please, just a little.")),
}  # fmt: skip


def _reply(rng: Random, params: Params) -> Problem:
    sorts = rng.sample(list(_REPLIES), 4)
    # "At half past six" may answer an offer.
    while sorts[0] == "offer" and "when" in sorts:
        sorts = rng.sample(list(_REPLIES), 4)
    slots = {"o": rng.choice(words.OBJECTS), "f": rng.choice(words.FURNITURE), "n": rng.choice(words.FIRST_NAMES),
             "v": rng.choice(("bus", "train", "tram", "ferry")), "k": rng.choice(words.NUMBER_WORDS[3:10]),
             "s": words.plural(rng.choice(words.OBJECTS)), "c": rng.choice(("red", "green", "blue", "brown", "grey")),
             "d": rng.choice(("water", "coffee", "tea", "milk", "juice", "lemonade", "cocoa"))}  # fmt: skip
    question = rng.choice(_REPLIES[sorts[0]][0]).format(**slots)
    right, *wrong = (rng.choice(_REPLIES[sort][1]).format(**slots) for sort in sorts)
    return _options(question, right, wrong, rng, params)


def _which_params(rng: Random) -> Params:
    which, means = rng.choice((("most specific", "fewest"), ("most general", "most")))
    return {**_layout(rng), "which": which, "means": means}


FAMILIES: tuple[Family, ...] = (
    Family(
        id="choose_the_pure_group",
        category="listed_options",
        descriptions=(
            "Which group of words has only members of the kind named at the start? {how}",
            "Find the option in which every word is of the given kind. {how}",
            "All options but one contain a word that does not belong to the kind named first. Choose that one option."
            " {how}",
            "Given a kind and some groups of words, please choose the group that consists of this kind alone. {how}",
        ),
        sample=_group,
        solve=_chosen,
        anchors=(("kind",), ("option", "group")),
        params=_layout,
        rationale=_group_why,
    ),
    Family(
        id="choose_same_statement",
        category="listed_options",
        descriptions=(
            "Which option says the same as the first sentence? {how}",
            "Find the option that must be true exactly when the sentence at the start is true. {how}",
            "One of the options repeats the statement in other words, the others change its meaning. Which one? {how}",
            "Given a statement and some options, please choose the option with the same meaning. {how}",
        ),
        sample=_statement,
        solve=_chosen,
        anchors=(("option",), ("sentence", "statement")),
        params=_layout,
    ),
    Family(
        id="choose_next_step",
        category="listed_options",
        descriptions=(
            "What is to be done next according to the plan? {how}",
            "The text gives a plan and tells how far it has got. Choose the step that comes next. {how}",
            "Given somebody's plan and what is finished, please choose the next step from the options. {how}",
        ),
        sample=_plan,
        solve=_chosen,
        anchors=(("next",), ("plan",)),
        params=_layout,
        rationale=lambda facts, params: (
            f"The plan has four steps, of which {words.NUMBER_WORDS[facts[2]]} {'is' if facts[2] == 1 else 'are'} done."
        ),
    ),
    Family(
        id="choose_right_total",
        category="listed_options",
        descriptions=(
            "How many euros are paid in all? Choose the right total. {how}",
            "Work out the total price in euros and find it among the options. {how}",
            "Given a purchase, please add up what all of it costs and choose the option with that total. {how}",
        ),
        sample=_total,
        solve=_chosen,
        anchors=(("total",),),
        params=_layout,
        rationale=_total_why,
    ),
    Family(
        id="choose_by_two_conditions",
        category="listed_options",
        descriptions=(
            "Which option meets both conditions? {how}",
            "Only one of the options has the right colour and the right price. Find it. {how}",
            "Given what is wanted and some options, please choose the one that satisfies both wishes. {how}",
        ),
        sample=_offer,
        solve=_chosen,
        anchors=(("option",),),
        params=_layout,
        rationale=_offer_why,
    ),
    Family(
        id="choose_the_place",
        category="listed_options",
        descriptions=(
            "Where does this happen? Choose the place that fits best. {how}",
            "Which of the places is the scene of the sentence? {how}",
            "Given a sentence and some places, please choose the place where it most likely happened. {how}",
        ),
        sample=_scene,
        solve=_chosen,
        anchors=(("place",),),
        params=_layout,
    ),
    Family(
        id="choose_by_generality",
        category="listed_options",
        descriptions=(
            "Which option is the {which}, that is, which names the {means} things? {how}",
            "Choose the {which} of the options: the one that fits the {means} things. {how}",
            "Given some terms for the same thing, please choose the {which} term (the {means} things can be called so)."
            " {how}",
        ),
        sample=_chain,
        solve=_chosen,
        anchors=(("specific", "general"), ("option", "term")),
        params=_which_params,
        rationale=_chain_why,
    ),
    Family(
        id="choose_the_reason",
        category="listed_options",
        descriptions=(
            "Which reason explains what the person did? {how}",
            "Choose the option that best answers the question why. {how}",
            "Given a question about somebody's reason and some options, please choose the reason that makes sense."
            " {how}",
        ),
        sample=_reason,
        solve=_chosen,
        anchors=(("reason", "why"),),
        params=_layout,
    ),
    Family(
        id="choose_the_reply",
        category="listed_options",
        descriptions=(
            "Which reply answers the question? {how}",
            "Choose the only option that makes sense as an answer to the question. {how}",
            "Given a question and some replies, please choose the reply that the speaker could be looking for. {how}",
        ),
        sample=_reply,
        solve=_chosen,
        anchors=(("question",), ("reply", "option")),
        params=_layout,
    ),
)
