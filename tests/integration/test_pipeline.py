"""The three stages as a person runs them, on a tiny student; each killed with SIGKILL in the middle and rerun."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import write_config
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


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, tiny_student: Path) -> Path:
    """A folder with tiny.yaml, its suite, and a run `whole` that went through all stages undisturbed."""
    folder = tmp_path_factory.mktemp("finished")
    config = write_config(folder, tiny_student)
    done = kshot("run", config, "--run", "whole")
    (folder / "stdout.txt").write_text(done.stdout)
    return folder


def copied(finished: Path, stages: tuple[str, ...]) -> Path:
    """A run `killed` that holds these stages of the finished one, without what the third stage wrote."""
    run = finished / "runs" / "killed"
    shutil.rmtree(run, ignore_errors=True)
    for stage in stages:
        shutil.copytree(finished / "runs" / "whole" / stage, run / stage)
    return run


def test_run_makes_the_files_of_all_three_stages(finished: Path) -> None:
    run = finished / "runs" / "whole"
    records = lines(run / "generate" / "train.jsonl")
    assert len(records) == 52
    assert set(records[0]) == {"instruction", "output", "meta"}
    manifest = json.loads((run / "generate" / "manifest.json").read_text())
    assert sum(manifest["counts"]["k"].values()) == 52
    assert manifest["modes"]["compose"]["candidates"] == 52 + len(lines(run / "generate" / "rejects.jsonl"))
    assert "## Records drawn at random" in (run / "generate" / "README.md").read_text()
    assert [row["step"] for row in lines(run / "train" / "metrics.jsonl") if "loss" in row] == list(range(1, 13))
    assert (run / "train" / "loss.png").stat().st_size > 5000
    assert {p.name for p in (run / "train" / "adapter").iterdir()} >= {"adapter_model.safetensors", "README.md"}
    gains = json.loads((run / "evaluate" / "gains.json").read_text())
    assert [(g["score"], g["k"], g["tasks"], g["items"]) for g in gains] == [
        *(("exact_match", k, 2, 8) for k in (0, 1, 4)),
        *(("loglikelihood", k, 1, 4) for k in (0, 1, 4)),
    ]
    keys = {"suite", "score", "k", "base", "student", "gain", "low", "high", "tasks", "items"}
    assert all(set(g) >= keys and g["items_low"] <= g["gain"] <= g["items_high"] for g in gains)
    assert all(g["low"] <= g["gain"] <= g["high"] if g["tasks"] > 1 else g["low"] is g["high"] is None for g in gains)
    assert all(0 < g["p"] <= g["p_holm"] <= 1 and g["seeds"] == 1 for g in gains)
    fewshot = json.loads((run / "evaluate" / "fewshot.json").read_text())
    assert [(row["model"], row["k"]) for row in fewshot] == [
        ("base", 1),
        ("base", 4),
        ("student", 1),
        ("student", 4),
    ] * 2
    assert all(row["gain"] == pytest.approx(row["few"] - row["zero"]) for row in fewshot)
    baselines = json.loads((run / "evaluate" / "baselines.json").read_text())
    sky = next(row for row in baselines["tasks"] if (row["task"], row["k"]) == ("sky", 4))
    # Day and night take turns, in the demonstrations as in the items.
    assert [sky["baselines"][name] for name in ("majority", "random", "copy_first", "copy_any", "random_labels")] == [
        0.5
    ] * 4 + [None]
    bias = json.loads((run / "evaluate" / "label_bias.json").read_text())
    rates = [(row["task"], row["k"], row["model"], row["majority_label_rate"]) for row in bias["tasks"]]
    assert rates == [("sky", k, model, 0.5) for k in (0, 1, 4) for model in ("base", "student")]
    table = (finished / "stdout.txt").read_text()
    assert "On the 2 held-out tasks of tinysuite, exact match" in table
    assert "exact match" in table
    assert "log-likelihood choice" in table
    report = (run / "evaluate" / "report.md").read_text()
    gain = json.loads((run / "evaluate" / "gains.json").read_text())[0]
    assert f"| {gain['tasks']} | {gain['items']} |" in report
    assert "## Label bias" in report
    assert "built-in method" not in report
    assert (run / "evaluate" / "scores.png").stat().st_size > 5000
    assert list((run / "evaluate" / "measurements" / "tinysuite" / "base-k0" / "base").glob("results_*.json"))
    assert list((run / "evaluate" / "measurements").rglob("samples_*.jsonl"))


def test_run_again_finds_nothing_to_do(finished: Path) -> None:
    run = finished / "runs" / "whole"
    before = {
        path: path.stat().st_mtime_ns
        for path in run.rglob("*")
        if path.name in {"model.safetensors", "measurement.json"}
    }
    again = kshot("run", finished / "tiny.yaml", "--run", "whole")
    assert "generate: " in again.stdout
    assert "train.jsonl is finished (52 records); nothing to do" in again.stdout
    assert "merged is up to date" in again.stdout
    assert len(before) == 7
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_generate_gives_the_same_bytes_for_the_same_seed(config_file: Path, runs: Path) -> None:
    for name in ("a", "b"):
        kshot("generate", config_file, "--run", name)
    kshot("generate", config_file, "--run", "c", "--set", "seed=4")
    a, b, c = ((runs / name / "generate" / "train.jsonl").read_bytes() for name in "abc")
    assert a == b != c


def test_train_killed_and_rerun_ends_as_if_undisturbed(finished: Path) -> None:
    from safetensors.numpy import load_file

    run, config = copied(finished, ("generate",)), finished / "tiny.yaml"
    metrics = run / "train" / "metrics.jsonl"
    kill_when(lambda: len(lines(metrics)) >= 5, "train", config, "--run", "killed")
    assert not (run / "train" / "manifest.json").exists()
    assert "resuming after step" in kshot("train", config, "--run", "killed").stdout
    whole, killed = lines(finished / "runs" / "whole" / "train" / "metrics.jsonl"), lines(metrics)
    assert [row["step"] for row in killed] == [row["step"] for row in whole]
    for key in ("loss", "eval_loss"):
        assert [row[key] for row in killed if key in row] == pytest.approx([row[key] for row in whole if key in row])
    name = Path("train") / "adapter" / "adapter_model.safetensors"
    one, other = load_file(finished / "runs" / "whole" / name), load_file(run / name)
    assert one.keys() == other.keys()
    assert all(abs(one[key] - other[key]).max() < 1e-5 for key in one)


def test_merged_student_answers_as_the_adapter_does(finished: Path, tiny_student: Path) -> None:
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = finished / "runs" / "whole" / "train"
    tokenizer = AutoTokenizer.from_pretrained(folder / "merged")
    assert tokenizer.chat_template
    ids = tokenizer("Input: leaf", return_tensors="pt")["input_ids"]
    base = AutoModelForCausalLM.from_pretrained(tiny_student).eval()
    with torch.no_grad():
        before = base(ids).logits
        merged = AutoModelForCausalLM.from_pretrained(folder / "merged").eval()(ids).logits
        adapted = PeftModel.from_pretrained(base, folder / "adapter").eval()(ids).logits
    assert torch.allclose(merged, adapted, atol=1e-5)
    assert not torch.allclose(merged, before, atol=1e-4)


def test_scale_adapter_scales_the_change_of_every_weight(finished: Path, tiny_student: Path) -> None:
    """Half of the change of every weight, neither none nor all of it."""
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    from kshot.train.export.merged import scale_adapter

    weights = []
    for scale in (0.5, 1.0):
        base = AutoModelForCausalLM.from_pretrained(tiny_student)
        before = base.model.layers[0].self_attn.q_proj.weight.detach().clone()
        model = PeftModel.from_pretrained(base, finished / "runs" / "whole" / "train" / "adapter")
        scale_adapter(model, scale)
        weights.append(model.merge_and_unload().model.layers[0].self_attn.q_proj.weight.detach() - before)
    assert weights[1].abs().max() > 1e-4
    assert (weights[0] - weights[1] / 2).abs().max() < 1e-6


def test_evaluate_killed_and_rerun_measures_only_what_is_missing(finished: Path) -> None:
    run, config = copied(finished, ("generate", "train")), finished / "tiny.yaml"
    folder = run / "evaluate" / "measurements" / "tinysuite"
    kill_when(lambda: (folder / "base-k1" / "measurement.json").exists(), "evaluate", config, "--run", "killed")
    done = {path: path.stat().st_mtime_ns for path in folder.glob("[!.]*/measurement.json")}
    assert 2 <= len(done) < 6
    kshot("evaluate", config, "--run", "killed")
    assert {path: path.stat().st_mtime_ns for path in done} == done
    gains = [(finished / "runs" / name / "evaluate" / "gains.json").read_text() for name in ("whole", "killed")]
    assert gains[0] == gains[1]


def test_evaluate_refuses_a_student_that_is_not_the_config_s(finished: Path) -> None:
    run, config = copied(finished, ("generate", "train")), finished / "tiny.yaml"
    other = kshot("evaluate", config, "--run", "killed", "--set", "student=owner/other", check=False)
    assert other.returncode == 2
    assert "and the config's student is owner/other" in other.stderr
    # As a training under other settings leaves it until it is finished.
    (run / "train" / "manifest.json").unlink()
    for command in (("evaluate", config, "--run", "killed"), ("compare", run, "--config", config)):
        begun = kshot(*command, check=False)
        assert begun.returncode == 2
        assert "the training is not finished" in begun.stderr


@pytest.mark.slow
def test_evaluate_adds_fewshot_seeds_and_random_labels_to_what_is_measured(finished: Path) -> None:
    run, config = copied(finished, ("generate", "train", "evaluate")), finished / "tiny.yaml"
    folder = run / "evaluate" / "measurements" / "tinysuite"
    done = {path: path.stat().st_mtime_ns for path in folder.glob("[!.]*/measurement.json")}
    options = ("--set", "evaluate.fewshot_seeds=[0, 3]", "--set", "evaluate.baselines=[random_labels]")
    kshot("evaluate", config, "--run", "killed", *options)
    assert {path: path.stat().st_mtime_ns for path in done} == done
    names = [f"k{k}{seed}{labels}" for k in (1, 4) for seed in ("", "-s3") for labels in ("", "-random")]
    assert {path.name for path in folder.iterdir()} == {f"{m}-{n}" for m in ("base", "student") for n in ["k0", *names]}
    gains = json.loads((run / "evaluate" / "gains.json").read_text())
    assert [(row["k"], row["seeds"], row["seed_sd"] is None) for row in gains[:3]] == [
        (0, 1, True),
        (1, 2, False),
        (4, 2, False),
    ]
    assert all(row["worst_seed_gain"] <= row["gain"] for row in gains)
    samples = lines(run / "evaluate" / "samples.jsonl")
    prompts = {
        (row["model"], row["seed"], row["task"], row["score"], row["k"], row["item"]): row["prompt"] for row in samples
    }
    assert len(prompts) == len(samples) == 2 * (8 + 4) * 5
    assert all(text == prompts["student", *names] for (model, *names), text in prompts.items() if model == "base")
    assert prompts["base", 0, "echo", "exact_match", 4, 0] != prompts["base", 3, "echo", "exact_match", 4, 0]
    tasks = json.loads((run / "evaluate" / "baselines.json").read_text())["tasks"]
    assert all((row["baselines"]["random_labels"] is None) == (row["k"] == 0) for row in tasks)
    assert "## Other demonstrations" in (run / "evaluate" / "report.md").read_text()
    # With the first options the first table comes back, and nothing is measured.
    kshot("evaluate", config, "--run", "killed")
    gains = [(finished / "runs" / name / "evaluate" / "gains.json").read_text() for name in ("whole", "killed")]
    assert gains[0] == gains[1]


def test_generate_killed_and_rerun_requests_only_what_is_missing(
    config_file: Path, runs: Path, endpoint: Endpoint
) -> None:
    endpoint.reply = "Could you please do this: {prompt}"
    # Replies are committed in groups, every 20 ms: what came after the last commit is asked again.
    endpoint.delay = 0.05
    teacher = json.dumps({"endpoint": endpoint.url, "model": "m", "concurrency": 1})
    options = ("--set", f"generate.teacher={teacher}")
    kshot("generate", config_file, "--run", "whole", *options)
    asked = len(endpoint.asked)
    kill_when(lambda: len(endpoint.asked) >= asked + 10, "generate", config_file, "--run", "killed", *options)
    assert not (runs / "killed" / "generate" / "train.jsonl").exists()
    kshot("generate", config_file, "--run", "killed", *options)
    # The request in flight when the process died, and one not committed yet, may have been answered and not kept.
    assert 0 <= len(endpoint.asked) - 2 * asked <= 2
    for name in ("train.jsonl", "rejects.jsonl"):
        one, other = ((runs / run / "generate" / name).read_bytes() for run in ("whole", "killed"))
        assert one == other


def test_prompts_of_evaluation_are_those_of_training(finished: Path, tiny_student: Path) -> None:
    """The tokens before the answer are the same in both stages, and the end-of-turn is trained (pad == eos)."""
    from datasets import Dataset
    from trl import SFTConfig, SFTTrainer

    from kshot.models.loading import load_student
    from kshot.suites.loading import load_suite
    from kshot.suites.prompts import render_item
    from kshot.train.data import tokenize_record

    wanted = {"task": "echo", "k": 4, "item": 0, "score": "exact_match", "model": "student"}
    samples = lines(finished / "runs" / "whole" / "evaluate" / "samples.jsonl")
    asked = next(row for row in samples if wanted.items() <= row.items())
    task = next(task for task in load_suite(str(finished / "tinysuite")).tasks if task.name == "echo")
    model, tokenizer = load_student(str(tiny_student))
    row = {
        "prompt": [{"role": "user", "content": render_item(task, task.items[0], 4)}],
        "completion": [{"role": "assistant", "content": "quux4"}],
    }
    settings = SFTConfig(output_dir=str(finished / "x"), use_cpu=True, bf16=False, report_to=[], max_length=4000)
    trainer = SFTTrainer(model=model, args=settings, train_dataset=Dataset.from_list([row]), processing_class=tokenizer)
    batch = next(iter(trainer.get_train_dataloader()))
    trained = batch["input_ids"][0][batch["labels"][0] == -100].tolist()
    answer = batch["input_ids"][0][batch["labels"][0] != -100].tolist()
    assert tokenizer(asked["prompt"], add_special_tokens=False)["input_ids"] == trained
    assert tokenizer.decode(answer).strip() == "quux4" + tokenizer.eos_token
    ours = tokenize_record(
        {"instruction": render_item(task, task.items[0], 4), "output": "quux4"}, tokenizer, targets=True
    )
    assert list(ours.input_ids) == batch["input_ids"][0].tolist()
    assert list(ours.labels) == batch["labels"][0].tolist()
