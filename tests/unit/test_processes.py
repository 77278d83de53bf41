"""Several processes: how rows are dealt out, what the environment says of them, and which launches are refused."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kshot.config import TrainConfig
from kshot.core.errors import ConfigError, DataError, PeerFailedError, RunError
from kshot.runtime import processes
from kshot.runtime.device import Device, count_cores
from kshot.runtime.logging import quiet
from kshot.train.checkpoints import MARKER, keep_step_rows
from kshot.train.data import BLANK, TrainRow
from kshot.train.parallel.group import join_group, lead
from kshot.train.parallel.launch import choose_process_count, decode_error, encode_error
from kshot.train.parallel.layout import choose_layout, fill_steps
from kshot.train.trainer_config import SFT_DEFAULTS, check_trainer_config, sft_config


def launch_as(monkeypatch: pytest.MonkeyPatch, rank: int, count: int) -> None:
    for name, value in {"RANK": rank, "WORLD_SIZE": count, "LOCAL_RANK": rank, "MASTER_ADDR": "127.0.0.1"}.items():
        monkeypatch.setenv(name, str(value))


@given(st.integers(1, 40), st.integers(1, 9), st.integers(1, 9), st.integers(1, 130))
def test_choose_layout_and_fill_steps_take_each_row_once(rows: int, batch: int, count: int, length: int) -> None:
    plan = [TrainRow(str(n), "", 0, (n,), (n,)) for n in range(length)]
    layout = choose_layout(rows, batch, count)
    filled = fill_steps(plan, layout)
    assert layout.batch <= batch
    assert layout.places >= rows
    assert [row for row in filled if row is not BLANK] == plan
    if count > 1:
        steps = -(-length // rows)
        assert len(filled) == steps * layout.places
        for step in range(steps):
            real = [row for row in filled[step * layout.places : (step + 1) * layout.places] if row is not BLANK]
            assert real == plan[step * rows : (step + 1) * rows]


def test_fill_steps_changes_nothing_for_one_process() -> None:
    plan = [TrainRow(str(n), "", 0, (n,), (n,)) for n in range(10)]
    layout = choose_layout(8, 4, 1)
    assert (layout.accumulation, layout.batch) == (2, 4)
    assert fill_steps(plan, layout) is plan


def test_processes_reads_the_environment_of_a_launch(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RANK", "WORLD_SIZE", "MASTER_ADDR"):
        monkeypatch.delenv(name, raising=False)
    assert (processes.process_count(), processes.process_rank()) == (1, 0)
    monkeypatch.setenv("WORLD_SIZE", "4")  # A cluster's, without a launch of ours.
    assert processes.process_count() == 1
    launch_as(monkeypatch, 3, 4)
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    assert (processes.process_count(), processes.process_rank(), processes.local_process_count()) == (4, 3, 2)
    monkeypatch.setenv("WORLD_SIZE", "four")
    assert processes.process_count() == 1


def test_choose_process_count_refuses_more_than_the_machine_has(monkeypatch: pytest.MonkeyPatch) -> None:
    assert choose_process_count(1) == 1
    monkeypatch.setattr("kshot.train.parallel.launch.available_devices", lambda: ["cpu"])
    assert choose_process_count("auto") == 1
    with pytest.raises(ConfigError, match=r"train.processes: this machine has \d+ cores, found 999"):
        choose_process_count(999)
    monkeypatch.setattr("kshot.train.parallel.launch.available_devices", lambda: ["cuda", "cpu"])
    monkeypatch.setattr("torch.cuda.device_count", lambda: 8)
    assert choose_process_count("auto") == 8
    with pytest.raises(ConfigError, match="8 GPUs, found 9"):
        choose_process_count(9)
    launch_as(monkeypatch, 0, 4)
    assert choose_process_count("auto") == choose_process_count(1) == choose_process_count(4) == 4
    with pytest.raises(ConfigError, match=r"train.processes: 2, and 4 processes were launched"):
        choose_process_count(2)


def test_check_trainer_config_counts_the_threads_of_all_processes() -> None:
    cores = count_cores()
    assert check_trainer_config(TrainConfig(threads=cores)) == []
    faults = check_trainer_config(TrainConfig(threads=cores, processes=2))
    assert len(faults) == 1
    assert f"{cores} in each of 2 processes" in faults[0]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"ACCELERATE_MIXED_PRECISION": "no", "MASTER_PORT": "1", "WORLD_SIZE": ""}, "started one of the processes"),
        ({"ACCELERATE_USE_DEEPSPEED": "true"}, "divides weights itself and not with DeepSpeed"),
        ({"ACCELERATE_USE_FSDP": "true"}, "divides weights itself and not with FSDP"),
    ],
)
def test_join_group_refuses_a_launch_that_it_cannot_honour(
    monkeypatch: pytest.MonkeyPatch, more: dict[str, str], said: str
) -> None:
    launch_as(monkeypatch, 0, 2)
    for name, value in more.items():
        monkeypatch.setenv(name, value)
        if not value:
            monkeypatch.delenv(name)
    with pytest.raises(ConfigError, match=said), join_group():
        raise AssertionError


def test_join_group_and_lead_do_nothing_in_one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RANK", raising=False)
    with join_group():
        assert lead(lambda: 5) == 5


@pytest.mark.parametrize(
    "error", [ConfigError(["a: b", "c: d"]), RunError("no"), DataError("x:1: y"), OSError(28, "full", "/place")]
)
def test_decode_error_gives_back_what_a_process_raised(error: Exception) -> None:
    again = decode_error(encode_error(error))
    assert (type(again), str(again)) == (type(error), str(error))
    assert type(decode_error(encode_error(KeyError("x")))) is RuntimeError


def test_keep_step_rows_stays_while_checkpoints_stand(tmp_path: Path) -> None:
    assert keep_step_rows(tmp_path, 8) == 8
    assert keep_step_rows(tmp_path, 16) == 16  # Nothing was trained yet.
    (tmp_path / "checkpoint-3").mkdir()
    (tmp_path / "checkpoint-3" / MARKER).write_text("{}")
    assert keep_step_rows(tmp_path, 4) == 16


def test_sft_config_never_falls_into_data_parallel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One process that sees eight GPUs uses one of them; transformers would split each batch over all."""
    from trl import SFTConfig

    monkeypatch.setattr(SFTConfig, "n_gpu", property(lambda self: 8))
    with quiet():
        config = sft_config(
            dict(SFT_DEFAULTS), TrainConfig(), Device("cpu", 1, "float32", "sdpa", {}), tmp_path, 1, validate=False
        )
    assert config._n_gpu == 1


def test_peer_failed_error_prints_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    from kshot.cli import guarded

    def fail() -> None:
        raise PeerFailedError

    assert guarded(fail) == 2
    assert capsys.readouterr() == ("", "")


def test_commands_but_train_are_refused_in_several_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    from typer.testing import CliRunner

    from kshot.cli.app import app

    launch_as(monkeypatch, 0, 2)
    assert os.environ["WORLD_SIZE"] == "2"
    result = CliRunner().invoke(app, ["recipes", "list"])
    assert isinstance(result.exception, ConfigError)
    assert "only `kshot train` works in several" in str(result.exception)
