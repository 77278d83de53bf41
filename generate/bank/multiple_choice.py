"""Families whose input lists the options: the answer is an option's letter or its text."""

from random import Random
from typing import Any

from kshot.generate.bank import words
from kshot.generate.bank.morphology import DEGREES
from kshot.tasks.family import Family, Params, Problem


def _answer_by(rng: Random) -> Params:
    """Four styles of option mark; the answer is the bare mark."""
    marks, style = rng.choice((
        ("A B C D", "{}) {}"), ("A B C D", "{}. {}"), ("A B C D", "({}) {}"), ("a b c d", "{}) {}"), ("1 2 3 4",
        "{}. {}"),
    ))  # fmt: skip
    return {"marks": marks, "style": style, "listed": words.join_items(marks.split(), "or")}


def _marks(params: Params) -> tuple[str, ...]:
    return tuple(params["marks"].split())


def _options(lead: str, right: str, wrong: list[str], rng: Random, params: Params) -> Problem:
    """Four marked options with the right one in a drawn place; the facts are the options and the right one."""
    options = list(wrong)
    options.insert(rng.randrange(4), right)
    shown = " ".join(params["style"].format(mark, option) for mark, option in zip(_marks(params), options, strict=True))
    return Problem(f"{lead} {shown}".strip(), (options, right))


def _mark(facts: tuple[list[str], str], params: Params) -> str:
    return _marks(params)[facts[0].index(facts[1])]


def _odd_one(rng: Random, params: Params) -> Problem:
    kind, other = rng.sample(list(words.KINDS), 2)
    problem = _options("", rng.choice(words.KINDS[other]), rng.sample(words.KINDS[kind], 3), rng, params)
    return Problem(problem.text, (*problem.facts, kind))


def _odd_why(facts: tuple[list[str], str, str], params: Params) -> str:
    options, odd, kind = facts
    return f"The words {words.join_items([option for option in options if option != odd])} are all of the kind {kind}."


def _member_of(rng: Random, params: Params) -> Problem:
    kinds = rng.sample(list(words.KINDS), 4)
    right, *wrong = (rng.choice(words.KINDS[kind]) for kind in kinds)
    return _options(f"Kind: {kinds[0]}.", right, wrong, rng, params)


def _text_options(lead: str, right: str, wrong: list[str], rng: Random) -> Problem:
    options = list(wrong)
    options.insert(rng.randrange(len(wrong) + 1), right)
    return Problem(f"{lead} ({' / '.join(options)})", (options, right))


_TOOL_USES = {
    "saw": "cut a board in two", "hammer": "drive a nail into a wall", "shovel": "dig a hole",
    "ladder": "reach the roof",
    "needle": "sew on a button", "key": "unlock a door", "umbrella": "stay dry in the rain",
    "clock": "see what time it is",
    "kettle": "boil water for tea", "broom": "sweep the floor", "scissors": "cut paper",
    "comb": "get a knot out of hair",
    "towel": "dry wet hands", "map": "find the way in a strange city", "camera": "take a photograph",
    "spoon": "eat soup", "pencil": "write a note", "candle": "light a room without electricity",
    "pillow": "rest in bed",
    "wheelbarrow": "move a load of sand in the garden", "thermometer": "measure a fever", "wallet": "carry banknotes",
    "stamp": "send a letter by post", "telescope": "look at distant stars", "net": "catch fish", "boat": "cross a lake",
    "brush": "paint a fence", "screwdriver": "tighten a screw", "oven": "bake bread", "fridge": "keep milk cold",
}  # fmt: skip
_CLASHES = ({"oven", "kettle"}, {"needle", "scissors", "saw"}, {"brush", "comb", "broom"}, {"shovel", "wheelbarrow"},
            {"net", "boat"}, {"camera", "telescope"}, {"wallet", "stamp"}, {"pencil", "brush", "stamp"})  # fmt: skip


def _tool_use(rng: Random, params: Params) -> Problem:
    right = rng.choice(list(_TOOL_USES))
    clashing = {right}.union(*(clash for clash in _CLASHES if right in clash))
    wrong = rng.sample([tool for tool in _TOOL_USES if tool not in clashing], 3)
    name = rng.choice(words.FIRST_NAMES)
    return _text_options(f"{name} wants to {_TOOL_USES[right]}.", right, wrong, rng)


_CLOZE = (
    ("The baby was crying because it was ___.", "hungry", "wooden", "square", "polite"),
    ("{n} put on a coat because it was ___ outside.", "cold", "loud", "sweet", "empty"),
    ("The soup was too ___ to eat, so {n} waited a while.", "hot", "tall", "early", "angry"),
    ("{n} turned on the lamp because the room was ___.", "dark", "sour", "fast", "honest"),
    ("The box was so ___ that {n} could not lift it.", "heavy", "quiet", "green", "late"),
    ("{n} drank three glasses of water, being very ___.", "thirsty", "narrow", "wooden", "flat"),
    ("{n} took an umbrella because of the ___.", "rain", "music", "bread", "carpet"),
    ("After the long walk, {n} wanted to ___.", "rest", "melt", "rust", "bloom"),
    ("The bird built a ___ in the tree.", "nest", "bridge", "engine", "letter"),
    ("{n} cut the bread with a ___.", "knife", "pillow", "candle", "mirror"),
    ("The train stops at the ___.", "station", "kitchen", "pocket", "ceiling"),
    ("{n} wrote a ___ to an old friend.", "letter", "forest", "river", "spoon"),
    ("The farmer gets milk from the ___.", "cow", "hen", "spider", "tractor"),
    ("In winter the lake is covered with ___.", "ice", "butter", "paint", "leather"),
    ("{n} whispered so that nobody could ___ a word.", "hear", "swim", "cook", "climb"),
    ("The glass fell on the stone floor and ___.", "broke", "sang", "slept", "grew"),
    ("{n} could not open the door without a ___.", "key", "song", "cloud", "shadow"),
    ("The children built a castle of ___ on the beach.", "sand", "milk", "fire", "smoke"),
    ("{n} washed the dishes in the ___.", "kitchen", "forest", "theatre", "desert"),
    ("We could not sleep because the neighbours were so ___.", "noisy", "round", "deep", "ripe"),
    ("The doctor told {n} to take the ___ twice a day.", "medicine", "ladder", "piano", "street"),
    ("{n} planted roses in the ___.", "garden", "oven", "mirror", "pocket"),
    ("The plane landed at the ___.", "airport", "drawer", "bakery", "cellar"),
    ("{n} fed the ___ some grass.", "horse", "lamp", "window", "violin"),
)


def _cloze(rng: Random, params: Params) -> Problem:
    gap, right, *wrong = rng.choice(_CLOZE)
    text = gap.format(n=rng.choice(words.FIRST_NAMES))
    return _options(text, right, rng.sample(wrong, 3), rng, params)


def _letter_count_params(rng: Random) -> Params:
    return {**_answer_by(rng), "size": rng.choice(("4", "5", "6", "7"))}


def _of_length(rng: Random, params: Params) -> Problem:
    pool = words.word_list(rng, 200)
    size = int(params["size"])
    right = next(word for word in pool if len(word) == size)
    return _options("", right, [word for word in pool if len(word) != size][:3], rng, params)


def _length_why(facts: tuple[list[str], str], params: Params) -> str:
    return "Letters: " + ", ".join(f"{option} {len(option)}" for option in facts[0]) + "."


def _extreme_params(rng: Random) -> Params:
    return {**_answer_by(rng), "which": rng.choice(("largest", "smallest"))}


def _extreme(rng: Random, params: Params) -> Problem:
    numbers = rng.sample(range(1, rng.choice((30, 100, 1000))), 4)
    right = max(numbers) if params["which"] == "largest" else min(numbers)
    return _options("", str(right), [str(number) for number in numbers if number != right], rng, params)


def _correct_form(rng: Random, params: Params) -> Problem:
    pool = ("mouse", "wolf", "knife", "child", "tooth", "foot", "leaf", "thief", "goose", "city", "baby", "potato",
            "box", "bus",
            "watch", "party", "man", "woman", "lady", "hero", "fox", "dish", "loaf", "story", "butterfly", "church",
            "brush",
            "half", "wife", "cherry", "berry", "family", "country", "glass", "torch", "tomato", "shelf")  # fmt: skip
    noun = rng.choice(pool)
    right, stem = words.plural(noun), noun.removesuffix("e").removesuffix("f")
    made = [noun + "s", noun + "es", noun + "en", *([noun[:-1] + "es"] if noun.endswith("y") else [])]
    made += [stem + "ves", stem + "fes"] if noun.endswith(("f", "fe")) else []
    wrong = [form for form in dict.fromkeys(made) if form != right]
    name = rng.choice(words.FIRST_NAMES)
    return _text_options(f"{name} saw two ___.", right, rng.sample(wrong, 2), rng)


def _sum_options(rng: Random, params: Params) -> Problem:
    a, b = rng.randint(2, 50), rng.randint(2, 50)
    wrong = rng.sample([a + b + shift for shift in (-10, -3, -2, -1, 1, 2, 3, 10) if a + b + shift > 0], 3)
    return _options(f"{a} + {b} = ?", str(a + b), [str(number) for number in wrong], rng, params)


def _fact_options(rng: Random, params: Params) -> Problem:
    people, items = words.names(rng, 4), rng.sample(words.OBJECTS, 4)
    passage = " ".join(
        f"{who} {rng.choice(('has', 'owns'))} the {item}." for who, item in zip(people, items, strict=True)
    )
    right = rng.randrange(4)
    wrong = [who for i, who in enumerate(people) if i != right]
    rng.shuffle(wrong)
    return _options(f"{passage} Whose is the {items[right]}?", people[right], wrong, rng, params)


def _fits_gap(rng: Random, params: Params) -> Problem:
    forms: Any = rng.choice(DEGREES)
    things = rng.sample(words.OBJECTS, 2)
    frames = (
        (f"The {things[0]} is ___ than the {things[1]}.", 1),
        (f"This {things[0]} is the ___ of all.", 2),
        (f"This {things[0]} is not as ___ as that one.", 0),
    )
    text, right = rng.choice(frames)
    wrong = [form for i, form in enumerate(forms) if i != right]
    rng.shuffle(wrong)
    return _text_options(text, forms[right], wrong, rng)


FAMILIES = (
    Family(
        id="odd_one_out",
        category="multiple_choice",
        descriptions=(
            "Which word does not belong with the others? Answer with its mark ({listed}).",
            "Three of the four words are of one kind. Find the odd one out and write its mark: {listed}.",
            "Given four marked words, please answer {listed} for the one that is of another kind than the rest.",
            "Choose the option that does not fit in with the other three. Reply {listed}, nothing else.",
        ),
        sample=_odd_one,
        solve=lambda facts, params: _mark(facts[:2], params),
        anchors=(("not", "odd", "another", "different"),),
        params=_answer_by,
        labels=_marks,
        rationale=_odd_why,
    ),
    Family(
        id="choose_member_of_kind",
        category="multiple_choice",
        descriptions=(
            "Which option is of the kind named at the start? Answer {listed}.",
            "Choose the word that belongs to the given kind and write its mark, {listed}.",
            "Given a kind of thing and four options, please reply with the mark ({listed}) of the only option of that"
            " kind.",
        ),
        sample=_member_of,
        solve=_mark,
        anchors=(("kind", "categor", "group", "type"),),
        params=_answer_by,
        labels=_marks,
    ),
    Family(
        id="thing_for_the_purpose",
        category="multiple_choice",
        descriptions=(
            "Which of the things in brackets does the person need? Copy it.",
            "Choose from the brackets the thing that serves the purpose, and write the word itself.",
            "Given what somebody wants to do and some things in brackets, please answer with the thing that is needed.",
            "What is most useful here? Pick one of the things listed in brackets and write it down.",
        ),
        sample=_tool_use,
        solve=lambda facts, params: str(facts[1]),
        anchors=(("thing", "option", "word", "object", "item"),),
    ),
    Family(
        id="fill_the_gap",
        category="multiple_choice",
        descriptions=(
            "Which option fits the gap? Answer {listed}.",
            "Complete the sentence: choose the option that makes sense in the gap and write {listed}.",
            "Given a sentence with a gap ('___') and four options, please reply with the mark of the option that fits"
            " ({listed}).",
        ),
        sample=_cloze,
        solve=_mark,
        anchors=(("gap", "blank"),),
        params=_answer_by,
        labels=_marks,
    ),
    Family(
        id="option_with_letter_count",
        category="multiple_choice",
        descriptions=(
            "Which word has exactly {size} letters? Answer {listed}.",
            "Count letters: reply with the mark ({listed}) of the only word that is {size} letters long.",
            "Given four marked words, please choose the one with {size} letters and write {listed}.",
        ),
        sample=_of_length,
        solve=_mark,
        anchors=(("letter",), ("word",)),
        params=_letter_count_params,
        labels=_marks,
        rationale=_length_why,
    ),
    Family(
        id="option_with_extreme_number",
        category="multiple_choice",
        descriptions=(
            "Which option is the {which} number? Answer {listed}.",
            "Write the mark ({listed}) of the {which} of the four numbers.",
            "Given four numbers with marks in front, please reply with the mark of the {which} number: {listed}.",
        ),
        sample=_extreme,
        solve=_mark,
        anchors=(("number",), ("largest", "smallest")),
        params=_extreme_params,
        labels=_marks,
    ),
    Family(
        id="choose_correct_plural",
        category="multiple_choice",
        descriptions=(
            "Choose the correct plural from the brackets and write the word.",
            "Which of the spellings in brackets is the right plural? Copy it.",
            "Given a sentence with a gap and three forms in brackets, please write the form that is the correct"
            " plural.",
        ),
        sample=_correct_form,
        solve=lambda facts, params: str(facts[1]),
        anchors=(("plural",),),
    ),
    Family(
        id="choose_the_sum",
        category="multiple_choice",
        descriptions=(
            "Which option is the right sum? Answer {listed}.",
            "Add the numbers and choose the option with the correct sum. Write only its mark: {listed}.",
            "Given an addition and four marked results, please reply with the mark ({listed}) of the right result.",
        ),
        sample=_sum_options,
        solve=_mark,
        anchors=(("sum", "add", "addition"),),
        params=_answer_by,
        labels=_marks,
        rationale=lambda facts, params: f"The sum is {facts[1]}. Look for it among {words.join_items(facts[0])}.",
    ),
    Family(
        id="choose_answer_from_passage",
        category="multiple_choice",
        descriptions=(
            "Read the text and choose the right answer to the question: {listed}.",
            "Which option answers the question about the text? Reply with its mark only, {listed}.",
            "Given a short text, a question and four marked options, please write the mark of the correct option"
            " ({listed}).",
        ),
        sample=_fact_options,
        solve=_mark,
        anchors=(("question",), ("text", "passage")),
        params=_answer_by,
        labels=_marks,
    ),
    Family(
        id="choose_adjective_form",
        category="multiple_choice",
        descriptions=(
            "Which form of the adjective fits the gap? Write the word from the brackets.",
            "Fill the gap with the right form of the adjective, chosen from the brackets.",
            "Given a sentence with a gap and three forms of an adjective in brackets, please copy the form that fits.",
        ),
        sample=_fits_gap,
        solve=lambda facts, params: str(facts[1]),
        anchors=(("gap", "blank"), ("adjective", "form")),
    ),
)
