"""lm-eval's tasks beside a folder in one run, at each k, and lm-eval's own model class in place of ours."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from kshot.config import EvaluateConfig
from kshot.config.loader import load_config
from kshot.core.errors import SuiteError
from kshot.evaluate.measure.lm_eval_suites import load_lm_eval_suite
from kshot.evaluate.measure.plan import load_suites
from tests.integration.ready import evaluated, read, ready_run
from tests.integration.test_pipeline import lines

COLOURS = ("red", "green", "blue")
CHOICE = """
task: colours_here
dataset_path: json
dataset_kwargs: {{data_files: {{train: {folder}/train.jsonl, test: {folder}/test.jsonl}}}}
training_split: train
test_split: test
output_type: multiple_choice
doc_to_text: "What colour is {{{{thing}}}}?"
doc_to_choice: ["red", "green", "blue"]
doc_to_target: colour
metric_list: [{{metric: acc}}, {{metric: acc_norm}}]
"""
WRITE = """
task: write_here
dataset_path: json
dataset_kwargs: {{data_files: {{train: {folder}/train.jsonl, test: {folder}/test.jsonl}}}}
training_split: train
test_split: test
output_type: generate_until
doc_to_text: "Name {{{{thing}}}}:"
doc_to_target: "{{{{thing}}}}"
generation_kwargs: {{until: ["\\n"], max_gen_toks: 6, do_sample: false}}
metric_list: [{{metric: exact_match}}]
"""
TEXT = """
task: text_here
dataset_path: json
dataset_kwargs: {{data_files: {{test: {folder}/test.jsonl}}}}
test_split: test
output_type: loglikelihood_rolling
doc_to_text: ""
doc_to_target: "{{{{thing}}}} is a thing"
num_fewshot: 0
metric_list: [{{metric: bits_per_byte}}]
"""


@pytest.fixture
def tasks(tmp_path: Path) -> Path:
    """A folder of three task YAMLs with their data."""
    folder = tmp_path / "own_tasks"
    folder.mkdir()
    for split, count in (("train", 5), ("test", 6)):
        rows = [{"thing": f"{split} thing {n}", "colour": n % 3} for n in range(count)]
        (folder / f"{split}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    for name, text in (("choice", CHOICE), ("write", WRITE), ("text", TEXT)):
        (folder / f"{name}.yaml").write_text(text.format(folder=folder))
    return folder


def overrides(tasks: Path, *more: str) -> list[str]:
    names = [f"lm_eval:{name}" for name in ("colours_here", "write_here")]
    suites = json.dumps([*names, f"lm_eval:text_here@{tasks}", str(tasks.parent / "tinysuite")])
    values = {"suites": suites, "lm_eval_path": tasks, "shots": "[0, 2]", "limit": 4}
    return [*(f"evaluate.{key}={value}" for key, value in values.items()), *more]


def test_evaluate_measures_lm_eval_tasks_and_a_folder_in_one_run(
    config_file: Path, tiny_student: Path, tasks: Path
) -> None:
    folder = ready_run(config_file, tiny_student) / "evaluate"
    assert evaluated(config_file, *overrides(tasks)) == 0
    gains = read(folder / "gains.json")
    ours = [(row["suite"], row["score"], row["k"], row["items"]) for row in gains if row["suite"] != "tinysuite"]
    assert ours == [
        *(("colours_here", score, k, 4) for score in ("acc", "acc_norm") for k in (0, 2)),
        *(("write_here", "exact_match", k, 4) for k in (0, 2)),
    ]
    assert len(gains) == len(ours) + 4
    samples = lines(folder / "samples.jsonl")
    colours = [row for row in samples if (row["suite"], row["score"]) == ("colours_here", "acc")]
    # Paired by item, with the same demonstrations, drawn from the training split.
    prompts = {(row["model"], row["k"], row["item"]): row["prompt"] for row in colours}
    assert set(prompts) == {(m, k, n) for m in ("base", "student") for k in (0, 2) for n in range(4)}
    for (model, k, item), text in prompts.items():
        assert text == prompts["base", k, item]
        assert text.count("What colour is train thing") == k
        assert f"What colour is test thing {item}?" in text, model
        assert text.startswith("<|im_start|>user\n")
        # The demonstrations are turns, as lm-eval sends them.
        assert text.count("<|im_start|>user") == k + 1
    for row in colours:
        assert row["answer"] == row["options"][row["log_probs"].index(max(row["log_probs"]))]
        assert row["right"] == (row["answer"] == COLOURS[row["item"] % 3]) == (row["answer"] in row["accepted"])
    acc = next(row for row in gains if (row["score"], row["k"]) == ("acc", 2))
    assert acc["student"] == sum(row["right"] for row in colours if (row["model"], row["k"]) == ("student", 2)) / 4
    baselines = {(row["task"], row["score"], row["k"]): row for row in read(folder / "baselines.json")["tasks"]}
    assert baselines["colours_here", "acc", 2]["baselines"]["random"] == pytest.approx(1 / 3)
    assert baselines["write_here", "exact_match", 0]["baselines"]["random"] is None
    # A perplexity is reported and not compared, and a task without demonstrations is measured once.
    manifest = read(folder / "manifest.json")
    (text_row,) = manifest["other_metrics"]
    assert (text_row["task"], text_row["metric"], text_row["k"]) == ("text_here", "bits_per_byte", 0)
    assert text_row["base"] > 0
    assert "measurements/text_here/base-k2" not in manifest["measurements"]
    report = (folder / "report.md").read_text()
    assert "| text_here | text_here | bits_per_byte | 0 | 0 |" in report
    assert "| colours_here | acc | 0 |" in report
    page = (folder / "report.html").read_text()
    assert "Other metrics of lm-eval" in page
    # A rerun measures nothing.
    times = {path: path.stat().st_mtime_ns for path in folder.glob("measurements/*/*/measurement.json")}
    assert evaluated(config_file, *overrides(tasks)) == 0
    assert {path: path.stat().st_mtime_ns for path in times} == times


def test_load_lm_eval_suite_key_changes_with_what_shapes_the_requests(tasks: Path, config_file: Path) -> None:
    def key() -> str:
        load_lm_eval_suite.__globals__["_load"].cache_clear()
        suite = load_suites(load_config(config_file, overrides(tasks)).evaluate, ())[0]
        assert suite.lm_eval is not None
        return suite.lm_eval.key

    first = key()
    assert key() == first
    train = tasks / "train.jsonl"
    train.write_text(train.read_text().replace("train thing 4", "train thing 9"))
    second = key()
    assert second != first
    path = tasks / "choice.yaml"
    path.write_text(path.read_text().replace("What colour is", "Which colour has"))
    load_lm_eval_suite.__globals__["_make_manager"].cache_clear()
    third = key()
    assert third not in {first, second}
    # A function is what it does, and not where this process has it.
    code = tasks / "utils.py"
    code.write_text("def text(doc):\n    return doc['thing'] + ' is'\n")
    path.write_text(re.sub("doc_to_text: .*", "doc_to_text: !function utils.text", path.read_text()))
    keys = []
    for change in ("is", "is", "has"):
        code.write_text(code.read_text().replace("is", change))
        load_lm_eval_suite.__globals__["_make_manager"].cache_clear()
        keys.append(key())
    assert keys[0] == keys[1] != keys[2]
    assert third not in keys


def test_evaluate_draws_other_demonstrations_for_another_fewshot_seed(
    config_file: Path, tiny_student: Path, tasks: Path
) -> None:
    folder = ready_run(config_file, tiny_student) / "evaluate"
    more = ("evaluate.suites=[lm_eval:colours_here]", "evaluate.shots=[2]", "evaluate.fewshot_seeds=[0, 5]")
    assert evaluated(config_file, *overrides(tasks, *more)) == 0
    answers = {
        (row["model"], row["seed"]): row["prompt"]
        for row in lines(folder / "samples.jsonl") if row["item"] == 0
    }  # fmt: skip
    assert answers["base", 0] == answers["student", 0] != answers["base", 5] == answers["student", 5]
    assert {row["seeds"] for row in read(folder / "gains.json")} == {2}


@pytest.mark.parametrize("other_backend", [pytest.param("hf", marks=pytest.mark.slow), "vllm"])
def test_another_backend_answers_as_our_own_does(
    config_file: Path, tiny_student: Path, tasks: Path, other_backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if other_backend == "vllm":
        # vLLM itself needs a GPU build of torch.
        monkeypatch.syspath_prepend(Path(__file__).parents[1] / "fake_vllm")
    folder = ready_run(config_file, tiny_student) / "evaluate"
    names = ("model", "suite", "task", "score", "k", "item")
    answers: dict[str, dict[tuple[Any, ...], dict[str, Any]]] = {}
    for backend in ("own", other_backend):
        assert evaluated(config_file, *overrides(tasks, f"evaluate.backend={backend}")) == 0
        rows = lines(folder / "samples.jsonl")
        answers[backend] = {tuple(row[name] for name in names): row for row in rows}
        if backend == "own":
            keys = read(folder / "manifest.json")["measurements"]
    assert not set(keys.values()) & set(read(folder / "manifest.json")["measurements"].values())
    assert answers["own"].keys() == answers[other_backend].keys()
    for key, row in answers["own"].items():
        other = answers[other_backend][key]
        assert (other["prompt"], other["answer"], other["right"]) == (row["prompt"], row["answer"], row["right"])
        if "log_probs" in row:
            assert other["log_probs"] == pytest.approx(row["log_probs"], abs=1e-3)


def test_evaluate_refuses_arguments_that_a_backend_does_not_take(
    config_file: Path, tiny_student: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ready_run(config_file, tiny_student)
    for overrides, fault in (
        (("evaluate.backend=vllm",), "evaluate.backend: vllm is not installed here"),
        (("evaluate.backend_args={batch_size: 4}",), "only the backends hf and vllm take any"),
        (("evaluate.backend=hf", "evaluate.backend_args={dtype: float99}"), "evaluate.backend_args: hf does not start"),
    ):
        if "vllm" in overrides[0] and _has_vllm():
            continue
        assert evaluated(config_file, *overrides) == 2
        errors = capsys.readouterr().err.splitlines()
        assert len(errors) == 1
        assert fault in errors[0]


def _has_vllm() -> bool:
    from importlib.util import find_spec

    return find_spec("vllm") is not None


@pytest.mark.slow
def test_evaluate_reports_an_unknown_task_and_unreachable_data_in_one_line(
    config_file: Path, tiny_student: Path
) -> None:
    run = ready_run(config_file, tiny_student)
    for file in (run / "train" / "merged").glob("*.safetensors"):
        file.write_bytes(b"no weights")
    for name, fault in (("arc_eazy", "did you mean 'arc_easy'?"), ("arc_easy", "its data cannot be fetched")):
        command = [sys.executable, "-m", "kshot.cli", "evaluate", str(config_file), "--suite", f"lm_eval:{name}"]
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=300, env=os.environ | {"HF_HUB_OFFLINE": "1"}
        )
        assert done.returncode == 2, done.stdout + done.stderr
        assert done.stderr.startswith(f"error: lm_eval:{name}: ")
        assert done.stderr.count("\n") == 1
        assert fault in done.stderr
    assert not (run / "evaluate" / "measurements").exists()


def test_load_suites_refuses_shots_that_a_task_cannot_show(tasks: Path, config_file: Path) -> None:
    for shots, name, fault in (
        ("[6]", "colours_here", "5 demonstrations to choose from, fewer than k=6"),
        ("[2]", "text_here", "always asked without demonstrations; add 0"),
    ):
        more = (f"evaluate.suites=[lm_eval:{name}]", f"evaluate.shots={shots}")
        with pytest.raises(SuiteError, match=fault):
            load_suites(load_config(config_file, overrides(tasks, *more)).evaluate, ())


def test_load_lm_eval_suite_refuses_a_missing_or_broken_folder(tmp_path: Path, tasks: Path) -> None:
    with pytest.raises(SuiteError, match="no such folder of lm-eval tasks"):
        load_lm_eval_suite("lm_eval:colours_here", EvaluateConfig(lm_eval_path=tmp_path / "none"))
    (tasks / "test.jsonl").unlink()
    with pytest.raises(SuiteError, match="lm_eval:colours_here: lm-eval cannot load it"):
        load_lm_eval_suite(f"lm_eval:colours_here@{tasks}", EvaluateConfig())


def test_load_lm_eval_suite_compares_means_over_items_only(tasks: Path) -> None:
    """A median of the items has no paired gain of its own."""
    text = CHOICE.format(folder=tasks).replace("{metric: acc}", "{metric: acc, aggregation: median}")
    (tasks / "choice.yaml").write_text(text)
    source = load_lm_eval_suite(f"lm_eval:colours_here@{tasks}", EvaluateConfig(limit=2)).lm_eval
    assert source is not None
    assert source.scores == {"colours_here": ("acc_norm",)}
