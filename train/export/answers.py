"""Greedy answers to the same chats, by the trained student and by an export that is loaded again.

The export answers as its users will have it: plain transformers with the tokenizer and generation settings of its own
folder, or llama.cpp with the chat template and stop tokens of its own file.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from kshot.core.errors import WeightsError, summarize_error
from kshot.models.chat_template import ChatFormat, chat_format, stop_at, stop_ids_of
from kshot.runtime.logging import quiet
from kshot.train.export.llama_cpp import find_binary
from kshot.train.export.llama_server import LlamaServer
from kshot.train.export.mlx import ask_mlx, load_mlx

MAX_ANSWER_TOKENS = 48
CONTEXT_TOKENS = 4096
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
    """Answers of a GGUF file by llama.cpp, in the first form of it that is installed; else by transformers.

    Raises:
        WeightsError: llama.cpp does not load it.
    """
    for name, load in (("llama-cpp-python", _load_binding), ("xllamacpp", _load_xllamacpp)):
        try:
            __import__(name.replace("-", "_").removesuffix("_python"))
        except (ImportError, OSError, RuntimeError):
            continue
        return _answer(lambda load=load: load(file), chats, f"{name} {version(name)}")  # type: ignore[misc]
    if binary := find_binary("llama-server"):
        with LlamaServer(binary, file, CONTEXT_TOKENS) as server:
            texts = tuple(server.ask(_payload(chat)).strip() for chat in chats)
            return ExportAnswers(texts, server.load_seconds, "llama-server")
    return _answer(lambda: _load_dequantised(file), chats, f"transformers {version('transformers')}, dequantised")


def _payload(turns: Chat) -> dict[str, Any]:
    return {"messages": list(turns), "temperature": 0, "max_tokens": MAX_ANSWER_TOKENS, "cache_prompt": False}


def _load_binding(file: Path) -> Ask:
    import llama_cpp

    try:
        model = llama_cpp.Llama(str(file), n_ctx=CONTEXT_TOKENS, verbose=False)
    except (ValueError, RuntimeError, OSError) as error:
        raise WeightsError(f"{file.name}: llama.cpp does not load it: {summarize_error(error)}") from None

    def ask(turns: Chat) -> str:
        reply: Any = model.create_chat_completion(list(turns), temperature=0, max_tokens=MAX_ANSWER_TOKENS)
        return str(reply["choices"][0]["message"]["content"] or "")

    return ask


def _load_xllamacpp(file: Path) -> Ask:
    import xllamacpp

    settings = xllamacpp.CommonParams()
    settings.model.path, settings.n_ctx, settings.n_parallel = str(file), CONTEXT_TOKENS, 1
    settings.verbosity, settings.warmup, settings.port = -1, False, 0
    try:
        server = xllamacpp.Server(settings)
    except (ValueError, RuntimeError, OSError) as error:
        raise WeightsError(f"{file.name}: llama.cpp does not load it: {summarize_error(error)}") from None

    def ask(turns: Chat) -> str:
        reply: Any = server.handle_chat_completions(_payload(turns))
        return str(reply["choices"][0]["message"]["content"] or "")

    return ask


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
