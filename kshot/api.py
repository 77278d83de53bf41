"""The stages as functions, for Python programs: the same as the commands, with typed results.

    import kshot

    config = kshot.load_config("quickstart", ["generate.records=200"])
    kshot.generate(config, "first")
    kshot.train(config, "first")
    for row in kshot.evaluate(config, "first"):
        print(row.suite, row.score, row.k, row.base, row.student)

    print(kshot.chat("first").ask("What is the capital of France?"))
    with kshot.serve("first") as url:
        print(url)

`kshot.generate`, `kshot.train` and `kshot.evaluate` are also the packages of the stages; calling one runs its stage.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from kshot.config import Config
from kshot.core.runs import Run
from kshot.runtime import process_setup  # noqa: F401 - sets what the libraries read when they are imported

if TYPE_CHECKING:
    from kshot.chat.session import ChatSession
    from kshot.evaluate.run_files import CompareFile, GainRow
    from kshot.hub.upload import Upload


def generate(config: Config, run: str, *, fill_to: int | None = None, shards: int | None = None) -> Path:
    """Make the data of a run.

    Args:
        run: the run's name; its folder is `config.runs / run`.
        fill_to: generate exactly so many records.
        shards: processes of this machine that ask and compose; the set is the same.

    Returns:
        The path of train.jsonl, a record a line.

    Raises:
        KshotError: faults of config, tasks or teacher; replies that came are kept.
    """
    from kshot.generate.stage import run_generate
    from kshot.runtime.shards.executors import LocalExecutor

    executor = LocalExecutor(shards) if shards else None
    run_generate(config, _run(config, run), fill_to, executor=executor)
    return config.runs / run / "generate" / "train.jsonl"


def train(config: Config, run: str) -> Path:
    """Fine-tune the config's student on the run's data.

    Returns:
        The folder of the merged student, which plain transformers loads.

    Raises:
        KshotError: faults of config, data or weights, before training begins.
    """
    from kshot.train.stage import run_train

    run_train(config, _run(config, run))
    return config.runs / run / "train" / "merged"


def evaluate(config: Config, run: str, *, suites: Sequence[str] = (), strict: bool = False) -> "list[GainRow]":
    """Measure the run's student against its base on held-out suites.

    Args:
        suites: suites to measure on beside those of the config.
        strict: refuse suites that share text with the training data.

    Returns:
        A row for each suite, score and number of shots, as in gains.json; scores and gains are fractions.

    Raises:
        KshotError: faults of suites and of the run, before a model is loaded.
    """
    from kshot.core.run_files import read_model
    from kshot.evaluate.run_files import GainRow
    from kshot.evaluate.stage import run_evaluate
    from kshot.generate.teacher.answering import make_answering

    folder = _run(config, run)
    run_evaluate(config, folder, suites, strict, make_answering(config, folder))
    return read_model(config.runs / run / "evaluate" / "gains.json", list[GainRow])


def compare(
    config: Config, names: Sequence[str], *, baseline: str = "", suites: Sequence[str] = (), folder: Path | None = None
) -> "CompareFile":
    """Measure checkpoints against one baseline on the config's suites.

    Args:
        names: runs by name or folder, model folders, adapters, hub ids.
        baseline: what the others are measured against; empty for the config's student.
        folder: where to write; by default `config.runs / "compare"`.

    Returns:
        What compare.json holds.

    Raises:
        KshotError: faults of names, weights and suites, before a model is loaded.
    """
    from kshot.core.run_files import read_model
    from kshot.evaluate.compare import run_compare
    from kshot.evaluate.run_files import CompareFile

    target = folder or config.runs / "compare"
    run_compare(config, names, baseline, suites, target)
    return read_model(target / "compare.json", CompareFile)


def export(
    run: Path | str, to: str, *, dtype: str | None = None, quantize: str | None = None, out: Path | None = None,
    limit: int = 20, suites: Sequence[str] = ("kshot",),
) -> Path:  # fmt: skip
    """Export a run's student, load the export again, and compare its answers with the trained student's.

    Args:
        run: the run's folder.
        to: merged, adapter, gguf, ollama or mlx.
        dtype: bfloat16, float16 or float32; None for the dtype of the base's weights.
        quantize: how a GGUF file holds the weights, e.g. q8_0 (its default), f16, q4_k_m.
        out: the folder to write; by default one in the run's `export`.
        limit: items whose answers are compared.
        suites: suites to take them from.

    Returns:
        The folder of the export; `export.json` in it holds sizes, load times and differences.

    Raises:
        KshotError: settings that the target does not take, a missing tool, or weights that cannot be held so.
    """
    from kshot.evaluate.measure.first_items import render_first_items
    from kshot.train.export.run import ChatItem, run_export

    items = [ChatItem(*item) for item in render_first_items(suites, limit)]
    return run_export(Path(run), to, dtype, quantize, out, items, suites)


def chat(
    model: str | Path,
    *,
    beside: str = "",
    task: str = "",
    shots: int = 0,
    files: Sequence[Path] = (),
    system: str = "",
    max_tokens: int = 256,
    temperature: float = 0.0,
    dtype: str = "auto",
) -> "ChatSession":
    """Open a chat with a run's student, or with another model.

    Args:
        model: a run's name or folder, a model's folder, an adapter, a GGUF file or a hub id.
        beside: a second model, `session.other`; `base` is what the student was trained from.
        task: makes messages inputs of this task, asked as it is measured.
        shots: demonstrations of the task before each input.
        files: further tasks: YAML files, tables of examples, folders of suites.
        temperature: 0 is greedy, as students are measured.
        dtype: auto, float32, bfloat16 or float16.

    Returns:
        The session: `ask(text)` returns the answer, `stream(text)` yields it piece by piece; both go on with the chat.
        `answer(session.other, text)` asks the second model.

    Raises:
        KshotError: a model or a task that cannot be found or used.
    """
    from kshot.chat.opening import open_chat
    from kshot.chat.session import ChatSettings
    from kshot.generate.sources import find_source

    return open_chat(
        str(model),
        beside=beside,
        task=task,
        shots=shots,
        settings=ChatSettings(max_tokens=max_tokens, temperature=temperature, system=system),
        files=files,
        dtype=dtype,
        find_source=lambda name: find_source(name, []),
    )


@contextmanager
def serve(
    model: str | Path,
    *,
    adapter: bool = False,
    host: str = "127.0.0.1",
    port: int = 0,
    api_key: str = "",
    name: str = "",
    dtype: str = "auto",
) -> Iterator[str]:
    """Serve a run's student, or another model, behind an OpenAI-compatible endpoint while the block runs.

    Args:
        model: as for `chat`.
        adapter: serve the run's adapter on its base, merged in memory.
        port: 0 for a free one.
        api_key: what clients must send; without one the endpoint is for this machine alone.
        name: what clients call the model; by default the run's name.

    Yields:
        The base URL, which ends with /v1.

    Raises:
        KshotError: a model, host or port that cannot be used, or the server does not start.
    """
    from kshot.serving.endpoint import serve_model

    with serve_model(str(model), adapter=adapter, host=host, port=port, key=api_key, name=name, dtype=dtype) as served:
        yield served.url


def push(
    run: Path | str,
    repo_id: str,
    what: str = "data",
    *,
    private: bool = True,
    license_id: str = "",
    folder: Path | None = None,
    dry_run: bool = False,
) -> list[str]:
    """Push a part of a run to the Hugging Face hub, in one commit.

    Args:
        run: the run's folder.
        repo_id: `owner/name`.
        what: data, adapter, merged, gguf or report.
        license_id: the licence that the card states, as the hub names it.
        folder: the export to send, where the run has several.
        dry_run: send nothing; the lines list the files and their sizes.

    Returns:
        Lines that say what was sent, the repository's address among them.

    Raises:
        KshotError: the part is not there, a card or name that the hub would not take, or the hub refused it.
    """
    from kshot.hub.pushed import record_push
    from kshot.hub.upload import check_upload, describe_upload, send_upload

    upload = _collect_upload(Path(run), repo_id, what, license_id or None, folder)
    check_upload(upload, repo_id)
    if dry_run:
        return describe_upload(upload, repo_id, private)
    address = send_upload(upload, repo_id, private)
    record_push(Path(run), what, repo_id)
    return [f"push: {address}"]


def _collect_upload(run: Path, repo_id: str, what: str, license_id: str | None, folder: Path | None) -> "Upload":
    from kshot.core.errors import ConfigError, RunError
    from kshot.evaluate.report.upload import collect_report, list_scores
    from kshot.generate.dataset.hub import collect_dataset
    from kshot.hub.pushed import read_pushed
    from kshot.train.export.upload import MODELS, collect_model

    if what not in ("data", *MODELS, "report"):
        raise ConfigError([f"--what {what!r}: expected data, adapter, merged, gguf or report"])
    if folder and what not in MODELS:
        raise ConfigError([f"--folder {folder}: only the exports of a student have several folders; remove it"])
    if license_id and what == "report":
        raise ConfigError([f"--license {license_id}: a report states none; remove it"])
    if not run.is_dir():
        raise RunError(f"{run}: no such run; name its folder, e.g. runs/quickstart")
    if what == "data":
        return collect_dataset(run / "generate", license_id)
    if what == "report":
        return collect_report(run / "evaluate")
    scores = list_scores(run)
    return collect_model(run, what, repo_id, scores, read_pushed(run).get("data"), license_id, folder)


def _run(config: Config, name: str) -> Run:
    return Run(config.runs / name)
