"""A GGUF file holds template and stop tokens, and a model server that loads it answers as the trained student."""

import json
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

import kshot
from kshot.core.errors import WeightsError
from kshot.core.run_files import read_model
from kshot.models.loading import load_student
from kshot.train.export import answers
from kshot.train.export.llama.gguf import read_fields
from kshot.train.export.llama.llama_cpp import find_binary
from kshot.train.export.llama.llama_server import LlamaServer
from kshot.train.run_files import ExportFile
from tests.converters import QUANTIZER, SERVER, write_converter, write_program
from tests.integration.export.exporting import export, find_paths
from tests.integration.test_pipeline import kshot as command


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


def test_a_converter_that_fails_says_why(run: Path, suite: Path, converter: Path) -> None:
    write_converter(converter, fails="ERROR:hf-to-gguf:Model Odd is not supported")
    with pytest.raises(
        WeightsError, match=r"converter \(llama.cpp of unknown version\) failed: .*Odd is not supported"
    ):
        export(run, "gguf", suite)
    write_converter(converter, fails="NotImplementedError: BPE pre-tokenizer was not recognized - update")
    with pytest.raises(WeightsError, match="does not know how this student's tokenizer splits texts"):
        export(run, "gguf", suite)


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
