"""Families that do what a stated, arbitrary rule says."""

import re
from collections.abc import Callable
from random import Random

from kshot.generate.bank import labels, vocabulary, words
from kshot.tasks.family import Family, Params, Problem

_CASES = {"capital letters": str.upper, "small letters": str.lower}
_ENCLOSED = (("square brackets", "[", "]"), ("double quotation marks", '"', '"'), ("round brackets", "(", ")"),
             ("stars", "*", "*"), ("curly brackets", "{", "}"), ("plus signs", "+", "+"))  # fmt: skip


def _style(rng: Random) -> Params:
    marks, left, right = rng.choice(_ENCLOSED)
    return {"case": rng.choice(list(_CASES)), "marks": marks, "left": left, "right": right}


def _styled_question(rng: Random, params: Params) -> Problem:
    a, b = vocabulary.names(rng, 2)
    (x, y), (c, d) = rng.sample(words.OBJECTS, 2), rng.sample(words.COLOURS, 2)
    country, job = rng.choice(vocabulary.COUNTRIES), rng.choice(vocabulary.JOBS)
    town, company = vocabulary.towns(rng, 1)[0], vocabulary.company(rng)
    text, answer = rng.choice((
        (f"{a}'s {x} is {c} and {b}'s {y} is {d}. What colour is the {x}?", c),
        (f"{a} has the {c} {x} and {b} has the {d} {y}. What is the {d} thing?", y),
        (f"{a} comes from {country} and lives in {town}. Where does {a} come from?", country),
        (f"{a} works as {words.with_article(job)} for {company}. What is {a}'s job?", job),
        (f"{a} lent the {x} to {b} in {town}. Who borrowed the {x}?", b),
        (f"{a}, not {b}, took the {y} to {town}. Who took it there?", a),
    ))  # fmt: skip
    return Problem(text, answer)


def _in_style(answer: str, params: Params) -> str:
    return params["left"] + _CASES[params["case"]](answer) + params["right"]


_PLACES = {"first": 0, "second": 1, "third": 2, "fourth": 3, "next to last": -2, "last": -1}
_SIGNS = {"a hyphen": "-", "a plus sign": "+", "a slash": "/", "an equals sign": "=", "a colon": ":", "a dot": "."}


def _two_places(rng: Random) -> Params:
    n, m = rng.sample(list(_PLACES), 2)
    name = rng.choice(list(_SIGNS))
    return {"n": n, "m": m, "name": name, "sign": _SIGNS[name]}


def _row_of_words(rng: Random, low: int, high: int) -> Problem:
    row = vocabulary.word_list(rng, rng.randint(low, high))
    return Problem(" ".join(row), row)


def _joined(row: list[str], params: Params) -> str:
    return params["sign"].join(row[_PLACES[params[key]]] for key in "nm")


def _trigger(rng: Random) -> Params:
    schemes = (("blue", "green"), ("stop", "go"), ("1", "0"), ("found", "missing"), ("alarm", "quiet"), ("X", "Y"))
    return {**labels.scheme_or_made_up("yes no", *schemes)(rng), "trigger": rng.choice(words.OBJECTS)}


def _maybe_trigger(rng: Random, params: Params) -> Problem:
    a, b = vocabulary.names(rng, 2)
    x, y = rng.sample([noun for noun in words.OBJECTS if noun != params["trigger"]], 2)
    if rng.random() < 0.5:
        x, y = rng.sample((params["trigger"], x), 2)
    place, time = rng.choice(words.PUBLIC_PLACES), rng.choice(words.PAST_TIMES)
    text = rng.choice((
        f"{a} left the {x} and the {y} at the {place} {time}.",
        f"{words.capitalize(time)} {a} showed {b} the {x}, but {b} wanted the {y}.",
        f"{a} found the {x} behind the {y} and gave it to {b}.",
        f"There was no {x} at the {place}, so {a} bought the {y} instead.",
    ))  # fmt: skip
    return Problem(text, text)


def _has(word: str, text: str) -> bool:
    return re.search(rf"\b{word}\b", text) is not None


def _fork(rng: Random) -> Params:
    then, other = rng.sample(("first", "second", "last", "next to last"), 2)
    return {"size": str(rng.randint(4, 6)), "then": then, "other": other}


def _forked_row(rng: Random, params: Params) -> Problem:
    wanted = rng.random() < 0.5
    while True:
        row = vocabulary.word_list(rng, rng.randint(4, 6))
        if (len(row[0]) > int(params["size"])) == wanted:
            return Problem(" ".join(row), row)


def _fork_taken(row: list[str], params: Params) -> str:
    return row[_PLACES[params["then" if len(row[0]) > int(params["size"]) else "other"]]]


def _fork_why(row: list[str], params: Params) -> str:
    more = "more" if len(row[0]) > int(params["size"]) else "not more"
    wanted = params["then" if more == "more" else "other"]
    return (
        f"The first word, {row[0]}, has {len(row[0])} letters, {more} than {params['size']}: the {wanted} word counts."
    )


_DEEDS: dict[str, Callable[[str], str]] = {
    "write the word in capital letters": str.upper,
    "write the word twice with a space between": lambda word: f"{word} {word}",
    "write only the first letter of the word": lambda word: word[0],
    "write only the last letter of the word": lambda word: word[-1],
    "put the word between two stars": lambda word: f"*{word}*",
    "write 'the' and then the word": lambda word: f"the {word}",
    "write the word and then 'please'": lambda word: f"{word} please",
    "write the word without its first letter": lambda word: word[1:],
}


_OBJECTS_OF_COMMANDS = (*vocabulary.COMMON, *vocabulary.FIRST_NAMES, *vocabulary.COUNTRIES)


def _commands(rng: Random) -> Params:
    return dict(zip("abcxyz", (*words.draw_nonsense_words(rng, 3), *rng.sample(list(_DEEDS), 3)), strict=True))


def _commanded(rng: Random, params: Params) -> Problem:
    key, word = rng.randrange(3), rng.choice(_OBJECTS_OF_COMMANDS)
    return Problem(f"{params['abc'[key]]}: {word}", (key, word))


def _boss(rng: Random) -> Params:
    return {"boss": rng.choice(vocabulary.FIRST_NAMES)}


def _orders(rng: Random, params: Params) -> Problem:
    n = rng.randint(2, 4)
    others = [name for name in vocabulary.names(rng, n + 1) if name != params["boss"]][: n - 1]
    speakers = [*others, params["boss"]]
    if n > 2 and rng.random() < 0.4:
        speakers[0] = params["boss"]
    rng.shuffle(speakers)
    asked = [rng.choice((word, word.upper(), str(rng.randint(10, 999)))) for word in vocabulary.word_list(rng, n)]
    orders = list(zip(speakers, asked, strict=True))
    return Problem(" ".join(f"{who} says: write {what}." for who, what in orders), orders)


def _obeyed(orders: list[tuple[str, str]], params: Params) -> str:
    return next(what for who, what in reversed(orders) if who == params["boss"])


_MASKS = ("###", "***", "[...]", "XX", "___", "(hidden)", "<gone>", "--")


def _mask_params(rng: Random) -> Params:
    return {"mask": rng.choice(_MASKS), "what": rng.choice(("number", "name of a person", "country"))}


def _private_note(rng: Random, params: Params) -> Problem:
    a, b = vocabulary.names(rng, 2)
    x, y = (words.plural(noun) for noun in rng.sample(words.OBJECTS, 2))
    c, d = rng.sample(vocabulary.COUNTRIES, 2)
    n, m = rng.sample(range(2, 99), 2)
    parts = rng.choice((
        (a, f"sent {n} {x} from", c, f"to {d}, and {b} sent {m} {y}."),
        (a, "and", b, f"bought {n} {x} in {c}."),
        ("In", c, a, f"met {b} and sold {n} {x} and {m} {y}."),
        (a, f"has {n} {x}. {b} brought {m} {y} from", d, f"and {c}."),
    ))  # fmt: skip
    return Problem(
        " ".join(parts), (" ".join(parts), {"number": [str(n), str(m)], "name of a person": [a, b], "country": [c, d]})
    )


def _masked(facts: tuple[str, dict[str, list[str]]], params: Params) -> str:
    text, found = facts
    return re.sub(rf"\b({'|'.join(found[params['what']])})\b", lambda _: params["mask"], text)


def _first_fit(rng: Random) -> Params:
    schemes = (("heavy", "marked", "normal"), ("A", "B", "C"), ("hall", "cellar", "attic"), ("1", "2", "3"),
               ("left", "middle", "right"), ("dock", "shelf", "counter"))  # fmt: skip
    made = labels.scheme("a b c", *schemes, words.draw_nonsense_words(rng, 3))(rng)
    return {**made, "limit": str(10 * rng.randint(2, 8)), "colour": rng.choice(words.COLOURS)}


def _parcel(rng: Random, params: Params) -> Problem:
    limit, verdict = int(params["limit"]), rng.choice("abc")
    weight = rng.randint(limit + 1, 99) if verdict == "a" else rng.randint(2, limit)
    plain_colours = [colour for colour in words.COLOURS if colour != params["colour"]]
    marked = verdict == "b" or (verdict == "a" and rng.random() < 0.5)
    colour = params["colour"] if marked else rng.choice(plain_colours)
    name = vocabulary.names(rng, 1)[0]
    text = rng.choice((
        f"A {colour} parcel for {name}, {weight} kg.",
        f"For {name}: weight {weight} kg, colour {colour}.",
        f"{name}'s parcel weighs {weight} kg and is {colour}.",
    ))  # fmt: skip
    return Problem(text.replace("A orange", "An orange"), (weight, colour))


def _rule_that_fits(facts: tuple[int, str], params: Params) -> str:
    return params["a" if facts[0] > int(params["limit"]) else "b" if facts[1] == params["colour"] else "c"]


def _fit_why(facts: tuple[int, str], params: Params) -> str:
    weight, colour = facts
    if weight > int(params["limit"]):
        return f"The weight {weight} is over {params['limit']}, so the first rule fits."
    same = (
        "so the second rule fits"
        if colour == params["colour"]
        else f"not {params['colour']}, so the third rule is left"
    )
    return f"The weight {weight} is not over {params['limit']}. The colour is {colour}, {same}."


def _markers(rng: Random) -> Params:
    start, end = words.draw_nonsense_pair(rng)
    return {"start": start, "end": end, "case": rng.choice(list(_CASES))}


def _marked_text(rng: Random, params: Params) -> Problem:
    before, inside, after = (vocabulary.word_list(rng, rng.randint(low, 4)) for low in (1, 1, 0))
    row = [*before, params["start"], *inside, params["end"], *after]
    shown = [word.capitalize() if rng.random() < 0.3 and word not in params.values() else word for word in row]
    at = len(before) + 1
    return Problem(" ".join(shown), shown[at : at + len(inside)])


FAMILIES: tuple[Family, ...] = (
    Family(
        id="answer_in_stated_style",
        category="instruction_following",
        descriptions=(
            "Answer the question with as few words as possible, in {case}, and put {marks} around your answer.",
            "Find the answer in the text. Write it in {case} and enclose it in {marks}, with nothing else.",
            "A form accepts answers to a question only in {case} and between {marks}. Fill in the short answer from the"
            " text.",
            "Given a short text that ends with a question, reply briefly; the reply has {marks} at both ends and is in"
            " {case} throughout.",
        ),
        sample=_styled_question,
        solve=_in_style,
        anchors=(("answer", "reply"), ("letter",), ("bracket", "mark", "star", "sign")),
        params=_style,
    ),
    Family(
        id="join_two_stated_words",
        category="instruction_following",
        descriptions=(
            "Write the {n} word of the input, then {name}, then the {m} word of the input, without spaces.",
            "Take two words of the text, the {n} and after it the {m}, and join them with {name} ('{sign}').",
            "Build a key from the row of words: its {n} word and its {m} word, in that order, with '{sign}' between"
            " them.",
            "Ignore all words but two. Put the {n} word before the sign '{sign}' and the {m} word right behind it.",
        ),
        sample=lambda rng, params: _row_of_words(rng, 5, 9),
        solve=_joined,
        anchors=(("word",),),
        params=_two_places,
        rationale=lambda row, params: (
            f"The {params['n']} word is {row[_PLACES[params['n']]]}, the {params['m']} word is"
            f" {row[_PLACES[params['m']]]}."
        ),
    ),
    Family(
        id="trigger_word_reply",
        category="instruction_following",
        descriptions=(
            "If the input contains the word '{trigger}', answer '{yes}'. Otherwise answer '{no}'.",
            "Watch for the word '{trigger}': write '{yes}' when it is there and '{no}' when it is not, whatever else"
            " the sentence says.",
            "Act as a switch: give '{yes}' when the text has the word '{trigger}' in it, and give '{no}' otherwise.",
            "Given a sentence, do not react to its meaning. Reply '{yes}' if one of its words is '{trigger}', else"
            " '{no}'.",
        ),
        sample=_maybe_trigger,
        solve=lambda text, params: params["yes" if _has(params["trigger"], text) else "no"],
        anchors=(("word",),),
        params=_trigger,
        labels=labels.space("yes no"),
    ),
    Family(
        id="length_decides_the_word",
        category="instruction_following",
        descriptions=(
            "If the first word has more than {size} letters, write the {then} word. If not, write the {other} word.",
            "Count the letters of the first word: more than {size} means that you copy the {then} word, any other"
            " number that you copy the {other} word.",
            "Choose one word of the row by this rule. It is the {other} word, except after an opening word of more than"
            " {size} letters, when it is the {then} word.",
            "Given a few words, look at how long the first is. Longer than {size} letters: answer with the {then} word."
            " {size} letters or shorter: answer with the {other} word.",
        ),
        sample=_forked_row,
        solve=_fork_taken,
        anchors=(("word",), ("letter",)),
        params=_fork,
        rationale=_fork_why,
    ),
    Family(
        id="made_up_commands",
        category="instruction_following",
        descriptions=(
            "The input is a command and a word. '{a}' means: {x}. '{b}' means: {y}. '{c}' means: {z}. Carry it out.",
            "Learn three commands. {a}: {x}; {b}: {y}; {c}: {z}. Obey the command that stands before the colon, for the"
            " word behind it.",
            "A robot does one of three things with the word after the colon. At the command '{c}' it will {z}, at '{b}'"
            " it will {y}, and at '{a}' it will {x}. What does it write?",
        ),
        sample=_commanded,
        solve=lambda facts, params: str(_DEEDS[params["xyz"[facts[0]]]](facts[1])),
        anchors=(("command",), ("word",)),
        params=_commands,
        rationale=lambda facts, params: (
            f"The command is {params['abc'[facts[0]]]}, which means: {params['xyz'[facts[0]]]}. The word is {facts[1]}."
        ),
    ),
    Family(
        id="obey_one_speaker",
        category="instruction_following",
        descriptions=(
            "Do only what {boss} says, exactly as written. If {boss} speaks twice, the later order counts.",
            "Several people give orders. You work for {boss}: write what {boss} last asked you to write, and nothing"
            " that the others want.",
            "Ignore every speaker except {boss}. Which text does {boss} order at the end of it all? Write that text,"
            " without the full stop.",
            "Given orders by different people, follow the final one that comes from {boss} and copy the text asked"
            " for.",
        ),
        sample=_orders,
        solve=_obeyed,
        anchors=(("write", "written", "copy"),),
        params=_boss,
        rationale=lambda orders, params: (
            f"{params['boss']} speaks {'once' if [who for who, _ in orders].count(params['boss']) == 1 else 'twice'}"
            " here; the others do not count."
        ),
    ),
    Family(
        id="mask_one_kind",
        category="instruction_following",
        descriptions=(
            "Replace every {what} with {mask} and copy everything else as it is.",
            "Copy the text, but hide each {what}: write {mask} in its place.",
            "For privacy no {what} may be seen. Rewrite the note with {mask} instead of each, and change nothing else.",
            "Given a note, put {mask} wherever there is a {what} and leave the other words and the signs alone.",
        ),
        sample=_private_note,
        solve=_masked,
        anchors=(("number", "name", "country"),),
        params=_mask_params,
    ),
    Family(
        id="first_rule_that_fits",
        category="instruction_following",
        descriptions=(
            "Apply the first rule that fits. 1: over {limit} kg, answer '{a}'. 2: {colour}, answer '{b}'. 3: anything"
            " else, answer '{c}'.",
            "Parcels of more than {limit} kg go to '{a}', whatever their colour. Of the rest, the {colour} ones go to"
            " '{b}' and all others to '{c}'. By this rule, where does the parcel go?",
            "Sort the parcel by rule. Write '{b}' for a {colour} one that does not weigh more than {limit} kg, '{a}'"
            " for any that does, and '{c}' if neither is the case.",
        ),
        sample=_parcel,
        solve=_rule_that_fits,
        needs_instruction=True,
        anchors=(("rule",), ("kg",)),
        params=_first_fit,
        labels=labels.space("a b c"),
        rationale=_fit_why,
    ),
    Family(
        id="text_between_markers",
        category="instruction_following",
        descriptions=(
            "Write the words that stand between '{start}' and '{end}', in {case}.",
            "The message begins after the word '{start}' and ends before the word '{end}'. Write the message in"
            " {case}.",
            "Everything before '{start}' and after '{end}' is noise, and so are these two words themselves. Copy what"
            " is left of the words, using {case} only.",
            "Given a row of words, drop it up to and including '{start}', drop it from '{end}' on, and give the rest in"
            " {case}.",
        ),
        sample=_marked_text,
        solve=lambda inside, params: _CASES[params["case"]](" ".join(inside)),
        anchors=(("word",), ("letter",)),
        params=_markers,
        rationale=lambda inside, params: (
            f"After {params['start']} comes {inside[0]}, and before {params['end']} stands {inside[-1]}."
        ),
    ),
)
