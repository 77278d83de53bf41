"""The merged student as a GGUF file, by llama.cpp's converter: chat template and stop tokens inside, and read again."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from kshot.core.errors import WeightsError
from kshot.core.files import read_json, write_json
from kshot.models.chat_template import chat_format, stop_ids_of
from kshot.train.export.llama import convert_driver
from kshot.train.export.llama.llama_cpp import Converter, check_quantizer, find_converter, quantize

CONVERTED = {"f32": "float32", "f16": "float16", "bf16": "bfloat16", "q8_0": None}
"""What the converter writes by itself -> its dtype; others need a quantizer."""
QUANTIZED = (
    "q2_k", "q3_k_s", "q3_k_m", "q3_k_l", "q4_0", "q4_1", "q4_k_s", "q4_k_m", "q5_0", "q5_1", "q5_k_s", "q5_k_m", "q6_k"
)  # fmt: skip
KINDS = (*CONVERTED, *QUANTIZED)
_LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
    r"|\s+(?!\S)|\s+"
)
SPLITS = {_LLAMA3: "llama-bpe", _LLAMA3.replace("{1,3}", ""): "qwen2"}
"""A pattern that splits texts before BPE -> llama.cpp's name of it."""
SENTENCEPIECE = "tokenizer.model"
END_KEYS = tuple(f"tokenizer.ggml.{end}_token_id" for end in convert_driver.END_KEYS)


def name_pre_tokenizer(tokenizer: dict[str, Any]) -> str | None:
    """llama.cpp's name of the rule by which a tokenizer.json splits texts, from the rule itself; None if unknown."""
    rule = tokenizer.get("pre_tokenizer") or {}
    if (tokenizer.get("model") or {}).get("type") != "BPE" or rule.get("add_prefix_space"):
        return None
    parts = rule.get("pretokenizers", [rule]) if rule.get("type") == "Sequence" else [rule]
    kinds = [part.get("type") for part in parts]
    if any(part.get("add_prefix_space") for part in parts) or kinds[-1:] != ["ByteLevel"]:
        return None
    uses_regex = parts[-1].get("use_regex", True)
    if tokenizer.get("normalizer") is None and uses_regex:
        if kinds == ["ByteLevel"]:
            return "gpt-2"
        if kinds == ["Digits", "ByteLevel"] and parts[0].get("individual_digits"):
            return "smollm"
    if kinds == ["Split", "ByteLevel"] and not uses_regex:
        return SPLITS.get(str((parts[0].get("pattern") or {}).get("Regex")))
    return None


def check_kind(kind: str) -> Converter:
    """Find what the kind needs, before anything is read.

    Raises:
        WeightsError: what is missing, and where to get it.
    """
    if kind not in CONVERTED:
        check_quantizer(kind)
    return find_converter()


def write_gguf(merged: Path, base: Path, file: Path, kind: str, name: str, converter: Converter) -> str:
    """Convert the merged student, check what stands in the file, and return what made it.

    Args:
        merged: a folder of float32 safetensors.
        base: the folder of its base, out of which sentencepiece's file is taken if there is one.
        kind: one of `KINDS`.
        name: of the model, in the file.

    Raises:
        WeightsError: the converter does not know the student, or template and stop tokens are not in the file.
    """
    converted = file if kind in CONVERTED else file.with_name(f".{file.name}.f32")
    _convert(merged, base, converted, kind if kind in CONVERTED else "f32", name, converter)
    made_by = converter.version
    if converted != file:
        made_by += f", {quantize(converted, file, kind)}"
        converted.unlink()
    check_gguf(file, merged)
    return made_by


def _convert(merged: Path, base: Path, file: Path, kind: str, name: str, converter: Converter) -> None:
    hidden = file.with_name(f".{file.name}.source")
    # The converter takes facts from the folder's name too, and a base out of the card, which stays away.
    scratch = hidden / name
    scratch.mkdir(parents=True)
    try:
        for path in (*merged.iterdir(), base / SENTENCEPIECE):
            if path.is_file() and path.name != "README.md" and not (scratch / path.name).exists():
                (scratch / path.name).symlink_to(path.resolve())
        settings = hidden / "driver.json"
        write_json(settings, _driver_settings(merged))
        driver = [sys.executable, "-P", convert_driver.__file__, str(converter.folder), str(settings)]
        arguments = [str(scratch), "--outfile", str(file), "--outtype", kind, "--model-name", name]
        environment = {**os.environ, "HF_HUB_OFFLINE": "1", "PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run(
            [*driver, *arguments], capture_output=True, text=True, check=False, env=environment, errors="replace"
        )
    finally:
        shutil.rmtree(hidden)
    if done.returncode or not file.is_file():
        raise WeightsError(f"gguf: llama.cpp's converter ({converter.version}) failed: {_find_reason(done.stderr)}")


def _find_reason(log: str) -> str:
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    if any("pre-tokenizer was not recognized" in line for line in lines):
        return "it does not know how this student's tokenizer splits texts; take a newer llama.cpp"
    if any("No module named 'sentencepiece'" in line for line in lines):
        return "it reads this student's tokenizer with sentencepiece; `pip install 'kshot[gguf]'`"
    named = [line for line in lines if "not supported" in line or line.startswith("ERROR")]
    return (named or lines or ["no reason given"])[-1][:200]


def _driver_settings(merged: Path) -> dict[str, Any]:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(merged)
    chat = chat_format(tokenizer, _generation_stops(merged))
    prompt = chat.renderer.render(chat.template, [{"role": "user", "content": "a"}])
    writes_bos = bool(tokenizer.bos_token) and prompt.startswith(tokenizer.bos_token)
    rules = json.loads((merged / "tokenizer.json").read_text(encoding="utf-8"))
    return {
        "pre_tokenizer": name_pre_tokenizer(rules),
        "stop_ids": find_stop_ids(merged),
        "adds_bos": writes_bos,
    }


def _generation_stops(merged: Path) -> list[int]:
    path = merged / "generation_config.json"
    if not path.is_file():
        return []
    return stop_ids_of(type("Generation", (), read_json(path)))


def find_stop_ids(merged: Path) -> list[int]:
    """The tokens at which a merged student stops, the one that ends its answers first."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(merged)
    stops = _generation_stops(merged)
    first = chat_format(tokenizer, stops).stop_id
    return list(dict.fromkeys([first, *stops]))


def check_gguf(file: Path, merged: Path) -> None:
    """Read the file again: it holds the chat template and the token that ends an answer.

    Raises:
        WeightsError: it does not.
    """
    from transformers import AutoTokenizer

    fields = read_fields(file)
    tokenizer = AutoTokenizer.from_pretrained(merged)
    template = chat_format(tokenizer, _generation_stops(merged)).template
    if fields.get("tokenizer.chat_template") != template:
        raise WeightsError(f"{file.name}: the file does not hold the student's chat template; take a newer llama.cpp")
    ends = {fields[key] for key in END_KEYS if key in fields}
    if (stop := find_stop_ids(merged)[0]) not in ends:
        raise WeightsError(
            f"{file.name}: the stop token {tokenizer.convert_ids_to_tokens(stop)!r} is not in the file; take a newer "
            "llama.cpp"
        )


def read_fields(file: Path) -> dict[str, Any]:
    """The settings in a GGUF file that are one text or number."""
    from gguf import GGUFReader, GGUFValueType

    reader = GGUFReader(file)
    return {
        name: field.contents()
        for name, field in reader.fields.items()
        if field.types and field.types[0] != GGUFValueType.ARRAY
    }
