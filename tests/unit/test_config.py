"""The config: every fault at once, each with file, line, key and the nearest valid name."""

from pathlib import Path

import pytest

from kshot.config import Config
from kshot.config.loader import load_config
from kshot.core.errors import ConfigError
from kshot.train.trainer_config import check_trainer_config

CONFIGS = sorted((Path(__file__).parents[2] / "configs").glob("*.yaml"))


def faults(path: Path, text: str, *overrides: str) -> list[str]:
    path.write_text(text)
    with pytest.raises(ConfigError) as raised:
        load_config(path, list(overrides))
    return raised.value.faults


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.name)
def test_every_shipped_config_loads_and_suits_trl_and_peft(path: Path) -> None:
    config = load_config(path)
    assert check_trainer_config(config.train) == []
    assert all(task.exists() for task in config.generate.tasks)


def test_the_default_recipe_is_the_quickstart_made_larger() -> None:
    quick, default = (load_config(CONFIGS[0].parent / f"{name}.yaml") for name in ("quickstart", "default"))
    assert (default.generate.records, default.generate.paraphrase.tasks) == (4600, 12)
    assert (default.train.max_length, default.evaluate.limit) == (512, None)
    describe = quick.generate.paraphrase.model_copy(update={"tasks": 12})
    generate = quick.generate.model_copy(update={"records": 4600, "paraphrase": describe})
    train = quick.train.model_copy(update={"max_length": 512})
    evaluate = quick.evaluate.model_copy(update={"limit": None})
    assert default == quick.model_copy(update={"generate": generate, "train": train, "evaluate": evaluate})


def test_all_faults_come_at_once_with_their_lines(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    found = faults(path, "sed: 3\ngenerate:\n  records: many\n  shts: [1]\ntrain:\n  max_length: 2\n")
    assert len(found) == 4
    assert f"{path}:1: sed: unknown key; did you mean 'seed'?" in found
    assert f"{path}:4: generate.shts: unknown key; did you mean 'shots'?" in found
    assert any(f"{path}:3: generate.records: " in fault and "'many'" in fault for fault in found)
    assert any(f"{path}:6: train.max_length: " in fault for fault in found)


def test_a_key_inside_an_optional_section_is_checked_too(tmp_path: Path) -> None:
    found = faults(tmp_path / "c.yaml", "generate:\n  teacher:\n    endpont: local\n")
    assert found == [f"{tmp_path / 'c.yaml'}:3: generate.teacher.endpont: unknown key; did you mean 'endpoint'?"]


def test_a_key_that_stands_twice_is_refused(tmp_path: Path) -> None:
    assert "stands twice" in faults(tmp_path / "c.yaml", "seed: 1\nseed: 2\n")[0]


def test_types_are_not_bent(tmp_path: Path) -> None:
    assert "seed" in faults(tmp_path / "c.yaml", "seed: '7'\n")[0]


def test_broken_yaml_is_one_line(tmp_path: Path) -> None:
    found = faults(tmp_path / "c.yaml", "seed: [1\n")
    assert len(found) == 1
    assert "not YAML" in found[0]
    assert "\n" not in found[0]


def test_override_sets_a_nested_value(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("seed: 1\n")
    config = load_config(path, ["train.sft.max_steps=5", "generate.teacher=null", "seed=9"])
    assert (config.train.sft, config.generate.teacher, config.seed) == ({"max_steps": 5}, None, 9)


def test_a_fault_of_an_override_names_it(tmp_path: Path) -> None:
    assert faults(tmp_path / "c.yaml", "", "generate.recrds=5")[0].startswith("--set generate.recrds: ")
    assert "key.path=value" in faults(tmp_path / "c.yaml", "", "nonsense")[0]


def test_panels_and_tasks_are_found_beside_the_config(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("generate: {tasks: [t.yaml]}\nevaluate: {suites: [kshot, kshot-uneven, mine]}\n")
    config = load_config(path)
    assert config.generate.tasks == [tmp_path / "t.yaml"]
    assert config.evaluate.suites == ["kshot", "kshot-uneven", str(tmp_path / "mine")]


def test_trl_and_peft_names_are_checked() -> None:
    config = Config.model_validate({"train": {"sft": {"learning_rat": 1.0, "seed": 3}, "lora": {"rank": 4, "r": "8"}}})
    found = check_trainer_config(config.train)
    assert "train.sft.learning_rat: unknown key; did you mean 'learning_rate'?" in found
    assert any(fault.startswith("train.sft.seed: set by kshot") for fault in found)
    assert any(fault.startswith("train.lora.rank: ") for fault in found)
    assert any(fault.startswith("train.lora.r: expected a number") for fault in found)


def test_what_peft_refuses_as_a_whole_is_said_before_training() -> None:
    config = Config.model_validate({"train": {"lora": {"layers_to_transform": [1]}}})
    (fault,) = check_trainer_config(config.train)
    assert fault.startswith("train.lora: PEFT refuses it: `layers_to_transform` cannot be used")
    assert (
        check_trainer_config(Config.model_validate({"train": {"lora": {"exclude_modules": ".*layers.0.*"}}}).train)
        == []
    )


def test_what_trl_refuses_is_said_before_training() -> None:
    def found(**sft: object) -> list[str]:
        return check_trainer_config(Config.model_validate({"train": {"sft": sft}}).train)

    (fault,) = found(lr_scheduler_type="cosin")
    assert fault.startswith("train.sft: TRL refuses it: cosin is not a valid SchedulerType")
    assert "train.sft.per_device_train_batch_size: must be 1 or more, found 0" in found(per_device_train_batch_size=0)
    assert "train.sft.per_device_eval_batch_size: must be 1 or more, found 0" in found(per_device_eval_batch_size=0)
    for name in ("per_device_train_batch_size", "max_steps", "num_train_epochs"):
        assert found(**{name: None}) == [f"train.sft.{name}: expected a number, found None"]
    assert found(max_steps=3, num_train_epochs=0.5) == []


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_a_seed_that_numpy_does_not_take_is_refused(seed: int) -> None:
    for key in ("seed", "train.seed"):
        with pytest.raises(ConfigError, match="seed"):
            load_config(Path("configs/quickstart.yaml"), [f"{key}={seed}"])
