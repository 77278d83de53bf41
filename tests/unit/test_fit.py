"""The plan of a training, and which loss computes it."""

from pathlib import Path

from kshot.config import TrainConfig
from kshot.models.loading import load_student
from kshot.runtime.device import Device
from kshot.runtime.logging import quiet
from kshot.train.data import TrainRow
from kshot.train.fit import _needs_trl_loss as needs_trl_loss
from kshot.train.fit import count_steps, plan_rows
from kshot.train.trainer_config import SFT_DEFAULTS, sft_config


def test_plan_rows_takes_the_first_whole_batches_of_a_token_budget() -> None:
    rows = [TrainRow(f"p{i}", "c", 0, (1,) * (10 + i % 3), ()) for i in range(60)]
    eight = {"per_device_train_batch_size": 8}
    whole = plan_rows(rows, TrainConfig(sft=eight), 1)
    assert len(whole) == 60
    cut = plan_rows(rows, TrainConfig(max_train_tokens=300, sft=eight), 1)
    assert cut == whole[:24]
    assert sum(row.tokens for row in cut) <= 300 < sum(row.tokens for row in whole[:32])
    two = plan_rows(
        rows, TrainConfig(max_train_tokens=10_000, sft={"num_train_epochs": 2, "per_device_train_batch_size": 4}), 1
    )
    assert len(two) == 120
    assert len(plan_rows(rows, TrainConfig(max_train_tokens=1, sft=eight), 1)) == 8


def test_plan_rows_has_the_rows_of_max_steps() -> None:
    rows = [TrainRow(f"p{i}", "c", 0, (1,) * (i + 1), ()) for i in range(10)]
    assert len(plan_rows(rows, TrainConfig(sft={"max_steps": 3, "per_device_train_batch_size": 2}), 1)) == 6
    assert len(plan_rows(rows, TrainConfig(sft={"max_steps": 8, "per_device_train_batch_size": 2}), 1)) == 16


def test_sft_config_makes_one_pass_over_the_plan_whatever_made_it(tmp_path: Path) -> None:
    """TRL would take max_steps for a reason to begin again with a plan that the budget cut short."""
    rows = [TrainRow(f"p{i}", "c", 0, (1,) * 10, ()) for i in range(60)]
    settings = TrainConfig(max_train_tokens=300, sft={"max_steps": 50, "per_device_train_batch_size": 4})
    plan = plan_rows(rows, settings, 1)
    assert (len(plan), count_steps(plan, 4)) == (28, 7)
    device = Device("cpu", 1, "float32", "sdpa", {})
    with quiet():
        arguments = sft_config({**SFT_DEFAULTS, **settings.sft}, settings, device, tmp_path, 1, validate=False)
    assert (arguments.max_steps, arguments.num_train_epochs) == (-1, 1)


def test_needs_trl_loss_where_answers_alone_do_not_give_it(tiny_student: Path, tmp_path: Path) -> None:
    device = Device("cpu", 1, "float32", "sdpa", {})
    model, _ = load_student(str(tiny_student))
    with quiet():
        plain, smoothed, other = (
            sft_config({**SFT_DEFAULTS, **more}, TrainConfig(), device, tmp_path, 1, validate=False)
            for more in ({}, {"label_smoothing_factor": 0.1}, {"loss_type": "dft"})
        )
    assert [needs_trl_loss(model, arguments) for arguments in (plain, smoothed, other)] == [False, True, True]
    model.config.logits_scaling = 8.0
    assert needs_trl_loss(model, plain)
