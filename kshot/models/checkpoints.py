"""Finds and checks the checkpoints that a command names: runs, model folders, adapters and hub ids."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kshot.config import Config
from kshot.config.loader import suggest
from kshot.core.errors import RunError, WeightsError, summarize_error
from kshot.core.files import read_json
from kshot.core.runs import EXPORT, MANIFEST
from kshot.core.seeding import digest
from kshot.models.loading import fingerprint_model, load_student
from kshot.models.references import GgufFile, WheelFile, parse_reference
from kshot.models.resolve import resolve_model
from kshot.models.weights import check_adapter

RUN_SUBFOLDERS = ("train", "merged", "adapter")
"""Folders of a run that do not name it."""


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint: a folder of merged weights, or an adapter and the folder of its base."""

    label: str
    reference: str
    folder: str
    adapter: Path | None
    fingerprint: str
    """Changes with the weights."""
    runs: tuple[Path, ...]
    """Run folders that may hold finished measurements of it."""

    @property
    def measurement_name(self) -> str:
        """The name of its measurements."""
        return f"{re.sub(r'[^A-Za-z0-9_.-]+', '-', self.label).strip('-.')}-{self.fingerprint[:8]}"


def find_checkpoints(names: Sequence[str], config: Config) -> list[Checkpoint]:
    """The checkpoints of these names, in order, each once.

    Raises:
        RunError: a run that has no student yet.
        WeightsError: an unknown name, incomplete weights, no chat template, an adapter made for another base.
    """
    names = list(dict.fromkeys(names))
    # Checks that fetch nothing come first.
    places = [_locate(name, config) for name in names]
    short = [_label(name, place) for name, place in zip(names, places, strict=True)]
    labels = [name if short.count(label) > 1 else label for name, label in zip(names, short, strict=True)]
    return [_make_checkpoint(*three, config) for three in zip(names, labels, places, strict=True)]


def _label(name: str, place: Path | str) -> str:
    if isinstance(place, str) and isinstance(packed := parse_reference(place), WheelFile | GgufFile):
        return packed.label
    path = Path(name)
    steps = [step for step in path.parts if step not in RUN_SUBFOLDERS]
    if not (path.is_dir() and steps):
        return name
    own = path.resolve().name if steps == ["/"] else Path(*steps).resolve().name
    return f"{own}-adapter" if path.name == "adapter" else own


def _locate(name: str, config: Config) -> Path | str:
    """The folder of weights or of an adapter, or a reference that `resolve_model` takes."""
    given = Path(name).expanduser()
    own = config.runs / name
    for path in (own, given):
        if path.is_dir():
            found = [p for p in (path / "train" / "merged", path / "merged", path) if (p / "config.json").is_file()]
            if found and found[0].parent == path / "train":
                read_training_manifest(path / "train")
            if found or (path / "adapter_config.json").is_file():
                return found[0] if found else path
            if any((path / stage).is_dir() for stage in ("generate", "train")):
                raise RunError(f"{path}: no student here; run `kshot train` for this run first")
            raise WeightsError(
                f"{path}: neither a run, nor a model (config.json), nor an adapter (adapter_config.json)"
            )
    try:
        parse_reference(name)
    except WeightsError as error:
        if "/" in name or name.startswith(("pypi:", ".", "~")):
            raise
        runs = sorted(p.name for p in config.runs.iterdir() if p.is_dir()) if config.runs.is_dir() else []
        near = suggest(name, runs, f"runs there: {', '.join(runs) or 'none'}")
        raise WeightsError(
            f"{name!r}: no run in {config.runs}, no folder and no hub id (owner/name); {near}"
        ) from error
    return name


def read_training_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a finished train stage.

    Raises:
        RunError: the training is not finished.
    """
    if not (folder / MANIFEST).is_file():
        raise RunError(f"{folder}: the training is not finished; run `kshot train` for this run")
    manifest: dict[str, Any] = read_json(folder / MANIFEST)
    return manifest


def _make_checkpoint(name: str, label: str, place: Path | str, config: Config) -> Checkpoint:
    if (
        isinstance(place, str)
        and isinstance(parse_reference(place), str)
        and (fetched := Path(resolve_model(place))).is_dir()
    ):
        place = fetched
    adapter = place if isinstance(place, Path) and not (place / "config.json").is_file() else None
    if adapter is None:
        folder = resolve_model(str(place))
        identity = fingerprint_model(folder)
    else:
        settings = _adapter_settings(adapter)
        folder = resolve_model(_base(adapter, settings))
        check_adapter(adapter, folder)
        identity = digest(
            fingerprint_model(folder), fingerprint_model(str(adapter)), json.dumps(settings, sort_keys=True)
        )
    _check_chat_template(name, Path(folder))
    above = (place, *place.parents[:2]) if isinstance(place, Path) else ()
    runs = tuple(path for path in above if (path / "evaluate" / "measurements").is_dir())
    return Checkpoint(label, name, folder, adapter, identity, runs)


def _adapter_settings(adapter: Path) -> dict[str, Any]:
    if not (adapter / "adapter_model.safetensors").is_file():
        raise WeightsError(f"{adapter}: an adapter needs adapter_model.safetensors (pickled weights are refused)")
    settings = read_json(adapter / "adapter_config.json")
    if not isinstance(settings, dict):
        raise WeightsError(f"{adapter / 'adapter_config.json'}: expected an object")
    return settings


def _base(adapter: Path, settings: dict[str, Any]) -> str:
    """The base that the adapter's run or export was made from; else the one that its config names.

    Raises:
        WeightsError: none is named, or none is here.
    """
    named = str(settings.get("base_model_name_or_path") or "")
    beside = [path for path in (adapter.parent / MANIFEST, adapter / EXPORT) if path.is_file()]
    bases = [str(read_json(path).get("base") or "") for path in beside]
    for reference in filter(None, (*bases, named)):
        try:
            parse_reference(reference)
        except WeightsError:
            continue
        return reference
    missing = named or next(filter(None, bases), "")
    if not missing:
        raise WeightsError(f"{adapter}: adapter_config.json names no base; set its base_model_name_or_path")
    raise WeightsError(
        f"{adapter}: its base {missing!r} is not here; put it there, or name its place in adapter_config.json "
        "(base_model_name_or_path)"
    )


def _check_chat_template(name: str, folder: Path) -> None:
    settings = folder / "tokenizer_config.json"
    beside = any((folder / file).is_file() for file in ("chat_template.jinja", "chat_template.json"))
    if not beside and not (settings.is_file() and read_json(settings).get("chat_template")):
        raise WeightsError(f"{name}: the tokenizer has no chat template; use an instruction-tuned model")


def load_checkpoint(checkpoint: Checkpoint) -> tuple[Any, Any]:
    """The model in float32, an adapter merged into its base, and the tokenizer.

    Raises:
        WeightsError: it does not load.
    """
    model, tokenizer = load_student(checkpoint.folder)
    if checkpoint.adapter is not None:
        from peft import PeftModel

        from kshot.runtime.logging import quiet

        try:
            with quiet():
                model = PeftModel.from_pretrained(model, checkpoint.adapter).merge_and_unload()
        except (OSError, ValueError, KeyError, RuntimeError) as error:
            raise WeightsError(
                f"{checkpoint.adapter}: does not load on {checkpoint.folder}: {summarize_error(error)}"
            ) from None
    return model, tokenizer
