"""The grid of `kshot ablate`: its trials, their names and configs."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from kshot.core.errors import ConfigError
from kshot.sweep.grid import Grid, load_grid, name_settings, short_names


def grid_of(
    tmp_path: Path, text: str, *varied: str, seeds: str = "", overrides: Sequence[str] = (), resample_data: bool = False
) -> Grid:
    path = tmp_path / "c.yaml"
    path.write_text(text)
    return load_grid(path, overrides, varied, seeds, resample_data)


def find_faults(tmp_path: Path, text: str, *varied: str, seeds: str = "") -> list[str]:
    with pytest.raises(ConfigError) as raised:
        grid_of(tmp_path, text, *varied, seeds=seeds)
    return raised.value.faults


BOTH = """
seed: 7
ablate:
  grid: {generate.shots: [[1], [1, 2, 4]], train.sft.learning_rate: [3.0e-4, 8.0e-4]}
  seeds: [7, 8]
"""


def test_load_grid_makes_a_trial_of_each_combination_with_each_seed(tmp_path: Path) -> None:
    trials = grid_of(tmp_path, BOTH).trials
    assert [trial.label for trial in trials][:3] == [
        "shots=1_learning_rate=0.0003_seed=7",
        "shots=1_learning_rate=0.0003_seed=8",
        "shots=1_learning_rate=0.0008_seed=7",
    ]
    assert len({trial.label for trial in trials}) == 8
    assert trials[-1].setting == "shots=1,2,4 learning_rate=0.0008"
    assert trials[-1].values == {"generate.shots": [1, 2, 4], "train.sft.learning_rate": 8.0e-4}
    assert trials[-1].config.generate.shots == [1, 2, 4]
    assert trials[-1].config.train.sft == {"learning_rate": 8.0e-4}
    # The data keeps the config's seed, whatever the training's is.
    assert (trials[-1].config.seed, trials[-1].config.training_seed) == (7, 8)


def test_trials_share_a_data_set_unless_what_shapes_it_differs(tmp_path: Path) -> None:
    trials = grid_of(tmp_path, BOTH).trials
    assert len({trial.data_key for trial in trials}) == 2
    assert {trial.data_key for trial in trials[:4]}.isdisjoint(trial.data_key for trial in trials[4:])
    for key in ("seed=[1,2]", "student=[a/b,c/d]", "generate.teacher.max_tokens=[8,9]"):
        assert len({trial.data_key for trial in grid_of(tmp_path, "", key).trials}) == 2, key
    assert len({trial.data_key for trial in grid_of(tmp_path, "", "train.max_length=[99,100]").trials}) == 1


def test_load_grid_takes_replaced_and_further_keys_from_the_command_line(tmp_path: Path) -> None:
    grid = grid_of(tmp_path, BOTH, "generate.shots=[[2]]", "generate.cot_fraction=[0.0, 0.5]", seeds="3")
    assert grid.config.ablate.grid == {
        "generate.shots": [[2]], "train.sft.learning_rate": [3.0e-4, 8.0e-4], "generate.cot_fraction": [0.0, 0.5],
    }  # fmt: skip
    assert {trial.seed for trial in grid.trials} == {3}
    assert len(grid.trials) == 4
    assert grid.describe()[0] == "ablate: 4 trials, 2 data sets"
    assert len(grid.describe()) == 5


def test_load_grid_keeps_the_labels_of_a_smaller_grid(tmp_path: Path) -> None:
    first = grid_of(tmp_path, "", "generate.records=[5,6]").trials
    more = grid_of(tmp_path, "", "generate.records=[5,6,7]", seeds="7,8").trials
    assert {trial.label for trial in first} < {trial.label for trial in more}


def test_load_grid_takes_a_varied_seed_for_data_and_training(tmp_path: Path) -> None:
    one, other = grid_of(tmp_path, "", "seed=[1,2]").trials
    assert (one.config.seed, one.config.training_seed) == (1, 1)
    assert (one.label, other.label) == ("seed=1_train.seed=1", "seed=2_train.seed=2")


def test_load_grid_makes_one_trial_of_a_repeated_value(tmp_path: Path) -> None:
    assert len(grid_of(tmp_path, "", "generate.cot_fraction=[0, 0.0, 1]", seeds="1,1").trials) == 2


def test_load_grid_one_at_a_time_makes_the_config_and_each_value_alone(tmp_path: Path) -> None:
    trials = grid_of(tmp_path, BOTH, overrides=["ablate.one_at_a_time=true"]).trials
    assert [(trial.setting, trial.seed) for trial in trials if trial.seed == 7] == [
        ("as configured", 7),
        ("shots=1", 7),  # 1,2,4 is what the config has, so it makes no second trial
        ("learning_rate=0.0003", 7),
        ("learning_rate=0.0008", 7),
    ]
    assert [trial.label for trial in trials][:2] == ["seed=7", "seed=8"]
    assert trials[2].values == {"generate.shots": [1]}
    assert trials[2].config.train.sft == trials[0].config.train.sft


def test_load_grid_refuses_a_grid_in_which_nothing_varies(tmp_path: Path) -> None:
    (faults,) = find_faults(tmp_path, "seed: 1\n", seeds="7")
    assert "nothing varies" in faults
    assert len(grid_of(tmp_path, "", seeds="7,8").trials) == 2


def test_load_grid_reports_the_faults_of_all_trials_with_their_lines(tmp_path: Path) -> None:
    text = "ablate:\n  grid:\n    generate.shts: [[1], [2]]\n    generate.records: [5, many]\n"
    faults = find_faults(tmp_path, text, "trin.lora=[1]")
    path = tmp_path / "c.yaml"
    assert f"{path}:3: generate.shts: unknown key; did you mean 'shots'?" in faults
    assert any(line.startswith(f"{path}:4: generate.records: ") and "'many'" in line for line in faults)
    assert "--grid trin.lora: trin: unknown key; did you mean 'train'?" in faults
    assert len(faults) == 3


@pytest.mark.parametrize(
    ("varied", "error"),
    [
        ("generate.shots=4", "--grid generate.shots: ablate.grid.generate.shots: Input should be a valid array"),
        ("generate.shots=[]", "at least 1 item"),
        ("generate.shots", "expected key.path=value"),
        ("seed.x=[1]", "has no keys inside"),
        ("evaluate.shots=[[1]]", "all trials are measured alike"),
        ("ablate.seeds=[[1]]", "cannot vary itself"),
        ("runs=[a]", "kept in one run"),
        ("train.seed=[1]", "--seeds"),
    ],
)
def test_load_grid_refuses_keys_that_cannot_be_varied(tmp_path: Path, varied: str, error: str) -> None:
    (faults,) = find_faults(tmp_path, "seed: 1\n", varied)
    assert error in faults


def test_load_grid_with_resample_data_seeds_data_and_training_alike(
    tmp_path: Path,
) -> None:
    one, two, *others = grid_of(
        tmp_path, "", "train.sft.learning_rate=[3.0e-4, 8.0e-4]", seeds="7,8", resample_data=True
    ).trials
    assert [(one.config.seed, one.config.training_seed), (two.config.seed, two.config.training_seed)] == [
        (7, 7),
        (8, 8),
    ]
    assert one.data_key != two.data_key
    assert [one.data_key, two.data_key] == [trial.data_key for trial in others]
    with pytest.raises(ConfigError, match="seed cannot be varied: with"):
        grid_of(tmp_path, "", "seed=[1, 2]", resample_data=True)
    assert len(grid_of(tmp_path, "", "seed=[1, 2]").trials) == 2


def test_load_grid_refuses_a_key_inside_another_and_seeds_that_are_no_numbers(tmp_path: Path) -> None:
    assert (
        "one holds the other" in find_faults(tmp_path, "", "generate.mixture=[{}]", "generate.mixture.few_shot=[1]")[0]
    )
    assert "--seeds: ablate.seeds.1" in find_faults(tmp_path, "", seeds="7,x")[0]


def test_short_names_are_long_enough_to_distinguish_keys() -> None:
    assert short_names(["generate.shots", "train.lora.r"]) == {"generate.shots": "shots", "train.lora.r": "r"}
    assert short_names(["a.b.r", "c.b.r", "r"]) == {"a.b.r": "a.b.r", "c.b.r": "c.b.r", "r": "r"}


def test_name_settings_are_safe_short_and_unique() -> None:
    values: list[dict[str, Any]] = [
        {"a": 1}, {"a": "1"}, {"a": [1]}, {"a": None}, {"a": "x/../y"}, {"a": "x .. y"}, {"a": "X"}, {"a": "x"},
        {"a": {"b": [1]}}, {"a": "z" * 300}, {"a": "z" * 299}, {"a": [1, 2]}, {"a": "1,2"}, {"a": 0.5}, {"a": True},
        {"a": []}, {"a": "none"}, {"b": []},
    ]  # fmt: skip
    names = name_settings(values)
    assert len({name.lower() for name in names}) == len(values)
    for name in names:
        assert re.fullmatch(r"[A-Za-z0-9_.,=+-]{1,100}", name)
    assert names[-5:-3] + names[-1:] == ["a=0.5", "a=true", "b=none"]
    assert name_settings([{"a": 1}, {"a": 1}]) == ["a=1", "a=1"]
    assert name_settings([{"a": {"b": 0.5, "c": [1, 2]}}, {"a": {"b": 0.5, "c": "x"}}])[1] == "a=b=0.5+c=x"
