"""A suite of the training tasks: `kshot tasks training-suite`."""

from collections import Counter
from pathlib import Path

import pytest
from typer.testing import CliRunner

from kshot.cli.app import app
from kshot.core.errors import DataError
from kshot.generate.dataset.training_suite import write_training_suite
from kshot.generate.sources import select_sources
from kshot.suites.loading import load_suite

FILE = str(Path(__file__).parents[2] / "configs" / "tasks" / "decisions.yaml")


def said(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["tasks", *arguments], catch_exceptions=False)
    assert result.exit_code == 0
    return result.output


def test_a_training_suite_has_all_labelled_tasks_in_balance(tmp_path: Path) -> None:
    folder = tmp_path / "suite"
    assert "tasks" in said("training-suite", str(folder), "--file", FILE, "--items", "12")
    suite = load_suite(str(folder))
    expected = {source.id for source in select_sources([], [Path(FILE)]) if source.has_labels and not source.min_k}
    assert {task.name for task in suite.tasks} == expected
    (task,) = (task for task in suite.tasks if task.name == "even_or_odd")
    assert (len(task.demos), len(task.items)) == (4, 12)
    assert set(Counter(row.output[0] for row in task.items).values()) == {6}
    meaning = {(int(row.input) % 2, row.output[0]) for row in (*task.demos, *task.items)}
    assert len(meaning) == 2, "the labels are drawn, and each stands for even or for odd"
    (gold,) = (task for task in suite.tasks if task.name == "fact_or_opinion")
    assert len({row.input for row in (*gold.demos, *gold.items)}) == 14, "an example-based task has its gold examples"


def test_a_training_suite_has_the_requested_items_and_demonstrations(tmp_path: Path) -> None:
    write_training_suite(tmp_path / "long", select_sources(["even_or_odd"], []), 64, 100, 7)
    (task,) = load_suite(str(tmp_path / "long")).tasks
    assert (len(task.demos), len(task.items)) == (64, 100)


def test_write_training_suite_refuses_an_existing_folder_and_no_tasks(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="the folder exists"):
        write_training_suite(tmp_path, select_sources(["even_or_odd"], []), 4, 12, 7)
    with pytest.raises(DataError, match="no task with labels"):
        write_training_suite(tmp_path / "new", select_sources(["plural_form"], []), 4, 12, 7)
    assert not (tmp_path / "new").exists()
