"""Runs llama.cpp's converter on a trained student: `python convert_driver.py FOLDER SETTINGS.json ARGUMENTS...`.

A program of its own, which imports nothing of kshot. It adds to the converter:

- no need for sentencepiece where the student has no file for it;
- the pre-tokenizer's name where llama.cpp does not know the tokenizer by its hash, and kshot knows its rule;
- all stop tokens, as `eos`, `eot` and `eom`, where llama.cpp has places for them;
- no BOS before prompts, where the chat template writes none.
"""

import importlib
import json
import sys
from pathlib import Path
from typing import Any

END_KEYS = ("eos", "eot", "eom")


def main() -> None:
    """Patch and run the converter."""
    folder, settings = sys.argv[1], json.loads(Path(sys.argv[2]).read_text(encoding="utf-8"))
    sys.argv = [str(Path(folder) / "convert_hf_to_gguf.py"), *sys.argv[3:]]
    sys.path.insert(0, folder)
    script: Any = importlib.import_module("convert_hf_to_gguf")
    if model := _find_model(script):
        _skip_sentencepiece(model)
        if settings["pre_tokenizer"]:
            _name_pre_tokenizer(model, settings["pre_tokenizer"])
    _write_ends(settings["stop_ids"], settings["adds_bos"])
    script.main()


def _find_model(script: Any) -> Any:
    """The class of which every text model of the converter is one."""
    try:
        holder: Any = importlib.import_module("conversion.base")
    except ImportError:
        holder = script  # A clone from before the converter became a package.
    return getattr(holder, "TextModel", None) or getattr(holder, "Model", None)


def _skip_sentencepiece(model: Any) -> None:
    """Where there is no file for sentencepiece, say so before the package is imported, which need not be there."""
    read = getattr(model, "_create_vocab_sentencepiece", None)
    if read is None:
        return

    def read_if_there(self: Any) -> Any:
        if not (self.dir_model / "tokenizer.model").is_file():
            raise FileNotFoundError(f"File not found: {self.dir_model / 'tokenizer.model'}")
        return read(self)

    model._create_vocab_sentencepiece = read_if_there


def _name_pre_tokenizer(model: Any, name: str) -> None:
    """Where the converter does not know the tokenizer, take this name."""
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
