"""reasoning-gym's datasets as task sources. Tests of the real package need `kshot[gym]` and are skipped without it."""

import math
import os
import re
import subprocess
import sys
from ast import literal_eval
from collections.abc import Callable
from importlib.machinery import ModuleSpec
from itertools import product
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from kshot.cli import guarded
from kshot.config import Config, GenerateConfig, ParaphraseConfig
from kshot.config.loader import load_config
from kshot.core.console import progress
from kshot.core.errors import ConfigError, DataError
from kshot.core.runs import Run
from kshot.core.seeding import stream
from kshot.core.types import Example
from kshot.generate.bank import FAMILIES, by_id
from kshot.generate.bank.reasoning_gym import HELD_OUT, UNFIT, is_installed, reasoning_gym_sources
from kshot.generate.bank.reasoning_gym_table import TABLE, ReasoningGymDataset
from kshot.generate.compose.composer import compose_records
from kshot.generate.curation.decontaminate import Decontaminator
from kshot.generate.sources import all_sources, find_source
from kshot.generate.stage import run_generate
from kshot.generate.synthesis.paraphrase import plan_requests
from kshot.generate.synthesis.shared.prompt_templates import PromptTemplates
from kshot.tasks.catalog import list_tasks, sample_prompts
from kshot.tasks.source import TaskSource
from tests.unit import test_families

OWN = {family.id for family in FAMILIES}


every_dataset = pytest.mark.parametrize("taken", TABLE, ids=lambda taken: taken.name)


class Sums:
    """Stands in for chain_sum: every third answer fails the check, every fourth question is long."""

    def __init__(self, seed: int, size: int) -> None:
        self.seed, self.size = seed, size

    def __getitem__(self, index: int) -> dict[str, Any]:
        a, b = (self.seed + 17 * index) % 97, index
        text = f"State the final answer to the following arithmetic problem: {a} + {b} ="
        return {"question": "so " * 300 * (index % 4 == 3) + text, "answer": str(a + b), "metadata": {"index": index}}

    def score_answer(self, answer: str, entry: dict[str, Any]) -> float:
        return 0.5 if entry["metadata"]["index"] % 3 == 2 else 1.0


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """A package with one dataset in place of the real one; what was asked of it."""
    calls: list[dict[str, Any]] = []
    package = ModuleType("reasoning_gym")
    package.__spec__ = ModuleSpec("reasoning_gym", None)

    def create_dataset(name: str, seed: int, size: int, **settings: Any) -> Sums:
        calls.append({"name": name, "seed": seed, **settings})
        return Sums(seed, size)

    vars(package)["create_dataset"] = create_dataset
    monkeypatch.setitem(sys.modules, "reasoning_gym", package)
    return calls


@pytest.fixture
def absent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "reasoning_gym", None)


@pytest.fixture(scope="module")
def real() -> dict[str, TaskSource]:
    pytest.importorskip("reasoning_gym", reason="pip install 'kshot[gym]'")
    return {source.id.removeprefix("reasoning_gym_"): source for source in reasoning_gym_sources(["all"])}


def drawn(source: TaskSource, seed: int, n: int = 60) -> list[Example]:
    return source.sample_examples(stream(seed, source.id), {}, n, ())


@every_dataset
def test_a_dataset_has_a_shipped_category_and_the_shipped_family_of_its_subject(taken: ReasoningGymDataset) -> None:
    assert taken.category in {family.category for family in FAMILIES}
    if taken.family:
        assert by_id(taken.family).category == taken.category
    else:
        assert taken.name not in OWN


def test_the_table_has_enough_datasets_and_each_once() -> None:
    names = [taken.name for taken in TABLE]
    assert 15 <= len(set(names)) == len(names)


@every_dataset
def test_descriptions_contain_their_anchors(taken: ReasoningGymDataset) -> None:
    assert len(set(taken.descriptions)) == len(taken.descriptions) >= 3
    assert 1 <= len(taken.anchors) <= 3
    for description in taken.descriptions:
        text = description.format().lower()
        found = re.findall("[a-z0-9]+", text)
        assert all(any(word.startswith(group) for word in found) for group in taken.anchors), (text, taken.anchors)


@every_dataset
def test_no_dataset_has_the_subject_of_a_held_out_task(taken: ReasoningGymDataset) -> None:
    assert taken.name not in HELD_OUT
    assert not test_families.HELD_OUT.search(taken.family or taken.name)
    assert not test_families.FORBIDDEN_WORDS.search(" ".join(taken.descriptions).lower())


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("chain_sums", "'chain_sums' is no dataset that kshot uses from reasoning-gym; did you mean 'chain_sum'?"),
        ("reasoning_gym_gcd", "did you mean 'gcd'?"),
        (
            "word_sorting",
            "'word_sorting' is left out, since held-out tasks have the same subject: alphabetical sorting",
        ),
        ("sudoku", "'sudoku' is left out: its questions or answers are long"),
        ("zzzz", "known here: all, chain_sum, "),
    ],
)
def test_an_unusable_name_is_one_line(name: str, fault: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert guarded(lambda: reasoning_gym_sources(["gcd", name])) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: generate.reasoning_gym: ")
    assert fault in line


def test_without_the_extra_a_run_stops_before_it_writes(
    absent: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = Run(tmp_path / "runs" / "x")
    config = Config(generate=GenerateConfig(reasoning_gym=["gcd"], teacher=None))
    assert guarded(lambda: run_generate(config, run)) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: generate.reasoning_gym: reasoning-gym cannot be loaded")
    assert line.endswith("pip install 'kshot[gym]'")
    assert not run.folder.exists()


def test_without_the_extra_the_list_has_kshots_tasks_and_a_sample_says_what_to_install(absent: None) -> None:
    assert not is_installed()
    assert reasoning_gym_sources([]) == []
    assert {row.kind for row in list_tasks(all_sources([]))} == {"programmatic", "examples"}
    with pytest.raises(ConfigError, match=r"pip install 'kshot\[gym\]'"):
        find_source("reasoning_gym_gcd", [])


def test_the_config_takes_names_or_all(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    for text, expected in (("all", ["all"]), ("[gcd, lcm]", ["gcd", "lcm"]), ("[]", [])):
        path.write_text(f"generate: {{reasoning_gym: {text}}}\n")
        assert load_config(path).generate.reasoning_gym == expected
    assert load_config(path, ["generate.reasoning_gym=all"]).generate.reasoning_gym == ["all"]
    assert load_config(path, ["generate.reasoning_gym=gcd"]).generate.reasoning_gym == ["gcd"]


def test_only_short_examples_that_pass_the_check_are_used(asked: list[dict[str, Any]]) -> None:
    (source,) = reasoning_gym_sources(["chain_sum"])
    examples = drawn(source, 1)
    good = [index for index in range(180) if index % 3 != 2 and index % 4 != 3]
    assert [int(example.input.split()[-1]) for example in examples] == good[:60]
    assert all(re.fullmatch(r"\d+ \+ \d+", example.input) for example in examples)
    assert all(example.verified_by == "score_answer" for example in examples)
    assert asked[0]["max_terms"] == 4
    assert drawn(source, 1) == examples != drawn(source, 2)


def test_a_question_of_unknown_phrasing_names_the_dataset(asked: list[dict[str, Any]]) -> None:
    with pytest.raises(DataError, match=r"'gcd' in a way unknown to kshot; pip install 'kshot\[gym\]'"):
        drawn(reasoning_gym_sources(["gcd"])[0], 1)


def test_records_name_their_origin_and_the_shared_family(asked: list[dict[str, Any]]) -> None:
    settings = GenerateConfig(records=12, reasoning_gym=["chain_sum"], shots=[1, 2])
    with progress("composing", 12) as tick:
        records, _ = compose_records(reasoning_gym_sources(["chain_sum"]), {}, settings, Decontaminator([]), 7, tick)
    assert len(records) == 12
    assert {record.meta.family for record in records} == {"add_or_subtract"}
    assert {record.meta.origin for record in records} == {"reasoning_gym"}
    assert {record.meta.task for record in records} == {"reasoning_gym_chain_sum"}
    assert {record.meta.verified_by for record in records} == {"score_answer"}


def test_descriptions_of_a_dataset_can_be_paraphrased(asked: list[dict[str, Any]]) -> None:
    (request,) = plan_requests(
        reasoning_gym_sources(["chain_sum"]), ParaphraseConfig(modes=["rephrase"]), PromptTemplates(None), 7
    )
    assert any(text in request.teacher_request.prompt for text in reasoning_gym_sources(["chain_sum"])[0].descriptions)


def test_the_manifest_names_the_release(real: dict[str, TaskSource], tmp_path: Path) -> None:
    settings = GenerateConfig(
        families=["plural_form"], reasoning_gym=["gcd", "syllogism"], records=30, teacher=None, decontaminate=[]
    )
    runs = [Run(tmp_path / name) for name in ("a", "b")]
    for run in runs:
        run_generate(Config(generate=settings), run)
    first, second = ((run.folder / "generate" / "train.jsonl").read_bytes() for run in runs)
    assert first == second
    manifest = (runs[0].folder / "generate" / "manifest.json").read_text()
    assert re.search(r'"reasoning_gym": "\d', manifest)
    assert '"reasoning_gym": 20' in manifest
    card = (runs[0].folder / "generate" / "README.md").read_text()
    assert "| score_answer | the output comes from reasoning-gym" in card


def test_every_dataset_of_the_release_is_used_or_left_out_with_a_reason(real: dict[str, TaskSource]) -> None:
    from reasoning_gym.factory import DATASETS

    names = [*real, *HELD_OUT, *(name for others in UNFIT.values() for name in others)]
    assert sorted(names) == sorted(DATASETS)


@every_dataset
def test_real_examples_are_many_short_and_the_same_for_a_seed(
    real: dict[str, TaskSource], taken: ReasoningGymDataset
) -> None:
    source = real[taken.name]
    for seed in range(3):
        examples = drawn(source, seed)
        assert len({example.input for example in examples}) == len(examples) >= 54
        assert all(example.input.strip() == example.input != "" for example in examples)
        assert all(len(example.input) + len(example.output) <= 450 for example in examples)
        assert not [example.input for example in examples if "\n\n" in example.input]
        assert drawn(source, seed) == examples


def test_another_process_draws_the_same(real: dict[str, TaskSource]) -> None:
    code = """from kshot.generate.bank.reasoning_gym import reasoning_gym_sources
from kshot.core.seeding import digest, stream
for source in reasoning_gym_sources(["all"]):
    print(source.id, digest(*(source.sample_examples(stream(seed, source.id), {}, 60, ()) for seed in range(3))))"""
    said = [
        subprocess.run(
            [sys.executable, "-c", code], env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout.splitlines()
        for seed in ("1", "2")
    ]
    assert said[0] == said[1]
    assert len(said[0]) == len(TABLE)


def test_the_list_and_a_sample_show_real_datasets(real: dict[str, TaskSource]) -> None:
    rows = {row.id: row for row in list_tasks(all_sources([]))}
    assert rows["reasoning_gym_chain_sum"].kind == "reasoning_gym"
    assert rows["reasoning_gym_chain_sum"].family == rows["add_or_subtract"].family
    (text,) = sample_prompts(find_source("reasoning_gym_gcd", []), 1, 2, 7)
    assert text.count("Input: ") == 3


def follows(text: str) -> str:
    """Whether the third of three statements holds in every world of three kinds in which the first two do."""
    found = re.findall(r"(All|No) (\w+) are (\w+)", text)
    kinds = sorted({kind for _, *pair in found for kind in pair})
    creatures = [dict(zip(kinds, has, strict=True)) for has in product((False, True), repeat=len(kinds))]

    def holds(statement: tuple[str, str, str], world: list[dict[str, bool]]) -> bool:
        much, some, other = statement
        return all(creature[other] == (much == "All") for creature in world if creature[some])

    for there in product((False, True), repeat=len(creatures)):
        world = [creature for creature, is_there in zip(creatures, there, strict=True) if is_there]
        peopled = all(any(creature[kind] for creature in world) for kind in kinds)
        if peopled and holds(found[0], world) and holds(found[1], world) and not holds(found[2], world):
            return "No"
    return "Yes"


def numbers(text: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", text)]


def sorted_list(text: str) -> str:
    found = re.findall(r"-?\d+\.\d", text)
    return str(sorted(found, key=float, reverse="descending" in text))


def filtered(text: str) -> str:
    limit, *rest = numbers(text)
    larger = "larger" in text
    chosen = [n for n in rest if (n > limit if larger else n < limit) == text.startswith("Keep")]
    return str([str(n) for n in chosen])


def path(text: str) -> str:
    links, ends = text.split("/")
    before = {goal: start for start, goal in re.findall(r"(\d+) (\d+)", links)}
    start, place = ends.split()
    found = [place]
    while found[0] != start:
        found.insert(0, before[found[0]])
    return " ".join(found)


def rewritten(text: str) -> str:
    rules = {"A# #A": "", "B# #B": "", "A# #B": "#B A#", "B# #A": "#A B#"}
    tokens = text.split()
    while True:
        fit = next((n for n in range(len(tokens) - 1) if " ".join(tokens[n : n + 2]) in rules), None)
        if fit is None:
            return " ".join(tokens)
        tokens[fit : fit + 2] = rules[" ".join(tokens[fit : fit + 2])].split()


def finishable(text: str) -> str:
    pairs, done = literal_eval(text.split("\n")[1]), set[int]()
    count = numbers(text)[0]
    for _ in range(count):
        done |= {c for c in range(count) if all(b in done for a, b in pairs if a == c)}
    return str(len(done) == count)


# `eval` of sums that the package made.
AGAIN: dict[str, Callable[[str], str]] = {
    "chain_sum": lambda text: str(eval(text)),
    "basic_arithmetic": lambda text: str(eval(text)),
    "products": lambda text: str(eval(text)),
    "gcd": lambda text: str(math.gcd(*numbers(text))),
    "lcm": lambda text: str(math.lcm(*numbers(text))),
    "simple_geometry": lambda text: f"{180 - sum(numbers(text.replace('.0', '')))}",
    "number_filtering": filtered,
    "number_sorting": sorted_list,
    "spell_backward": lambda text: text[::-1],
    "word_sequence_reversal": lambda text: ", ".join(reversed(text.split(", "))),
    "path_star": path,
    "ab": rewritten,
    "course_schedule": finishable,
    "syllogism": follows,
}


@pytest.mark.parametrize("name", AGAIN)
def test_answers_follow_from_the_input_alone(real: dict[str, TaskSource], name: str) -> None:
    for seed in range(3):
        for example in drawn(real[name], seed, 30):
            assert AGAIN[name](example.input) == example.output, example
