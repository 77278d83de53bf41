"""The collection of tasks that ships: whole, verified, and no relative of a shipped held-out task."""

import json
from collections import Counter
from pathlib import Path

import pytest
from typer.testing import CliRunner

from kshot.cli.app import app
from kshot.config.loader import load_config
from kshot.core.errors import DataError
from kshot.core.shipped import COLLECTION_FILE, suite_names
from kshot.core.types import Task
from kshot.generate.curation.decontaminate import Decontaminator
from kshot.generate.sources import load_sources
from kshot.suites.loading import load_suite
from kshot.tasks.reader import load_tasks

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def tasks() -> list[Task]:
    return load_tasks(COLLECTION_FILE)


def test_every_task_has_wordings_and_verified_examples(tasks: list[Task]) -> None:
    assert len(tasks) >= 200
    assert len({task.id for task in tasks}) == len(tasks)
    for task in tasks:
        assert task.mode == "invent"
        assert 8 <= len(task.examples) <= 16, task.id
        assert len({example.input for example in task.examples}) == len(task.examples), task.id
        assert {example.verified_by for example in task.examples} <= {"self-consistency", "judge", "person"}, task.id
        assert not task.labels or len({example.output for example in task.examples}) > 1, task.id
    categories = Counter(task.category for task in tasks)
    assert len(categories) >= 15


def test_structured_outputs_are_json_where_the_instruction_asks_for_an_object(tasks: list[Task]) -> None:
    structured = [task for task in tasks if all(example.output.startswith("{") for example in task.examples)]
    assert len(structured) >= 10
    for task in structured:
        for example in task.examples:
            assert isinstance(json.loads(example.output), dict), (task.id, example.output)


def test_no_task_shares_text_with_a_shipped_suite_or_states_one_of_its_tasks(tasks: list[Task]) -> None:
    texts = [text for task in tasks for text in task.descriptions]
    decontaminator = Decontaminator([load_suite(name) for name in suite_names()], texts)
    for task in tasks:
        assert not any(decontaminator.find_similar_instruction(text) for text in task.descriptions), task.id
        for example in task.examples:
            assert decontaminator.match([example.input], [example.output]) is None, (task.id, example.input)


def test_a_config_names_the_collection(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("generate:\n  tasks: [collection]\n")
    assert load_config(path).generate.tasks == [COLLECTION_FILE]


def test_a_config_names_a_folder_of_task_files(tmp_path: Path) -> None:
    for name in ("b", "a"):
        (tmp_path / "tasks" / f"{name}.yaml").parent.mkdir(exist_ok=True)
        (tmp_path / "tasks" / f"{name}.yaml").write_text("[]")
    path = tmp_path / "c.yaml"
    path.write_text("generate:\n  tasks: [tasks]\n")
    assert load_config(path).generate.tasks == [tmp_path / "tasks" / "a.yaml", tmp_path / "tasks" / "b.yaml"]
    (tmp_path / "empty").mkdir()
    path.write_text("generate:\n  tasks: [empty]\n  families: [none]\n")
    with pytest.raises(DataError, match="empty: "):
        load_sources(load_config(path).generate, 7)


def test_the_catalog_shows_its_tasks(tasks: list[Task]) -> None:
    listed = CliRunner().invoke(app, ["tasks", "list"], catch_exceptions=False).output
    assert all(f" {task.id} " in listed for task in tasks)
    shown = CliRunner().invoke(app, ["tasks", "show", tasks[0].id], catch_exceptions=False).output
    assert tasks[0].descriptions[0] in shown


def test_its_card_says_licence_and_numbers(tasks: list[Task]) -> None:
    card = (ROOT / "examples" / "collection" / "README.md").read_text()
    assert "CC0" in card
    assert f"{len(tasks)} tasks" in card
    assert f"{sum(len(task.examples) for task in tasks):,} examples" in card
    report = json.loads((ROOT / "examples" / "collection" / "decontamination.json").read_text())
    assert report["tasks"]["kept"] == len(tasks)
