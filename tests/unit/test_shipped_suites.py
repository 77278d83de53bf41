"""The shipped held-out suites: up to date, well formed, balanced, and right by answers worked out by hand."""

import json
import re
import shutil
from collections import Counter
from datetime import date, datetime
from pathlib import Path
from random import Random
from typing import Any

import pytest
import yaml

from kshot.evaluate.heldout import FAMILIES, LABELLED, knowledge, messages, options, uneven
from kshot.evaluate.heldout import build as build_suites
from kshot.tasks.family import Family

FOLDER = build_suites.FOLDER / "kshot"


SUITE = yaml.safe_load((FOLDER / "suite.yaml").read_text(encoding="utf-8"))


TASKS: dict[str, dict[str, Any]] = {task["task"]: task for task in SUITE["tasks"]}


UNEVEN = {task.name: task for task in build_suites.SUITES_TO_BUILD["kshot-uneven"]}


ALL = (*FAMILIES, *(family for family in LABELLED if family not in FAMILIES))


BY_ID = {family.id: family for family in ALL}


# Facts and the answer a person gives to them.
WORKED: list[tuple[str, dict[str, Any], str]] = [
    ("review_sentiment", {"opinion": "It was worth every penny."}, "positive"),
    ("review_sentiment", {"opinion": "Tiny portions at silly prices."}, "negative"),
    ("spam_detection", {"template": "Get 10,000 new followers overnight for only $5. Click the link!"}, "spam"),
    ("spam_detection", {"template": "Did you feed the cat before you left?"}, "not spam"),
    ("sentence_type", {"sentence": "How cold the water is"}, "exclamation"),
    ("sentence_type", {"sentence": "How old is your grandfather"}, "question"),
    ("sentence_type", {"sentence": "Be quiet during the film"}, "command"),
    ("sentence_type", {"sentence": "He forgot to post the letter"}, "statement"),
    ("animal_diet", {"animal": "lynx"}, "carnivore"),
    ("animal_diet", {"animal": "yak"}, "herbivore"),
    ("animal_diet", {"animal": "raccoon"}, "omnivore"),
    ("word_relation", {"pair": "danger peril"}, "synonym"),
    ("word_relation", {"pair": "sharp blunt"}, "antonym"),
    ("country_capital", {"country": "Australia"}, "Canberra"),
    ("country_capital", {"country": "Turkey"}, "Ankara"),
    ("rhyme_choice", {"word": "two", "options": ["toe", "shoe", "cat", "red"]}, "shoe"),
    ("rhyme_choice", {"word": "weigh", "options": ["height", "day", "key", "fish"]}, "day"),
    ("last_arrival", {"before": [("Ann", "Bo"), ("Bo", "Cy")], "options": ["Cy", "Ann", "Bo"]}, "Cy"),
    ("last_arrival", {"minutes": {"Ann": 595, "Bo": 610, "Cy": 600}, "options": ["Ann", "Bo", "Cy"]}, "Bo"),
    ("last_arrival", {"minutes": {"Ann": 0, "Bo": -10, "Cy": -5}, "options": ["Bo", "Cy", "Ann"]}, "Ann"),
    ("cheaper_item", {"cents": {"pen": 995, "mug": 1010}, "options": ["mug", "pen"]}, "pen"),
    ("cheaper_item", {"cents": {"desk": 30000, "sofa": 9900}, "options": ["desk", "sofa"]}, "sofa"),
    ("taller_person", {"taller": [("Ann", "Bob"), ("Bob", "Cy")], "asked": ("Ann", "Cy")}, "yes"),
    ("taller_person", {"taller": [("Ann", "Bob"), ("Bob", "Cy")], "asked": ("Cy", "Ann")}, "no"),
    ("number_sequence", {"terms": [4, 7, 10, 13, 16]}, "19"),
    ("number_sequence", {"terms": [50, 41, 32, 23, 14]}, "5"),
    ("number_sequence", {"terms": [3, 6, 12, 24, 48]}, "96"),
    ("number_sequence", {"terms": [5, 6, 8, 11, 15]}, "20"),
    ("date_format", {"day": 3, "month": "March", "year": 2021}, "2021-03-03"),
    ("date_format", {"day": 25, "month": "December", "year": 1999}, "1999-12-25"),
    ("acronym", {"name": "Royal Society for Deep Sea Divers"}, "RSDSD"),
    ("acronym", {"name": "National Union of Translators"}, "NUT"),
    ("unit_conversion", {"amount": "2.5", "from": "kilograms", "to": "grams"}, "2500"),
    ("unit_conversion", {"amount": "300", "from": "centimetres", "to": "metres"}, "3"),
    ("unit_conversion", {"amount": "45", "from": "millimetres", "to": "centimetres"}, "4.5"),
    ("vowel_removal", {"words": "orange bridge"}, "rng brdg"),
    ("vowel_removal", {"words": "yellow"}, "yllw"),
    ("roman_numeral", {"numeral": "XLIV"}, "44"),
    ("roman_numeral", {"numeral": "MCMXCIX"}, "1999"),
    ("continent_of_country", {"member": "Chad"}, "Africa"),
    ("continent_of_country", {"member": "Laos"}, "Asia"),
    ("vehicle_way", {"member": "gondola"}, "water"),
    ("vehicle_way", {"member": "glider"}, "air"),
    ("instrument_kind", {"member": "oboe"}, "wind"),
    ("instrument_kind", {"member": "lute"}, "string"),
    ("who_tells", {"who": "I"}, "first person"),
    ("who_tells", {"who": "Ruth"}, "third person"),
]


# Rows of the shipped files with the answers a person reads off their text.
SHIPPED = [
    ("review_sentiment", "We booked a table for four. The tables were sticky and the soup was tasteless.", "negative"),
    ("spam_detection", "Your mailbox is full. Click here and type your password to keep your account.", "spam"),
    ("sentence_type", "Why are the lights still on", "question"),
    ("animal_diet", "golden eagle", "carnivore"),
    ("word_relation", "entrance, exit", "antonym"),
    ("country_capital", "Slovenia", "Ljubljana"),
    ("rhyme_choice", "Which word rhymes with sun: brown, course, one or should?", "one"),
    ("last_arrival", "Noah arrived 10 minutes after Iris, and Ada arrived 5 minutes after Iris.", "Noah"),
    ("last_arrival", "Cora arrived 10 minutes before Dan, and Kate arrived 30 minutes before Dan.", "Dan"),
    ("cheaper_item", "I paid $19.50 for the sweater and $19.80 for the kettle.", "sweater"),
    ("taller_person", "Paul is shorter than Dan. Ben is taller than Dan. Is Paul taller than Ben?", "no"),
    ("number_sequence", "10, 12, 15, 19, 24", "30"),
    ("date_format", "the 31st of May 2022", "2022-05-31"),
    ("acronym", "European Alliance for Deep Sea Divers", "EADSD"),
    ("unit_conversion", "8.5 kilometres in metres", "8500"),
    ("unit_conversion", "8.5 kilometres in metres", "8,500"),
    ("vowel_removal", "small orange garden", "smll rng grdn"),
    ("roman_numeral", "MCMXLV", "1945"),
]


def read(task: str, folder: Path = FOLDER) -> list[dict[str, Any]]:
    text = (folder / f"{task}.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


each_task = pytest.mark.parametrize("task", sorted(TASKS))


each_choice = pytest.mark.parametrize("task", sorted(t for t in TASKS if TASKS[t]["kind"] == "multiple_choice"))


each_family = pytest.mark.parametrize("family", ALL, ids=lambda family: family.id)


def test_the_shipped_folder_is_what_a_fresh_build_writes(tmp_path: Path) -> None:
    assert build_suites.main([str(tmp_path)]) == 0
    assert _files(tmp_path) == _files(build_suites.FOLDER)


def _files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_check_passes_on_the_shipped_folder() -> None:
    assert build_suites.main(["--check"]) == 0


@pytest.mark.parametrize("fault", ["changed", "missing", "extra"])
def test_check_names_the_differing_file_in_one_line(
    fault: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "suite"
    shutil.copytree(build_suites.FOLDER, folder)
    target = folder / "kshot" / ("other.jsonl" if fault == "extra" else "acronym.jsonl")
    if fault == "missing":
        target.unlink()
    else:
        target.write_text("{}\n")
    assert build_suites.main(["--check", str(folder)]) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert target.name in error


def test_a_folder_that_is_a_file_is_a_user_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    assert build_suites.main([str(tmp_path / "file")]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_the_suite_has_every_family_and_enough_of_each_kind() -> None:
    assert SUITE["name"] == "kshot"
    assert list(TASKS) == [family.id for family in FAMILIES]
    assert len(TASKS) >= 12
    assert sum(task["kind"] == "multiple_choice" for task in TASKS.values()) >= 9


def test_no_family_is_also_a_training_family() -> None:
    training = pytest.importorskip("kshot.generate.bank")
    if training.__file__ is None:
        pytest.skip("the training families are not there yet")
    assert not set(BY_ID) & {family.id for family in training.FAMILIES}


@each_task
def test_inputs_are_short_and_distinct_across_demos_and_items(task: str) -> None:
    inputs = [row["input"] for row in read(task)]
    assert len(inputs) == TASKS[task]["demos"] + TASKS[task]["items"] == 48
    assert len({text.casefold() for text in inputs}) == len(inputs)
    assert max(len(text.split()) for text in inputs) <= 40


@each_task
def test_rows_have_the_fields_of_their_kind(task: str) -> None:
    for row in read(task):
        assert row["output"]
        assert len(set(row["output"])) == len(row["output"])
        if TASKS[task]["kind"] == "generation":
            assert set(row) == {"input", "output"}
        else:
            assert len(set(row["options"])) == len(row["options"]) >= 2
            assert len(set(row["output"]) & set(row["options"])) == 1


@each_choice
def test_options_are_the_same_throughout_just_where_the_suite_says_so(task: str) -> None:
    distinct = {tuple(row["options"]) for row in read(task)}
    assert (len(distinct) == 1) == TASKS[task]["options_fixed"]


@each_choice
def test_labels_or_answer_positions_are_balanced(task: str) -> None:
    rows = read(task)[TASKS[task]["demos"] :]
    places = Counter(row["options"].index(row["output"][0]) for row in rows)
    options_n = len(rows[0]["options"])
    assert len(places) == options_n
    assert max(places.values()) / len(rows) <= (0.6 if options_n == 2 else 2 / options_n)


@each_choice
def test_the_first_items_are_balanced_too_wherever_one_stops(task: str) -> None:
    rows = read(task)[TASKS[task]["demos"] :]
    places = [row["options"].index(row["output"][0]) for row in rows]
    for n in range(1, len(rows) + 1):
        counts = [places[:n].count(place) for place in range(len(rows[0]["options"]))]
        assert max(counts) - min(counts) <= 1


@each_choice
def test_the_first_four_demos_show_every_label(task: str) -> None:
    rows = read(task)[:4]
    places = {row["options"].index(row["output"][0]) for row in rows}
    assert places == set(range(len(rows[0]["options"])))


@each_choice
def test_fixed_labels_are_named_in_the_instruction(task: str) -> None:
    if TASKS[task]["options_fixed"]:
        assert all(label in TASKS[task]["instruction"] for label in read(task)[0]["options"])


@pytest.mark.parametrize(("family", "facts", "expected"), WORKED)
def test_solver_gives_the_worked_answer(family: str, facts: dict[str, Any], expected: str) -> None:
    assert BY_ID[family].solve(facts, {}) == expected


@pytest.mark.parametrize(("task", "text", "expected"), SHIPPED)
def test_shipped_row_has_the_worked_answer(task: str, text: str, expected: str) -> None:
    assert expected in next(row["output"] for row in read(task) if row["input"] == text)


def test_every_family_has_worked_answers() -> None:
    assert {family for family, _, _ in WORKED} == set(BY_ID)
    assert {task for task, _, _ in SHIPPED} == set(TASKS)


@each_family
def test_family_is_well_formed(family: Family) -> None:
    assert len(set(family.descriptions)) >= 3
    for seed in range(50):
        problem = family.sample(Random(seed), {})
        answer = family.solve(problem.facts, {})
        choices = options(problem.facts) or (family.labels({}) if family.labels else None)
        assert answer.strip() == answer != ""
        assert choices is None or answer in choices


@each_family
def test_descriptions_keep_their_anchors(family: Family) -> None:
    for text in family.descriptions:
        for words in family.anchors:
            assert any(re.search(rf"\b{re.escape(word)}", text, re.IGNORECASE) for word in words), (text, words)


def test_the_imbalanced_suite_has_every_family_once_for_each_label() -> None:
    assert [(task.family.id, task.frequent) for task in UNEVEN.values()] == [
        (family.id, label) for family in LABELLED for label in (family.labels or tuple)({})
    ]
    assert len({task.family.id for task in UNEVEN.values()}) >= 9
    listed = yaml.safe_load((build_suites.FOLDER / "kshot-uneven" / "suite.yaml").read_text(encoding="utf-8"))
    assert [entry["task"] for entry in listed["tasks"]] == list(UNEVEN)


@pytest.mark.parametrize("name", sorted(UNEVEN))
def test_three_rows_in_four_of_an_imbalanced_task_have_its_frequent_label(name: str) -> None:
    rows = read(name, build_suites.FOLDER / "kshot-uneven")
    outputs = [row["output"][0] for row in rows]
    frequent = UNEVEN[name].frequent
    for part in (outputs[:4], outputs[4:8], outputs[8:]):
        assert part.count(frequent or "") == len(part) * 3 // 4
    items = outputs[8:]
    assert all(abs(items[:n].count(frequent or "") - 0.75 * n) <= 1.5 for n in range(len(items)))
    assert outputs[:4].index(next(label for label in outputs if label != frequent)) == list(UNEVEN).index(name) % 4
    assert set(outputs) == set(rows[0]["options"])
    assert len({row["input"].casefold() for row in rows}) == len(rows) == 28
    assert all(row["output"] == [BY_ID[UNEVEN[name].family.id].solve(_facts(row["input"]), {})] for row in rows)


@each_task
def test_the_long_suite_has_the_rows_of_the_short_one_and_a_paragraph_for_each_task(task: str) -> None:
    folder = build_suites.FOLDER / "kshot-long"
    listed = yaml.safe_load((folder / "suite.yaml").read_text(encoding="utf-8"))["tasks"]
    entry = next(entry for entry in listed if entry["task"] == task)
    assert read(task, folder) == read(task)
    assert 60 <= len(entry["instruction"].split()) <= 130
    short = {key: value for key, value in TASKS[task].items() if key != "instruction"}
    assert {key: value for key, value in entry.items() if key != "instruction"} == short


def _facts(text: str) -> dict[str, Any]:
    """What the solvers of the families that are in the uneven suite need, read off a row's input."""
    statements = re.findall(r"(\w+) is (taller|shorter) than (\w+)\.", text)
    asked = re.findall(r"Is (\w+) taller than (\w+)\?", text)
    templates = (*messages.SPAM, *messages.NOT_SPAM)
    return {
        "member": text,
        "animal": text,
        "pair": text.replace(", ", " "),
        "who": text.split()[0],
        "opinion": next((text.removeprefix(f"{o} ") for o in _openings() if text.startswith(o)), ""),
        "template": next((t for t in templates if re.fullmatch(re.sub(r"\\{\w+\\}", ".+", re.escape(t)), text)), ""),
        "taller": [(a, b) if how == "taller" else (b, a) for a, how, b in statements],
        "asked": asked[0] if asked else (),
    }


def _openings() -> list[str]:
    return [opening for group in messages.OPENINGS.values() for opening in group]


def test_dates_read_back_from_their_text() -> None:
    for row in read("date_format"):
        text = re.sub(r"^the |^\w+day, |(?<=\d)(st|nd|rd|th) of", "", row["input"])
        forms = ("%d %B %Y", "%B %d, %Y", "%b %d, %Y")
        parsed = {found.date() for form in forms if (found := _parse(text, form))}
        assert parsed == {date.fromisoformat(row["output"][0])}, row


def _parse(text: str, form: str) -> datetime | None:
    try:
        return datetime.strptime(text, form)
    except ValueError:
        return None


def test_weekdays_in_dates_are_true() -> None:
    named = [row for row in read("date_format") if "day, " in row["input"]]
    assert named
    for row in named:
        assert row["input"].startswith(date.fromisoformat(row["output"][0]).strftime("%A,")), row


def test_cheaper_item_has_the_smaller_price_in_the_text() -> None:
    for row in read("cheaper_item"):
        low = min(re.findall(r"\$(\d+(?:\.\d\d)?)", row["input"]), key=float)
        near = re.escape(row["output"][0])
        joint = r"(?: costs | for the | for | )"
        assert re.search(
            rf"{near}{joint}\${re.escape(low)}(?!\d|\.\d)|\${re.escape(low)}{joint}{near}", row["input"]
        ), row


def test_taller_person_follows_from_the_two_sentences() -> None:
    for row in read("taller_person"):
        statements = re.findall(r"(\w+) is (taller|shorter) than (\w+)\.", row["input"])
        pairs = [(a, b) if how == "taller" else (b, a) for a, how, b in statements]
        person, other = re.findall(r"Is (\w+) taller than (\w+)\?", row["input"])[0]
        joined = any(a == person and d == other and b == c for a, b in pairs for c, d in pairs)
        assert len(pairs) == 2
        assert row["output"] == ["yes" if joined else "no"], row


def test_tables_are_large_and_do_not_repeat_themselves() -> None:
    animals = [animal for group in knowledge.DIETS.values() for animal in group]
    words = [word for pairs in knowledge.PAIRS.values() for pair in pairs for word in pair.split()]
    rhymes = [word for _, group in knowledge.GROUPS for word in group]
    assert len(animals) == len(set(animals)) >= 45
    assert len(words) == len(set(words)) >= 120
    assert len(rhymes) == len(set(rhymes))
    assert len(knowledge.GROUPS) >= 30
    assert len(knowledge.CAPITALS) >= 60
    for groups in (uneven.CONTINENTS, uneven.VEHICLES, uneven.INSTRUMENTS):
        members = [member for group in groups.values() for member in group]
        assert len(members) == len(set(members))
        assert min(len(group) for group in groups.values()) >= 24
