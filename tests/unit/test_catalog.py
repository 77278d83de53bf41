"""Listing, describing and sampling tasks: `kshot tasks list|show|sample`."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from kshot.cli.app import app
from kshot.core.errors import ConfigError
from kshot.generate.bank import FAMILIES

FILE = str(Path(__file__).parents[2] / "configs" / "tasks" / "decisions.yaml")


def said(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["tasks", *arguments], catch_exceptions=False)
    assert result.exit_code == 0
    return result.output


def test_tasks_list_is_complete_and_valid_json() -> None:
    rows = json.loads(said("list", "--json", "--file", FILE))
    assert {(row["kind"]) for row in rows} - {"reasoning_gym"} == {"programmatic", "examples"}
    assert len([row for row in rows if row["kind"] == "programmatic"]) == len(FAMILIES)
    assert all(row["id"] and row["family"] and row["category"] for row in rows)
    assert len({row["id"] for row in rows}) == len(rows)


def test_a_task_is_described_and_sampled_as_a_student_reads_it(capsys: pytest.CaptureFixture[str]) -> None:
    from kshot.generate.sources import find_source
    from kshot.tasks.catalog import describe_task, sample_prompts

    source = find_source("fact_or_opinion", [Path(FILE)])
    assert all(text in describe_task(source) for text in source.descriptions)
    texts = sample_prompts(source, 3, 2, 7)
    assert len(set(texts)) == 3
    assert all(text.count("Input: ") == 3 and text.rsplit("Output: ", 1)[1] in {"fact", "opinion"} for text in texts)
    assert texts == sample_prompts(source, 3, 2, 7)


def test_tasks_show_suggests_the_nearest_name() -> None:
    with pytest.raises(ConfigError, match="did you mean 'plural_form'"):
        CliRunner().invoke(app, ["tasks", "show", "plural_from"], catch_exceptions=False)
