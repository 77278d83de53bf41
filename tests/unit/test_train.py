"""Training without a training: rows, their order, checkpoints, metrics."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from kshot.config import Config, TrainConfig
from kshot.core.errors import DataError, RunError
from kshot.core.prompting import render_prompt
from kshot.core.types import Example
from kshot.models.loading import load_student
from kshot.runtime.device import Device, load_or_probe_device
from kshot.runtime.logging import quiet
from kshot.train.callbacks import truncate_metrics
from kshot.train.checkpoints import is_complete, last_complete, mark_complete
from kshot.train.data import IGNORED, TrainRow, order_rows, prepare_rows, read_records, tokenize_record
from kshot.train.fit import count_steps, plan_rows
from kshot.train.stage import _machine
from kshot.train.trainer_config import SFT_DEFAULTS, sft_config


def records(n: int, length: int = 5) -> list[dict[str, Any]]:
    return [{"instruction": f"{i} " + "x" * length, "output": "y", "meta": {"k": i % 2}} for i in range(n)]


def test_rows_that_would_be_cut_are_dropped_and_counted_by_shots(tiny_student: Path) -> None:
    _, tokenizer = load_student(str(tiny_student))
    split = prepare_rows([*records(4), *records(3, 400)], tokenizer, 200, 0.0, 1, True)
    assert split.dropped == {"k=0": 2, "k=1": 1}
    assert len(split.train) == 4
    with pytest.raises(DataError, match=r"all 4 records are longer than train\.max_length=20"):
        prepare_rows(records(4), tokenizer, 20, 0.0, 1, True)


def test_the_validation_slice_is_apart_and_seeded(tiny_student: Path) -> None:
    _, tokenizer = load_student(str(tiny_student))
    split = prepare_rows(records(50), tokenizer, 200, 0.1, 1, True)
    held, trained = {r.prompt for r in split.validation}, {r.prompt for r in split.train}
    assert (len(held), len(trained), held & trained) == (5, 45, set())
    assert prepare_rows(records(50), tokenizer, 200, 0.1, 1, True) == split
    assert prepare_rows(records(50), tokenizer, 200, 0.1, 2, True) != split


def test_the_loss_is_on_answers_and_on_outputs_that_can_be_known(tiny_student: Path) -> None:
    _, tokenizer = load_student(str(tiny_student))
    prompt = render_prompt("arrow", None, [Example("a", "one"), Example("b", "two"), Example("c", "three")], "d")
    targets = [list(span) for span in prompt.output_spans[1:]]
    record = {"instruction": prompt.text, "output": "four", "meta": {"k": 3, "loss_spans": targets}}

    def taught(row: TrainRow) -> str:
        text: str = tokenizer.decode([t for t in row.labels if t != IGNORED])
        return text.split(tokenizer.eos_token)[0]

    every, last = tokenize_record(record, tokenizer, targets=True), tokenize_record(record, tokenizer, targets=False)
    assert taught(every).replace(" ", "") == "twothreefour"
    assert taught(last) == "four"
    assert every.input_ids == last.input_ids
    split = prepare_rows([record, record], tokenizer, 200, 0.5, 1, True)
    assert (taught(split.train[0]), taught(split.validation[0])) == (taught(every), "four")


def test_the_order_takes_each_row_once_an_epoch_and_groups_lengths() -> None:
    rows = [TrainRow(f"p{i}", "c", 0, (1,) * ((i * 37) % 200), ()) for i in range(203)]
    plan = order_rows(rows, 2, 8, 1)
    assert len({row.prompt for row in plan[:200]}) == 200
    assert Counter(row.prompt for row in plan) == Counter({row.prompt: 2 for row in rows})
    assert plan == order_rows(rows, 2, 8, 1)
    assert plan[:203] != plan[203:]
    spans = [max(r.tokens for r in plan[i : i + 8]) - min(r.tokens for r in plan[i : i + 8]) for i in range(0, 192, 8)]
    assert sum(spans) / len(spans) < 60
    later = [
        max(r.tokens for r in plan[i : i + 8]) - min(r.tokens for r in plan[i : i + 8]) for i in range(200, 400, 8)
    ]
    assert sum(later) / len(later) < 60, "a remainder of an epoch shifts no batch of the next"
    assert len(order_rows(rows, 0.5, 8, 1)) == 102


def test_batches_are_padded_to_few_lengths_unless_told_otherwise(tmp_path: Path) -> None:
    machine = Device("cpu", 1, "float32", "sdpa", {})
    asked: list[dict[str, Any]] = [SFT_DEFAULTS, {**SFT_DEFAULTS, "pad_to_multiple_of": 8}]
    with quiet():
        ours, theirs = (sft_config(given, TrainConfig(), machine, tmp_path, 1, validate=False) for given in asked)
    assert (ours.pad_to_multiple_of, theirs.pad_to_multiple_of) == (16, 8)


def test_a_budget_of_tokens_takes_the_first_whole_batches() -> None:
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


def test_the_trainer_goes_once_over_the_plan_whatever_made_it(tmp_path: Path) -> None:
    """TRL would take max_steps for a reason to begin again with a plan that the budget cut short."""
    rows = [TrainRow(f"p{i}", "c", 0, (1,) * 10, ()) for i in range(60)]
    settings = TrainConfig(max_train_tokens=300, sft={"max_steps": 50, "per_device_train_batch_size": 4})
    plan = plan_rows(rows, settings, 1)
    assert (len(plan), count_steps(plan, settings)) == (28, 7)
    machine = Device("cpu", 1, "float32", "sdpa", {})
    with quiet():
        arguments = sft_config({**SFT_DEFAULTS, **settings.sft}, settings, machine, tmp_path, 1, validate=False)
    assert (arguments.max_steps, arguments.num_train_epochs) == (-1, 1)


def test_a_training_killed_as_it_begins_anew_does_not_go_on_from_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(path: Path, ignore_errors: bool) -> None:
        raise KeyboardInterrupt

    machine = Device("cpu", 1, "float32", "sdpa", {})
    config = Config()
    _machine(config, tmp_path, "old", None, machine)
    checkpoint(tmp_path / "checkpoints", 50)
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr("kshot.train.stage.shutil.rmtree", killed)
        _machine(config, tmp_path, "new", None, machine)
    _machine(config, tmp_path, "new", None, machine)
    assert last_complete(tmp_path / "checkpoints") is None


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "no record in it"),
        ('{"instruction": "a"}\n', r":1: 'output' must be a text"),
        ('{"instruction": "a", "output": "b"}\n{"instruction": ', r":2: broken JSON"),
        ('{"instruction": " ", "output": "b"}\n', r":1: 'instruction' must be a text"),
        ('{"instruction": "a", "output": "b", "meta": "x"}\n', r":1: 'meta': expected an object, found 'x'"),
        ('{"instruction": "a", "output": "b", "meta": {"k": null}}\n', r":1: 'meta': 'k' must be a whole number"),
        ('{"instruction": "a", "output": "b", "meta": {"loss_spans": [[1]]}}\n', r":1: 'meta': 'loss_spans' must be"),
    ],
)
def test_bad_data_is_named(tmp_path: Path, text: str, fault: str) -> None:
    path = tmp_path / "train.jsonl"
    path.write_text(text)
    with pytest.raises(DataError, match=fault):
        read_records(path)
    with pytest.raises(DataError, match="run `kshot generate`"):
        read_records(tmp_path / "none.jsonl")


def checkpoint(folder: Path, step: int) -> Path:
    path = folder / f"checkpoint-{step}"
    path.mkdir(parents=True)
    (path / "adapter.safetensors").write_bytes(b"x" * 100)
    (path / "trainer_state.json").write_text("{}")
    mark_complete(path)
    return path


def test_only_a_whole_checkpoint_is_resumed_from(tmp_path: Path) -> None:
    nine, ten, hundred = checkpoint(tmp_path, 9), checkpoint(tmp_path, 10), checkpoint(tmp_path, 100)
    assert last_complete(tmp_path) == hundred
    (hundred / "adapter.safetensors").write_bytes(b"x" * 99)
    (tmp_path / "checkpoint-200").mkdir()
    assert last_complete(tmp_path) == ten
    assert not hundred.exists()
    assert is_complete(nine)
    (ten / "trainer_state.json").unlink()
    assert last_complete(tmp_path) == nine


def test_metrics_are_rewound_to_the_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_text("".join(json.dumps({"step": n, "loss": 1.0}) + "\n" for n in range(1, 6)) + '{"st')
    truncate_metrics(path, 3)
    assert [json.loads(line)["step"] for line in path.read_text().splitlines()] == [1, 2, 3]


def test_a_dtype_that_is_hopelessly_slow_is_not_probed_to_its_end(
    tiny_student: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A CPU without bfloat16 instructions takes several times as long for it, and each such pass is the user's time."""
    import torch

    from kshot.runtime import device as machine

    products = {torch.float32: 1.0, torch.bfloat16: 1.9}
    spent = {(False, "sdpa"): 2.0, (False, "eager"): 1.5, (True, "sdpa"): 3.5, (True, "eager"): 1.0}
    asked = []

    def probe(model: Any, autocast: bool, attention: str, backward: bool, enough: float) -> float:
        asked.append((autocast, attention, enough))
        return spent[autocast, attention]

    model, _ = load_student(str(tiny_student))
    monkeypatch.setattr(machine, "_probe", probe)
    monkeypatch.setattr(machine, "_product", lambda dtype: products[dtype])
    found = machine.probe_device(model, "auto", 1, backward=True)
    assert asked == [(False, "sdpa", float("inf")), (False, "eager", 4.0), (True, "sdpa", 3.0)]
    assert (found.dtype, found.attention) == ("float32", "eager")
    spent[True, "sdpa"] = 2.9
    assert machine.probe_device(model, "auto", 1, backward=True).dtype == "bfloat16"
    products[torch.bfloat16] = 2.1
    asked.clear()
    assert machine.probe_device(model, "auto", 1, backward=True).dtype == "float32"
    assert [autocast for autocast, _, _ in asked] == [False, False]
    assert machine.probe_device(model, "bfloat16", 1, backward=True).dtype == "bfloat16", "the user wants it"


def test_a_probe_ends_when_it_knows_enough(tiny_student: Path) -> None:
    from kshot.runtime.device import _probe

    model, _ = load_student(str(tiny_student))
    passes = []
    model.register_forward_hook(lambda *_: passes.append(1))
    assert _probe(model, False, "sdpa", True, float("inf")) > 0
    assert len(passes) == 3
    assert _probe(model, False, "sdpa", True, 0.0) > 0
    assert len(passes) == 5


def test_halved_weights_give_the_loss_and_the_gradients_of_autocast(tiny_student: Path) -> None:
    import torch

    from kshot.runtime.device import cast_frozen_linears

    ids = torch.tensor([[1, 5, 9, 4, 3]])
    results = []
    for change in (lambda model: model, cast_frozen_linears):
        model = change(load_student(str(tiny_student))[0])
        for name, weight in model.named_parameters():
            weight.requires_grad_("norm" in name)
        with torch.autocast("cpu", torch.bfloat16):
            loss = model(input_ids=ids, labels=ids).loss
        loss.backward()
        results.append((loss.item(), model.model.norm.weight.grad))
        linear, output = model.model.layers[0].mlp.up_proj.weight.dtype, model.lm_head.weight.dtype
    assert (linear, output) == (torch.bfloat16, torch.float32)
    assert results[0][0] == results[1][0]
    assert torch.equal(results[0][1], results[1][1])


def test_the_plan_has_the_rows_of_max_steps() -> None:
    rows = [TrainRow(f"p{i}", "c", 0, (1,) * (i + 1), ()) for i in range(10)]
    assert len(plan_rows(rows, TrainConfig(sft={"max_steps": 3, "per_device_train_batch_size": 2}), 1)) == 6
    assert len(plan_rows(rows, TrainConfig(sft={"max_steps": 8, "per_device_train_batch_size": 2}), 1)) == 16


def test_a_record_without_meta_is_tokenized(tiny_student: Path) -> None:
    _, tokenizer = load_student(str(tiny_student))
    assert tokenize_record({"instruction": "a", "output": "b", "meta": None}, tokenizer, targets=True).k == 0


def test_a_loss_that_answers_alone_do_not_give_is_left_to_trl(tiny_student: Path, tmp_path: Path) -> None:
    from kshot.train.fit import _is_special

    machine = Device("cpu", 1, "float32", "sdpa", {})
    model, _ = load_student(str(tiny_student))
    with quiet():
        plain, smoothed, other = (
            sft_config({**SFT_DEFAULTS, **more}, TrainConfig(), machine, tmp_path, 1, validate=False)
            for more in ({}, {"label_smoothing_factor": 0.1}, {"loss_type": "dft"})
        )
    assert [_is_special(model, arguments) for arguments in (plain, smoothed, other)] == [False, True, True]
    model.config.logits_scaling = 8.0
    assert _is_special(model, plain)


def test_settings_of_a_device_that_is_gone_are_refused_and_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beginning again by itself would sweep the checkpoints that were made there."""
    path = tmp_path / "settings.json"
    there, here = Device("cuda", 1, "bfloat16", "sdpa", {}), Device("cpu", 1, "float32", "sdpa", {})
    assert load_or_probe_device(path, "key", lambda: there) == there
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(RunError, match=r"settings\.json: this began on cuda, which is not here; go on where"):
        load_or_probe_device(path, "key", lambda: here)
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    assert load_or_probe_device(path, "key", lambda: here) == there
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    path.unlink()
    assert load_or_probe_device(path, "key", lambda: here) == here
