"""The training bank: the shape of every family, the balance of its labels, and answers worked out another way."""

import re
from collections import Counter
from itertools import pairwise
from random import Random
from typing import Any

import pytest

from kshot.core.seeding import stream
from kshot.generate.bank import FAMILIES, by_id, vocabulary, words
from kshot.tasks.family import Family, Params, Problem

HELD_OUT = re.compile(
    "sentiment|herbivore|carnivore|synonym|antonym|date|acronym|initials|arriv|metric|cheaper|spam|vowel|roman|capital_of"
    "|capital_city|sentence_type|sequence|tallest|taller|rhym|compass|turning|dedup|alphabet|tense|emoji|metaphor"
    "|misconception|implicat|intent|question_type"
)
FORBIDDEN_WORDS = re.compile(
    "alphabet|emoji|metaphor|misconception|sentiment|herbivor|carnivor|synonym|antonym|acronym|initials|metric|cheaper|spam"
    "|vowels|roman num|rhym|tense|intent|duplicate"
)
# Families whose whole space is a short list of words: fewer than 300 different inputs exist for one task.
SMALL_SPACE = {
    "degree_of_adjective": 0.1, "adverb_from_adjective": 0.1, "person_who_does_it": 0.1, "split_compound": 0.1,
    "word_has_affix": 0.05, "plural_form": 0.6, "singular_form": 0.6, "ordinal_number": 0.7, "kind_of_thing": 0.1,
    "made_up_class_names": 0.1, "living_or_not": 0.6, "even_or_odd": 0.7, "number_band": 0.4, "count_a_letter": 0.3,
    "number_in_words": 0.5, "repeat_the_word": 0.7, "spell_the_word": 0.7, "clock_to_twelve_hours": 0.8,
    "row_to_json": 0.8, "made_up_operator": 0.45, "decode_with_key": 0.6, "made_up_word_by_length": 0.2,
    "hidden_letter_of_word": 0.5, "hidden_kind_labels": 0.05, "hidden_number_function": 0.15, "hidden_frame": 0.5,
    "hidden_number_class": 0.1, "choose_article": 0.8, "article_error": 0.8, "topic_of_sentence": 0.4,
    "admission_rule": 0.8, "calendar_order": 0.4,
}  # fmt: skip
every_family = pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.id)


def drawn(family: Family, seed: int, n: int) -> tuple[Params, list[Problem]]:
    rng = stream(seed, "test", family.id)
    params = family.params(rng)
    return params, [family.sample(rng, params) for _ in range(n)]


def test_the_bank_is_broad() -> None:
    per_category = Counter(family.category for family in FAMILIES)
    assert len(FAMILIES) >= 200
    assert len(per_category) >= 20
    assert min(per_category.values()) >= 4
    assert sum(family.rationale is not None for family in FAMILIES) >= 60
    assert sum(family.labels is not None for family in FAMILIES) >= 20


def test_ids_are_unique_snake_case_and_not_held_out() -> None:
    ids = [family.id for family in FAMILIES]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch("[a-z]+(_[a-z]+)*", family_id) for family_id in ids)
    assert [family_id for family_id in ids if HELD_OUT.search(family_id)] == []


def test_by_id_finds_each_family_and_refuses_others() -> None:
    assert all(by_id(family.id) is family for family in FAMILIES)
    with pytest.raises(KeyError):
        by_id("no_such_family")


def test_vocabulary_is_large_and_its_kinds_are_disjoint() -> None:
    members = [member for pool in words.KINDS.values() for member in pool]
    assert len(set(members)) == len(members)
    assert not {*vocabulary.FIRST_NAMES, *vocabulary.LAST_NAMES} & set(vocabulary.COUNTRIES), "Chad is both"
    pools = [value for name, value in vars(words).items() if name.isupper() and isinstance(value, tuple)]
    assert len({word for pool in pools for word in pool if isinstance(word, str)}) >= 400


@every_family
def test_descriptions_state_the_anchors(family: Family) -> None:
    assert len(set(family.descriptions)) == len(family.descriptions) >= 3
    assert 1 <= len(family.anchors) <= 3
    for seed in range(20):
        params = family.params(stream(seed, family.id))
        assert all(isinstance(value, str) for value in params.values())
        for description in family.descriptions:
            text = description.format(**params).lower()
            assert not FORBIDDEN_WORDS.search(text), text
            found = re.findall("[a-z0-9]+", text)
            for alternatives in family.anchors:
                assert any(word.startswith(tuple(alternatives)) for word in found), (text, alternatives)


@every_family
def test_samples_repeat_for_a_seed_and_vary_within_a_task(family: Family) -> None:
    params, problems = drawn(family, 3, 300)
    assert (params, problems) == drawn(family, 3, 300)
    shares = []
    for seed in (3, 4, 5):
        shares.append(len({problem.text for problem in drawn(family, seed, 300)[1]}) / 300)
    assert min(shares) >= SMALL_SPACE.get(family.id, 0.9)


@every_family
def test_answers_are_clean_and_in_the_label_space(family: Family) -> None:
    for seed in range(8):
        params, problems = drawn(family, seed, 40)
        for problem in problems:
            answer = family.solve(problem.facts, params)
            assert problem.text == problem.text.strip() != ""
            assert answer == answer.strip() != ""
            assert len(problem.text.split()) <= 60
            assert len(answer.split()) <= 20
            if family.labels is not None:
                assert answer in family.labels(params)


@every_family
def test_labels_are_balanced(family: Family) -> None:
    if family.labels is None:
        return
    for seed in range(4):
        params, problems = drawn(family, seed, 400)
        space = family.labels(params)
        assert len(set(space)) == len(space) >= 2
        counts = Counter(family.solve(problem.facts, params) for problem in problems)
        assert len(counts) == len(space)
        limit = 0.65 if len(space) == 2 else 2 / len(space)
        assert max(counts.values()) / 400 <= limit


@every_family
def test_rationale_is_there_and_deterministic(family: Family) -> None:
    if family.rationale is None:
        return
    for seed in range(10):
        params, (problem,) = drawn(family, seed, 1)
        why = family.rationale(problem.facts, params)
        assert why == why.strip() != ""
        assert why == family.rationale(problem.facts, params)


def test_hidden_rules_need_demonstrations_and_stay_unstated() -> None:
    hidden = [family for family in FAMILIES if family.id.startswith("hidden_")]
    assert len(hidden) >= 5
    assert all((family.min_k >= 2) == (family in hidden) for family in FAMILIES)
    for family in hidden:
        stated = " ".join(family.descriptions)
        assert not set(re.findall(r"{(\w+)}", stated)) - {"a", "b"}


def test_label_names_vary_between_tasks() -> None:
    fixed = {"choose_article"}
    for family in FAMILIES:
        if family.labels is not None and family.id not in fixed:
            assert len({family.labels(family.params(stream(seed, family.id))) for seed in range(40)}) >= 3, family.id


# Answers worked out by hand: family, facts, params, answer.
BY_HAND: tuple[tuple[str, Any, Params, str], ...] = (
    ("reverse_word_order", "red cat sat", {}, "sat cat red"),
    ("join_with_separator", "a lamp fell", {"sep": " > "}, "a > lamp > fell"),
    ("capitalise_one_word", "the old bus", {"position": "last"}, "the old BUS"),
    ("replace_one_word", "sun moon sun", {"old": "sun", "new": "tree"}, "tree moon tree"),
    ("swap_first_and_last", "one two three", {}, "three two one"),
    ("wrap_each_word", "dark sea", {"left": "<", "right": ">"}, "<dark> <sea>"),
    ("drop_words_by_initial", "bird map box sun", {"letter": "b"}, "map sun"),
    ("repeat_the_word", "cup", {"count": "3", "sep": "-"}, "cup-cup-cup"),
    ("spell_the_word", "lamp", {"sep": "."}, "l.a.m.p"),
    ("reverse_letters", "brin", {}, "nirb"),
    ("direct_speech", ("Anna", "It is late."), {"verb": "said"}, 'Anna said, "It is late."'),
    ("change_letter_case", "BIG dog", {"case": "title case"}, "Big Dog"),
    ("plural_form", ("old", "knife"), {}, "old knives"),
    ("plural_form", ("", "butterfly"), {}, "butterflies"),
    ("plural_form", ("", "box"), {}, "boxes"),
    ("plural_form", ("", "toy"), {}, "toys"),
    ("possessive_form", ("the baker", "red hat"), {}, "the baker's red hat"),
    ("ordinal_number", "112", {}, "112th"),
    ("ordinal_number", "83", {}, "83rd"),
    ("ordinal_number", "301", {}, "301st"),
    ("word_has_affix", "redo", {"affix": "re", "where": "begin", "yes": "Y", "no": "N"}, "Y"),
    ("word_has_affix", "kindness", {"affix": "ful", "where": "end", "yes": "Y", "no": "N"}, "N"),
    ("add_or_subtract", (50, 18), {"op": "-"}, "32"),
    ("how_many_now", (20, 6, -1), {}, "14"),
    ("count_a_letter", "banana", {"letter": "a"}, "3"),
    ("made_up_operator", (3, 4), {"rule": "twice {a} plus {b}"}, "10"),
    ("made_up_operator", (3, 8), {"rule": "the difference between the larger and the smaller number"}, "5"),
    ("clock_after_minutes", (9 * 60 + 50, 25), {}, "10:15"),
    ("number_in_words", "100", {}, "one hundred"),
    ("number_in_words", "342", {}, "three hundred and forty-two"),
    ("number_in_words", "16", {}, "sixteen"),
    ("sort_numbers", [7, 12, 3], {"order": "descending"}, "12, 7, 3"),
    ("pick_by_size", [7, 12, 3], {"which": "second largest"}, "7"),
    ("calendar_order", ["May", "January", "April"], {"kind": "months of the year"}, "January, April, May"),
    ("move_an_item", ["a", "b", "c"], {"move": "the first item to the end"}, "b, c, a"),
    ("move_an_item", ["a", "b", "c"], {"move": "the second item to the front"}, "b, a, c"),
    ("nth_item", ["a", "b", "c", "d"], {"nth": "next to last"}, "c"),
    ("order_by_stated_ranking", [("Tom", "silver"), ("Ida", "gold")], {"ranks": "gold, silver, bronze"}, "Ida, Tom"),
    ("name_format", "Tom Lee", {"example": "Doe, Jane"}, "Lee, Tom"),
    ("name_format", "Tom Lee", {"example": "JANE/DOE"}, "TOM/LEE"),
    ("identifier_style", "big red bus", {"style": "camelCase"}, "bigRedBus"),
    ("identifier_style", "big red bus", {"style": "CONSTANT_CASE"}, "BIG_RED_BUS"),
    ("row_to_json", "Oslo,7", {"a": "city", "b": "code"}, '{"city": "Oslo", "code": 7}'),
    ("bullet_list", ["a", "b"], {"mark": "numbers"}, "1. a\n2. b"),
    ("group_digits", "12345678", {"size": "3", "sep": " "}, "123 456 78"),
    ("query_string_value", ("a=1&b=2&c=3", "b"), {}, "2"),
    ("clock_to_twelve_hours", "0:07", {}, "12:07 am"),
    ("clock_to_twelve_hours", "12:30", {}, "12:30 pm"),
    ("clock_to_twelve_hours", "23:59", {}, "11:59 pm"),
    ("price_in_figures", (12, 5), {"sign": "$"}, "$12.05"),
    ("number_band", 30, {"low": "10", "high": "30", "below": "l", "between": "m", "above": "h"}, "m"),
    ("where_is_the_person_now", ([("Al", "attic"), ("Bo", "office"), ("Al", "cellar")], "Al"), {}, "cellar"),
    ("if_otherwise", ("Al", "reads", "sleeps", False), {}, "sleeps"),
    ("hidden_number_function", "7", {"times": "3", "plus": "-1"}, "20"),
    ("hidden_letter_of_word", "stone", {"index": "-2"}, "n"),
    ("hidden_word_shuffle", ["a", "b", "c"], {"rule": "swap_ends"}, "c b a"),
    ("hidden_frame", "sun", {"frame": "{}-{}"}, "sun-sun"),
)  # fmt: skip


@pytest.mark.parametrize(("family_id", "facts", "params", "answer"), BY_HAND)
def test_solver_agrees_with_hand_worked_examples(family_id: str, facts: Any, params: Params, answer: str) -> None:
    assert by_id(family_id).solve(facts, params) == answer


def from_text(family_id: str, text: str, params: Params) -> str:
    """The answer worked out from what the student reads, without the facts or the solver."""
    numbers = [int(number) for number in re.findall(r"\d+", text)]
    found = re.findall(r"[A-Za-z_]+", text)
    yes_no = {
        "check_the_sum": lambda: numbers[0] + numbers[1] == numbers[2],
        "is_list_increasing": lambda: all(b > a for a, b in pairwise(numbers)),
        "article_error": lambda: all(
            (found[i + 1][0] in "aeiou") == (word.lower() == "an")
            for i, word in enumerate(found)
            if word.lower() in ("a", "an")
        ),
        "admission_rule": lambda: int(params["low"]) <= numbers[0] <= int(params["high"]) and "has a ticket" in text,
        "mentions_or_not": lambda: {
            "a number": bool(numbers),
            "a first name": any(word in words.FIRST_NAMES for word in found),
            "a weekday": any(word in words.WEEKDAYS for word in found),
            "a colour": any(word in words.COLOURS for word in found),
        }[params["what"]],
        "claim_true_or_false": lambda: text.split(" Claim: ")[1] in text.split(" Claim: ")[0],
    }
    if family_id in yes_no:
        return params["yes"] if yes_no[family_id]() else params["no"]
    others = {
        "even_or_odd": lambda: params["even" if text[-1] in "02468" else "odd"],
        "compare_two_numbers": lambda: params[compared(*numbers)],
        "count_the_words": lambda: str(text.count(" ") + 1),
        "largest_minus_smallest": lambda: str(sorted(numbers)[-1] - sorted(numbers)[0]),
        "position_in_list": lambda: str(re.split(", | ", text.split(" | ")[0]).index(found[-1]) + 1),
        "extract_quote": lambda: text.split('"')[1],
        "numbers_in_text": lambda: ", ".join(map(str, numbers)),
        "active_or_passive": lambda: params["passive" if " was " in text and " by " in text else "active"],
        "subject_to_pronoun": lambda: (
            ("They" if found[1] == "and" else "She" if found[0] in words.FEMALE_NAMES else "He")
            + text.removeprefix(found[0]).removeprefix(f" and {found[2]}")
        ),
        "odd_one_out": lambda: odd_mark(text, params),
        "option_with_extreme_number": lambda: extreme_mark(text, params),
        "neighbour_in_list": lambda: found[found.index(found[-1]) + (1 if params["side"] == "after" else -1)],
        "word_by_length": lambda: sorted(found, key=len)[-1 if params["which"] == "longest" else 0],
        "words_with_initial": lambda: ", ".join(re.findall(rf"\b{params['letter']}\w+", text)) or "none",
        "whom_the_pronoun_means": lambda: next(
            word for word in found if word in (words.FEMALE_NAMES if " she " in text else words.MALE_NAMES)
        ),
        "room_of_the_contents": lambda: room_of(text),
        "claim_three_way": lambda: claim_verdict(text, params),
        "made_up_word_by_length": lambda: params["a" if len(text) > int(params["size"]) else "b"],
        "verb_to_third_person": lambda: f"{found[-1]} {third(found[1])} {text.split(' ', 2)[2].split(' (')[0]}",
        "decode_with_key": lambda: decoded(text, params["key"]),
    }  # fmt: skip
    return others[family_id]()


def marked(text: str, params: Params) -> dict[str, str]:
    pattern = re.escape(params["style"]).replace(r"\{\}", "{}", 1).replace(r"\{\}", r"(\S+)", 1).replace(r"\ ", " ")
    return {mark: re.search(r"(?:^| )" + pattern.format(re.escape(mark)), text)[1] for mark in params["marks"].split()}


def odd_mark(text: str, params: Params) -> str:
    kind = {
        mark: next(k for k, pool in words.KINDS.items() if option in pool)
        for mark, option in marked(text, params).items()
    }
    return next(mark for mark in kind if list(kind.values()).count(kind[mark]) == 1)


def extreme_mark(text: str, params: Params) -> str:
    options = {mark: int(number) for mark, number in marked(text, params).items()}
    return sorted(options, key=options.__getitem__)[-1 if params["which"] == "largest" else 0]


def room_of(text: str) -> str:
    inside = dict(re.findall(r"The (\w+) is in the (\w+)\.", text))
    return inside[inside[re.findall(r"\w+", text)[-1]]]


def claim_verdict(text: str, params: Params) -> str:
    told, claim = text.split(" Claim: ")
    stem = claim.rsplit(" ", 1)[0] if not claim.endswith("years old.") else claim.split(" is ")[0] + " is"
    stem = re.sub(" an?$", "", stem)
    if claim in told:
        return params["yes"]
    same_topic = [fact for fact in re.split(r"(?<=\.) ", told) if fact.startswith(stem)]
    same_topic = [fact for fact in same_topic if fact.endswith("old.") == claim.endswith("old.")]
    return params["no" if same_topic else "maybe"]


def decoded(text: str, key: str) -> str:
    meaning = dict(entry.split(" = ") for entry in key.split(", "))
    return " ".join(meaning[sign] for sign in text.split())


def compared(first: int, second: int) -> str:
    return "same" if first == second else "more" if first > second else "less"


def third(verb: str) -> str:
    return {forms[0]: forms[1] for forms in words.TRANSITIVE}[verb]


RECOMPUTED = (
    "check_the_sum", "is_list_increasing", "article_error", "admission_rule", "mentions_or_not", "claim_true_or_false",
    "even_or_odd", "compare_two_numbers", "count_the_words", "largest_minus_smallest", "position_in_list",
    "extract_quote",
    "numbers_in_text", "active_or_passive", "subject_to_pronoun", "odd_one_out", "option_with_extreme_number",
    "neighbour_in_list", "word_by_length", "words_with_initial", "whom_the_pronoun_means", "room_of_the_contents",
    "claim_three_way", "made_up_word_by_length", "verb_to_third_person", "decode_with_key",
)  # fmt: skip


@pytest.mark.parametrize("family_id", RECOMPUTED)
def test_answer_follows_from_the_text_alone(family_id: str) -> None:
    family = by_id(family_id)
    for seed in range(12):
        params, problems = drawn(family, seed, 12)
        for problem in problems:
            assert from_text(family_id, problem.text, params) == family.solve(problem.facts, params), problem.text


def test_sentences_are_capitalised_and_stopped() -> None:
    rng = Random(5)
    sentences = [words.sentence(rng) for _ in range(300)]
    assert all(re.fullmatch(r"[A-Z][A-Za-z ]+\.", sentence) for sentence in sentences)
    assert not [sentence for sentence in sentences if re.search(r"\ba [aeiou]|\ban [^aeiou]", sentence)]
    assert len(set(sentences)) > 290
