"""The runner of `kshot ablate` without a model: what trials share, and what happens where one fails."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from kshot.config import Config
from kshot.core.errors import DataError, RunError
from kshot.core.files import write_json, write_text
from kshot.core.runs import Run
from kshot.runtime.device import Device
from kshot.sweep.grid import Trial
from kshot.sweep.run import Stages, Sweep, link_folder, run_sweep
from tests.unit.test_grid import BOTH, grid_of

DEVICE = Device("cpu", 1, "float32", "sdpa", {})


class RecordedStages:
    """Stages that only note their calls; `bad` are the labels, or `generate`, that fail."""

    def __init__(self, *bad: str) -> None:
        self.bad = bad
        self.calls: list[tuple[str, str]] = []
        self.devices: list[Device | None] = []
        self.failed: dict[str, str] = {}

    def make(self) -> Stages:
        return Stages(self.inherit_replies, self.generate, self.train, self.measure, lambda _: False, self.write)

    def inherit_replies(self, config: Config, folder: Path, others: Sequence[Path]) -> None:
        self.calls.append(("inherit", ",".join(other.parent.name for other in others)))

    def generate(self, config: Config, run: Run) -> None:
        self.calls.append(("generate", run.name))
        if "generate" in self.bad:
            raise DataError("no\ndata")
        write_json(run.stage("generate") / "manifest.json", {"key": run.name})

    def train(self, config: Config, run: Run, device: Device | None) -> None:
        self.calls.append(("train", run.name))
        self.devices.append(device)
        write_json(run.stage("train") / "settings.json", {"device": vars(DEVICE)})
        (run.folder / "train" / "merged").mkdir(exist_ok=True)
        if run.name in self.bad:
            raise DataError(f"{run.name} is bad")

    def measure(self, trial: Trial, run: Run, folder: Path) -> None:
        self.calls.append(("measure", trial.label))

    def write(self, trials: Sequence[Trial], failed: Mapping[str, str], folder: Path) -> None:
        self.calls.append(("write", folder.name))
        self.failed = dict(failed)

    def calls_of(self, stage: str) -> list[str]:
        return [name for call, name in self.calls if call == stage]


def test_run_sweep_links_each_trial_to_its_data_set_and_trains_and_measures_it(tmp_path: Path) -> None:
    grid = grid_of(tmp_path, BOTH)
    stages = RecordedStages()
    run = Run(tmp_path / "run")
    run_sweep(Sweep(grid, run, stages.make()))
    labels = [trial.label for trial in grid.trials]
    assert stages.calls_of("train") == stages.calls_of("measure") == labels
    # A set begins with the replies of those that are finished.
    first, second = dict.fromkeys(trial.data_key for trial in grid.trials)
    assert stages.calls_of("inherit") == ["", first]
    assert sorted(path.name for path in (run.folder / "data").iterdir()) == sorted([first, second])
    for trial in grid.trials:
        place = run.folder / "trials" / trial.label / "generate"
        assert str(place.readlink()) == f"../../data/{trial.data_key}/generate"
        assert (place / "manifest.json").exists()
        assert (place.parent / "train" / "merged").exists()
    # The later trials are trained under the settings that the first one found.
    assert stages.devices == [None, *[DEVICE] * 7]


def test_run_sweep_removes_merged_weights_where_keep_merged_is_false(tmp_path: Path) -> None:
    run = Run(tmp_path / "run")
    grid = grid_of(tmp_path, "", "generate.records=[5]", overrides=["ablate.keep_merged=false"])
    run_sweep(Sweep(grid, run, RecordedStages().make()))
    assert (run.folder / "trials" / "records=5_seed=7" / "train" / "settings.json").exists()
    assert not (run.folder / "trials" / "records=5_seed=7" / "train" / "merged").exists()


def test_run_sweep_reports_a_failed_trial_and_makes_the_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stages = RecordedStages("records=5_seed=1")
    with pytest.raises(RunError, match=r"1 of 4 trials failed \(records=5_seed=1\)"):
        run_sweep(
            Sweep(grid_of(tmp_path, "", "generate.records=[5,6]", seeds="1,2"), Run(tmp_path / "run"), stages.make())
        )
    assert stages.calls_of("measure") == ["records=5_seed=2", "records=6_seed=1", "records=6_seed=2"]
    assert stages.failed == {"records=5_seed=1": "records=5_seed=1 is bad"}
    assert capsys.readouterr().err == "error: records=5_seed=1: records=5_seed=1 is bad\n"


def test_run_sweep_makes_the_other_trials_after_an_unexpected_error(tmp_path: Path) -> None:
    stages = RecordedStages()
    calls = stages.make()

    def train(config: Config, home: Run, device: Device | None) -> None:
        if config.training_seed == 1:
            raise RuntimeError("out of memory")
        calls.train(config, home, device)

    with pytest.raises(RunError, match="1 of 2 trials failed"):
        run_sweep(Sweep(grid_of(tmp_path, "", seeds="1,2"), Run(tmp_path / "run"), replace(calls, train=train)))
    assert stages.calls_of("measure") == ["seed=2"]
    assert stages.failed == {"seed=1": "RuntimeError: out of memory"}


def test_run_sweep_tries_a_failed_data_set_once(tmp_path: Path) -> None:
    stages = RecordedStages("generate")
    with pytest.raises(RunError, match="2 of 2"):
        run_sweep(Sweep(grid_of(tmp_path, "", seeds="1,2"), Run(tmp_path / "run"), stages.make()))
    assert len(stages.calls_of("generate")) == 1
    assert stages.failed == {"seed=1": "no data", "seed=2": "no data"}
    assert stages.calls_of("write") == ["ablate"]


def test_link_folder_copies_where_links_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target, place = tmp_path / "set" / "generate", tmp_path / "trial" / "generate"
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


def test_link_folder_replaces_a_link_to_another_folder(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / "data" / name).mkdir(parents=True)
        link_folder(tmp_path / "data" / name, tmp_path / "trial" / "generate")
    assert str((tmp_path / "trial" / "generate").readlink()) == "../data/b"
