"""Families that convert data to a stated format, or check it."""

import re
from random import Random

from kshot.generate.bank import labels, words
from kshot.tasks.family import Family, Params, Problem, text_problem

_NAME_FORMS = ("Doe, Jane", "DOE Jane", "jane.doe", "jane_doe", "Doe Jane", "JANE/DOE", "doe-jane")


def _full_name(rng: Random, params: Params) -> Problem:
    return text_problem(f"{rng.choice(words.FIRST_NAMES)} {rng.choice(words.LAST_NAMES)}")


def _named(text: str, params: Params) -> str:
    first, last = text.split()
    written = {"Jane": first, "jane": first.lower(), "JANE": first.upper()}
    written |= {"Doe": last, "doe": last.lower(), "DOE": last.upper()}
    return re.sub("[A-Za-z]+", lambda match: written[match[0]], params["example"])


_STYLES = {"snake_case": "two_words_here", "kebab-case": "two-words-here", "camelCase": "twoWordsHere",
           "PascalCase": "TwoWordsHere",
           "CONSTANT_CASE": "TWO_WORDS_HERE"}  # fmt: skip


def _style(rng: Random) -> Params:
    style = rng.choice(list(_STYLES))
    return {"style": style, "example": _STYLES[style]}


def _identifier(text: str, params: Params) -> str:
    parts = text.split()
    titles = "".join(part.capitalize() for part in parts)
    return {
        "snake_case": "_".join(parts),
        "kebab-case": "-".join(parts),
        "camelCase": parts[0] + titles[len(parts[0]) :],
        "PascalCase": titles,
        "CONSTANT_CASE": "_".join(parts).upper(),
    }[params["style"]]


def _columns(rng: Random) -> Params:
    a, b = rng.choice((("name", "age"), ("item", "price"), ("city", "code"), ("animal", "weight"), ("tool", "shelf")))
    return {"a": a, "b": b}


def _row(rng: Random, params: Params) -> Problem:
    pools = {
        "name": words.FIRST_NAMES,
        "item": words.OBJECTS,
        "city": words.CITIES,
        "animal": words.ANIMALS,
        "tool": words.TOOLS,
    }
    return text_problem(f"{rng.choice(pools[params['a']])},{rng.randint(2, 99)}")


def _json(text: str, params: Params) -> str:
    left, right = text.split(",")
    return f'{{"{params["a"]}": "{left}", "{params["b"]}": {right}}}'


def _tag_params(rng: Random) -> Params:
    return {"tag": rng.choice(("b", "item", "name", "li", "title", "word", "note", "p"))}


def _items(rng: Random, params: Params) -> Problem:
    items = words.word_list(rng, rng.randint(2, 5))
    return Problem(", ".join(items), items)


def _bullet(rng: Random) -> Params:
    mark = rng.choice(("- ", "* ", "+ ", "> ", "numbers"))
    how = "numbered '1.', '2.' and so on" if mark == "numbers" else f"each after the mark '{mark.strip()}' and a space"
    return {"mark": mark, "how": how}


def _bullets(items: list[str], params: Params) -> str:
    if params["mark"] == "numbers":
        return "\n".join(f"{i}. {item}" for i, item in enumerate(items, 1))
    return "\n".join(params["mark"] + item for item in items)


def _last_word(rng: Random) -> Params:
    return {"word": rng.choice(("and", "or", "and also", "as well as", "plus"))}


def _digits(rng: Random, params: Params) -> Problem:
    return text_problem("".join(str(rng.randint(0, 9)) for _ in range(rng.choice((6, 8, 9)))))


def _grouping(rng: Random) -> Params:
    size = rng.choice((2, 3))
    return {"size": str(size), "words": words.NUMBER_WORDS[size], "sep": rng.choice(("-", " ", ".", "/", ":"))}


def _grouped(text: str, params: Params) -> str:
    size = int(params["size"])
    return params["sep"].join(text[i : i + size] for i in range(0, len(text), size))


def _pairs(rng: Random, params: Params) -> Problem:
    keys = rng.sample(("id", "page", "lang", "sort", "size", "user", "mode", "year", "lamp", "tab"), rng.randint(2, 4))
    values = [rng.choice((str(rng.randint(1, 99)), rng.choice(words.OBJECTS), rng.choice(words.COLOURS))) for _ in keys]
    wanted = rng.randrange(len(keys))
    query = "&".join(f"{key}={value}" for key, value in zip(keys, values, strict=True))
    return Problem(f"?{query} -> {keys[wanted]}", (query, keys[wanted]))


def _pair_value(facts: tuple[str, str], params: Params) -> str:
    return dict(pair.split("=") for pair in facts[0].split("&"))[facts[1]]


_CODES = {
    "two capital letters, a hyphen and three digits": r"[A-Z]{2}-\d{3}",
    "one capital letter followed by four digits": r"[A-Z]\d{4}",
    "three digits, a dot and two digits": r"\d{3}\.\d{2}",
    "the sign #, then two digits and one capital letter": r"#\d{2}[A-Z]",
    "three lowercase letters, an underscore and two digits": r"[a-z]{3}_\d{2}",
}


def _code_params(rng: Random) -> Params:
    yes, no = rng.choice(labels.VALID)
    return {"yes": yes, "no": no, "form": rng.choice(list(_CODES))}


def _code_of(form: str, rng: Random) -> str:
    pattern = re.sub(r"(\[[A-Za-z]-[A-Za-z]\]|\\d)\{(\d)\}", lambda match: match[1] * int(match[2]), _CODES[form])
    draws = {"[A-Z]": "ABCDEFGHJKLMNPQRSTUVWXYZ", "[a-z]": "abcdefghjkmnpqrstuvwxyz", "\\d": "0123456789"}
    return re.sub(r"\[A-Z\]|\[a-z\]|\\d", lambda match: rng.choice(draws[match[0]]), pattern).replace("\\.", ".")


def _code(rng: Random, params: Params) -> Problem:
    valid = rng.random() < 0.5
    code = _code_of(params["form"], rng)
    while not valid and re.fullmatch(_CODES[params["form"]], code):
        i = rng.randrange(len(code))
        code = rng.choice((
            _code_of(rng.choice(list(_CODES)), rng), code[:i] + code[i + 1 :], code[:i] + code[i] + code[i:],
            code.swapcase(),
        ))  # fmt: skip
    return text_problem(code)


def _is_code(text: str, params: Params) -> str:
    return params["yes" if re.fullmatch(_CODES[params["form"]], text) else "no"]


def _clock(rng: Random, params: Params) -> Problem:
    return text_problem(f"{rng.randint(0, 23)}:{rng.randint(0, 59):02}")


def _twelve_hours(text: str, params: Params) -> str:
    hour, minute = text.split(":")
    return f"{(int(hour) - 1) % 12 + 1}:{minute} {'am' if int(hour) < 12 else 'pm'}"


def _clock_why(text: str, params: Params) -> str:
    hour = int(text.split(":")[0])
    half = "before noon" if hour < 12 else "at noon or later"
    shown = (
        "the hour stays" if 1 <= hour <= 12 else "hour 0 is written 12" if hour == 0 else f"{hour} - 12 = {hour - 12}"
    )
    return f"Hour {hour} is {half}, and {shown}."


def _price(rng: Random) -> Params:
    name, sign = rng.choice((("dollars", "$"), ("euros", "€"), ("pounds", "£")))
    return {"name": name, "sign": sign}


def _price_text(rng: Random, params: Params) -> Problem:
    whole, cents = rng.randint(1, 200), rng.randint(1, 99)
    unit = params["name"].removesuffix("s") if whole == 1 else params["name"]
    small = (
        "penny"
        if params["sign"] == "£" and cents == 1
        else "pence"
        if params["sign"] == "£"
        else "cent"
        if cents == 1
        else "cents"
    )
    return Problem(f"{whole} {unit} and {cents} {small}", (whole, cents))


FAMILIES = (
    Family(
        id="name_format",
        category="formats",
        descriptions=(
            "Write the name in the form '{example}', which is how Jane Doe would be written.",
            "Bring the full name into the format '{example}', shown here for Jane Doe.",
            "How is this name written in the style in which Jane Doe becomes '{example}'?",
            "Given a first name and a last name, please write them in the same form as '{example}' for Jane Doe.",
        ),
        sample=_full_name,
        solve=_named,
        anchors=(("name",),),
        params=lambda rng: {"example": rng.choice(_NAME_FORMS)},
    ),
    Family(
        id="identifier_style",
        category="formats",
        descriptions=(
            "Write the words as one identifier in {style}, like '{example}'.",
            "Turn the phrase into {style} (for instance '{example}').",
            "What would a variable named with these words be called in {style}, as in '{example}'?",
            "Given a few words, please join them in the style of '{example}', known as {style}.",
        ),
        sample=lambda rng, params: text_problem(" ".join(words.word_list(rng, rng.randint(2, 4)))),
        solve=_identifier,
        anchors=(("snake", "kebab", "camel", "pascal", "constant"),),
        params=_style,
    ),
    Family(
        id="row_to_json",
        category="formats",
        descriptions=(
            "Turn the comma-separated row into a JSON object with the keys '{a}' (a string) and '{b}' (a number).",
            "Write the row as JSON on one line. The first value is '{a}', in quotes; the second is '{b}', a number.",
            "Given two values separated by a comma, please answer with one JSON object whose keys are '{a}' and '{b}',"
            " the second value being a number.",
        ),
        sample=_row,
        solve=_json,
        anchors=(("json",),),
        params=_columns,
    ),
    Family(
        id="wrap_items_in_tags",
        category="formats",
        descriptions=(
            "Enclose each item in <{tag}> and </{tag}>, with nothing between one item and the next.",
            "Write every item as <{tag}>item</{tag}>, one right after the other.",
            "Given items separated by commas, please enclose each of them in <{tag}> and </{tag}> and drop the commas"
            " and spaces between them.",
        ),
        sample=_items,
        solve=lambda items, params: "".join(f"<{params['tag']}>{item}</{params['tag']}>" for item in items),
        anchors=(("item",),),
        params=_tag_params,
    ),
    Family(
        id="bullet_list",
        category="formats",
        descriptions=(
            "Make a list with one item a line, {how}.",
            "Write the items one below the other, {how}.",
            "Given items separated by commas, put every item on its own line, {how}.",
            "Please rewrite the items as a list, a line for each, {how}.",
        ),
        sample=_items,
        solve=_bullets,
        anchors=(("item",), ("line", "below")),
        params=_bullet,
    ),
    Family(
        id="list_as_running_text",
        category="formats",
        descriptions=(
            "Write the items in one line with commas, and '{word}' instead of a comma before the last item.",
            "Join the items: commas between them, but '{word}' in front of the last one and no comma there.",
            "Given items on several lines, please list them in running text such as 'a, b {word} c'.",
        ),
        sample=lambda rng, params: (lambda items: Problem("\n".join(items), items))(
            words.word_list(rng, rng.randint(2, 5))
        ),
        solve=lambda items, params: words.join_items(items, params["word"]),
        anchors=(("item",),),
        params=_last_word,
    ),
    Family(
        id="group_digits",
        category="formats",
        descriptions=(
            "Split the digits into groups of {words}, from the left, with '{sep}' between the groups. The last group"
            " may be shorter.",
            "Insert '{sep}' after every {words} digits (counted from the left), but not at the end.",
            "Given a string of digits, please write it in groups of {words} separated by '{sep}', starting at the"
            " left.",
        ),
        sample=_digits,
        solve=_grouped,
        anchors=(("digit",), ("two", "three")),
        params=_grouping,
    ),
    Family(
        id="query_string_value",
        category="formats",
        descriptions=(
            "Which value does the key after the arrow have in the query string?",
            "The input is a query string of key=value pairs and, after '->', one key. Write the value of this key.",
            "Given pairs joined by '&' and a key behind an arrow, please return the value that belongs to the key.",
        ),
        sample=_pairs,
        solve=_pair_value,
        anchors=(("value",), ("key",)),
    ),
    Family(
        id="code_has_form",
        category="formats",
        descriptions=(
            "A code must consist of {form}. Answer '{yes}' if the input is such a code and '{no}' if it is not.",
            "Check the code: '{yes}' when it is made of exactly {form}, '{no}' for anything else.",
            "Given a string, reply '{yes}' if it has the form of a code, namely {form}, or '{no}' if it differs in any"
            " way.",
            "Does the code follow the pattern ({form}, and nothing more)? Please write '{yes}' or '{no}'.",
        ),
        sample=_code,
        solve=_is_code,
        anchors=(("digit",), ("code", "string", "input", "pattern")),
        params=_code_params,
        labels=labels.space("yes no"),
    ),
    Family(
        id="clock_to_twelve_hours",
        category="formats",
        descriptions=(
            "Rewrite the time for a 12-hour clock, for example '3:05 pm'.",
            "Turn the 24-hour time into a time with 'am' or 'pm' (midnight is 12 am and noon is 12 pm).",
            "What is this 24-hour clock time on a 12-hour clock? Write it like '3:05 pm' or '12:10 am'.",
            "Given a time of day on the 24-hour clock, please write it with am or pm in the form '3:05 pm'.",
        ),
        sample=_clock,
        solve=_twelve_hours,
        anchors=(("time",), ("hour", "pm")),
        rationale=_clock_why,
    ),
    Family(
        id="price_in_figures",
        category="formats",
        descriptions=(
            "Write the price in figures with the sign '{sign}' in front and two decimals.",
            "How is this price written with '{sign}', a decimal point and two digits after it?",
            "Given an amount of money in {name}, please write it as a price such as '{sign}4.05'.",
        ),
        sample=_price_text,
        solve=lambda facts, params: f"{params['sign']}{facts[0]}.{facts[1]:02}",
        anchors=(("price", "amount", "money"),),
        params=_price,
    ),
)
