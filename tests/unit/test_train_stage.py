"""The train stage without a training: where it begins, and under which key."""

from pathlib import Path

import pytest

from kshot.config import Config, TrainConfig
from kshot.runtime.device import Device
from kshot.train.checkpoints import last_complete
from kshot.train.stage import _choose_device as choose_device
from kshot.train.stage import _key as make_key
from tests.unit.test_train_checkpoints import make_checkpoint


def test_choose_device_resumes_no_checkpoint_of_another_training_after_a_kill(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(path: Path, ignore_errors: bool) -> None:
        raise KeyboardInterrupt

    device = Device("cpu", 1, "float32", "sdpa", {})
    config = Config()
    choose_device(config.train, tmp_path, "old", None, device)
    make_checkpoint(tmp_path / "checkpoints", 50)
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr("kshot.train.stage.shutil.rmtree", killed)
        choose_device(config.train, tmp_path, "new", None, device)
    choose_device(config.train, tmp_path, "new", None, device)
    assert last_complete(tmp_path / "checkpoints") is None


def test_make_key_holds_the_training_seed_and_null_is_the_config_s(tmp_path: Path) -> None:
    keys = [make_key(Config(seed=7, train=TrainConfig(seed=seed)), str(tmp_path), "data") for seed in (None, 7, 8)]
    assert keys[0] == keys[1] != keys[2]
