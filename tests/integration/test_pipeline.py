"""The three stages as a person runs them, on a tiny student; each killed with SIGKILL in the middle and rerun."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.integration.test_teacher import Endpoint, endpoint

__all__ = ["endpoint"]


def kshot(*arguments: object, check: bool = True) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "kshot.cli", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert not check or done.returncode == 0, done.stdout + done.stderr
    return done


def kill_when(condition: Callable[[], object], *arguments: object) -> None:
    """Start kshot and SIGKILL it as soon as the condition holds."""
    command = [sys.executable, "-m", "kshot.cli", *map(str, arguments)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    deadline = time.monotonic() + 240
    while not condition():
        assert process.poll() is None, f"ended before it could be killed: {process.stdout and process.stdout.read()}"
        assert time.monotonic() < deadline
        time.sleep(0.002)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert process.returncode == -signal.SIGKILL


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


@pytest.fixture
def runs(config_file: Path) -> Path:
    return config_file.parent / "runs"


def test_the_three_stages_and_a_rerun_that_does_nothing(config_file: Path, runs: Path, panel: Path) -> None:
    first = kshot("run", config_file, "--run", "a")
    run = runs / "a"
    records = lines(run / "generate" / "train.jsonl")
    assert len(records) == 52
    assert set(records[0]) == {"instruction", "output", "meta"}
    manifest = json.loads((run / "generate" / "manifest.json").read_text())
    assert sum(manifest["counts"]["k"].values()) == 52
    assert manifest["flow"]["compose"]["in"] == 52 + len(lines(run / "generate" / "rejects.jsonl"))
    assert "## Records drawn at random" in (run / "generate" / "README.md").read_text()
    assert [row["step"] for row in lines(run / "train" / "metrics.jsonl") if "loss" in row] == list(range(1, 13))
    assert (run / "train" / "loss.png").stat().st_size > 5000
    assert {p.name for p in (run / "train" / "adapter").iterdir()} >= {"adapter_model.safetensors", "README.md"}
    gains = json.loads((run / "evaluate" / "gains.json").read_text())
    assert [(g["score"], g["k"], g["tasks"], g["items"]) for g in gains] == [
        *(("exact_match", k, 2, 8) for k in (0, 1, 4)),
        *(("loglikelihood", k, 1, 4) for k in (0, 1, 4)),
    ]
    keys = {"panel", "score", "k", "base", "student", "gain", "low", "high", "tasks", "items"}
    assert all(set(g) == keys and g["low"] <= g["gain"] <= g["high"] for g in gains)
    assert "exact match" in first.stdout
    assert "tinypanel" in (run / "evaluate" / "report.md").read_text()
    assert (run / "evaluate" / "scores.png").stat().st_size > 5000
    assert list((run / "evaluate" / "cells").rglob("results_*.json"))
    assert list((run / "evaluate" / "cells").rglob("samples_*.jsonl"))
    before = {path: path.stat().st_mtime_ns for path in run.rglob("*.safetensors")}
    again = kshot("run", config_file, "--run", "a")
    assert again.stdout.count("nothing to do") == 2
    assert {path: path.stat().st_mtime_ns for path in run.rglob("*.safetensors")} == before


def test_the_same_seed_gives_the_same_bytes(config_file: Path, runs: Path) -> None:
    for name in ("a", "b"):
        kshot("generate", config_file, "--run", name)
    kshot("generate", config_file, "--run", "c", "--set", "seed=4")
    a, b, c = ((runs / name / "generate" / "train.jsonl").read_bytes() for name in "abc")
    assert a == b != c


def test_training_killed_and_rerun_ends_as_if_undisturbed(config_file: Path, runs: Path) -> None:
    from safetensors.numpy import load_file

    for name in ("whole", "killed"):
        kshot("generate", config_file, "--run", name)
    kshot("train", config_file, "--run", "whole")
    metrics = runs / "killed" / "train" / "metrics.jsonl"
    kill_when(lambda: len(lines(metrics) if metrics.exists() else []) >= 5, "train", config_file, "--run", "killed")
    assert not (runs / "killed" / "train" / "manifest.json").exists()
    rerun = kshot("train", config_file, "--run", "killed")
    assert "resuming after step" in rerun.stdout
    whole, killed = lines(runs / "whole" / "train" / "metrics.jsonl"), lines(metrics)
    assert [row["step"] for row in killed] == [row["step"] for row in whole]
    assert [row.get("loss") for row in killed] == pytest.approx([row.get("loss") for row in whole], nan_ok=True)
    name = Path("train") / "adapter" / "adapter_model.safetensors"
    one, other = load_file(runs / "whole" / name), load_file(runs / "killed" / name)
    assert one.keys() == other.keys()
    assert all(abs(one[key] - other[key]).max() < 1e-5 for key in one)


def test_the_student_learns_its_end_of_turn_and_merged_equals_adapter(config_file: Path, runs: Path) -> None:
    """pad == eos in the tiny student, as in the real one: the end-of-turn must be trained all the same."""
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, AutoTokenizer

    kshot("generate", config_file, "--run", "a")
    kshot(
        "train",
        config_file,
        "--run",
        "a",
        "--set",
        "train.sft.learning_rate=0.02",
        "--set",
        "train.sft.num_train_epochs=4",
    )
    folder = runs / "a" / "train"
    tokenizer = AutoTokenizer.from_pretrained(folder / "merged")
    merged = AutoModelForCausalLM.from_pretrained(folder / "merged").eval()
    base = AutoModelForCausalLM.from_pretrained(json.loads((folder / "adapter" / "adapter_config.json").read_text())[
        "base_model_name_or_path"
    ]).eval()  # fmt: skip
    record = lines(runs / "a" / "generate" / "train.jsonl")[0]
    turns = [{"role": "user", "content": record["instruction"]}, {"role": "assistant", "content": record["output"]}]
    text = tokenizer.apply_chat_template(turns, tokenize=False).removesuffix("\n").removesuffix(tokenizer.eos_token)
    ids = tokenizer(text, return_tensors="pt")["input_ids"]

    def end(model: Any) -> float:
        with torch.no_grad():
            return float(model(ids).logits[0, -1].softmax(-1)[tokenizer.eos_token_id])

    assert end(merged) > 5 * end(base)
    student = end(merged)
    assert end(PeftModel.from_pretrained(base, folder / "adapter").eval()) == pytest.approx(student, rel=1e-3)


def test_evaluation_killed_and_rerun_measures_only_what_is_missing(config_file: Path, runs: Path) -> None:
    for name in ("whole", "killed"):
        kshot("generate", config_file, "--run", name)
        kshot("train", config_file, "--run", name)
    kshot("evaluate", config_file, "--run", "whole")
    cells = runs / "killed" / "evaluate" / "cells" / "tinypanel"
    kill_when(lambda: (cells / "base-k1" / "cell.json").exists(), "evaluate", config_file, "--run", "killed")
    done = {path: path.stat().st_mtime_ns for path in cells.glob("*/cell.json")}
    assert 2 <= len(done) < 6
    kshot("evaluate", config_file, "--run", "killed")
    assert {path: path.stat().st_mtime_ns for path in done} == done
    gains = [(runs / name / "evaluate" / "gains.json").read_text() for name in ("whole", "killed")]
    assert gains[0] == gains[1]


def test_generation_killed_and_rerun_asks_only_what_is_missing(
    config_file: Path, runs: Path, endpoint: Endpoint
) -> None:
    endpoint.reply = "Could you please do this: {prompt}"
    teacher = json.dumps({"endpoint": endpoint.url, "model": "m", "concurrency": 1})
    options = ("--set", f"generate.teacher={teacher}")
    kshot("generate", config_file, "--run", "whole", *options)
    asked = len(endpoint.asked)
    kill_when(lambda: len(endpoint.asked) >= asked + 10, "generate", config_file, "--run", "killed", *options)
    assert not (runs / "killed" / "generate" / "train.jsonl").exists()
    kshot("generate", config_file, "--run", "killed", *options)
    # The request in flight when the process died may have been answered without the answer being kept.
    assert 0 <= len(endpoint.asked) - 2 * asked <= 2
    for name in ("train.jsonl", "rejects.jsonl"):
        one, other = ((runs / run / "generate" / name).read_bytes() for run in ("whole", "killed"))
        assert one == other


def test_asked_as_it_was_taught(config_file: Path, runs: Path, panel: Path, tiny_student: Path) -> None:
    """The tokens before the answer are the same in training and in evaluation."""
    from trl import SFTConfig, SFTTrainer

    from kshot.evaluate.questions import prompt
    from kshot.panel import load_panel
    from kshot.train.data import Row
    from kshot.weights import load_student

    kshot("run", config_file, "--run", "a")
    asked = next(
        row for row in lines(runs / "a" / "evaluate" / "samples.jsonl")
        if (row["task"], row["k"], row["item"], row["score"], row["model"]) == ("echo", 4, 0, "exact_match", "student")
    )  # fmt: skip
    task = next(task for task in load_panel(str(panel)).tasks if task.name == "echo")
    model, tokenizer = load_student(str(tiny_student))
    from datasets import Dataset

    row = Row(prompt(task, task.items[0], 4), "quux4", 4, 0).messages()
    settings = SFTConfig(output_dir=str(runs / "x"), use_cpu=True, bf16=False, report_to=[], max_length=4000)
    trainer = SFTTrainer(model=model, args=settings, train_dataset=Dataset.from_list([row]), processing_class=tokenizer)
    batch = next(iter(trainer.get_train_dataloader()))
    taught = batch["input_ids"][0][batch["labels"][0] == -100].tolist()
    answer = batch["input_ids"][0][batch["labels"][0] != -100].tolist()
    assert tokenizer(asked["prompt"], add_special_tokens=False)["input_ids"] == taught
    assert tokenizer.decode(answer).strip() == "quux4" + tokenizer.eos_token
