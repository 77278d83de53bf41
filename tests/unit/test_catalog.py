"""Looking around in the bank: `kshot tasks list|show|sample|panel`."""

import json
from collections import Counter
from pathlib import Path

import pytest
from typer.testing import CliRunner

from kshot.cli.app import app
from kshot.core.errors import ConfigError, DataError
from kshot.generate.bank import FAMILIES
from kshot.generate.dataset.training_suite import write_training_suite
from kshot.generate.sources import select_sources
from kshot.suites.format import load_suite

FILE = str(Path(__file__).parents[2] / "configs" / "tasks" / "decisions.yaml")


def said(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["tasks", *arguments], catch_exceptions=False)
    assert result.exit_code == 0
    return result.output


def test_the_list_is_whole_and_machines_can_read_it() -> None:
    rows = json.loads(said("list", "--json", "--file", FILE))
    assert {(row["kind"]) for row in rows} - {"reasoning_gym"} == {"programmatic", "examples"}
    assert len([row for row in rows if row["kind"] == "programmatic"]) == len(FAMILIES)
    assert all(row["id"] and row["family"] and row["category"] for row in rows)
    assert len({row["id"] for row in rows}) == len(rows)


def test_a_task_is_shown_and_sampled_as_a_student_reads_it(capsys: pytest.CaptureFixture[str]) -> None:
    from kshot.generate.sources import find_source
    from kshot.tasks.catalog import describe_task, sample_prompts

    source = find_source("fact_or_opinion", [Path(FILE)])
    assert all(text in describe_task(source) for text in source.descriptions)
    texts = sample_prompts(source, 3, 2, 7)
    assert len(set(texts)) == 3
    assert all(text.count("Input: ") == 3 and text.rsplit("Output: ", 1)[1] in {"fact", "opinion"} for text in texts)
    assert texts == sample_prompts(source, 3, 2, 7)


def test_an_unknown_task_gets_the_nearest_name() -> None:
    with pytest.raises(ConfigError, match="did you mean 'plural_form'"):
        CliRunner().invoke(app, ["tasks", "show", "plural_from"], catch_exceptions=False)


def test_a_panel_of_the_training_tasks_has_all_that_have_labels_in_balance(tmp_path: Path) -> None:
    folder = tmp_path / "taught"
    assert "tasks" in said("training-suite", str(folder), "--file", FILE, "--items", "12")
    panel = load_suite(str(folder))
    wanted = {source.id for source in select_sources([], [Path(FILE)]) if source.has_labels and not source.min_k}
    assert {task.name for task in panel.tasks} == wanted
    (task,) = (task for task in panel.tasks if task.name == "even_or_odd")
    assert (len(task.demos), len(task.items)) == (4, 12)
    assert set(Counter(row.output[0] for row in task.items).values()) == {6}
    meaning = {(int(row.input) % 2, row.output[0]) for row in (*task.demos, *task.items)}
    assert len(meaning) == 2, "the labels are drawn, and each stands for even or for odd"
    (gold,) = (task for task in panel.tasks if task.name == "fact_or_opinion")
    assert len({row.input for row in (*gold.demos, *gold.items)}) == 14, "an example-based task has its gold examples"


def test_a_panel_has_as_many_items_and_demonstrations_as_are_asked_for(tmp_path: Path) -> None:
    write_training_suite(tmp_path / "long", select_sources(["even_or_odd"], []), 64, 100, 7)
    (task,) = load_suite(str(tmp_path / "long")).tasks
    assert (len(task.demos), len(task.items)) == (64, 100)


def test_a_panel_is_not_written_over_another_folder_nor_without_tasks(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="the folder exists"):
        write_training_suite(tmp_path, select_sources(["even_or_odd"], []), 4, 12, 7)
    with pytest.raises(DataError, match="no task with labels"):
        write_training_suite(tmp_path / "new", select_sources(["plural_form"], []), 4, 12, 7)
    assert not (tmp_path / "new").exists()
