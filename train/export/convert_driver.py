"""Runs llama.cpp's converter on a trained student: `python convert_driver.py FOLDER SETTINGS.json ARGUMENTS...`.

A program of its own, which imports nothing of kshot. It adds to the converter:

- the pre-tokenizer's name where llama.cpp does not know the tokenizer by its hash, and kshot knows its rule;
- all stop tokens, as `eos`, `eot` and `eom`, where llama.cpp has places for them;
- no BOS before prompts, where the chat template writes none.
"""

import importlib
import json
import sys
import types
from pathlib import Path
from typing import Any

END_KEYS = ("eos", "eot", "eom")


def main() -> None:
    """Patch and run the converter."""
    folder, settings = sys.argv[1], json.loads(Path(sys.argv[2]).read_text(encoding="utf-8"))
    sys.argv = [str(Path(folder) / "convert_hf_to_gguf.py"), *sys.argv[3:]]
    sys.path.insert(0, folder)
    script: Any = importlib.import_module("convert_hf_to_gguf")
    # The converter imports it before it looks whether there is a file for it.
    try:
        importlib.import_module("sentencepiece")
    except ImportError:
        module: Any = types.ModuleType("sentencepiece")
        module.SentencePieceProcessor = None
        sys.modules["sentencepiece"] = module
    if settings["pre_tokenizer"]:
        _name_pre_tokenizer(script, settings["pre_tokenizer"])
    _write_ends(settings["stop_ids"], settings["adds_bos"])
    script.main()


def _name_pre_tokenizer(script: Any, name: str) -> None:
    """Where the converter does not know the tokenizer, take this name."""
    try:
        holder: Any = importlib.import_module("conversion.base")
    except ImportError:
        holder = script  # A clone from before the converter became a package.
    model = getattr(holder, "TextModel", None) or getattr(holder, "Model", None)
    if model is None:
        return
    known = model.get_vocab_base_pre

    def find_name(self: Any, tokenizer: Any) -> Any:
        try:
            return known(self, tokenizer)
        except NotImplementedError:
            return name

    model.get_vocab_base_pre = find_name


def _write_ends(stop_ids: list[int], adds_bos: bool) -> None:
    """Complete the file's settings just before they are written."""
    gguf: Any = importlib.import_module("gguf")
    write_header = gguf.GGUFWriter.write_header_to_file

    def complete(self: Any, *arguments: Any, **options: Any) -> Any:
        settings = self.kv_data[0]
        keys = [f"tokenizer.ggml.{end}_token_id" for end in END_KEYS]
        present = [settings[key].value for key in keys if key in settings]
        free = [key for key in keys if key not in settings]
        for key, token in zip(free, [token for token in stop_ids if token not in present], strict=False):
            self.add_uint32(key, token)
        if not adds_bos:
            settings.pop("tokenizer.ggml.add_bos_token", None)
            self.add_add_bos_token(False)
        return write_header(self, *arguments, **options)

    gguf.GGUFWriter.write_header_to_file = complete


if __name__ == "__main__":
    main()
