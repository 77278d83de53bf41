"""Greedy answers to the same chats, by the trained student and by an export that is loaded again.

The export answers as its users will have it: plain transformers with the tokenizer and generation settings of its own
folder, or llama.cpp with the chat template and stop tokens of its own file.
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from kshot.core.console import say
from kshot.core.errors import WeightsError, summarize_error
from kshot.core.files import write_json
from kshot.models.chat_template import ChatFormat, chat_format, stop_at, stop_ids_of
from kshot.runtime.logging import quiet
from kshot.train.export.llama import llama_worker
from kshot.train.export.llama.llama_cpp import find_binary
from kshot.train.export.llama.llama_server import LlamaServer
from kshot.train.export.mlx import ask_mlx, load_mlx

MAX_ANSWER_TOKENS = 48
CONTEXT_TOKENS = 4096
BINDINGS = {"xllamacpp": "xllamacpp", "llama_cpp": "llama-cpp-python"}
"""Modules of llama.cpp -> their distributions, the first to be tried first."""
Chat = Sequence[dict[str, str]]
Ask = Callable[[Chat], str]


@dataclass(frozen=True)
class ExportAnswers:
    """What a model answered."""

    texts: tuple[str, ...]
    """Without white space at the ends."""
    load_seconds: float
    loaded_with: str


def _answer(load: Callable[[], Ask], chats: Sequence[Chat], loaded_with: str) -> ExportAnswers:
    began = time.monotonic()
    ask = load()
    seconds = time.monotonic() - began
    return ExportAnswers(tuple(ask(chat).strip() for chat in chats), seconds, loaded_with)


def _load_plainly(folder: Path, dtype: str) -> tuple[Any, Any]:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    with quiet():
        model = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype, use_safetensors=True)
        return model, AutoTokenizer.from_pretrained(folder)


def _import_architecture(folder: Path) -> None:
    """Import what the first load would import, which is no part of its time."""
    from transformers import AutoConfig, AutoModelForCausalLM

    with quiet():
        AutoModelForCausalLM._model_mapping.get(type(AutoConfig.from_pretrained(folder)), None)


def answer_trained(merged: Path, chats: Sequence[Chat]) -> ExportAnswers:
    """Answers of the merged student in float32, prompted as evaluation prompts it."""

    def load() -> Ask:
        model, tokenizer = _load_plainly(merged, "float32")
        chats_of: list[ChatFormat] = []

        def ask(turns: Chat) -> str:
            if not chats_of:
                chats_of.append(chat_format(tokenizer, stop_ids_of(model.generation_config)))
                stop_at(model, chats_of[0])
            return _generate(model, tokenizer, chats_of[0].encode(chats_of[0].render_prompt(list(turns))).ids)

        return ask

    _import_architecture(merged)
    return _answer(load, chats, "kshot, float32")


def answer_folder(folder: Path, chats: Sequence[Chat]) -> ExportAnswers:
    """Answers of a model folder in its own dtype, by plain transformers."""

    def load() -> Ask:
        return _ask_with_template(*_load_plainly(folder, "auto"))

    return _answer(load, chats, f"transformers {version('transformers')}")


def answer_adapter(adapter: Path, base: str, chats: Sequence[Chat]) -> ExportAnswers:
    """Answers of an adapter, merged into its base in float32."""
    from peft import PeftModel
    from transformers import AutoTokenizer

    def load() -> Ask:
        model, _ = _load_plainly(Path(base), "float32")
        with quiet():
            model = PeftModel.from_pretrained(model, adapter).merge_and_unload()
            tokenizer = AutoTokenizer.from_pretrained(adapter)
        stop_at(model, chat_format(tokenizer, stop_ids_of(model.generation_config)))
        return _ask_with_template(model, tokenizer)

    return _answer(load, chats, f"transformers and peft {version('peft')}")


def answer_mlx(folder: Path, chats: Sequence[Chat]) -> ExportAnswers:
    """Answers of an MLX folder."""

    def load() -> Ask:
        loaded = load_mlx(folder)
        return lambda turns: ask_mlx(loaded, turns, MAX_ANSWER_TOKENS)

    return _answer(load, chats, f"mlx-lm {version('mlx-lm')}")


def answer_gguf(file: Path, chats: Sequence[Chat]) -> ExportAnswers:
    """Answers of a GGUF file by llama.cpp, in the first form of it that is here and works; else by transformers.

    Raises:
        WeightsError: nothing loads it.
    """
    payloads = [_payload(chat) for chat in chats]
    for binding, distribution in BINDINGS.items():
        if find_spec(binding):
            name = f"{distribution} {version(distribution)}"
            if done := _ask_binding(binding, file, payloads):
                return ExportAnswers(tuple(text.strip() for text in done["texts"]), done["load_seconds"], name)
            say(f"export: {name} ended before it answered")
    if binary := find_binary("llama-server"):
        with LlamaServer(binary, file, CONTEXT_TOKENS) as server:
            texts = tuple(server.ask(payload).strip() for payload in payloads)
            return ExportAnswers(texts, server.load_seconds, "llama-server")
    return _answer(lambda: _load_dequantised(file), chats, f"transformers {version('transformers')}, dequantised")


def _payload(turns: Chat) -> dict[str, Any]:
    return {"messages": list(turns), "temperature": 0, "max_tokens": MAX_ANSWER_TOKENS, "cache_prompt": False}


def _ask_binding(binding: str, file: Path, payloads: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    """What the worker wrote; None where it crashed or refused the file."""
    with TemporaryDirectory() as folder:
        task = Path(folder) / "task.json"
        write_json(task, {"context": CONTEXT_TOKENS, "payloads": payloads})
        command = [sys.executable, "-P", llama_worker.__file__, "answer", binding, str(file), str(task)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, errors="replace")
    if done.returncode:
        return None
    answers: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answers


def _load_dequantised(file: Path) -> Ask:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    try:
        with quiet():
            model = AutoModelForCausalLM.from_pretrained(file.parent, gguf_file=file.name, dtype=torch.float32)
            tokenizer = AutoTokenizer.from_pretrained(file.parent, gguf_file=file.name)
    except Exception as error:  # The reader of GGUF knows some architectures only, and says so in many ways.
        raise WeightsError(
            f"{file.name}: transformers does not read it again ({summarize_error(error)}); `pip install 'kshot[gguf]'` "
            "compares it with llama.cpp"
        ) from None
    return _ask_with_template(model, tokenizer)


def _ask_with_template(model: Any, tokenizer: Any) -> Ask:
    def ask(turns: Chat) -> str:
        ids = tokenizer.apply_chat_template(list(turns), add_generation_prompt=True, return_dict=True)["input_ids"]
        return _generate(model, tokenizer, ids)

    return ask


def _generate(model: Any, tokenizer: Any, ids: Sequence[int]) -> str:
    import torch

    prompt = torch.tensor([list(ids)], device=model.device)
    with quiet(), torch.no_grad():
        done = model.eval().generate(
            input_ids=prompt, attention_mask=torch.ones_like(prompt), do_sample=False, max_new_tokens=MAX_ANSWER_TOKENS
        )
    return str(tokenizer.decode(done[0, prompt.shape[1] :], skip_special_tokens=True))
