"""`kshot plan`: its counts are those of the run that follows, and it buys and keeps nothing."""

import json
from pathlib import Path

import pytest

from kshot.core.errors import ConfigError
from kshot.planning.hardware import parse_hardware
from kshot.planning.memory import Shapes, estimate_memory, read_shapes
from tests.conftest import write_config
from tests.integration.test_pipeline import kshot

SHAPES = Shapes(
    linear=100_000_000, other=28_000_000, trained=5_000_000, layers=30, hidden=576, kv=192, intermediate=1536,
    vocab=49_152,
)  # fmt: skip


@pytest.mark.slow
def test_a_plan_counts_what_the_run_then_trains_on(tmp_path: Path, tiny_student: Path) -> None:
    config = write_config(tmp_path, tiny_student)
    before = kshot("plan", config, "--run", "planned", "--json", tmp_path / "plan.json")
    plan = json.loads((tmp_path / "plan.json").read_text())
    assert "stand for it" in before.stdout
    assert plan["seconds"] > 0
    assert "tokens a second in some steps of one process here" in before.stdout
    kshot("generate", config, "--run", "planned")
    assert not (tmp_path / "runs" / "planned" / "train").exists()
    kshot("plan", config, "--run", "planned", "--no-probe", "--json", tmp_path / "later.json")
    later = json.loads((tmp_path / "later.json").read_text())
    kshot("train", config, "--run", "planned")
    manifest = json.loads((tmp_path / "runs" / "planned" / "train" / "manifest.json").read_text())
    assert (later["rows"], later["steps"], later["seconds"]) == (manifest["rows"], manifest["steps"], None)
    assert later["tokens"] == pytest.approx(manifest["tokens"], rel=0.05)
    assert plan["tokens"] == pytest.approx(manifest["tokens"], rel=0.3), "before there are data"
    assert manifest["peak_memory"] > 10**8


def test_a_plan_for_other_hardware_measures_nothing(tmp_path: Path, tiny_student: Path) -> None:
    config = write_config(tmp_path, tiny_student)
    done = kshot("plan", config, "--hardware", "8xH100")
    assert "on 8xH100" in done.stdout
    assert "assumed and not measured" in done.stdout
    assert "training 8 steps" not in done.stdout


@pytest.mark.parametrize("text", ["8xK80", "0xH100", "many", ""])
def test_unknown_hardware_is_refused_with_what_is_known(text: str) -> None:
    with pytest.raises(ConfigError, match=r"known are T4, .*H100"):
        parse_hardware(text)


def test_hardware_is_read_in_any_case() -> None:
    eight = parse_hardware("8xh200")
    assert (eight.count, eight.name, parse_hardware("HERE").accelerator) == (8, "8xH200", None)
    assert parse_hardware("rtx4090").count == 1


def test_memory_follows_dtype_checkpointing_and_batch() -> None:
    plain = estimate_memory(SHAPES, 2048, 200, False, False, "cuda")
    half = estimate_memory(SHAPES, 2048, 200, True, False, "cuda")
    saved = estimate_memory(SHAPES, 2048, 200, False, True, "cuda")
    assert half["weights"] == 2 * SHAPES.linear + 4 * SHAPES.other < plain["weights"]
    assert half["activations"] == plain["activations"] // 2
    assert saved["activations"] < plain["activations"] / 5
    assert plain["logits"] == 200 * 49_152 * 12
    assert plain["adapter, gradients, optimizer"] == 16 * SHAPES.trained


def test_shapes_count_the_weights_of_a_model(tiny_student: Path) -> None:
    from transformers import AutoModelForCausalLM

    from kshot.config import TrainConfig
    from kshot.train.trainer_config import lora_config

    shapes = read_shapes(str(tiny_student), lora_config(TrainConfig(lora={"r": 2})))
    model = AutoModelForCausalLM.from_pretrained(tiny_student)
    assert shapes.parameters == sum(weight.numel() for weight in model.parameters())
    linear = [module for name, module in model.named_modules() if name.endswith("_proj")]
    assert shapes.linear == sum(module.weight.numel() for module in linear)
    assert shapes.trained == sum(2 * (module.in_features + module.out_features) for module in linear)


@pytest.mark.slow
def test_a_plan_counts_each_answer_of_a_chat_as_training_does(tmp_path: Path, tiny_student: Path) -> None:
    config = write_config(tmp_path, tiny_student)
    chats = [
        [{"role": role, "content": f"{role} {n} {'x' * (n % 7)}"} for role in ("user", "assistant") * 2]
        for n in range(40)
    ]
    data = tmp_path / "chats.jsonl"
    data.write_text("".join(json.dumps({"messages": chat}) + "\n" for chat in chats))
    given = ("--run", "chats", "--set", f"train.data={data}", "--set", "train.loss_on=all_answers")
    kshot("plan", config, *given, "--json", tmp_path / "plan.json")
    plan = json.loads((tmp_path / "plan.json").read_text())
    kshot("train", config, *given)
    manifest = json.loads((tmp_path / "runs" / "chats" / "train" / "manifest.json").read_text())
    assert (plan["rows"], plan["steps"]) == (manifest["rows"], manifest["steps"])


@pytest.mark.slow
def test_a_plan_counts_the_processes_of_the_config(tmp_path: Path, tiny_student: Path) -> None:
    config = write_config(tmp_path, tiny_student)
    steps = {}
    for processes in (1, 2):
        file = tmp_path / f"{processes}.json"
        kshot("plan", config, "--no-probe", "--json", file, "--set", f"train.processes={processes}")
        steps[processes] = json.loads(file.read_text())["step_rows"]
    assert steps[2] == 2 * steps[1]
