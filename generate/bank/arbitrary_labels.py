"""Classification families that draw label names, and the rule behind them, anew for each task."""

from collections.abc import Callable, Sequence
from random import Random

from kshot.generate.bank import labels, words
from kshot.tasks.family import Family, Params, Problem

_Draw = Callable[[Random], Params]
_Sampler = Callable[[Random, Params], Problem]
# No name is a word of a description, where made-up words may replace a task's labels.
_POOLS = tuple(
    words.vocabulary(pool)
    for pool in (
        "A B C D E", "P Q R S", "X Y Z W", "u v x z", "red blue green yellow white", "+ # % &", "gold tin iron lead",
        "river lemon chair cloud", "Monday Tuesday Friday Sunday", "cat owl bee fox", "alpha beta gamma delta",
        "k1 k2 k3 k4", "ooo xxx iii zzz", "Rome Oslo Cairo Lima", "north south east west", "<1> <2> <3> <4>",
    )
)  # fmt: skip
_NUMBERS = (("0", "1", "2", "3"), ("10", "20", "30", "40"), ("7", "5", "9", "4"))


def _names(rng: Random, count: int, numbers: bool = False) -> tuple[str, ...]:
    if rng.random() < 0.4:
        return words.draw_nonsense_words(rng, count)
    return tuple(rng.sample(rng.choice(_POOLS + _NUMBERS if numbers else _POOLS), count))


def _keyed(rng: Random, keys: str) -> dict[str, str]:
    return dict(zip(keys.split(), _names(rng, len(keys.split())), strict=True))


def _shown(thing: str) -> tuple[str, ...]:
    """Wordings that keep the rule to the demonstrations; `{a}` lists the labels."""
    return (
        f"Every {thing} is sorted into a group by a rule that is not told. Find the rule in the examples and answer"
        f" with the group of the new {thing}: {{a}}.",
        f"Work out from the examples when the label is {{a}}, and label the {thing} by the same rule.",
        f"Which label does this {thing} get, {{a}}? Only the examples show the rule.",
        f"Given some labelled examples, please infer by which rule the label is {{a}}, and label the last {thing} too.",
    )


def _groups(*choices: tuple[str, ...], low: int = 2, high: int = 2) -> _Draw:
    """Params of a hidden rule: some kinds out of one of `choices`, and a name for each of them."""

    def params(rng: Random) -> Params:
        pool = rng.choice(choices)
        kinds = rng.sample(pool, min(len(pool), rng.randint(low, high)))
        names = _names(rng, len(kinds), numbers=True)
        either = words.join_items([f"'{name}'" for name in names], "or")
        return {"kinds": ",".join(kinds), "names": ",".join(names), "a": either}

    return params


def _space(params: Params) -> tuple[str, ...]:
    return tuple(params["names"].split(","))


def _named(kind: object, params: Params) -> str:
    return _space(params)[params["kinds"].split(",").index(str(kind))]


def _kind(rng: Random, params: Params) -> str:
    return rng.choice(params["kinds"].split(","))


_TOPICS = {
    "cooking": ("stirred the soup", "peeled the potatoes", "baked a loaf of bread", "fried some onions",
                "tasted the sauce", "rolled out the dough", "boiled six eggs", "seasoned the fish"),
    "sport": ("scored a goal", "ran a marathon", "lost a tennis match", "trained for the race", "swam forty lengths",
              "joined a hockey team", "practised the long jump", "won a boxing match"),
    "music": ("tuned the guitar", "sang in the choir", "practised the violin", "learnt a new song", "played the drums",
              "gave a concert", "listened to an opera", "wrote a melody"),
    "gardening": ("watered the roses", "planted some tulips", "trimmed the hedge", "raked the leaves", "mowed the lawn",
                  "sowed some carrots", "pulled up the weeds", "pruned the apple tree"),
    "money": ("opened a bank account", "paid back the loan", "saved fifty euros", "cashed a cheque",
              "changed some banknotes", "paid the electricity bill", "invested in shares", "checked the bank balance"),
}  # fmt: skip


def _topic(rng: Random, params: Params) -> Problem:
    topic, name = _kind(rng, params), rng.choice(words.FIRST_NAMES)
    return Problem(f"{name} {rng.choice(_TOPICS[topic])} {rng.choice(words.PAST_TIMES)}.", topic)


def _ending(rng: Random, params: Params) -> Problem:
    mark = _kind(rng, params)
    return Problem(words.bare_phrase(rng, 2, 6) + mark, mark)


_SIZES = (("2", "5"), ("3", "6"), ("2", "4", "6"), ("2", "4", "7"))


def _phrase(rng: Random, params: Params) -> Problem:
    size = _kind(rng, params)
    return Problem(" ".join(words.word_list(rng, int(size))), size)


_DIGIT_RULES = (("long", "short"), ("zero", "other"), ("same", "differ"), ("low", "high"))


def _ticket_name(n: str, params: Params) -> str:
    yes, no = params["kinds"].split(",")
    holds = {"long": len(n) > 2, "zero": n[-1] == "0", "same": n[0] == n[-1], "low": int(n[0]) < 5}
    return _named((yes if holds[yes] else no) if yes in holds else (no if holds[no] else yes), params)


def _ticket(rng: Random, params: Params) -> Problem:
    kind = _kind(rng, params)
    while True:
        number = str(rng.randint(10, 99) if kind == "short" or rng.random() < 0.1 else rng.randint(100, 9999))
        if rng.random() < 0.4:
            number = f"{number[:-1]}{number[0] if 'same' in params['kinds'] else 0}"
        if _ticket_name(number, params) == _named(kind, params):
            thing = rng.choice(("ticket", "seat", "locker", "room", "parcel", "page", "bus"))
            return Problem(f"{thing} {number}{rng.choice(('', ' for ' + rng.choice(words.FIRST_NAMES)))}", number)


def _marked(rng: Random, params: Params) -> Problem:
    place = _kind(rng, params)
    row = words.word_list(rng, rng.randint(3, 5))
    at = {"start": 0, "middle": rng.randint(1, len(row) - 1), "end": len(row)}[place]
    return Problem(" ".join([*row[:at], params["marker"], *row[at:]]), place)


def _marker_params(rng: Random) -> Params:
    is_nonsense = rng.random() < 0.6
    marker = words.draw_nonsense_word(rng) if is_nonsense else rng.choice(("zip", "hum", "ox", "@@", "really", "stop"))
    return {**_groups(("start", "middle", "end"), high=3)(rng), "marker": marker}


_NAMED_THINGS = {
    "person": words.FIRST_NAMES, "month": words.MONTHS, "weekday": words.WEEKDAYS,
    "city": tuple(city for city in words.CITIES if city not in ("Sydney", "Santiago", "Dallas", "Milan", "Paris")),
}  # fmt: skip


def _name(rng: Random, params: Params) -> Problem:
    kind = _kind(rng, params)
    name, who, on = rng.choice(_NAMED_THINGS[kind]), rng.choice(words.PROFESSIONS), rng.choice(words.OBJECTS)
    shapes = (
        f"The {who} wrote '{name}' on the {on}.",
        f"The word on the {who}'s {on} is {name}.",
        f"{name}, said the {who} with the {on}.",
        f"The {who} read the word '{name}' under the {on}.",
    )
    return Problem(rng.choice(shapes), kind)


_POLITE = ("Could you please {}?", "Would you be so kind as to {}?", "I would be grateful if you could {}.",
           "If it is not too much trouble, could you {}?", "May I ask you to {}, please?")  # fmt: skip
_RUDE = ("{}, and be quick about it!", "{} right now!", "{}, you lazy lot!", "Stop wasting my time and {}!",
         "I won't say it twice: {}!")  # fmt: skip


def _request(rng: Random, params: Params) -> Problem:
    kind = _kind(rng, params)
    deed = rng.choice(words.vocabulary("bring wash move clean repair pack wrap carry deliver check find collect"))
    frame = rng.choice(_POLITE if kind == "polite" else _RUDE)
    return Problem(words.capitalize(frame.format(f"{deed} the {words.thing(rng)}")), kind)


def _letter_params(rng: Random) -> Params:
    which, side = rng.choice(("first", "last")), rng.choice(("begins", "ends"))
    pool = "bcfgmprst" if side == "begins" else "deklnrtwy"
    chosen = sorted(rng.sample(pool, 5))
    return {**_keyed(rng, "a b"), "which": which, "side": side, "letters": words.join_items(chosen, "or")}


def _looked_at(row: list[str], params: Params) -> tuple[str, str]:
    word = row[0 if params["which"] == "first" else -1]
    return word, word[0 if params["side"] == "begins" else -1]


def _letter_holds(row: list[str], params: Params) -> bool:
    return _looked_at(row, params)[1] in params["letters"].replace(" or ", ", ").split(", ")


def _letter_row(rng: Random, params: Params) -> Problem:
    wanted = rng.random() < 0.5
    while True:
        row = words.word_list(rng, rng.randint(2, 4))
        if _letter_holds(row, params) == wanted:
            return Problem(" ".join(row), row)


def _letter_why(row: list[str], params: Params) -> str:
    word, letter = _looked_at(row, params)
    return f"The {params['which']} word is {word}, which {params['side']} with {letter}."


_NUMBER_RULES: dict[str, tuple[str, Sequence[int]]] = {
    "multiple": ("is a multiple of", (2, 3, 5, 10, 100)),
    "greater": ("is greater than", (200, 300, 400, 500)),
    "less": ("is less than", (200, 300, 400, 500)),
    "digit": ("contains the digit", range(1, 10)),
    "ends": ("ends in the digit", range(10)),
}


def _number_params(rng: Random) -> Params:
    sort = rng.choice(list(_NUMBER_RULES))
    rule, values = _NUMBER_RULES[sort]
    value = str(rng.choice(values))
    return {**_keyed(rng, "a b"), "sort": sort, "value": value, "rule": f"{rule} {value}"}


def _number_holds(number: int, params: Params) -> bool:
    value = int(params["value"])
    return {
        "multiple": number % value == 0 if value else False,
        "greater": number > value,
        "less": number < value,
        "digit": params["value"] in str(number),
        "ends": number % 10 == value,
    }[params["sort"]]


def _number_case(rng: Random, params: Params) -> Problem:
    wanted = rng.random() < 0.5
    while True:
        number = rng.randint(1, 99) if rng.random() < 0.2 else rng.randint(100, 999)
        if params["sort"] == "multiple" and wanted and int(params["value"]) > 5:
            number = int(params["value"]) * rng.randint(1, 60)
        if _number_holds(number, params) == wanted:
            shape = rng.choice(("number {}", "Box {} is for {n}.", "{n} says {}.", "{} {o}", "Bus {} takes {n} home."))
            things = words.plural(rng.choice(words.OBJECTS)) if number > 1 else "lamp"
            return Problem(shape.format(number, n=rng.choice(words.FIRST_NAMES), o=things), number)


def _number_why(number: int, params: Params) -> str:
    holds, value = _number_holds(number, params), int(params["value"])
    if params["sort"] == "multiple":
        times, rest = divmod(number, value)
        return f"{number} = {times} * {value}{f' + {rest}' if rest else ''}."
    if params["sort"] == "digit":
        return f"The digits of {number} are {', '.join(str(number))}."
    if params["sort"] == "ends":
        return f"The last digit of {number} is {number % 10}."
    return f"{number} is {'' if holds else 'not '}{params['sort']} than {value}."


def _two_words(rng: Random, params: Params) -> Problem:
    wanted, sign = rng.choice((-1, 0, 1)), rng.choice((" / ", ", ", " and ", " - "))
    while True:
        left, right = words.word_list(rng, 2)
        if (len(left) > len(right)) - (len(left) < len(right)) == wanted:
            return Problem(left + sign + right, (left, right))


def _longer(facts: tuple[str, str], params: Params) -> str:
    left, right = map(len, facts)
    return params["a" if left > right else "b" if left < right else "c"]


_EVENTS = ("Lunch with {n}", "Visit of {n}", "Match against {c}", "Concert in {c}", "Trip to {c}", "Meeting with {n}",
           "Walk with {n} to the {p}", "Repair of the {o}", "Delivery of the {o}", "Sale of the {o}")  # fmt: skip
_TIMES = {
    "a": ("yesterday", "last week", "two days ago", "last Monday", "a month ago", "the day before yesterday"),
    "b": ("tomorrow", "next week", "in two days", "next Friday", "a month from now", "the day after tomorrow"),
    "c": ("right now", "at this moment", "just now, still going on", "under way as we speak", "happening at present"),
}


def _note(rng: Random, params: Params) -> Problem:
    key = rng.choice("abc")
    event, time = rng.choice(_EVENTS), rng.choice(_TIMES[key])
    slots = {"n": words.FIRST_NAMES, "c": words.CITIES, "p": words.PUBLIC_PLACES, "o": words.OBJECTS}
    event = event.format(**{slot: rng.choice(pool) for slot, pool in slots.items()})
    shapes = (f"{event}: {time}.", f"{event}, {time}", f"{words.capitalize(time)}: {event[0].lower()}{event[1:]}")
    return Problem(rng.choice(shapes), (key, time))


_INDOORS = ("ironed shirts in the bedroom", "watched a film on the sofa", "cooked soup on the stove",
            "washed the dishes at the sink", "vacuumed the carpet", "sat by the fireplace", "took a long bath",
            "typed a letter at the desk", "cleaned the oven", "slept in the guest room")  # fmt: skip
_OUTDOORS = ("pitched a tent in a field", "rowed across the lake", "picked apples in the orchard", "built a snowman",
             "rode along the beach", "climbed a mountain", "watched birds in the forest", "flew a kite on a hill",
             "looked for mushrooms in the woods", "ploughed the field")  # fmt: skip


def _activity(rng: Random, params: Params) -> Problem:
    inside = rng.random() < 0.5
    deed = rng.choice(_INDOORS if inside else _OUTDOORS)
    return Problem(f"{rng.choice(words.FIRST_NAMES)} {deed} {rng.choice(words.PAST_TIMES)}.", (deed, inside))


def _hidden(
    family_id: str, thing: str, params: _Draw, sample: _Sampler, why: str = "", solve: Callable[..., str] = _named
) -> Family:
    """A family whose facts are the kind that the label stands for; the kind fills the gap in `why`."""
    return Family(
        id=family_id,
        category="arbitrary_labels",
        descriptions=_shown(thing),
        sample=sample,
        solve=solve,
        anchors=(("rule",),),
        params=params,
        labels=_space,
        rationale=(lambda kind, params: why.format(kind)) if why else None,
        min_k=4,
    )


FAMILIES: tuple[Family, ...] = (
    _hidden("hidden_topic_labels", "sentence", _groups(tuple(_TOPICS), high=3), _topic),
    _hidden("hidden_ending_labels", "line", _groups(tuple(".?!;:"), high=3), _ending, "The last character is '{}'."),
    _hidden("hidden_phrase_size_labels", "phrase", _groups(*_SIZES, high=3), _phrase, "The number of words is {}."),
    _hidden("hidden_ticket_labels", "entry", _groups(*_DIGIT_RULES), _ticket, solve=_ticket_name),
    _hidden("hidden_marker_labels", "line", _marker_params, _marked),
    _hidden("hidden_name_labels", "sentence", _groups(tuple(_NAMED_THINGS), high=4), _name),
    _hidden("hidden_tone_labels", "message", _groups(("polite", "rude")), _request),
    Family(
        id="labels_by_letter",
        category="arbitrary_labels",
        descriptions=(
            "Look at the {which} word. If it {side} with {letters}, answer '{a}', otherwise answer '{b}'.",
            "Label the line '{a}' when its {which} word {side} with one of the letters {letters}. In any other case the"
            " label is '{b}'.",
            "Which label fits? '{a}': the {which} word {side} with {letters}. '{b}': it does not.",
            "Given a few words, please check the {which} one only: '{a}' means that it {side} with the letter"
            " {letters}, '{b}' that it {side} with another letter.",
        ),
        sample=_letter_row,
        solve=lambda row, params: params["a" if _letter_holds(row, params) else "b"],
        needs_instruction=True,
        anchors=(("word",), ("first", "last")),
        params=_letter_params,
        labels=labels.space("a b"),
        rationale=_letter_why,
    ),
    Family(
        id="labels_by_number",
        category="arbitrary_labels",
        descriptions=(
            "Answer '{a}' if the number {rule} and '{b}' if not.",
            "Find the number in the input. Its label is '{a}' when it {rule}, else '{b}'.",
            "We mark with '{a}' every number that {rule}, and with '{b}' all other numbers. How is this one marked?",
            "Given a number, please decide whether it {rule}: write '{a}' if so, '{b}' if not.",
        ),
        sample=_number_case,
        solve=lambda number, params: params["a" if _number_holds(number, params) else "b"],
        anchors=(("number",),),
        params=_number_params,
        labels=labels.space("a b"),
        rationale=_number_why,
    ),
    Family(
        id="labels_by_longer_word",
        category="arbitrary_labels",
        descriptions=(
            "Compare the number of letters: '{a}' if the first word is longer, '{b}' if the second word is longer,"
            " '{c}' if both are equally long.",
            "Which word has more letters? Write '{a}' for the first, '{b}' for the second and '{c}' for neither.",
            "Given two words, answer '{b}' when the second has more letters than the first, '{a}' when it has fewer,"
            " and '{c}' when both words have the same number of letters.",
        ),
        sample=_two_words,
        solve=_longer,
        anchors=(("letter",), ("word",)),
        params=lambda rng: _keyed(rng, "a b c"),
        labels=labels.space("a b c"),
        rationale=lambda facts, params: " ".join(f"The word {word} has {len(word)} letters." for word in facts),
    ),
    Family(
        id="labels_by_time_mentioned",
        category="arbitrary_labels",
        descriptions=(
            "When is the event of the note? Answer '{a}' if it is over, '{b}' if it is still to come, '{c}' if it is"
            " going on now.",
            "Label the note by its time: '{a}' stands for the past, '{b}' for the future and '{c}' for the present.",
            "Given a note about an event, please write '{b}' for something that will be later than now, '{a}' for"
            " something earlier than now and '{c}' for something that is happening now.",
        ),
        sample=_note,
        solve=lambda facts, params: params[facts[0]],
        anchors=(("event", "note", "time"),),
        params=lambda rng: _keyed(rng, "a b c"),
        labels=labels.space("a b c"),
        rationale=lambda facts, params: f"The note gives the time with the words '{facts[1]}'.",
    ),
    Family(
        id="labels_by_indoors",
        category="arbitrary_labels",
        descriptions=(
            "Did this happen indoors or outdoors? Answer '{a}' for indoors and '{b}' for outdoors.",
            "Write '{a}' if the person was inside a building, and '{b}' if the person was outdoors.",
            "Given a sentence about what somebody did, reply '{b}' when one does this in the open air (outdoors) and"
            " '{a}' when one does it inside a house (indoors).",
        ),
        sample=_activity,
        solve=lambda facts, params: params["a" if facts[1] else "b"],
        anchors=(("indoor", "inside"), ("outdoor", "open")),
        params=lambda rng: _keyed(rng, "a b"),
        labels=labels.space("a b"),
    ),
)
