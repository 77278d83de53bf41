"""`kshot ablate` without a model: the grid and its names, and what cells share."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kshot.config import Config, TrainConfig
from kshot.core.errors import ConfigError, DataError, RunError
from kshot.core.files import write_json, write_text
from kshot.core.runs import Run
from kshot.generate.synthesis.pipeline import inherit_replies
from kshot.generate.teacher.cache import ReplyCache
from kshot.generate.teacher.messages import Reply
from kshot.runtime.device import Device
from kshot.sweep.grid import Grid, Trial, load_grid, short_names, trial_names
from kshot.sweep.run import Stages, link_folder, run_sweep
from kshot.train.stage import _key

MACHINE = Device("cpu", 1, "float32", "sdpa", {})


def grid_of(
    tmp_path: Path, text: str, *vary: str, seeds: str = "", overrides: Sequence[str] = (), resample_data: bool = False
) -> Grid:
    path = tmp_path / "c.yaml"
    path.write_text(text)
    return load_grid(path, overrides, vary, seeds, resample_data)


def faults(tmp_path: Path, text: str, *vary: str, seeds: str = "") -> list[str]:
    with pytest.raises(ConfigError) as raised:
        grid_of(tmp_path, text, *vary, seeds=seeds)
    return raised.value.faults


BOTH = """
seed: 7
ablate:
  grid: {generate.shots: [[1], [1, 2, 4]], train.sft.learning_rate: [3.0e-4, 8.0e-4]}
  seeds: [7, 8]
"""


def test_cells_are_all_combinations_with_each_seed(tmp_path: Path) -> None:
    cells = grid_of(tmp_path, BOTH).trials
    assert [cell.label for cell in cells][:3] == [
        "shots=1_learning_rate=0.0003_seed=7",
        "shots=1_learning_rate=0.0003_seed=8",
        "shots=1_learning_rate=0.0008_seed=7",
    ]
    assert len({cell.label for cell in cells}) == 8
    assert cells[-1].setting == "shots=1,2,4 learning_rate=0.0008"
    assert cells[-1].values == {"generate.shots": [1, 2, 4], "train.sft.learning_rate": 8.0e-4}
    assert cells[-1].config.generate.shots == [1, 2, 4]
    assert cells[-1].config.train.sft == {"learning_rate": 8.0e-4}
    # The data keeps the config's seed, whatever the training's is.
    assert (cells[-1].config.seed, cells[-1].config.training_seed) == (7, 8)


def test_cells_share_data_unless_what_shapes_it_differs(tmp_path: Path) -> None:
    cells = grid_of(tmp_path, BOTH).trials
    assert len({cell.data_key for cell in cells}) == 2
    assert {cell.data_key for cell in cells[:4]}.isdisjoint(cell.data_key for cell in cells[4:])
    for key in ("seed=[1,2]", "student=[a/b,c/d]", "generate.teacher.max_tokens=[8,9]"):
        assert len({cell.data_key for cell in grid_of(tmp_path, "", key).trials}) == 2, key
    assert len({cell.data_key for cell in grid_of(tmp_path, "", "train.max_length=[99,100]").trials}) == 1


def test_the_command_line_replaces_a_key_and_adds_another(tmp_path: Path) -> None:
    grid = grid_of(tmp_path, BOTH, "generate.shots=[[2]]", "generate.cot_fraction=[0.0, 0.5]", seeds="3")
    assert grid.config.ablate.grid == {
        "generate.shots": [[2]], "train.sft.learning_rate": [3.0e-4, 8.0e-4], "generate.cot_fraction": [0.0, 0.5],
    }  # fmt: skip
    assert {cell.seed for cell in grid.trials} == {3}
    assert len(grid.trials) == 4
    assert grid.lines()[0] == "ablate: 4 cells, 2 sets of data"
    assert len(grid.lines()) == 5


def test_a_larger_grid_keeps_the_names_that_there_were(tmp_path: Path) -> None:
    first = grid_of(tmp_path, "", "generate.records=[5,6]").trials
    more = grid_of(tmp_path, "", "generate.records=[5,6,7]", seeds="7,8").trials
    assert {cell.label for cell in first} < {cell.label for cell in more}


def test_a_seed_that_is_varied_shapes_data_and_training(tmp_path: Path) -> None:
    one, other = grid_of(tmp_path, "", "seed=[1,2]").trials
    assert (one.config.seed, one.config.training_seed) == (1, 1)
    assert (one.label, other.label) == ("seed=1_train.seed=1", "seed=2_train.seed=2")


def test_the_same_value_twice_is_one_cell(tmp_path: Path) -> None:
    assert len(grid_of(tmp_path, "", "generate.cot_fraction=[0, 0.0, 1]", seeds="1,1").trials) == 2


def test_one_at_a_time_is_the_config_and_each_value_alone(tmp_path: Path) -> None:
    cells = grid_of(tmp_path, BOTH, overrides=["ablate.one_at_a_time=true"]).trials
    assert [(cell.setting, cell.seed) for cell in cells if cell.seed == 7] == [
        ("as configured", 7),
        ("shots=1", 7),  # 1,2,4 is what the config has, so it makes no second cell
        ("learning_rate=0.0003", 7),
        ("learning_rate=0.0008", 7),
    ]
    assert [cell.label for cell in cells][:2] == ["seed=7", "seed=8"]
    assert cells[2].values == {"generate.shots": [1]}
    assert cells[2].config.train.sft == cells[0].config.train.sft


def test_nothing_to_vary_is_one_line(tmp_path: Path) -> None:
    (found,) = faults(tmp_path, "seed: 1\n", seeds="7")
    assert "nothing varies" in found
    assert len(grid_of(tmp_path, "", seeds="7,8").trials) == 2


def test_faults_of_all_cells_come_at_once_with_their_places(tmp_path: Path) -> None:
    text = "ablate:\n  grid:\n    generate.shts: [[1], [2]]\n    generate.records: [5, many]\n"
    found = faults(tmp_path, text, "trin.lora=[1]")
    path = tmp_path / "c.yaml"
    assert f"{path}:3: generate.shts: unknown key; did you mean 'shots'?" in found
    assert any(line.startswith(f"{path}:4: generate.records: ") and "'many'" in line for line in found)
    assert "--grid trin.lora: trin: unknown key; did you mean 'train'?" in found
    assert len(found) == 3


@pytest.mark.parametrize(
    ("vary", "said"),
    [
        ("generate.shots=4", "--grid generate.shots: ablate.grid.generate.shots: Input should be a valid array"),
        ("generate.shots=[]", "at least 1 item"),
        ("generate.shots", "expected key.path=value"),
        ("seed.x=[1]", "has no keys inside"),
        ("evaluate.shots=[[1]]", "all cells are measured alike"),
        ("ablate.seeds=[[1]]", "cannot vary itself"),
        ("runs=[a]", "kept in one run"),
        ("train.seed=[1]", "--seeds"),
    ],
)
def test_what_cannot_be_varied_is_one_line(tmp_path: Path, vary: str, said: str) -> None:
    (found,) = faults(tmp_path, "seed: 1\n", vary)
    assert said in found


def test_with_new_data_a_seed_is_that_of_data_and_training_and_cells_of_one_seed_share_their_set(
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
    assert [one.data_key, two.data_key] == [cell.data_key for cell in others]
    with pytest.raises(ConfigError, match="seed cannot be varied: with"):
        grid_of(tmp_path, "", "seed=[1, 2]", resample_data=True)
    assert len(grid_of(tmp_path, "", "seed=[1, 2]").trials) == 2


def test_a_key_inside_another_and_seeds_that_are_no_numbers_are_refused(tmp_path: Path) -> None:
    assert "one holds the other" in faults(tmp_path, "", "generate.mixture=[{}]", "generate.mixture.few_shot=[1]")[0]
    assert "--seeds: ablate.seeds.1" in faults(tmp_path, "", seeds="7,x")[0]


def test_short_names_are_long_enough_to_tell_keys_apart() -> None:
    assert short_names(["generate.shots", "train.lora.r"]) == {"generate.shots": "shots", "train.lora.r": "r"}
    assert short_names(["a.b.r", "c.b.r", "r"]) == {"a.b.r": "a.b.r", "c.b.r": "c.b.r", "r": "r"}


def test_names_are_safe_short_and_unique() -> None:
    values: list[dict[str, Any]] = [
        {"a": 1}, {"a": "1"}, {"a": [1]}, {"a": None}, {"a": "x/../y"}, {"a": "x .. y"}, {"a": "X"}, {"a": "x"},
        {"a": {"b": [1]}}, {"a": "z" * 300}, {"a": "z" * 299}, {"a": [1, 2]}, {"a": "1,2"}, {"a": 0.5}, {"a": True},
        {"a": []}, {"a": "none"}, {"b": []},
    ]  # fmt: skip
    names = trial_names(values)
    assert len({name.lower() for name in names}) == len(values)
    for name in names:
        assert re.fullmatch(r"[A-Za-z0-9_.,=+-]{1,100}", name)
    assert names[-5:-3] + names[-1:] == ["a=0.5", "a=true", "b=none"]
    assert trial_names([{"a": 1}, {"a": 1}]) == ["a=1", "a=1"]
    assert trial_names([{"a": {"b": 0.5, "c": [1, 2]}}, {"a": {"b": 0.5, "c": "x"}}])[1] == "a=b=0.5+c=x"


class Bench:
    """Stages that only note what they are asked; `bad` are the labels, or `generate`, that fail."""

    def __init__(self, *bad: str) -> None:
        self.bad = bad
        self.did: list[tuple[str, str]] = []
        self.machines: list[Device | None] = []
        self.failed: dict[str, str] = {}

    def stages(self) -> Stages:
        return Stages(self.inherit_replies, self.generate, self.train, self.measure, self.write)

    def inherit_replies(self, config: Config, folder: Path, others: Sequence[Path]) -> None:
        self.did.append(("inherit", ",".join(other.parent.name for other in others)))

    def generate(self, config: Config, run: Run) -> None:
        self.did.append(("generate", run.name))
        if "generate" in self.bad:
            raise DataError("no\ndata")
        write_json(run.stage("generate") / "manifest.json", {"key": run.name})

    def train(self, config: Config, run: Run, machine: Device | None) -> None:
        self.did.append(("train", run.name))
        self.machines.append(machine)
        write_json(run.stage("train") / "settings.json", {"machine": vars(MACHINE)})
        (run.folder / "train" / "merged").mkdir(exist_ok=True)
        if run.name in self.bad:
            raise DataError(f"{run.name} is bad")

    def measure(self, cell: Trial, run: Run, folder: Path) -> None:
        self.did.append(("measure", cell.label))

    def write(self, cells: Sequence[Trial], failed: Mapping[str, str], folder: Path) -> None:
        self.did.append(("write", folder.name))
        self.failed = dict(failed)

    def named(self, stage: str) -> list[str]:
        return [name for did, name in self.did if did == stage]


def test_each_cell_is_linked_to_its_set_and_trained_and_measured(tmp_path: Path) -> None:
    grid = grid_of(tmp_path, BOTH)
    bench = Bench()
    run = Run(tmp_path / "run")
    run_sweep(grid, run, bench.stages())
    labels = [cell.label for cell in grid.trials]
    assert bench.named("train") == bench.named("measure") == labels
    # A set begins with the replies of those that are finished.
    first, second = dict.fromkeys(cell.data_key for cell in grid.trials)
    assert bench.named("inherit") == ["", first]
    assert sorted(path.name for path in (run.folder / "data").iterdir()) == sorted([first, second])
    for cell in grid.trials:
        place = run.folder / "cells" / cell.label / "generate"
        assert str(place.readlink()) == f"../../data/{cell.data_key}/generate"
        assert (place / "manifest.json").exists()
        assert (place.parent / "train" / "merged").exists()
    # The later cells are trained under the settings that the first one found.
    assert bench.machines == [None, *[MACHINE] * 7]


def test_merged_weights_go_where_they_are_not_wanted(tmp_path: Path) -> None:
    run = Run(tmp_path / "run")
    run_sweep(
        grid_of(tmp_path, "", "generate.records=[5]", overrides=["ablate.keep_merged=false"]), run, Bench().stages()
    )
    assert (run.folder / "cells" / "records=5_seed=7" / "train" / "settings.json").exists()
    assert not (run.folder / "cells" / "records=5_seed=7" / "train" / "merged").exists()


def test_a_cell_that_fails_is_told_and_the_others_go_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bench = Bench("records=5_seed=1")
    with pytest.raises(RunError, match=r"1 of 4 cells failed \(records=5_seed=1\)"):
        run_sweep(grid_of(tmp_path, "", "generate.records=[5,6]", seeds="1,2"), Run(tmp_path / "run"), bench.stages())
    assert bench.named("measure") == ["records=5_seed=2", "records=6_seed=1", "records=6_seed=2"]
    assert bench.failed == {"records=5_seed=1": "records=5_seed=1 is bad"}
    assert capsys.readouterr().err == "error: records=5_seed=1: records=5_seed=1 is bad\n"


def test_an_error_that_nobody_foresaw_leaves_the_other_cells_be(tmp_path: Path) -> None:
    bench = Bench()
    stages = bench.stages()

    def train(config: Config, home: Run, machine: Device | None) -> None:
        if config.training_seed == 1:
            raise RuntimeError("out of memory")
        stages.train(config, home, machine)

    with pytest.raises(RunError, match="1 of 2 cells failed"):
        run_sweep(grid_of(tmp_path, "", seeds="1,2"), Run(tmp_path / "run"), replace(stages, train=train))
    assert bench.named("measure") == ["seed=2"]
    assert bench.failed == {"seed=1": "RuntimeError: out of memory"}


def test_a_set_that_fails_is_not_tried_for_each_of_its_cells(tmp_path: Path) -> None:
    bench = Bench("generate")
    with pytest.raises(RunError, match="2 of 2"):
        run_sweep(grid_of(tmp_path, "", seeds="1,2"), Run(tmp_path / "run"), bench.stages())
    assert len(bench.named("generate")) == 1
    assert bench.failed == {"seed=1": "no data", "seed=2": "no data"}
    assert bench.named("write") == ["ablate"]


def test_where_links_are_refused_the_set_is_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target, place = tmp_path / "set" / "generate", tmp_path / "cell" / "generate"
    write_text(target / "manifest.json", "1")
    write_text(target / "replies.sqlite", "")

    def refused(*_: object, **__: object) -> None:
        raise OSError("links are refused")

    monkeypatch.setattr(Path, "symlink_to", refused)
    link_folder(target, place)
    assert not place.is_symlink()
    assert [path.name for path in place.iterdir()] == ["manifest.json"]
    (place / "mark").touch()
    link_folder(target, place)
    assert (place / "mark").exists()
    write_text(target / "manifest.json", "2")
    link_folder(target, place)
    assert (place / "manifest.json").read_text() == "2"


def test_a_link_to_another_set_is_turned(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / "data" / name).mkdir(parents=True)
        link_folder(tmp_path / "data" / name, tmp_path / "cell" / "generate")
    assert str((tmp_path / "cell" / "generate").readlink()) == "../data/b"


def test_a_set_begins_with_the_replies_of_others_if_it_asks_a_teacher(tmp_path: Path) -> None:
    for name, keys in (("one", "ab"), ("two", "bc")):
        (tmp_path / name).mkdir()
        store = ReplyCache(tmp_path / name / "replies.sqlite")
        store.put_all([(key, {}, Reply(f"{key} of {name}", "stop", 3, 4, cost=0.5)) for key in keys])
        store.close()
    others = [tmp_path / "one", tmp_path / "two", tmp_path / "none"]
    inherit_replies(Config(), tmp_path / "new", others)
    inherit_replies(Config(), tmp_path / "new", others)
    store = ReplyCache(tmp_path / "new" / "replies.sqlite")
    assert {key: reply.text for key, reply in store.find(["a", "b", "c"]).items()} == {
        "a": "a of one", "b": "b of one", "c": "c of two",
    }  # fmt: skip
    assert (store.sum_costs().requests, store.sum_costs().tokens, store.sum_costs().money) == (3, 21, 1.5)
    store.close()
    silent = Config().model_copy(update={"generate": Config().generate.model_copy(update={"teacher": None})})
    inherit_replies(silent, tmp_path / "silent", others)
    assert not (tmp_path / "silent").exists()


def test_the_training_seed_is_part_of_the_training_s_key_and_null_is_the_config_s(tmp_path: Path) -> None:
    keys = [_key(Config(seed=7, train=TrainConfig(seed=seed)), str(tmp_path), "data") for seed in (None, 7, 8)]
    assert keys[0] == keys[1] != keys[2]
