"""Families of listed options, dialogues and structured data: answers by hand, and from the text in another way."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from kshot.generate.bank import by_id, words
from kshot.tasks.family import Params
from tests.unit.reading_back import FromText, misread

LETTERS = {"marks": "ABCD", "answer": "mark"}
COPIED = {"marks": "", "answer": "text"}
# Answers worked out by hand: family, facts, params, answer.
BY_HAND: tuple[tuple[str, Any, Params, str], ...] = (
    ("choose_the_pure_group", (["saw, cow", "saw, axe"], "saw, axe", None), LETTERS, "B"),
    ("choose_same_statement", (["Al is older.", "Bo is older."], "Al is older.", None), COPIED, "Al is older."),
    ("choose_next_step", (["walk", "rest", "eat"], "eat", 2), LETTERS, "C"),
    ("choose_right_total", (["12", "13", "14"], "13", None), {"marks": "1234", "answer": "mark"}, "2"),
    ("choose_by_two_conditions", (["red cup for 4 euros", "red hat for 9 euros"], "red cup for 4 euros", None), LETTERS,
     "A"),
    ("choose_the_place", (["zoo", "bank", "church"], "bank", None), COPIED, "bank"),
    ("choose_by_generality", (["plant", "rose", "flower"], "plant", None), LETTERS, "A"),
    ("choose_the_reason", (["It rained.", "It burnt."], "It burnt.", None), COPIED, "It burnt."),
    ("choose_the_reply", (["Yes.", "At six."], "At six.", None), {"marks": "abcd", "answer": "mark"}, "b"),
    ("who_says_so", "Vera", {"none": "nobody"}, "Vera"),
    ("who_says_so", "", {"none": "nobody"}, "nobody"),
    ("what_they_agree_on", "", {"none": "-"}, "-"),
    ("request_granted", False, {"yes": "A", "no": "R"}, "R"),
    ("final_order", ["tea", "soup"], {}, "tea, soup"),
    ("time_settled", (9 * 60 + 45, [30, 10]), {}, "10:25"),
    ("time_settled", (180, [-60]), {}, "2:00"),
    ("reply_fits_question", ("place", True), {"yes": "on", "no": "off"}, "on"),
    ("what_a_word_points_to", ("there", "zoo"), {}, "zoo"),
    ("next_speaker", ("Omar", "Vera", True), {}, "Omar"),
    ("value_at_path", ({"car": {"size": 4}, "row": ["cup", "map"]}, ["row", "1"]), {"none": "-"}, "map"),
    ("value_at_path", ({"car": {"size": 4}}, ["car", "rank"]), {"none": "-"}, "-"),
    ("nested_expression", ("minus", ("times", 3, 4), ("plus", 1, 2)), {}, "9"),
    ("compare_two_lists", (["cup", "map", "pot"], ["pot", "key"]), {"which": "one", "none": "-"}, "cup, map, key"),
    ("compare_two_lists", (["cup", "map"], ["pot"]), {"which": "both", "none": "-"}, "-"),
    ("key_with_extreme_value", {"Al": 3, "Bo": 9, "Cy": 5}, {"which": "second largest"}, "Cy"),
    ("brackets_balanced", "([)]", {"pairs": "()[]", "yes": "ok", "no": "bad"}, "bad"),
    ("brackets_balanced", "([])", {"pairs": "()[]", "yes": "ok", "no": "bad"}, "ok"),
    ("flatten_list", [1, [2, [3]], 4], {}, "[1, 2, 3, 4]"),
    ("apply_changes", ({"size": 4, "rank": "a"}, [("name", "size", "zone"), ("put", "code", "7")]), {},
     '{"zone": 4, "rank": "a", "code": 7}'),
    ("missing_key", ["size", "rank"], {"keys": "rank code", "none": "-"}, "code"),
    ("missing_key", ["size", "rank"], {"keys": "rank size", "none": "-"}, "-"),
)  # fmt: skip


@pytest.mark.parametrize(("family_id", "facts", "params", "answer"), BY_HAND)
def test_solver_agrees_with_hand_worked_examples(family_id: str, facts: Any, params: Params, answer: str) -> None:
    assert by_id(family_id).solve(facts, params) == answer


def split_options(text: str, params: Params) -> tuple[str, dict[str, str]]:
    """What stands before the options, and the options by their marks (or by themselves)."""
    if params["form"] == "{}{}":
        lead, _, row = text.rpartition("\n")
        return lead, {option: option for option in row.split(" / ")}
    if not params["marks"]:
        lead, *rows = re.split(rf"(?:^|\n){re.escape(params['form'][2])} ", text)
        return lead, {row: row for row in rows}
    pattern = "|".join(re.escape(params["form"].format(mark, "")) for mark in params["marks"])
    lead, *rest = re.split(rf"(?:^|[ \n])({pattern})", text)
    return lead, {re.sub(r"\W", "", mark): option for mark, option in zip(rest[::2], rest[1::2], strict=True)}


def choosing(fits: Callable[[str, str, Params], bool]) -> Callable[[str, Params], str]:
    """A check by which exactly one option of a text fits."""

    def answer(text: str, params: Params) -> str:
        lead, options = split_options(text, params)
        assert len(options) == int(params["count"])
        (mark,) = [mark for mark, option in options.items() if fits(lead, option, params)]
        return mark if params["answer"] == "mark" else options[mark]

    return answer


def claim(sentence: str) -> tuple[str, ...]:
    """What a sentence says, the same for both ways of saying it."""
    forms = (
        (r"(\w+) sold the (\w+) to (\w+)", "sold", "123"), (r"(\w+) bought the (\w+) from (\w+)", "sold", "321"),
        (r"(\w+) lent (\w+) the (\w+)", "lent", "123"), (r"(\w+) borrowed the (\w+) from (\w+)", "lent", "312"),
        (r"(\w+) is older than (\w+)", "older", "12"), (r"(\w+) is younger than (\w+)", "older", "21"),
        (r"The (\w+) is behind the (\w+)", "behind", "12"), (r"The (\w+) is in front of the (\w+)", "behind", "21"),
        (r"Only (\w+) came .+", "only", "1"), (r"Nobody but (\w+) came .+", "only", "1"),
        (r"([A-Z]\w+) \w+ the (\w+)", "did", "12"), (r"The (\w+) was \w+ by ([A-Z]\w+)", "did", "21"),
    )  # fmt: skip
    for pattern, name, order in forms:
        if match := re.fullmatch(pattern + r"\.", sentence):
            return (name, *(match[int(place)] for place in order))
    return (sentence,)


def next_step(lead: str, option: str, params: Params) -> bool:
    plan, state = re.fullmatch(r"\w+ plans to (.+?)\. (.+)\.", lead).groups()
    steps = re.split(r", then | and finally ", plan)
    if found := re.search(r"The (\w+) step", state):
        return steps.index(option) == words.ORDINALS.index(found[1]) + 1 if option in steps else False
    last = max(steps.index(step) for step in steps if step in state)
    return steps[last + 1] == option


def total(lead: str, option: str, params: Params) -> bool:
    parts = re.findall(r"(\d+|\ban?\b) \w+ at (\d+)", lead)
    return sum(int(price) * (int(n) if n.isdigit() else 1) for n, price in parts) == int(option)


def two_conditions(lead: str, option: str, params: Params) -> bool:
    (wanted,) = set(re.findall(r"\w+", lead)) & set(words.COLOURS)
    return option.startswith(wanted) and int(re.findall(r"\d+", option)[0]) < int(re.findall(r"\d+", lead)[0])


PLACES = {
    "library": "borrowed|read a book", "bank": "account|banknotes", "bakery": "loaves|oven", "hospital": "operati",
    "airport": "planes|flight", "cinema": "film", "classroom": "teacher", "farm": "cows|pigs", "beach": "sand|shells",
    "restaurant": "waiter", "museum": "paintings|statues", "stadium": "cheered|match", "pharmacy": "tablets|syrup",
    "church": "organ|altar", "zoo": "lions|giraffe", "station": "platform|track", "post office": "stamps|registered",
    "garage": "tyre|brakes",
}  # fmt: skip
REASONS = {
    "gloves": "freezing", "plumber": "tap", "stairs": "lift", "whisper": "asleep", "dentist": "tooth",
    "fire": "burning",
    "battery": "clock had", "umbrella": "rain", "oil": "hinges", "plaster": "knife", "exchange": "small",
    "new key": r"\block", "salt": "taste", "dark glasses": "sun", "pencil": "point", "flour": "cake",
    "tomatoes": "soil",
    "refuel": "petrol", "sew": "coat", "two alarm": "train",
}  # fmt: skip
REPLIES = {
    "Where": "^(On the|Under|Next)", "When": "^(At (half|a quarter)|Shortly)", "Who": "It was [A-Z]|did",
    "How many": "of them",
    "Why": "^Because", "What (is the )?colour": "^It is (dark|[a-z]+ and)", "How much|What did": "euros|free",
    "Would|Can": "^(No|Yes)",
}  # fmt: skip


def rank(option: str) -> int:
    """How general a term is: a described thing, a thing, its kind, what is above the kind."""
    named = next((i for i, pool in enumerate(words.KINDS.values()) if option.split()[-1] in pool), None)
    if named is not None:
        return 0 if " " in option else 1
    kinds = ("animal", "fruit", "tool", "vehicle", "flower", "musical instrument")
    return 2 if option in kinds or option.startswith("piece") else 3


def generality(text: str, params: Params) -> str:
    options = split_options(text, params)[1]
    ordered = sorted(options, key=lambda mark: rank(options[mark]))
    assert len({rank(option) for option in options.values()}) == len(options)
    mark = ordered[0 if params["which"] == "most specific" else -1]
    return mark if params["answer"] == "mark" else options[mark]


def key_fits(table: dict[str, str]) -> Callable[[str, str, Params], bool]:
    """The one entry whose key is found in the lead must have its value in the option."""

    def fits(lead: str, option: str, params: Params) -> bool:
        (wanted,) = [value for key, value in table.items() if re.search(key, lead)]
        return bool(re.search(wanted, option, re.IGNORECASE))

    return fits


def turns_of(text: str) -> list[tuple[str, str]]:
    return re.findall(r"(?:^|(?<=[ \n]))([A-Z]\w+): (.+?)(?=$|[ \n][A-Z]\w+: )", text, re.DOTALL)


def who_says_so(text: str, params: Params) -> str:
    talk, question = text.split("\nQuestion: ")
    wanted = re.sub(" now", "", question[:-1]).split()[-1]
    kind = question.split()[1 if question.startswith("Whose") else -2]
    found = [name for name, line in turns_of(talk) if re.search(rf"\b{wanted}\b", line) and kind in line]
    return found[0] if found else params["none"]


def agreed(text: str, params: Params) -> str:
    (_, first), (_, second), *rest = turns_of(text)
    plans = [re.sub(r"^.*?(Shall|Let|want to|What if|rather|don't|that we could|we could)( we| us)? ", "", line)
             for line in (first, second)]  # fmt: skip
    first, second = (re.sub("( today| instead)?[.?]$", "", plan) for plan in plans)
    end = rest[-1][1]
    if re.search("something else|nothing together|So is your", end):
        return params["none"]
    return first if re.search("you said|your way then|your plan", end) else second


GRANTED = "Sure|No problem|Of course|five minutes|Consider|just a moment|With pleasure|anyway"


def order(text: str, params: Params) -> str:
    menu: list[str] = []
    for _, line in turns_of(text):
        dishes = re.findall(r"\b[Tt]he (\w+)", line)
        if "instead of" in line:
            menu[menu.index(dishes[1])] = dishes[0]
        elif "Not the" in line:
            menu[menu.index(dishes[0])] = dishes[1]
        elif "leave out" in line:
            menu.remove(dishes[0])
        else:
            menu += dishes
    return ", ".join(menu)


def settled(text: str, params: Params) -> str:
    times = [60 * int(hour) + int(minute) for hour, minute in re.findall(r"(\d+):(\d\d)", text)]
    lengths = {"a quarter of an hour": 15, "half an hour": 30, "twenty minutes": 20, "ten minutes": 10, "an hour": 60}
    moved = times[-1]
    if len(times) == 1 and "does not suit" not in text:
        for length, way in re.findall(f"({'|'.join(lengths)}) (later|earlier)", text, re.IGNORECASE):
            moved += lengths[length.lower()] * (1 if way == "later" else -1)
    return f"{moved // 60}:{moved % 60:02}"


FITS = {
    "Where": "^(At the|Not far)", "When": "^(On|Early)", "Who": "^(I think|Nobody)",
    "How many": "^(I counted|At least)",
    "Why": "^(To|Because)", "(What|Which) colour": "^Dark|and white",
}  # fmt: skip


def reply_fits(text: str, params: Params) -> str:
    (_, question), (_, reply) = turns_of(text)
    (wanted,) = [value for key, value in FITS.items() if re.match(key, question)]
    return params["yes" if re.search(wanted, reply) else "no"]


def points_to(text: str, params: Params) -> str:
    first, reply = (line for _, line in turns_of(text))
    pools = {"it": words.OBJECTS, "there": words.PUBLIC_PLACES, "that day": words.WEEKDAYS}
    pool = pools[re.search(r"\*(.+)\*", reply)[1].lower()]
    (found,) = [word for word in re.findall(r"\w+", first) if word in pool]
    return found


def following(text: str, params: Params) -> str:
    turns = turns_of(text)
    last = turns[-1][1]
    return re.search("|".join(words.FIRST_NAMES), last)[0] if last.endswith("?") else turns[0][0]


def at_path(text: str, params: Params) -> str:
    shown, path = text.split(" | ")
    places: dict[str, str] = {}
    for part, inside in re.findall(r'"(\w+)": ([{\[].*?[}\]])', shown):
        values = re.findall(r'(?:"(\w+)": )?"?(\w+)"?', inside[1:-1])
        for place, (key, value) in enumerate(values):
            places[f"{part}{params['sep']}{key or place}"] = value
    return places.get(path, params["none"])


def computed(text: str, params: Params) -> str:
    names = "|".join(re.escape(params[key]) for key in ("plus", "minus", "times"))
    shape = re.escape(params["shape"].format(op="OP", a="LEFT", b="RIGHT")).replace("OP", f"(?P<op>{names})")
    shape = shape.replace("LEFT", r"(?P<a>\d+)").replace("RIGHT", r"(?P<b>\d+)")

    def worked(match: re.Match[str]) -> str:
        a, b, op = int(match["a"]), int(match["b"]), match["op"]
        return str({params["plus"]: a + b, params["minus"]: a - b, params["times"]: a * b}[op])

    while not text.isdigit():
        text = re.sub(shape, worked, text, count=1)
    return text


def lists(text: str, params: Params) -> str:
    first, second = (part.split(", ") for part in text.split(" | "))
    together = dict.fromkeys([*first, *second])
    wanted = {"both": (True, True), "first": (True, False), "second": (False, True)}
    which = [wanted[params["which"]]] if params["which"] in wanted else [(True, False), (False, True)]
    return ", ".join(word for word in together if (word in first, word in second) in which) or params["none"]


def extreme_key(text: str, params: Params) -> str:
    pairs = [(int(number), key) for key, number in re.findall(r'"(\w+)": (\d+)', text)]
    if "second" in params["which"]:
        pairs.remove(max(pairs) if params["which"].endswith("largest") else min(pairs))
    return (max(pairs) if params["which"].endswith("largest") else min(pairs))[1]


def balanced(text: str, params: Params) -> str:
    before = ""
    while text != before:
        before, text = text, re.sub(r"\(\)|\[\]|<>|\{\}", "", text)
    return params["no" if text else "yes"]


def changed(text: str, params: Params) -> str:
    shown, commands = text.split(" | ")
    for command in commands.split("; "):
        verb, key, *rest = command.split(" ")
        entry = rf'"{key}": "?\w+"?'
        if verb == params["put"]:
            value = rest[0] if rest[0].isdigit() else f'"{rest[0]}"'
            new = f'"{key}": {value}'
            shown = re.sub(entry, new, shown) if re.search(entry, shown) else f"{shown[:-1]}, {new}}}"
        elif verb == params["drop"]:
            shown = re.sub(rf"{entry}, |, {entry}|{entry}", "", shown)
        else:
            shown = shown.replace(f'"{key}":', f'"{rest[0]}":')
        shown = shown.replace("{, ", "{")
    return shown


def missing(text: str, params: Params) -> str:
    return " ".join(key for key in params["keys"].split() if f'"{key}":' not in text) or params["none"]


CHECKS: FromText = {
    "choose_the_pure_group": choosing(
        lambda lead, option, params: set(option.split(", ")) <= set(words.KINDS[lead.removeprefix("Kind: ")[:-1]])
    ),
    "choose_same_statement": choosing(lambda lead, option, params: claim(lead) == claim(option)),
    "choose_next_step": choosing(next_step),
    "choose_right_total": choosing(total),
    "choose_by_two_conditions": choosing(two_conditions),
    "choose_the_place": choosing(lambda lead, option, params: bool(re.search(PLACES[option], lead))),
    "choose_by_generality": generality,
    "choose_the_reason": choosing(key_fits(REASONS)),
    "choose_the_reply": choosing(key_fits(REPLIES)),
    "who_says_so": who_says_so,
    "what_they_agree_on": agreed,
    "request_granted": lambda text, params: params["yes" if re.search(GRANTED, turns_of(text)[1][1]) else "no"],
    "final_order": order,
    "time_settled": settled,
    "reply_fits_question": reply_fits,
    "what_a_word_points_to": points_to,
    "next_speaker": following,
    "value_at_path": at_path,
    "nested_expression": computed,
    "compare_two_lists": lists,
    "key_with_extreme_value": extreme_key,
    "brackets_balanced": balanced,
    "flatten_list": lambda text, params: f"[{', '.join(re.findall(r'[a-z0-9]+', text))}]",
    "apply_changes": changed,
    "missing_key": missing,
}


@pytest.mark.parametrize("family_id", CHECKS)
def test_answer_follows_from_the_text_alone(family_id: str) -> None:
    assert misread(family_id, CHECKS, "forms", tasks=12, problems=8) == []
