"""A table in a config as a suite of held-out items: read as a task is, demonstrations apart, kept out of training."""

import json
from pathlib import Path

import pytest

from kshot.cli.app import app
from kshot.config.loader import load_config
from kshot.core.errors import ConfigError, SuiteError
from kshot.evaluate.measure.plan import load_suites
from kshot.generate.curation.decontaminate import Decontaminator
from kshot.generate.stage import cache_key
from kshot.project.suite import load_protected_suite
from kshot.suites.format import Suite

WORDS = (
    "amber", "basin", "cedar", "delta", "ember", "fjord", "grove", "heath", "islet", "jetty", "knoll", "ledge", "marsh",
    "north", "ocean", "plain", "quarry", "ridge",
)  # fmt: skip
LABELS = ("lost", "late", "broken")


def _write(path: Path, first: int, count: int) -> Path:
    """A CSV of `count` texts that are unlike one another."""
    rows = [
        (" ".join(WORDS[(n * step + step) % len(WORDS)] for step in (1, 5, 7, 11, 13)) + f" {n}", LABELS[n % 3])
        for n in range(first, first + count)
    ]
    path.write_text("text,label\n" + "".join(f"{text},{label}\n" for text, label in rows))
    return path


def _load(folder: Path, entry: str, generate: str = "{teacher: null}", shots: str = "[0, 2]") -> Suite:
    path = folder / "c.yaml"
    path.write_text(f"generate: {generate}\nevaluate: {{suites: [{entry}], shots: {shots}}}\n")
    (suite,) = load_suites(load_config(path).evaluate, [])
    return suite


def test_a_table_is_a_suite_with_demonstrations_of_another_table(tmp_path: Path) -> None:
    _write(tmp_path / "examples.csv", 0, 18)
    _write(tmp_path / "Test Rows.csv", 18, 9)
    suite = _load(tmp_path, "{file: Test Rows.csv, demos: examples.csv, instruction: 'What happened?'}")
    (task,) = suite.tasks
    assert (suite.name, task.name, len(task.demos), len(task.items)) == ("test_rows", "test_rows", 16, 9)
    assert (task.spec.kind, task.spec.options_fixed, task.spec.trained) == ("multiple_choice", True, True)
    assert (task.items[0].options, task.items[0].output) == (["broken", "late", "lost"], ["lost"])
    assert task.spec.scores == ["exact_match", "normalized_match"]
    assert task.spec.instruction == "What happened?"
    assert {demo.output[0] for demo in task.demos[:3]} == set(LABELS), "each label first"


def test_a_table_alone_gives_some_of_its_rows_as_demonstrations(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _write(tmp_path / "test.csv", 0, 24)
    (task,) = _load(tmp_path, "{file: test.csv, name: tickets}").tasks
    assert (task.name, len(task.demos), len(task.items)) == ("tickets", 6, 18)
    assert not {demo.input for demo in task.demos} & {item.input for item in task.items}
    assert "suite tickets" in (said := capsys.readouterr().out)
    assert "18 items, classification, 6 of its rows" in said
    (again,) = _load(tmp_path, "{file: test.csv, name: tickets}").tasks
    assert again == task
    (fewer,) = _load(tmp_path, "{file: test.csv, demos: 3}").tasks
    assert (len(fewer.demos), len(fewer.items)) == (3, 21)
    (plain,) = _load(tmp_path, "test.csv").tasks
    assert plain.items == task.items


def test_open_answers_of_a_table_accept_each_right_one(tmp_path: Path) -> None:
    rows = [{"q": f"{' '.join(WORDS[n : n + 4])}?", "a": [f"{WORDS[n]} hill", WORDS[n]]} for n in range(12)]
    (tmp_path / "qa.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (task,) = _load(tmp_path, "{file: qa.jsonl}").tasks
    assert (task.spec.kind, task.spec.scores) == ("generation", ["rouge_l", "normalized_match"])
    assert {len(item.output) for item in task.items} == {2}


def test_training_is_kept_clear_of_a_table_and_the_key_holds_its_content(tmp_path: Path) -> None:
    test = _write(tmp_path / "test.csv", 0, 24)
    settings = "{teacher: null, families: [arithmetic], decontaminate: [{file: test.csv}]}"
    suite = _load(tmp_path, "{file: test.csv, demos: 4}", settings)
    config = load_config(tmp_path / "c.yaml")
    decontaminator = Decontaminator([load_protected_suite(entry) for entry in config.generate.decontaminate])
    task = suite.tasks[0]
    assert all(decontaminator.match([row.input]) for row in (*task.demos, *task.items)), "whichever demonstrate"
    before = cache_key(config)
    _write(test, 0, 25)
    assert cache_key(load_config(tmp_path / "c.yaml")) != before
    assert len(_load(tmp_path, "{file: test.csv, demos: 4}", settings).tasks[0].items) == 21


@pytest.mark.parametrize(("protected", "warns"), [("[kshot]", True), ("[{file: test.csv, name: other}]", False)])
def test_generate_warns_of_a_table_that_records_are_not_kept_clear_of(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], protected: str, warns: bool
) -> None:
    _write(tmp_path / "test.csv", 0, 24)
    (tmp_path / "c.yaml").write_text(
        f"runs: {tmp_path / 'runs'}\n"
        f"generate: {{teacher: null, families: [arithmetic], records: 10, decontaminate: {protected}}}\n"
        "evaluate: {suites: [{file: test.csv}]}\n"
    )
    app(["generate", str(tmp_path / "c.yaml")], standalone_mode=False)
    assert ("not decontaminated against" in capsys.readouterr().out) == warns


@pytest.mark.parametrize(
    ("entry", "error"),
    [
        ("{file: none.csv}", "none.csv: no such file"),
        ("{file: test.csv, input: x}", "no column 'x'"),
        ("{file: test.csv, demos: none.csv}", "none.csv: no such file"),
        ("{file: test.csv, demos: 24}", "24 rows demonstrate, and no item is left"),
        ("{file: test.csv, demos: 1}", "suite test: fewer demonstrations than k=2"),
        ("{file: two.csv}", "1 different input "),
        ("{file: twice.csv}", "twice.csv:26: the output 'late', and 'lost' at"),
        ("{file: other.csv, demos: test.csv}", "2 right outputs; a label"),
        ("kshot, test.csv, {file: test.csv}", "two suites are named 'test'"),
    ],
)
def test_an_unusable_table_suite_is_one_line(tmp_path: Path, entry: str, error: str) -> None:
    test = _write(tmp_path / "test.csv", 0, 24)
    (tmp_path / "two.csv").write_text("text,label\na,b\n")
    lines = test.read_text().splitlines()
    (tmp_path / "twice.csv").write_text("\n".join([*lines, lines[1].replace("lost", "late")]) + "\n")
    rows = [{"text": f"{word} {word}", "label": ["lost", "late"] if n else "lost"} for n, word in enumerate(WORDS)]
    (tmp_path / "other.csv").write_text(
        "text,label\n" + "".join("{},{}\n".format(row["text"], '"[""lost"", ""late""]"') for row in rows)
    )
    with pytest.raises(SuiteError, match=error) as raised:
        _load(tmp_path, entry, shots="[2]")
    assert "\n" not in str(raised.value)


def test_an_unknown_key_of_a_table_suite_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"c\.yaml:2: .*demo: unknown key; did you mean 'demos'"):
        _load(tmp_path, "{file: test.csv, demo: 3}")
