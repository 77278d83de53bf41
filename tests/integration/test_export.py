"""An export holds what it says, answers as the trained student, and names no path of this machine."""

import json
import shutil
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

import kshot
from kshot.config import TrainConfig
from kshot.core.errors import ConfigError, KshotError, RunError, WeightsError
from kshot.core.files import write_json
from kshot.core.run_files import read_model, write_model
from kshot.evaluate.measure.first_items import render_first_items
from kshot.models.checkpoints import find_checkpoints
from kshot.models.loading import fingerprint_model, load_student
from kshot.models.references import SMOLLM2, name_portably
from kshot.runtime.device import Device
from kshot.train.export import answers
from kshot.train.export.adapter import name_base_portably
from kshot.train.export.llama import llama_cpp
from kshot.train.export.llama.gguf import read_fields
from kshot.train.export.llama.llama_cpp import find_binary
from kshot.train.export.llama.llama_server import LlamaServer
from kshot.train.export.merged import compute_logits, export_student
from kshot.train.export.weights import find_dtype, write_merged
from kshot.train.fit import fit, plan_rows
from kshot.train.rows.split import prepare_rows
from kshot.train.run_files import ExportFile, TrainManifest
from tests.converters import QUANTIZER, SERVER, write_converter, write_program
from tests.integration.test_pipeline import kill_when
from tests.integration.test_pipeline import kshot as command

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def student(tiny_student: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny student with larger weights, which answers every item with other characters."""
    import torch
    from safetensors.torch import load_file, save_file

    folder = Path(shutil.copytree(tiny_student, tmp_path_factory.mktemp("bases") / "lively"))
    weights, generator = load_file(folder / "model.safetensors"), torch.Generator().manual_seed(3)
    lively = {
        name: torch.randn(tensor.shape, generator=generator) if tensor.dim() == 2 else tensor
        for name, tensor in weights.items()
    }
    save_file(lively, folder / "model.safetensors", {"format": "pt"})
    return folder


@pytest.fixture(scope="module")
def trained(student: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of three steps."""
    run = tmp_path_factory.mktemp("runs") / "three"
    settings = TrainConfig(sft={"learning_rate": 0.01, "max_steps": 3, "warmup_steps": 0})
    model, tokenizer = load_student(str(student))
    records = [{"instruction": f"say {n}", "output": f"word {n}"} for n in range(12)]
    plan = plan_rows(prepare_rows(records, tokenizer, 400, 0.0, 1, targets=True).train, settings, 1)
    device = Device("cpu", 1, "float32", "eager", {})
    adapted = fit(model, tokenizer, plan, [], settings, device, run / "train", 1)
    manifest = TrainManifest(
        run="three", base=str(student), base_fingerprint=fingerprint_model(str(student)), data="d", rows=12,
        validation_rows=0, tokens=1, dropped={}, steps=3, loss=1.0, validation=None, lora={}, sft={},
        device=asdict(device), adapter_scale=1.0, template_date=None, stop_token="<|im_end|>", key="k", seed=1,
        training_seed=1, versions={},
    )  # fmt: skip
    prompts = [row.input_ids for row in plan[:4]]
    logits = compute_logits(adapted, prompts)
    export_student(adapted, tokenizer, str(student), run / "train", manifest, prompts, logits)
    write_model(run / "train" / "manifest.json", manifest)
    return run


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Path:
    """A copy of the run, to export and to spoil."""
    return Path(shutil.copytree(trained, tmp_path / "runs" / "three", ignore=shutil.ignore_patterns("checkpoints")))


@pytest.fixture
def converter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A stand-in for llama.cpp, and none of its programs elsewhere."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    folder = write_converter(tmp_path / "llama.cpp")
    monkeypatch.setenv("LLAMA_CPP_DIR", str(folder))
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    return folder


@pytest.fixture
def without_llama_cpp(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where no binding of llama.cpp is installed."""
    monkeypatch.setitem(sys.modules, "mlx_lm", None)
    for module in (answers, llama_cpp):
        monkeypatch.setattr(module, "find_spec", lambda name: None)


def export(run: Path, to: str, suite: Path, **more: Any) -> tuple[Path, ExportFile]:
    folder = kshot.export(run, to, suites=[str(suite)], limit=6, **more)
    return folder, read_model(folder / "export.json", ExportFile)


def find_paths(folder: Path, hidden: Sequence[str]) -> list[str]:
    """Files in which one of these texts stands."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    assert files
    return [path.name for path in files for text in hidden if text.encode() in path.read_bytes()]


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


@pytest.mark.parametrize(
    ("kind", "share"),
    [
        pytest.param("f32", 1.0, marks=pytest.mark.slow),
        pytest.param("f16", 0.5, marks=pytest.mark.slow),
        ("q8_0", 0.27),
    ],
)
def test_gguf_holds_template_and_stop_and_answers(
    kind: str, share: float, run: Path, suite: Path, converter: Path, without_llama_cpp: None
) -> None:
    folder, file = export(run, "gguf", suite, quantize=kind)
    gguf = folder / f"three-{kind}.gguf"
    assert sorted(path.name for path in folder.iterdir()) == ["README.md", "export.json", gguf.name]
    fields = read_fields(gguf)
    assert fields["tokenizer.chat_template"] == load_student(str(run / "train" / "merged"))[1].chat_template
    assert fields["tokenizer.ggml.eos_token_id"] == 2
    assert file.quantization == (kind if kind == "q8_0" else None)
    assert file.converter == "llama.cpp of unknown version"
    assert file.loaded_with.endswith("dequantised")
    matrices = sum(tensor.nbytes for tensor in _tensors(gguf))
    assert matrices == pytest.approx(share * sum(tensor.nbytes for tensor in _tensors(gguf, of=4)), rel=0.03)
    if kind == "f32":
        assert file.equal == 6
    assert find_paths(folder, [str(run), str(converter)]) == []


def _tensors(file: Path, of: int = 0) -> list[Any]:
    """The tensors of a file, or of its size in float32."""
    import numpy as np
    from gguf import GGUFReader

    tensors = GGUFReader(file).tensors
    assert len(tensors) > 10
    return [np.zeros(int(tensor.n_elements), np.float32) for tensor in tensors] if of else [t.data for t in tensors]


@pytest.mark.slow
def test_the_stop_token_is_added_and_a_bos_that_no_prompt_has_is_not(
    run: Path, suite: Path, converter: Path, without_llama_cpp: None
) -> None:
    write_converter(converter, settings=("template",))
    path = run / "train" / "merged" / "tokenizer_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"bos_token": "<|endoftext|>"}))
    folder, _ = export(run, "gguf", suite)
    fields = read_fields(folder / "three-q8_0.gguf")
    assert fields["tokenizer.ggml.eos_token_id"] == 2
    assert fields["tokenizer.ggml.add_bos_token"] is False


@pytest.mark.slow
def test_a_gguf_file_without_the_template_is_not_kept(run: Path, suite: Path, converter: Path) -> None:
    write_converter(converter, settings=("eos",))
    with pytest.raises(WeightsError, match=r"three-q8_0.gguf: the file does not hold the student's chat template"):
        export(run, "gguf", suite)
    assert [path.name for path in (run / "export").iterdir()] == [".lock"]


@pytest.mark.slow
def test_ollama_gets_a_modelfile_beside_the_file(
    run: Path, suite: Path, converter: Path, without_llama_cpp: None
) -> None:
    folder, file = export(run, "ollama", suite)
    lines = (folder / "Modelfile").read_text().splitlines()
    assert lines[0] == "FROM ./three-q8_0.gguf"
    assert "<|im_start|>user\\n" in lines[1]
    assert lines[2:] == ['PARAMETER stop "<|im_end|>"', "PARAMETER temperature 0", "PARAMETER num_ctx 2048"]
    assert "ollama create three -f Modelfile" in (folder / "README.md").read_text()
    assert (file.target, file.quantization, file.compared) == ("ollama", "q8_0", 6)


@pytest.mark.slow
def test_other_quantisations_need_a_quantizer(run: Path, suite: Path, converter: Path, without_llama_cpp: None) -> None:
    with pytest.raises(WeightsError, match=r"q4_k_m needs llama.cpp's llama-quantize: set LLAMA_CPP_DIR"):
        export(run, "gguf", suite, quantize="Q4_K_M")
    write_program(converter, "llama-quantize", QUANTIZER)
    folder, file = export(run, "gguf", suite, quantize="Q4_K_M")
    assert sorted(path.name for path in folder.iterdir()) == ["README.md", "export.json", "three-q4_k_m.gguf"]
    assert file.converter == "llama.cpp of unknown version, llama-quantize"
    with pytest.raises(WeightsError, match=r"llama-quantize made no q6_k: error: unknown kind Q6_K"):
        export(run, "gguf", suite, quantize="q6_k")


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


def test_a_converter_that_fails_says_why(run: Path, suite: Path, converter: Path) -> None:
    write_converter(converter, fails="ERROR:hf-to-gguf:Model Odd is not supported")
    with pytest.raises(
        WeightsError, match=r"converter \(llama.cpp of unknown version\) failed: .*Odd is not supported"
    ):
        export(run, "gguf", suite)
    write_converter(converter, fails="NotImplementedError: BPE pre-tokenizer was not recognized - update")
    with pytest.raises(WeightsError, match="does not know how this student's tokenizer splits texts"):
        export(run, "gguf", suite)


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


@pytest.mark.skipif(not find_spec("xllamacpp"), reason="needs kshot[gguf]")
@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_real_small_model_answers_alike_in_llama_cpp(tmp_path: Path) -> None:
    config = tmp_path / "real.yaml"
    config.write_text(f"""
runs: {tmp_path / "runs"}
generate: {{families: [plural_form, even_or_odd, sort_numbers], records: 48, teacher: null}}
train: {{max_train_tokens: 3000}}
""")
    command("generate", config)
    command("train", config)
    run = tmp_path / "runs" / "real"
    for kind, least in (("f16", 18), ("q8_0", 14)):
        folder = kshot.export(run, "ollama", quantize=kind)
        file = read_model(folder / "export.json", ExportFile)
        assert (file.compared, file.loaded_with.split()[0]) == (20, "xllamacpp")
        assert file.equal >= least, file.differences
        fields = read_fields(folder / f"real-{kind}.gguf")
        assert fields["tokenizer.ggml.eos_token_id"] == 2
        assert find_paths(folder, [str(tmp_path)]) == []
    assert file.weights_bytes < 0.3 * file.trained_bytes


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


def test_llama_server_is_started_asked_and_stopped(converter: Path, tmp_path: Path) -> None:
    assert find_binary("llama-server") is None
    binary = write_program(converter, "llama-server", SERVER)
    assert find_binary("llama-server") == binary
    with LlamaServer(binary, tmp_path / "m.gguf", 512) as server:
        assert server.ask(answers._payload([{"role": "user", "content": "hello"}])) == "hello, 0"
        assert server.load_seconds > 0
    assert server._process.poll() is not None
    binary.write_text("#!/bin/sh\nexit 1\n")
    began = time.monotonic()
    with (
        pytest.raises(WeightsError, match=r"m.gguf: llama-server does not load it"),
        LlamaServer(binary, tmp_path / "m.gguf", 512),
    ):
        pass
    assert time.monotonic() - began < 20


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
