"""Which task sources a config names."""

from pathlib import Path

import pytest

from kshot.config import Config, GenerateConfig
from kshot.core.errors import ConfigError, DataError
from kshot.core.types import Task
from kshot.generate.sources import load_sources, select_sources
from kshot.tasks.source import TaskSource
from tests.unit.composing import SEEDS


def test_select_sources_suggests_the_nearest_family() -> None:
    with pytest.raises(ConfigError, match="did you mean 'plural_form'"):
        select_sources(["plural_forms"], [])


def config(seed: int = 7, **options: object) -> Config:
    return Config(seed=seed, generate=GenerateConfig.model_validate({"tasks": [SEEDS / "everyday.yaml"], **options}))


def load(of: Config) -> tuple[list[TaskSource], list[Task]]:
    return load_sources(of.generate, of.seed)


def families(of: Config) -> set[str]:
    sources, tasks = load(of)
    return {source.family for source in sources} | {task.family for task in tasks}


def test_max_families_draws_that_many_and_a_larger_draw_contains_a_smaller() -> None:
    few, more, every = (families(config(max_families=n)) for n in (10, 40, None))
    assert (len(few), len(more)) == (10, 40)
    assert few < more < every
    assert any(task.family in more for task in load(config())[1])
    assert families(config(seed=8, max_families=10)) != few
    assert families(config(max_families=10_000)) == every


def test_exclude_leaves_out_families_and_tasks_of_files() -> None:
    files = [SEEDS / "decisions.yaml"]
    every = families(config(tasks=files))
    without = config(tasks=files, exclude=["morphology", "fact_or_opinion", "even_or_odd"])
    sources, tasks = load(without)
    assert {"fact_or_opinion", "even_or_odd", "plural_form"} <= every - families(without)
    assert "morphology" not in {source.category for source in sources}
    assert len(families(config(exclude=["morphology"], max_families=10))) == 10
    assert "in_danger" in {task.id for task in tasks}
    with pytest.raises(ConfigError, match=r"'even_or_od' is no task.*did you mean 'even_or_odd'"):
        load(config(exclude=["even_or_od"]))


def test_exclude_leaves_out_a_single_task_of_a_family(tmp_path: Path) -> None:
    task = "- {{id: {}, family: even_or_odd, category: c, descriptions: [d], examples: [{}, {}]}}\n"
    examples = "{input: a, output: b}", "{input: c, output: d}"
    (tmp_path / "tasks.yaml").write_text("".join(task.format(name, *examples) for name in ("one", "other")))
    sources, tasks = load(config(tasks=[tmp_path / "tasks.yaml"], exclude=["one"]))
    assert [task.id for task in tasks] == ["other"]
    assert "even_or_odd" in {source.id for source in sources}
    sources, tasks = load(config(tasks=[tmp_path / "tasks.yaml"], families=["even_or_odd"], exclude=["other", "one"]))
    assert ([source.id for source in sources], tasks) == (["even_or_odd"], [])


def test_load_sources_refuses_no_task_and_a_repeated_task() -> None:
    sources, tasks = load(config(families=["morphology"], tasks=[]))
    assert {source.category for source in sources} == {"morphology"}
    assert tasks == []
    twice = [SEEDS / "everyday.yaml", SEEDS / "everyday.yaml"]
    with pytest.raises(DataError, match="task id used twice"):
        load(config(tasks=twice))
    with pytest.raises(ConfigError, match="did you mean 'plural_form'"):
        load(config(families=["plural_forms"]))
    with pytest.raises(ConfigError, match="'zzqq' is no family; `kshot tasks list` shows them all"):
        load(config(families=["zzqq"]))
