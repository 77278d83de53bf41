"""A program of its own, in which a binding of llama.cpp works: a crash of it ends this process, not kshot's.

`python llama_worker.py answer BINDING FILE.gguf TASK.json` answers chats, `... quantize SOURCE TARGET KIND` quantises.
What is printed last is JSON. Imports nothing of kshot.
"""

import ctypes
import importlib
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

Ask = Callable[[dict[str, Any]], Any]


def main() -> None:
    """Do what the arguments say."""
    if sys.argv[1] == "quantize":
        quantize(*sys.argv[2:])
        return
    binding, file = sys.argv[2:4]
    task = json.loads(Path(sys.argv[4]).read_text(encoding="utf-8"))
    importlib.import_module(binding)
    began = time.monotonic()
    ask = {"xllamacpp": load_xllamacpp, "llama_cpp": load_llama_cpp}[binding](file, task["context"])
    seconds = time.monotonic() - began
    texts = [ask(payload)["choices"][0]["message"]["content"] or "" for payload in task["payloads"]]
    sys.stdout.write("\n" + json.dumps({"load_seconds": seconds, "texts": texts}))


def load_xllamacpp(file: str, context: int) -> Ask:
    """llama.cpp's server inside this process."""
    binding: Any = importlib.import_module("xllamacpp")
    settings = binding.CommonParams()
    settings.model.path, settings.n_ctx, settings.n_parallel = file, context, 1
    settings.verbosity, settings.warmup, settings.port = -1, False, 0
    ask: Ask = binding.Server(settings).handle_chat_completions
    return ask


def load_llama_cpp(file: str, context: int) -> Ask:
    """llama-cpp-python's model."""
    binding: Any = importlib.import_module("llama_cpp")
    model = binding.Llama(file, n_ctx=context, verbose=False)

    def ask(payload: dict[str, Any]) -> Any:
        return model.create_chat_completion(payload["messages"], temperature=0, max_tokens=payload["max_tokens"])

    return ask


def quantize(source: str, target: str, kind: str) -> None:
    """Quantise with the library of llama-cpp-python; a kind that it does not know ends with a line."""
    binding: Any = importlib.import_module("llama_cpp")
    number = getattr(binding, f"LLAMA_FTYPE_MOSTLY_{kind.upper()}", None)
    if number is None:
        sys.exit(f"error: unknown kind {kind}")
    settings = binding.llama_model_quantize_default_params()
    settings.ftype = number
    if binding.llama_model_quantize(source.encode(), target.encode(), ctypes.byref(settings)):
        sys.exit(f"error: no {kind} of this model")


if __name__ == "__main__":
    main()
