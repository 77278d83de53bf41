"""Families whose input asks or orders something: answers by hand, and from the text in another way."""

import re
from typing import Any

import pytest

from kshot.generate.bank import by_id, words
from kshot.generate.bank.requests import FAMILIES
from kshot.tasks.family import Params
from tests.unit.reading_back import FromText, misread

# Answers worked out by hand: family, facts, params, answer.
BY_HAND: tuple[tuple[str, Any, Params, str], ...] = (
    ("report_an_order", ("Al", "Bo", "wash the cup"), {}, "Al tells Bo to wash the cup."),
    ("report_a_question", ("Al", "Bo", "where Cy lives"), {}, "Al asks Bo where Cy lives."),
    ("allow_or_forbid", ("sing a song", True), {}, "Sing a song."),
    ("allow_or_forbid", ("sing a song", False), {}, "Do not sing a song."),
    ("person_spoken_to", "Bo", {}, "Bo"),
    ("thing_asked_for", "old cup", {}, "old cup"),
    ("time_limit_given", True, {"yes": "timed", "no": "free"}, "timed"),
    ("copy_whatever_it_says", "Name a city.", {"how": "and put it in square brackets"}, "[Name a city.]"),
    ("copy_whatever_it_says", "Who?", {"how": "exactly as it is"}, "Who?"),
    ("question_in_a_message", "", {"none": "-"}, "-"),
    ("question_in_a_message", "Why?", {"none": "-"}, "Why?"),
    ("two_ways_to_ask", False, {"yes": "1", "no": "0"}, "0"),
    ("question_for_this_desk", ("pets", True), {"a": "ours", "b": "theirs", "desk": "pets"}, "ours"),
    ("question_for_this_desk", ("music", False), {"a": "ours", "b": "theirs", "desk": "pets"}, "theirs"),
    ("question_names_a_person", True, {"yes": "Y", "no": "N"}, "Y"),
    ("told_among_orders", "Oslo", {"kind": "city"}, "Oslo"),
)


@pytest.mark.parametrize(("family_id", "facts", "params", "answer"), BY_HAND)
def test_solver_agrees_with_hand_worked_examples(family_id: str, facts: Any, params: Params, answer: str) -> None:
    assert by_id(family_id).solve(facts, params) == answer


def parts(text: str) -> tuple[str, str, str]:
    """The speaker, the hearer and what is said."""
    (said,) = re.findall('"(.*)"', text)
    one, other = re.findall(r"\b[A-Z][a-z]+\b", text.replace(f'"{said}"', ""))
    return one, other, said


def ordered(text: str, params: Params) -> str:
    """The order without the hearer's name and without courtesies, as an infinitive."""
    one, other, said = parts(text)
    bare = re.sub(rf"\b{other}\b|\bplease\b|[,.!]", "", said, flags=re.IGNORECASE).strip()
    return f"{one} tells {other} to {bare[0].lower()}{bare[1:]}."


def subject(tokens: list[str]) -> int:
    """How many words the subject at the beginning has: a name, or a thing with what belongs to it."""
    if tokens[0] != "the":
        return 1
    end = 3 if tokens[1] in words.THING_ADJECTIVES else 2
    while tokens[end : end + 1] in (["of"], ["in"]):
        end += 3 if tokens[end] == "of" else 2
    return end


def asked(text: str, params: Params) -> str:
    """The question in the order of a statement, worked out by the grammar of its first words."""
    one, other, said = parts(text)
    tokens = said.rstrip("?").split()
    tokens[0] = tokens[0].lower()
    verb = next((n for n, word in enumerate(tokens) if word in ("is", "are", "can", "will", "does")), None)
    if verb is not None:
        lead, tail = tokens[:verb] or ["whether"], tokens[verb + 1 :]
        end = subject(tail)
        moved = [tail[end] + "s", *tail[end + 1 :]] if tokens[verb] == "does" else [tokens[verb], *tail[end:]]
        tokens = [*lead, *tail[:end], *moved]
    return f"{one} asks {other} {' '.join(tokens)}."


def reversed_order(text: str, params: Params) -> str:
    if not text.startswith("Do not "):
        return f"Do not {text[0].lower()}{text[1:]}"
    return f"{text[7].upper()}{text[8:]}"


def spoken_to(text: str, params: Params) -> str:
    """The name that is set off by a comma."""
    (name,) = {a or b for a, b in re.findall(r"(?:^|\. )([A-Z][a-z]+), |, ([A-Z][a-z]+)[.?,]", text)}
    return str(name)


def wanted(text: str, params: Params) -> str:
    """What is named in the sentence with 'I', 'me' or a question in it, but for remarks on things not wanted."""
    told = re.sub(r"The [^.]* broken\.|My [^.]*\.|I do not need [^.]*\.|Keep [^.]*\.|Nobody [^.]*\.", "", text)
    adjective = "|".join(words.THING_ADJECTIVES)
    (thing,) = re.findall(rf"the ((?:(?:{adjective}) )?(?:{'|'.join(words.OBJECTS)}))\b", told, re.IGNORECASE)
    return str(thing)


def limited(text: str, params: Params) -> str:
    limit = r" by [A-Z]|at the latest|within an|no later|You have until|[a-z] before |in the next"
    return params["yes" if re.search(limit, text) else "no"]


FRAMED = {
    "exactly as it is": ("", ""),
    "and put a star before and after it": ("*", "*"),
    "and put 'Text: ' in front of it": ("Text: ", ""),
    "and put it between double quotes": ('"', '"'),
    "and put it in square brackets": ("[", "]"),
}
SUBJECTS = {
    "where": r"\bwhere\b|in which place",
    "opens": r"\bopens?\b",
    "price": r"\bcosts?\b|\bprice\b|\bpay\b",
    "owner": r"\bwhose\b|\bowns\b|\bbelong\b",
    "age": r"\bold\b|\bage\b",
    "why": r"\bwhy\b|\breason\b",
    "way": r"\bway\b|how do i get",
    "people": r"\bpeople\b|\bpopulation\b|\binhabitants\b",
    "language": r"\blanguage\b",
    "player": r"\bplays\b",
}
DESKS = {
    "cooking": r"boil|fry|herbs|soup|peel",
    "travel": r"\btrain |flight|visa|overnight|ferry",
    "pets": "fed|sleep|flat|shelter|vet ",
    "music": "teaches|tune|learn|concerts|rent",
    "clothes": "washed|this .* in |mend|larger|fashion",
    "sport": "training|rules|final|try|players",
}


def about(question: str) -> tuple[str, str]:
    """What a question asks, and of whom or what: its last known name, thing, place or city."""
    (kind,) = [kind for kind, pattern in SUBJECTS.items() if re.search(pattern, question.lower())]
    known = (*words.OBJECTS, *words.PUBLIC_PLACES, *words.FIRST_NAMES, *words.CITIES, *words.INSTRUMENTS)
    return kind, re.findall("|".join(rf"\b{one}\b" for one in known), question)[-1]


def same(text: str, params: Params) -> str:
    one, other = re.split(r" / | \| |\n", text)
    return params["yes" if about(one) == about(other) else "no"]


def told(text: str, params: Params) -> str:
    pools = {"colour": words.PLAIN_COLOURS, "city": words.CITIES, "day of the week": words.WEEKDAYS}
    (answer,) = re.findall("|".join(rf"\b{one}\b" for one in pools[params["kind"]]), text)
    return str(answer)


def copied(text: str, params: Params) -> str:
    before, after = FRAMED[params["how"]]
    return before + text + after


CHECKS: FromText = {
    "report_an_order": ordered,
    "report_a_question": asked,
    "allow_or_forbid": reversed_order,
    "person_spoken_to": spoken_to,
    "thing_asked_for": wanted,
    "time_limit_given": limited,
    "copy_whatever_it_says": copied,
    "question_in_a_message": lambda text, params: "".join(re.findall(r"[A-Z][^.?]*\?", text)) or params["none"],
    "two_ways_to_ask": same,
    "question_for_this_desk": lambda text, params: params["a" if re.search(DESKS[params["desk"]], text) else "b"],
    "question_names_a_person": lambda text, params: params[
        "yes" if set(re.findall(r"\w+", text)) & set(words.FIRST_NAMES) else "no"
    ],
    "told_among_orders": told,
}


@pytest.mark.parametrize("family_id", CHECKS)
def test_answer_follows_from_the_text_alone(family_id: str) -> None:
    assert misread(family_id, CHECKS, "requests", tasks=12, problems=40) == []


def test_each_family_of_requests_is_checked() -> None:
    assert {family.id for family in FAMILIES} == set(CHECKS) == {family_id for family_id, *_ in BY_HAND}
