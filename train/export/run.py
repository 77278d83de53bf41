"""Exports a run's student: makes the target's files, loads them again, and compares answers with the trained student.

An export is a folder that is written whole: after a kill, or where a lossless export answers otherwise, nothing stands
there. `export.json`, in it, says what was made and compared.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from kshot.core.console import say
from kshot.core.errors import RunError
from kshot.core.files import atomic_folder, read_json
from kshot.core.run_files import read_model, write_model
from kshot.core.runs import EXPORT, MANIFEST, Run, installed_versions
from kshot.models.checkpoints import read_training_manifest
from kshot.models.loading import fingerprint_model
from kshot.models.references import name_portably
from kshot.models.resolve import resolve_model
from kshot.train.export import answers as ask
from kshot.train.export.adapter import write_adapter
from kshot.train.export.card import render_card
from kshot.train.export.llama.gguf import check_kind, find_stop_ids, read_fields, write_gguf
from kshot.train.export.llama.ollama import find_turn_texts, without_bos, write_modelfile
from kshot.train.export.mlx import check_mlx, write_mlx
from kshot.train.export.priors import write_label_priors
from kshot.train.export.targets import ExportTarget, check_folder, choose_target
from kshot.train.export.weights import check_float16, count_bytes, find_dtype, write_merged
from kshot.train.run_files import AnswerDifference, ExportFile, TrainManifest

MAX_SHOWN_CHARS = 60
LLAMA_USAGE = """```console
$ llama-cli -m {file} --jinja --temp 0
$ llama-server -m {file} --jinja
```"""
OLLAMA_USAGE = """```console
$ ollama create {name} -f Modelfile
$ ollama run {name}
```"""


@dataclass(frozen=True)
class ChatItem:
    """An item of a suite and the chat that asks for its answer."""

    task: str
    item: int
    chat: Sequence[dict[str, str]]


@dataclass(frozen=True)
class ExportSource:
    """What an export is made from."""

    train: Path
    manifest: TrainManifest
    base: str
    """The folder of the base."""

    @property
    def merged(self) -> Path:
        return self.train / "merged"


def run_export(
    run: Path, to: str, dtype: str | None, kind: str | None, out: Path | None, items: Sequence[ChatItem],
    suites: Sequence[str],
) -> Path:  # fmt: skip
    """Export the student of a run's folder, and compare it; returns the folder of the export.

    Args:
        to: one of `TARGETS`.
        dtype: of the weights; by default the base's.
        kind: how a GGUF file holds them.
        out: the folder to write; by default one under the run's `export`.
        items: what trained and exported student are both asked.
        suites: their names.

    Raises:
        ConfigError: a setting that the target does not take.
        RunError: the run has no trained student, or a lossless export answers otherwise.
        WeightsError: a tool is missing, or the student cannot be held so.
    """
    source = _find_source(run, to)
    target = choose_target(to, dtype, kind, find_dtype(Path(source.base)))
    with Run(run).held("export") as exports:
        folder = out or exports / target.folder_name
        check_folder(folder)
        if not (dtype or kind) and target.name != "adapter":
            chosen = target.quantization or target.dtype
            reason = "the default" if target.is_gguf else "as the base's weights"
            say(f"export: {chosen}, {reason}")
        _check_tools(target, source)
        with atomic_folder(folder) as scratch:
            converter = _make(target, source, scratch)
            write_label_priors(run, source.merged, scratch)
            file = _compare(target, source, scratch, converter, items, suites)
            write_model(scratch / EXPORT, file)
    say(f"export: wrote {folder}")
    return folder


def _find_source(run: Path, to: str) -> ExportSource:
    train = run / "train"
    if not run.is_dir():
        raise RunError(f"{run}: no such run; name its folder, e.g. runs/quickstart")
    read_training_manifest(train)
    manifest = read_model(train / MANIFEST, TrainManifest)
    if manifest.method == "full" and to == "adapter":
        raise RunError(f"{train}: all weights were trained, so there is no adapter; export --to merged")
    needed = {"adapter": "adapter_config.json", "merged": "config.json"}
    if manifest.method == "full":
        del needed["adapter"]
    for name, file in needed.items():
        if not (train / name / file).is_file():
            raise RunError(f"{train / name}: not there; run `kshot train` for this run, which makes it")
    base = resolve_model(manifest.base)
    if not manifest.base_fingerprint:
        manifest = manifest.model_copy(update={"base_fingerprint": fingerprint_model(base)})
    return ExportSource(train, manifest, base)


def _check_tools(target: ExportTarget, source: ExportSource) -> None:
    """Notice what is missing before anything is made."""
    if target.is_gguf and target.kind:
        check_kind(target.kind)
    elif target.name == "mlx":
        check_mlx(source.merged)


def _make(target: ExportTarget, source: ExportSource, folder: Path) -> str | None:
    """Write the target's files; returns what converted them, if not kshot."""
    manifest = source.manifest
    if target.name == "adapter":
        write_adapter(source.train, folder, manifest)
        return None
    if target.name == "merged":
        write_merged(source.merged, folder, str(target.dtype), render_card(manifest, merged=True))
        return None
    if target.name == "mlx":
        write_mlx(source.merged, folder / "mlx", str(target.dtype))
        return check_mlx(source.merged)
    kind = str(target.kind)
    file = folder / f"{manifest.run}-{kind}.gguf"
    if target.dtype == "float16":
        check_float16(source.merged)
    say(f"export: converting to {file.name}")
    made_by = write_gguf(source.merged, Path(source.base), file, kind, manifest.run, check_kind(kind))
    usage = LLAMA_USAGE.format(file=file.name)
    if target.name == "ollama":
        _write_modelfile(source, file)
        usage = OLLAMA_USAGE.format(name=manifest.run.lower())
    (folder / "README.md").write_text(render_card(manifest, merged=True, usage=usage), encoding="utf-8")
    return made_by


def _write_modelfile(source: ExportSource, file: Path) -> None:
    from transformers import AutoTokenizer

    from kshot.models.chat_template import chat_format

    tokenizer = AutoTokenizer.from_pretrained(source.merged)
    chat = chat_format(tokenizer)
    texts = find_turn_texts(
        lambda turns: chat.renderer.try_render(chat.template, turns), chat.turn_end + chat.after_turn
    )
    if texts is None:
        say("export: the chat template is none that Ollama's language writes; Ollama reads the one in the GGUF file")
    elif _server_adds_bos(file):
        texts = without_bos(texts, tokenizer.bos_token or "")
    stops = [tokenizer.decode([token]) for token in find_stop_ids(source.merged)]
    config = read_json(source.merged / "config.json")
    context = int(config.get("max_position_embeddings") or config.get("n_positions") or 2048)
    text = write_modelfile(file.name, texts, stops, context)
    (file.parent / "Modelfile").write_text(text, encoding="utf-8")


def _server_adds_bos(file: Path) -> bool:
    fields = read_fields(file)
    by_default = fields.get("tokenizer.ggml.model") == "llama"
    return bool(fields.get("tokenizer.ggml.add_bos_token", by_default))


def _compare(
    target: ExportTarget, source: ExportSource, folder: Path, converter: str | None, items: Sequence[ChatItem],
    suites: Sequence[str],
) -> ExportFile:  # fmt: skip
    chats = [item.chat for item in items]
    trained = ask.answer_trained(source.merged, chats)
    exported = _answer(target, source, folder, chats)
    pairs = zip(items, trained.texts, exported.texts, strict=True)
    differences = [
        AnswerDifference(task=item.task, item=item.item, trained=ours, exported=theirs)
        for item, ours, theirs in pairs
        if ours != theirs
    ]
    weights = sum(path.stat().st_size for path in folder.rglob("*") if path.suffix in (".safetensors", ".gguf"))
    manifest = source.manifest
    base = name_portably(manifest.base)
    file = ExportFile(
        run=manifest.run,
        base=base.reference,
        trained=manifest.key,
        base_hub_id=base.hub,
        base_fingerprint=manifest.base_fingerprint,
        target=target.name,
        dtype=target.dtype if not target.quantization else None,
        quantization=target.quantization,
        converter=converter,
        weights_bytes=weights,
        trained_bytes=count_bytes(source.merged),
        base_bytes=count_bytes(Path(source.base)),
        load_seconds=round(exported.load_seconds, 2),
        trained_load_seconds=round(trained.load_seconds, 2),
        loaded_with=exported.loaded_with,
        suites=list(suites),
        compared=len(items),
        equal=len(items) - len(differences),
        differences=differences,
        versions=_versions(),
    )
    _report(file, target)
    return file


def _answer(
    target: ExportTarget, source: ExportSource, folder: Path, chats: Sequence[Sequence[dict[str, str]]]
) -> ask.ExportAnswers:
    if target.is_gguf:
        return ask.answer_gguf(next(folder.glob("*.gguf")), chats)
    if target.name == "adapter":
        return ask.answer_adapter(folder, source.base, chats)
    if target.name == "mlx":
        return ask.answer_mlx(folder / "mlx", chats)
    return ask.answer_folder(folder, chats)


def _versions() -> dict[str, str]:
    found = installed_versions("torch", "transformers", "peft")
    for package in ("gguf", "llama-cpp-python", "xllamacpp", "mlx-lm"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def _report(file: ExportFile, target: ExportTarget) -> None:
    """Print sizes, load times and answers.

    Raises:
        RunError: a lossless export answers otherwise.
    """
    sizes = f"merged in float32 {_mega(file.trained_bytes)}, base {_mega(file.base_bytes)}"
    seconds = f"{file.load_seconds:.1f} s ({file.trained_load_seconds:.1f} s)"
    say(f"export: {_mega(file.weights_bytes)} ({sizes}); loads in {seconds} with {file.loaded_with}")
    for each in file.differences:
        trained, exported = (text[:MAX_SHOWN_CHARS] for text in (each.trained, each.exported))
        say(f"export: {each.task}, item {each.item}: trained {trained!r}, exported {exported!r}")
    say(f"export: {file.equal} of {file.compared} answers equal")
    if file.differences and target.is_lossless:
        raise RunError(
            f"export: --to {file.target} changes no weight, and {len(file.differences)} answers differ; nothing was "
            "written: train again, or report this"
        )


def _mega(count: int) -> str:
    return f"{count / 1e6:.0f} MB"
