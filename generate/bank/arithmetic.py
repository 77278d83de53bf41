"""Families that calculate: small sums, counts of letters and words, made-up operators, checks of a claim."""

from random import Random

from kshot.generate.bank import labels, words
from kshot.tasks.family import Family, Params, Problem, text_problem

Pair = tuple[int, int]


def _operation(rng: Random) -> Params:
    return {"op": rng.choice("+-")}


def _sum_text(rng: Random, params: Params) -> Problem:
    a, b = rng.randint(2, 99), rng.randint(2, 99)
    if params["op"] == "-" and b > a:
        a, b = b, a
    return Problem(f"{a} {params['op']} {b}", (a, b))


def _sum(facts: Pair, params: Params) -> str:
    return str(facts[0] + facts[1] if params["op"] == "+" else facts[0] - facts[1])


def _sum_why(facts: Pair, params: Params) -> str:
    a, b = facts
    tens = b // 10 * 10
    halfway = a + tens if params["op"] == "+" else a - tens
    return f"{a} {params['op']} {tens} = {halfway}, and then {halfway} {params['op']} {b - tens}."


def _claimed_sum(rng: Random, params: Params) -> Problem:
    a, b = rng.randint(1, 40), rng.randint(1, 40)
    shift = 0 if rng.random() < 0.5 else rng.choice((-10, -2, -1, 1, 2, 10))
    claimed = a + b + shift if a + b + shift > 0 else a + b + 2
    text = rng.choice((f"{a} + {b} = {claimed}", f"{a} plus {b} is {claimed}", f"The sum of {a} and {b} is {claimed}."))
    return Problem(text, (a, b, claimed))


def _claimed_why(facts: tuple[int, int, int], params: Params) -> str:
    return f"{facts[0]} + {facts[1]} is {facts[0] + facts[1]}, and the statement says {facts[2]}."


_STORIES = (
    ("{name} has {a} {things}. {friend} gives {name} {b} more.", 1),
    ("There are {a} {things} on the table. {name} puts {b} more {things} there.", 1),
    ("{name} collected {a} {things} in the morning and {b} in the afternoon.", 1),
    ("{name} had {a} {things} and gave {b} of them to {friend}.", -1),
    ("A shop had {a} {things}. It sold {b} of them to {name}.", -1),
    ("{name} packed {a} {things}, but {b} of them got lost.", -1),
)


def _story(rng: Random, params: Params) -> Problem:
    template, sign = rng.choice(_STORIES)
    b = rng.randint(2, 20)
    a = b + rng.randint(1, 30)
    name, friend = words.names(rng, 2)
    text = template.format(name=name, friend=friend, a=a, b=b, things=words.plural(rng.choice(words.OBJECTS)))
    return Problem(text, (a, b, sign))


def _story_why(facts: tuple[int, int, int], params: Params) -> str:
    a, b, sign = facts
    kind = ("added to", "+") if sign > 0 else ("taken away from", "-")
    return f"There were {a}. Then {b} were {kind[0]} them, so we need {a} {kind[1]} {b}."


def _parity_params(rng: Random) -> Params:
    pairs = (("even", "odd"), ("EVEN", "ODD"), ("E", "O"), words.draw_nonsense_pair(rng))
    return dict(zip(("even", "odd"), rng.choice(pairs), strict=True))


def _letter_count_params(rng: Random) -> Params:
    return {"letter": rng.choice("aeionrst")}


def _word_with_letter(rng: Random, params: Params) -> Problem:
    wanted = rng.choice((0, 1, 1, 2, 2, 3))
    pool = [word for word in words.word_list(rng, 250) if word.count(params["letter"]) == wanted]
    return text_problem(pool[0] if pool else words.word(rng))


def _letter_count_why(text: str, params: Params) -> str:
    hits = [f"letter {i}" for i, letter in enumerate(text, 1) if letter == params["letter"]]
    return f"{'-'.join(text)}: {params['letter']} is " + (
        f"{words.join_items(hits)}." if hits else "none of the letters."
    )


def _numbers(rng: Random, low: int = 3, high: int = 6) -> list[int]:
    return rng.sample(range(1, 100), rng.randint(low, high))


def _number_text(rng: Random, params: Params) -> Problem:
    numbers = _numbers(rng)
    return Problem(", ".join(map(str, numbers)), numbers)


_OPERATORS = {
    "twice {a} plus {b}": lambda a, b: 2 * a + b,
    "{a} plus {b} plus one": lambda a, b: a + b + 1,
    "{a} times {b}, minus one": lambda a, b: a * b - 1,
    "{a} plus twice {b}": lambda a, b: a + 2 * b,
    "the larger of the two numbers plus ten": lambda a, b: max(a, b) + 10,
    "the product of the two numbers": lambda a, b: a * b,
    "the difference between the larger and the smaller number": lambda a, b: abs(a - b),
    "the sum of the two numbers, times two": lambda a, b: 2 * (a + b),
}
_OPERATOR_NAMES = ("the first number", "the second number")


def _operator(rng: Random) -> Params:
    rule = rng.choice(list(_OPERATORS))
    meaning = rule.format(a=_OPERATOR_NAMES[0], b=_OPERATOR_NAMES[1])
    return {
        "rule": rule,
        "meaning": meaning,
        "op": rng.choice("#@~&") if rng.random() < 0.6 else words.draw_nonsense_word(rng),
    }


def _operator_problem(rng: Random, params: Params) -> Problem:
    top = 16 if "times" in params["rule"] or "product" in params["rule"] else 60
    a, b = rng.sample(range(1, top), 2)
    return Problem(f"{a} {params['op']} {b}", (a, b))


def _operator_why(facts: Pair, params: Params) -> str:
    return f"Here the first number is {facts[0]} and the second number is {facts[1]}. We need {params['meaning']}."


def _compare_params(rng: Random) -> Params:
    schemes = (("greater", "less", "equal"), (">", "<", "="), ("larger", "smaller", "same"), ("up", "down", "level"))
    return dict(zip(("more", "less", "same"), rng.choice(schemes), strict=True))


def _two_numbers(rng: Random, params: Params) -> Problem:
    a, b = sorted(rng.sample(range(1, 500), 2))
    first, second = rng.choice(((a, b), (b, a), (a, a)))
    return Problem(f"{first} and {second}", (first, second))


def _compared(facts: Pair, params: Params) -> str:
    a, b = facts
    return params["same"] if a == b else params["more"] if a > b else params["less"]


def _later(rng: Random, params: Params) -> Problem:
    start = 5 * rng.randint(72, 250)
    minutes = 5 * rng.randint(1, 18)
    text = f"{rng.choice(('start', 'from', 'begins at'))} {start // 60}:{start % 60:02}, {minutes} minutes"
    return Problem(text, (start, minutes))


def _later_why(facts: Pair, params: Params) -> str:
    start, minutes = facts
    to_hour = 60 - start % 60
    if to_hour > minutes:
        return f"{start % 60} + {minutes} = {start % 60 + minutes} minutes, so the hour stays {start // 60}."
    return f"After {to_hour} minutes it is {start // 60 + 1}:00. That leaves {minutes - to_hour} of {minutes} minutes."


def _band_params(rng: Random) -> Params:
    low = rng.choice((10, 20, 25, 30, 40, 50))
    high = low + rng.choice((20, 25, 30, 50))
    schemes = (("low", "medium", "high"), ("small", "middle", "big"), ("green", "yellow", "red"), ("A", "B", "C"),
               ("level_1", "level_2", "level_3"))  # fmt: skip
    names = dict(zip(("below", "between", "above"), rng.choice(schemes), strict=True))
    return {"low": str(low), "high": str(high), **names}


def _band_number(rng: Random, params: Params) -> Problem:
    low, high = int(params["low"]), int(params["high"])
    number = rng.choice((rng.randint(0, low - 1), rng.randint(low, high), rng.randint(high + 1, high + 60)))
    text = rng.choice(("{}", "score: {}", "{} points", "The value is {}.", "reading {}")).format(number)
    return Problem(text, number)


def _band(number: int, params: Params) -> str:
    if number < int(params["low"]):
        return params["below"]
    return params["above"] if number > int(params["high"]) else params["between"]


def _band_why(number: int, params: Params) -> str:
    low, high = params["low"], params["high"]
    if number < int(low):
        return f"{number} is less than {low}."
    return f"{number} is more than {high}." if number > int(high) else f"{number} is at least {low} and at most {high}."


FAMILIES = (
    Family(
        id="add_or_subtract",
        category="arithmetic",
        descriptions=(
            "Calculate the result.",
            "What number does this calculation give?",
            "Work out the calculation and answer with the number only.",
            "Given two whole numbers with '{op}' between them, please calculate the result.",
        ),
        sample=_sum_text,
        solve=_sum,
        anchors=(("calculat", "comput", "result"),),
        params=_operation,
        rationale=_sum_why,
    ),
    Family(
        id="check_the_sum",
        category="arithmetic",
        descriptions=(
            "Is the addition right? Answer '{yes}' or '{no}'.",
            "Check the sum. Reply '{yes}' if it has been added up correctly and '{no}' if there is a mistake.",
            "Given a statement about the sum of two numbers, answer '{yes}' when the sum holds and '{no}' when it does"
            " not.",
            "Please add the two numbers yourself and write '{yes}' if the stated sum agrees with yours, otherwise"
            " '{no}'.",
        ),
        no_label_instructions=("Check the addition.",),
        sample=_claimed_sum,
        solve=lambda facts, params: params["yes"] if facts[0] + facts[1] == facts[2] else params["no"],
        anchors=(("add", "sum"),),
        params=labels.scheme("yes no", *labels.TRUE_FALSE, ("yes", "no")),
        labels=labels.space("yes no"),
        rationale=_claimed_why,
    ),
    Family(
        id="how_many_now",
        category="arithmetic",
        descriptions=(
            "Read the story and work out the number of things in the end. Answer with a number.",
            "How many are there now? In a story where things are given away, sold or lost, give the number that is"
            " left; otherwise give the number in all.",
            "Given a short story in which a number of things goes up or down, write the number at the end of it.",
            "Please solve this word problem: add what comes in or subtract what goes away, and answer with the final"
            " number.",
        ),
        sample=_story,
        solve=lambda facts, params: str(facts[0] + facts[2] * facts[1]),
        anchors=(("number", "many"),),
        rationale=_story_why,
    ),
    Family(
        id="even_or_odd",
        category="arithmetic",
        descriptions=(
            "Answer '{even}' for an even number and '{odd}' for an odd number.",
            "Label the number: '{even}' if it is even, that is, it can be divided by two, and '{odd}' if it is odd.",
            "Is this number even or odd? Write '{even}' for even, '{odd}' for odd.",
            "Given a whole number, please look at whether it is even or odd and reply with '{even}' or '{odd}'"
            " accordingly.",
        ),
        no_label_instructions=("What kind of number is this?",),
        sample=lambda rng, params: text_problem(str(2 * rng.randint(1, 499) + rng.randint(0, 1))),
        solve=lambda text, params: params["odd"] if int(text) % 2 else params["even"],
        anchors=(("even",), ("odd",)),
        params=_parity_params,
        labels=labels.space("even odd"),
    ),
    Family(
        id="count_a_letter",
        category="arithmetic",
        descriptions=(
            "Count how often the letter '{letter}' occurs in the word. Answer with a digit.",
            "How many times does the letter '{letter}' appear in this word?",
            "Given a word, write the number of times that it contains the letter '{letter}' (0 if it does not).",
            "Please tell me the number of letters '{letter}' in the word, as a digit.",
        ),
        sample=_word_with_letter,
        solve=lambda text, params: str(text.count(params["letter"])),
        anchors=(("letter",), ("count", "many", "number", "often")),
        params=_letter_count_params,
        rationale=_letter_count_why,
    ),
    Family(
        id="count_the_words",
        category="arithmetic",
        descriptions=(
            "Count the words. Answer with a number in digits.",
            "How many words does the input have?",
            "Given a piece of text, write the number of words in it.",
            "Please count the words of this text and reply with the number only.",
        ),
        sample=lambda rng, params: text_problem(" ".join(words.bare_phrase(rng).split()[: rng.randint(2, 9)])),
        solve=lambda text, params: str(len(text.split())),
        anchors=(("word",), ("count", "many", "number")),
    ),
    Family(
        id="largest_minus_smallest",
        category="arithmetic",
        descriptions=(
            "Subtract the smallest of the numbers from the largest.",
            "What is the difference between the largest and the smallest number in the list?",
            "Find the range of the list: its largest number minus its smallest number. Answer with a number.",
            "Given several numbers, please work out how much larger the largest is than the smallest.",
        ),
        sample=_number_text,
        solve=lambda numbers, params: str(max(numbers) - min(numbers)),
        anchors=(("largest", "biggest", "highest", "greatest", "maximum"), ("smallest", "lowest", "least", "minimum")),
        rationale=lambda numbers, params: f"The largest number is {max(numbers)} and the smallest is {min(numbers)}.",
    ),
    Family(
        id="made_up_operator",
        category="arithmetic",
        descriptions=(
            "The sign '{op}' between two numbers means: {meaning}. Work out the value.",
            "Suppose '{op}' is a new operator that gives {meaning}. What does the input give?",
            "Calculate the input, where '{op}' stands for {meaning}. Answer with a number.",
            "Given two numbers with '{op}' between them, please answer with {meaning}.",
        ),
        sample=_operator_problem,
        solve=lambda facts, params: str(_OPERATORS[params["rule"]](*facts)),
        anchors=(("number", "sum", "product"),),
        params=_operator,
        rationale=_operator_why,
    ),
    Family(
        id="compare_two_numbers",
        category="arithmetic",
        descriptions=(
            "Compare the first number with the second. Answer '{more}' if the first is greater, '{less}' if it is less,"
            " and '{same}' if both are equal.",
            "Is the first number greater than, less than or equal to the second? Write '{more}', '{less}' or '{same}',"
            " in this order of meanings.",
            "Given two numbers, reply '{more}' when the first one is greater than the second one, '{less}' when it is"
            " less, or '{same}' when they are equal.",
        ),
        no_label_instructions=("Compare the first number with the second.",),
        sample=_two_numbers,
        solve=_compared,
        anchors=(("first",), ("second",), ("number",)),
        params=_compare_params,
        labels=labels.space("more less same"),
    ),
    Family(
        id="clock_after_minutes",
        category="arithmetic",
        descriptions=(
            "Add the minutes to the time of day and write the new time in the same form, such as 14:05.",
            "Something takes the given number of minutes from the given time. At what time does it end? Use the form"
            " 14:05.",
            "Given a starting time and a number of minutes, answer with the time at the end (24-hour clock, like"
            " 14:05).",
            "Please work out the clock time after that many minutes have passed.",
        ),
        sample=_later,
        solve=lambda facts, params: f"{sum(facts) // 60}:{sum(facts) % 60:02}",
        anchors=(("minute",), ("time",)),
        rationale=_later_why,
    ),
    Family(
        id="number_in_words",
        category="arithmetic",
        descriptions=(
            "Write the number in English words, with 'and' after 'hundred'.",
            "How do you say this number? Spell it out in words, with a hyphen in numbers such as twenty-one and with"
            " 'and' after 'hundred'.",
            "Given a number in digits, spell it out in words, as in 'two hundred and five'.",
            "Please turn the digits into the number in words (say 'and' after 'hundred').",
        ),
        sample=lambda rng, params: text_problem(
            str(rng.randint(0, 99) if rng.random() < 0.3 else rng.randint(100, 999))
        ),
        solve=lambda text, params: words.spell_number(int(text)),
        anchors=(("word",), ("number",)),
    ),
    Family(
        id="number_band",
        category="classification",
        descriptions=(
            "Label the number: '{below}' if it is less than {low}, '{above}' if it is more than {high}, and"
            " '{between}' for everything from {low} to {high}.",
            "Which band does the number belong to? The bands are '{below}' (under {low}), '{between}' ({low} to {high},"
            " both included) and '{above}' (over {high}).",
            "Find the number in the input. Numbers under {low} are '{below}', numbers over {high} are '{above}', all"
            " the others are '{between}'.",
            "Given a number, please answer with its label. '{below}': smaller than {low}. '{between}': at least {low}"
            " and at most {high}. '{above}': larger than {high}.",
        ),
        sample=_band_number,
        solve=_band,
        anchors=(("number",),),
        params=_band_params,
        labels=labels.space("below between above"),
        rationale=_band_why,
    ),
)
