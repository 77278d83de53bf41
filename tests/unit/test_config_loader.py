"""The config: every fault at once, each with file, line, key and the nearest valid name."""

from pathlib import Path

import pytest

from kshot.cli.app import app, guarded
from kshot.config.loader import load_config
from kshot.core.errors import ConfigError
from kshot.core.shipped import recipe_names
from kshot.train.trainer_config import check_trainer_config

CONFIGS = sorted((Path(__file__).parents[2] / "configs").glob("*.yaml"))


def find_faults(path: Path, text: str, *overrides: str) -> list[str]:
    path.write_text(text)
    with pytest.raises(ConfigError) as raised:
        load_config(path, list(overrides))
    return raised.value.faults


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.name)
def test_load_config_reads_every_recipe_and_trl_and_peft_accept_it(path: Path) -> None:
    config = load_config(path)
    assert check_trainer_config(config.train) == []
    assert all(task.exists() for task in config.generate.tasks)


def test_default_recipe_is_the_quickstart_made_larger() -> None:
    quick, default = (load_config(CONFIGS[0].parent / f"{name}.yaml") for name in ("quickstart", "default"))
    assert default.generate.records == 4600
    assert (default.train.max_length, default.evaluate.limit) == (512, None)
    generate = quick.generate.model_copy(update={"records": 4600})
    train = quick.train.model_copy(update={"max_length": 512})
    evaluate = quick.evaluate.model_copy(update={"limit": None})
    assert default == quick.model_copy(update={"generate": generate, "train": train, "evaluate": evaluate})


def test_load_config_reports_all_faults_at_once_with_their_lines(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    faults = find_faults(path, "sed: 3\ngenerate:\n  records: many\n  shts: [1]\ntrain:\n  max_length: 2\n")
    assert len(faults) == 4
    assert f"{path}:1: sed: unknown key; did you mean 'seed'?" in faults
    assert f"{path}:4: generate.shts: unknown key; did you mean 'shots'?" in faults
    assert any(f"{path}:3: generate.records: " in fault and "'many'" in fault for fault in faults)
    assert any(f"{path}:6: train.max_length: " in fault for fault in faults)


def test_load_config_checks_keys_inside_an_optional_section(tmp_path: Path) -> None:
    faults = find_faults(tmp_path / "c.yaml", "generate:\n  teacher:\n    endpont: local\n")
    assert faults == [f"{tmp_path / 'c.yaml'}:3: generate.teacher.endpont: unknown key; did you mean 'endpoint'?"]


def test_load_config_refuses_a_repeated_key(tmp_path: Path) -> None:
    assert "stands twice" in find_faults(tmp_path / "c.yaml", "seed: 1\nseed: 2\n")[0]


def test_load_config_converts_no_types(tmp_path: Path) -> None:
    assert "seed" in find_faults(tmp_path / "c.yaml", "seed: '7'\n")[0]


def test_load_config_reports_broken_yaml_in_one_line(tmp_path: Path) -> None:
    faults = find_faults(tmp_path / "c.yaml", "seed: [1\n")
    assert len(faults) == 1
    assert "not YAML" in faults[0]
    assert "\n" not in faults[0]


def test_load_config_override_sets_a_nested_value(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("seed: 1\n")
    config = load_config(path, ["train.sft.max_steps=5", "generate.teacher=null", "seed=9"])
    assert (config.train.sft, config.generate.teacher, config.seed) == ({"max_steps": 5}, None, 9)


def test_load_config_names_the_override_with_a_fault(tmp_path: Path) -> None:
    assert find_faults(tmp_path / "c.yaml", "", "generate.recrds=5")[0].startswith("--set generate.recrds: ")
    assert "key.path=value" in find_faults(tmp_path / "c.yaml", "", "nonsense")[0]


def test_load_config_resolves_suites_and_tasks_beside_the_config(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("generate: {tasks: [t.yaml]}\nevaluate: {suites: [kshot, kshot-uneven, mine]}\n")
    config = load_config(path)
    assert config.generate.tasks == [tmp_path / "t.yaml"]
    assert config.evaluate.suites == ["kshot", "kshot-uneven", str(tmp_path / "mine")]


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_load_config_refuses_a_seed_that_numpy_does_not_take(seed: int) -> None:
    for key in ("seed", "train.seed"):
        with pytest.raises(ConfigError, match="seed"):
            load_config(Path("configs/quickstart.yaml"), [f"{key}={seed}"])


@pytest.mark.parametrize("name", [name for name in recipe_names() if not name.startswith("teachers/")])
def test_a_copied_recipe_finds_all_that_it_names(name: str, tmp_path: Path) -> None:
    assert guarded(lambda: app(["recipes", "copy", name, str(tmp_path / "mine")], standalone_mode=False)) == 0
    settings = load_config(tmp_path / "mine" / f"{name}.yaml").generate
    assert all(path.exists() for path in settings.task_files)
    assert not (settings.teacher and settings.teacher.replies) or settings.teacher.replies.is_file()
