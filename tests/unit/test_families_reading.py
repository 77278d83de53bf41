"""Families of rules, tables and missing answers: answers by hand, and from the text alone."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from kshot.generate.bank import FAMILIES, by_id, vocabulary
from kshot.generate.bank.table_drawing import Asked
from kshot.generate.bank.unanswerable import Story
from kshot.tasks.family import Params
from tests.unit.reading_back import FromText, misread

ROWS = [["Al", "5", "red"], ["Bo", "9", "-"], ["Cy", "7", "blue"]]
STORY = Story(("Al has 3 bags.", "A bag holds 4 cups."), ("", ""), "How many cups?", "12", ("", ""), (), "")
ABC = {"a": "P", "b": "Q", "c": "R"}
TABLE = Asked(["name", "age", "colour"], ROWS, "age", ["Cy", "Al", "Bo"])

CATEGORIES = ("instruction_following", "tables", "answerability")
# Answers worked out by hand: family, facts, params, answer.
BY_HAND: tuple[tuple[str, Any, Params, str], ...] = (
    ("answer_in_stated_style", "red", {"case": "capital letters", "left": "[", "right": "]"}, "[RED]"),
    ("join_two_stated_words", ["a", "b", "c", "d"], {"n": "next to last", "m": "first", "sign": "+"}, "c+a"),
    ("trigger_word_reply", "The keys are lost.", {"trigger": "key", "yes": "X", "no": "Y"}, "Y"),
    ("trigger_word_reply", "The key is lost.", {"trigger": "key", "yes": "X", "no": "Y"}, "X"),
    ("length_decides_the_word", ["tree", "a", "b"], {"size": "4", "then": "last", "other": "second"}, "a"),
    ("made_up_commands", (1, "lamp"), {"y": "write the word without its first letter"}, "amp"),
    ("obey_one_speaker", [("Al", "x"), ("Bo", "y"), ("Al", "z")], {"boss": "Al"}, "z"),
    ("mask_one_kind", ("Al has 12 keys and 2 hats.", {"number": ["12", "2"]}), {"what": "number", "mask": "##"},
     "Al has ## keys and ## hats."),
    ("first_rule_that_fits", (30, "red"), {"limit": "30", "colour": "red", "a": "P", "b": "Q", "c": "R"}, "Q"),
    ("first_rule_that_fits", (31, "red"), {"limit": "30", "colour": "red", "a": "P", "b": "Q", "c": "R"}, "P"),
    ("text_between_markers", ["Old", "lamp"], {"case": "small letters"}, "old lamp"),
    ("table_cell_lookup", TABLE, {}, "7"),
    ("table_row_by_condition", TABLE, {}, "Cy"),
    ("table_whole_column", TABLE, {"sep": " / "}, "5 / 9 / 7"),
    ("table_extreme_of_column", TABLE, {"which": "second largest"}, "Cy"),
    ("table_extreme_of_column", TABLE, {"which": "smallest"}, "Al"),
    ("table_sum_of_two_cells", TABLE, {}, "12"),
    ("table_missing_value", TABLE, {"gap": "-", "missing": "no value"}, "7"),
    ("table_missing_value", TABLE._replace(column="colour", keys=["Bo"]), {"gap": "-", "missing": "no value"},
     "no value"),
    ("table_row_to_sentence", TABLE, {"form": "The COLOUR bag of NAME."}, "The blue bag of Cy."),
    ("table_filter_rows", (TABLE, True, 5), {"none": "nobody"}, "Bo, Cy"),
    ("table_filter_rows", (TABLE, False, 5), {"none": "nobody"}, "nobody"),
    ("table_compare_two_rows", TABLE, {"more": "P", "less": "Q", "same": "R"}, "P"),
    ("enough_to_work_out", (STORY, -1), {"yes": "Y", "no": "N"}, "Y"),
    ("enough_to_work_out", (STORY, 1), {"yes": "Y", "no": "N"}, "N"),
    ("number_or_missing_fact", (STORY, -1), {"missing": "gap"}, "12"),
    ("number_or_missing_fact", (STORY, 0), {"missing": "gap"}, "gap"),
    ("which_fact_is_needed", (2, "how many bags Al has"), ABC, "R"),
    ("sentence_not_needed", (0, ("", "")), ABC, "P"),
    ("statements_contradict", (True, "the colour"), {"yes": "Y", "no": "N"}, "Y"),
    ("event_question_or_gap", ("", "fair", []), {"missing": "gap"}, "gap"),
    ("event_question_or_gap", ("Friday", "fair", []), {"missing": "gap"}, "Friday"),
    ("which_question_is_answered", (1, ""), ABC, "Q"),
    ("one_answer_none_or_conflict", (["Friday", "Sunday"], "fair"), {"missing": "gap", "conflict": "!"}, "!"),
    ("one_answer_none_or_conflict", (["Friday"], "fair"), {"missing": "gap", "conflict": "!"}, "Friday"),
    ("one_answer_none_or_conflict", ([], "fair"), {"missing": "gap", "conflict": "!"}, "gap"),
)  # fmt: skip


@pytest.mark.parametrize(("family_id", "facts", "params", "answer"), BY_HAND)
def test_solver_agrees_with_hand_worked_examples(family_id: str, facts: Any, params: Params, answer: str) -> None:
    assert by_id(family_id).solve(facts, params) == answer


PLACE = {"first": 1, "second": 2, "third": 3, "fourth": 4, "next to last": -1, "last": 0}


def at(place: str, text: str) -> str:
    row = text.split()
    return row[PLACE[place] - 1]


def styled(text: str, p: Params) -> str:
    told, question = re.match(r"(.*[.]) (.*\?)", text).groups()
    last = question[:-1].split()[-1]
    answers = {
        "What colour": rf"'s {last} is (\w+)", "What is the": rf"{question.split()[3]} (\w+)", "Where": r"from (\w+)",
        "What is": r"works as an? (.*) for", "Who borrowed": r"to (\w+)", "Who took": r"^(\w+)",
    }  # fmt: skip
    found = re.search(next(pattern for start, pattern in answers.items() if question.startswith(start)), told)[1]
    return f"{p['left']}{found.upper() if p['case'].startswith('capital') else found.lower()}{p['right']}"


def commanded(text: str, p: Params) -> str:
    command, word = text.split(": ")
    meaning = next(p[deed] for name, deed in zip("abc", "xyz", strict=True) if p[name] == command)
    return {
        "capital": word.upper(), "twice": f"{word} {word}", "only the first": word[0], "only the last": word[-1],
        "two stars": f"*{word}*", "'the'": f"the {word}", "'please'": f"{word} please", "without": word[1:],
    }[next(hint for hint in ("capital", "twice", "only the first", "only the last", "two stars", "'the'", "'please'",
                             "without") if hint in meaning)]  # fmt: skip


def masked(text: str, p: Params) -> str:
    pools = {"name of a person": vocabulary.FIRST_NAMES, "country": vocabulary.COUNTRIES}
    hidden = [word for word in re.findall(r"\w+", text)
              if (word.isdigit() if p["what"] == "number" else word in pools[p["what"]])]  # fmt: skip
    for word in hidden:
        text = re.sub(rf"(?<!\w){word}(?!\w)", p["mask"].replace("\\", ""), text, count=1)
    return text


def parcel(text: str, p: Params) -> str:
    if int(re.search(r"(\d+) kg", text)[1]) > int(p["limit"]):
        return p["a"]
    return p["b"] if re.search(rf"\b{p['colour']}\b", text) else p["c"]


def between(text: str, p: Params) -> str:
    inside = text.split(p["start"])[1].split(p["end"])[0].strip()
    return inside.upper() if p["case"] == "capital letters" else inside.lower()


def read_table(text: str, p: Params) -> tuple[list[dict[str, str]], str]:
    """The rows of the table by their headings, and what is asked."""
    if p["style"] == "records":
        *lines, query = text.split("\n")
        return [dict(pair.split(": ") for pair in line.split(", ")) for line in lines], query
    *lines, query = text.split(" / " if p["style"] == "one line" else "\n")
    mark = {"comma": ",", "semicolon": ";", "tab": "\t"}.get(p["style"], "|")
    cells = [[part.strip() for part in line.strip("|").split(mark)] for line in lines if "---" not in line]
    return [dict(zip(cells[0], row, strict=True)) for row in cells[1:]], query


ASKED_BY = {
    "old": "age", "town": "town", "job": "job", "come": "country", "colour": "colour", "stock": "stock",
    "shelf": "shelf", "weight": "weight", "When": "departure", "platform": "platform", "go?": "destination",
    "stops": "stops", "points": "points", "goals": "goals", "coach": "coach", "room": "room", "teaches": "teacher",
    "students": "students", "day": "day",
}  # fmt: skip


def looked_up(text: str, p: Params) -> str:
    rows, query = read_table(text, p)
    column = next(column for hint, column in ASKED_BY.items() if hint in query.split() or f"{hint}?" in query.split())
    row = next(row for row in rows if re.search(rf"\b{next(iter(row.values()))}\b", query))
    return p["missing"] if row[column] == p.get("gap") else row[column]


def wanted(text: str, p: Params) -> str:
    rows, query = read_table(text, p)
    conditions = re.sub(r"^Wanted: the \w+ with ", "", query).split(" and ")
    fitting = [row for row in rows if all(row[c.split(" ", 1)[0]] == c.split(" ", 1)[1] for c in conditions)]
    assert len(fitting) == 1
    return next(iter(fitting[0].values()))


def column_line(text: str, p: Params) -> str:
    rows, query = read_table(text, p)
    return p["sep"].join(row[query.removeprefix("Column: ")] for row in rows)


def extreme(text: str, p: Params) -> str:
    rows, query = read_table(text, p)
    ranked = {int(row[query.removeprefix("Column: ")]): next(iter(row.values())) for row in rows}
    assert len(ranked) == len(rows)
    place = {"largest": -1, "smallest": 0, "second largest": -2, "second smallest": 1}[p["which"]]
    return ranked[sorted(ranked)[place]]


def two_cells(text: str, p: Params, pattern: str) -> tuple[int, int]:
    rows, query = read_table(text, p)
    found = re.fullmatch(pattern, query).groupdict()
    a, b = (next(row for row in rows if next(iter(row.values())) == found[key])[found["c"]] for key in "ab")
    return int(a), int(b)


def in_form(text: str, p: Params) -> str:
    rows, query = read_table(text, p)
    row = next(row for row in rows if next(iter(row.values())) == query.removeprefix("Row: "))
    answer = p["form"]
    for name in sorted(row, key=len, reverse=True):
        answer = answer.replace(name.upper(), row[name])
    return answer


def filtered(text: str, p: Params) -> str:
    rows, query = read_table(text, p)
    column, side, limit = query.split()
    sign = 1 if side == "over" else -1
    return (
        ", ".join(next(iter(row.values())) for row in rows if sign * (int(row[column]) - int(limit)) > 0) or p["none"]
    )


def rows_compared(text: str, p: Params) -> str:
    a, b = two_cells(text, p, "Compare (?P<a>.*) with (?P<b>.*): (?P<c>.*)")
    return p[["same", "more", "less"][(a > b) - (a < b)]]


# Of each story: how the question begins, the two numbers it needs as they are worded, and what to do with them.
STORIES: tuple[tuple[str, tuple[str, str], Callable[[int, int], int]], ...] = (
    (r"How many \w+ does \w+ buy", (r"buys (\d+) boxes", r"box holds (\d+)"), lambda a, b: a * b),
    (r"How many euros", (r"buys (\d+) tickets", r"costs (\d+)"), lambda a, b: a * b),
    (r"How old is", (r"is (\d+) years old\.", r"is (\d+) years older"), lambda a, b: a + b),
    (r"How many days", (r"reads (\d+) pages", r"has (\d+) pages"), lambda a, b: b // a),
    (r"How many \w+ does \w+ have left", (r"had (\d+) ", r"gave (\d+) "), lambda a, b: a - b),
    (r"How many seats", (r"are (\d+) rows", r"has (\d+) seats"), lambda a, b: a * b),
    (r"How many km", (r"walks (\d+) km to", r"walks (\d+) km more"), lambda a, b: a + b),
    (r"How many metres", (r"is (\d+) m long", r"off (\d+) m "), lambda a, b: a - b),
)
NEEDED_WORDS = (
    ("boxes", "in a box"), ("tickets", "ticket costs"), ("how old", "older"), ("pages", "book has"),
    ("at first", "gave away"), ("rows there", "a row has"), ("km", "farther"), ("at first", "cut off"),
)  # fmt: skip


def story_numbers(text: str) -> tuple[int, list[int | None], str]:
    """Which story it is, its two numbers as far as they are told, and its question."""
    question = re.search(r"[A-Z][^.?]*\?", text)[0]
    kind = next(i for i, (start, *_) in enumerate(STORIES) if re.match(start, question))
    found = [re.search(pattern, text) for pattern in STORIES[kind][1]]
    return kind, [int(match[1]) if match else None for match in found], question


def story_answer(text: str, p: Params) -> str:
    kind, (a, b), _ = story_numbers(text)
    return p["missing"] if a is None or b is None else str(STORIES[kind][2](a, b))


def marked_parts(text: str, p: Params) -> dict[str, str]:
    """The parts after the three marks."""
    marks = [re.escape(p["style"].format(p[key])) for key in "abc"]
    return dict(zip("abc", re.search(rf"{marks[0]} (.*) {marks[1]} (.*) {marks[2]} (.*)$", text).groups(), strict=True))


def needed_fact(text: str, p: Params) -> str:
    kind, told, _ = story_numbers(text[: text.index("?") + 1])
    hint = NEEDED_WORDS[kind][told.index(None)]
    return next(p[key] for key, part in marked_parts(text, p).items() if hint in part)


def needless(text: str, p: Params) -> str:
    kind, _, question = story_numbers(text)
    parts = marked_parts(text.removesuffix(f" {question}"), p)
    return next(p[key] for key, part in parts.items() if not any(re.search(n, part) for n in STORIES[kind][1]))


def contradiction(text: str, p: Params) -> str:
    first, second = re.match(r"(.*?\.) (.*\.)", text).groups()
    rules = (
        (r"At (\d+) o'clock today (\w+) was", lambda a, b: a.groups() == b.groups()),
        (r"(\w+)'s only (\w+) is (?!very)", lambda a, b: a.groups() == b.groups()),
        (r"There are exactly \d+ (\w+) in the (\w+)", lambda a, b: a.groups() == b.groups()),
        (r"The (\w+) was (?:closed all day|open for an hour) last (\w+)", lambda a, b: a.groups() == b.groups()),
        (r"(\w+) (?:has never been to|was in) (\w+)", lambda a, b: a.groups() == b.groups()),
    )  # fmt: skip
    for pattern, clash in rules:
        if one := re.match(pattern, first):
            other = re.match(pattern, second)
            return p["yes" if other and clash(one, other) else "no"]
    owner = re.match(r"Nobody but (\w+) has", first)[1]
    return p["yes" if " has no " not in second and not second.startswith(owner) else "no"]


SAYS = {
    r"In which town is the (\w+)": r"The {} takes place in (\w+)\.",
    r"On which day is the (\w+)": r"The {} is on (\w+)\.",
    r"At what time does the (\w+)": r"The {} begins at (\d+ o'clock)\.",
    r"How many people .* the (\w+)": r"(\d+) people have tickets for the {}\.",
    r"Who is in charge of the (\w+)": r"(\w+) is in charge of the {}\.",
    r"Which company pays for the (\w+)": r"The {} is paid for by ([\w ]+)\.",
    r"Who will give a speech at the (\w+)": r"(\w+) will give a speech at the {}\.",
}  # fmt: skip


def event_answers(told: str, question: str) -> list[str]:
    for start, pattern in SAYS.items():
        if match := re.search(start, question):
            return list(dict.fromkeys(re.findall(pattern.format(match[1]), told)))
    raise AssertionError(question)


def event_or_gap(text: str, p: Params) -> str:
    told, question = re.match(r"(.*\.) ([A-Z][^.]*\?)$", text).groups()
    return next(iter(event_answers(told, question)), p["missing"])


def answered_question(text: str, p: Params) -> str:
    told = text.rsplit(".", 1)[0] + "."
    (key,) = [key for key, question in marked_parts(text, p).items() if event_answers(told, question)]
    return p[key]


def settled(text: str, p: Params) -> str:
    answers = event_answers(*text.split(" Question: "))
    return p["missing"] if not answers else answers[0] if len(answers) == 1 else p["conflict"]


FROM_TEXT: FromText = {
    "answer_in_stated_style": styled,
    "join_two_stated_words": lambda text, p: at(p["n"], text) + p["sign"] + at(p["m"], text),
    "trigger_word_reply": lambda text, p: p["yes" if p["trigger"] in re.findall(r"\w+", text) else "no"],
    "length_decides_the_word": lambda text, p: at(p["then" if text.index(" ") > int(p["size"]) else "other"], text),
    "made_up_commands": commanded,
    "obey_one_speaker": lambda text, p: re.findall(rf"{p['boss']} says: write (.*?)\.", text)[-1],
    "mask_one_kind": masked,
    "first_rule_that_fits": parcel,
    "text_between_markers": between,
    "table_cell_lookup": looked_up,
    "table_row_by_condition": wanted,
    "table_whole_column": column_line,
    "table_extreme_of_column": extreme,
    "table_sum_of_two_cells": lambda text, p: str(
        sum(two_cells(text, p, "Add the (?P<c>.*) of (?P<a>.*) and of (?P<b>.*)"))
    ),
    "table_missing_value": looked_up,
    "table_row_to_sentence": in_form,
    "table_filter_rows": filtered,
    "table_compare_two_rows": rows_compared,
    "enough_to_work_out": lambda text, p: p["no" if None in story_numbers(text)[1] else "yes"],
    "number_or_missing_fact": story_answer,
    "which_fact_is_needed": needed_fact,
    "sentence_not_needed": needless,
    "statements_contradict": contradiction,
    "event_question_or_gap": event_or_gap,
    "which_question_is_answered": answered_question,
    "one_answer_none_or_conflict": settled,
}  # fmt: skip


@pytest.mark.parametrize("family_id", FROM_TEXT)
def test_answer_follows_from_the_text_alone(family_id: str) -> None:
    assert misread(family_id, FROM_TEXT, "test", tasks=60, problems=2) == []


def test_every_family_of_these_modules_is_worked_by_hand_and_read_back() -> None:
    ids = {family.id for family in FAMILIES if family.category in CATEGORIES}
    assert ids == set(FROM_TEXT) == {family_id for family_id, *_ in BY_HAND}
