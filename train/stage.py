"""The train stage: `kshot train CONFIG` fine-tunes the student on runs/RUN/generate/train.jsonl, or on
the file that `train.data` names.

Writes adapter/, merged/, metrics.jsonl, loss.png and, last, manifest.json. Rerun after a kill, it goes on from the last
complete checkpoint with the device settings of the killed run.
"""

import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from kshot.config import Config, TrainConfig
from kshot.core.console import say
from kshot.core.errors import ConfigError, RunError
from kshot.core.files import read_log
from kshot.core.run_files import write_model
from kshot.core.runs import OUTSIDE_DATA, Run, hash_file, installed_versions, read_finished
from kshot.core.seeding import digest
from kshot.models import chat_template
from kshot.models.chat_template import ChatFormat, chat_format
from kshot.models.loading import fingerprint_model, load_chat_format, load_student
from kshot.models.references import parse_reference
from kshot.models.resolve import resolve_model
from kshot.runtime.device import (
    Device,
    count_cores,
    describe_device,
    load_or_probe_device,
    measure_peak_memory,
    probe_device,
    use_threads,
)
from kshot.runtime.processes import local_process_count, process_count
from kshot.train import conversion
from kshot.train.acceleration import choose_attention
from kshot.train.checkpoints import keep_step_rows
from kshot.train.conversion import keep_conversion, read_outside_data
from kshot.train.data import TrainRow
from kshot.train.parallel.group import hold_stage, is_first, join_group, lead, lead_alone
from kshot.train.parallel.launch import choose_process_count, launch_training
from kshot.train.parallel.layout import StepLayout
from kshot.train.rows.split import Split, split_rows
from kshot.train.rows.store import check_records_once, store_rows
from kshot.train.rows.table import lengths_of
from kshot.train.run_files import TrainFacts, TrainManifest
from kshot.train.trainer_config import LORA_DEFAULTS, check_trainer_config, sft_options

VERSION = 2
"""Version of the training; raise it when the same settings give another student."""
LOSS_STEPS = 10
"""Steps over which the reported training loss is averaged."""


def run_train(config: Config, run: Run, *, needed: str = "merged", device: Device | None = None) -> None:
    """Train the run's student; does nothing if it is trained already on the same data under the same settings.

    Args:
        needed: `merged`, or `adapter` where the merged weights may be gone.
        device: settings to train with; by default they are probed.

    Raises:
        KshotError: faults of config, data or weights, before training begins.
    """
    parse_reference(config.student)
    processes = choose_process_count(config.train.processes)
    if processes > process_count():
        # The cheap faults come before the processes are started, and again in each of them.
        if faults := check_trainer_config(config.train):
            raise ConfigError(faults)
        launch_training(config, run.folder, needed, device, processes)
        return
    with join_group():
        _run_process(config, run, needed, device)


def _run_process(config: Config, run: Run, needed: str, device: Device | None) -> None:
    """Train in this process, as one of those that were launched or alone."""
    data = config.train.data or run.folder / "generate" / "train.jsonl"
    outside = lead_alone(lambda: read_outside_data(data)) if config.train.data else None
    if not config.train.data:
        lead_alone(lambda: check_records_once(data, run.folder / "train" / "rows"))
    # The cheap faults come first: this one needs TRL and PEFT, which take seconds to import.
    if faults := check_trainer_config(config.train):
        raise ConfigError(faults)
    lead(lambda: resolve_model(config.student))  # One process fetches and converts.
    student = resolve_model(config.student)
    load_chat_format(student)  # Refuses a student before its weights are read.
    data_hash = lead(lambda: hash_file(data))
    key = _key(config, student, digest(data_hash, conversion.VERSION) if config.train.data else data_hash)
    with hold_stage(run, "train") as folder:
        needed = "merged" if config.train.method == "full" else needed
        weights = {"merged": "config.json", "adapter": "adapter_config.json"}[needed]
        if lead(lambda: bool(read_finished(folder, key)) and (folder / needed / weights).exists()):
            say(f"train: {folder / needed} is up to date")
            return
        from kshot.train.halving import explain_out_of_memory

        if outside:
            unused = f"; not used: {', '.join(outside.unused)}" if outside.unused else ""
            say(f"train: {len(outside.records)} rows of {data}, read as {outside.format}{unused}")
        origin = f"{data.name} ({outside.format})" if outside else ""
        lead_alone(lambda: keep_conversion(folder, outside.records if outside else None))
        outside = None  # From here on they are read from the file.
        records = folder / OUTSIDE_DATA if config.train.data else data
        with explain_out_of_memory():
            _train(config, run.name, folder, key, student, TrainingSet(records, data_hash, origin), device)


@dataclass(frozen=True)
class TrainingSet:
    """The file of the records, the hash of what they were read from, and its name and format if made elsewhere."""

    records: Path
    hash: str
    origin: str


@dataclass(frozen=True)
class PreparedTraining:
    """All that a training begins with."""

    split: Split
    plan: Sequence[TrainRow]
    """The rows in the order of training."""
    step_rows: int
    layout: StepLayout
    model: Any
    tokenizer: Any
    chat: ChatFormat
    device: Device


def _train(
    config: Config, name: str, folder: Path, key: str, student: str, data: TrainingSet, device: Device | None
) -> None:
    from kshot.train.export.merged import COMPARED_PROMPTS, compute_logits, export_student, is_finite, scale_adapter
    from kshot.train.fit import fit

    settings = config.train
    training = _prepare_training(config, folder, key, student, data, device)
    plan, device, tokenizer = training.plan, training.device, training.tokenizer
    trained = fit(
        training.model, tokenizer, plan, training.split.validation, settings, device, folder, config.training_seed,
        training.layout,
    )  # fmt: skip
    if settings.method == "lora":
        scale_adapter(trained, settings.adapter_scale)
    prompts = [row.input_ids for row in plan[:COMPARED_PROMPTS]]
    # Divided weights are whole only where all processes compute.
    logits = compute_logits(trained, prompts) if is_first() or settings.shard_base else []
    if not is_first():
        return
    losses, validation = _read_losses(folder)
    # What is no number stands as null in the log.
    if None in (*losses[-LOSS_STEPS:], *validation[-1:]) or not is_finite(trained):
        raise RunError(f"{folder}: the training diverged; lower train.sft.learning_rate")
    facts = _collect_facts(config, name, student, data, training, losses, validation)
    peak_memory = measure_peak_memory(device.type)
    export_student(trained, tokenizer, student, folder, facts, prompts, logits)
    _finish(config, folder, key, facts, peak_memory, losses, validation)


def _prepare_training(
    config: Config, folder: Path, key: str, student: str, data: TrainingSet, device: Device | None
) -> PreparedTraining:
    """Tokenize the records, load the student, choose the device and plan the steps; says all of it."""
    from kshot.train.fit import arrange_steps, count_step_rows, plan_rows

    settings = config.train
    targets = settings.loss_on == "all_answers"
    content = digest(data.hash, conversion.VERSION)
    arguments = data.records, content, student, settings.max_length, targets, folder / "rows"
    lead_alone(lambda: store_rows(*arguments))
    split = split_rows(store_rows(*arguments), settings.max_length, settings.validation_fraction, config.seed)
    model, tokenizer = load_student(student, quantize=settings.quantize)
    model.config.use_cache = False
    device = _choose_device(settings, folder, key, model, device)
    new_step = count_step_rows(settings, process_count())
    step_rows = lead(lambda: keep_step_rows(folder / "checkpoints", new_step))
    plan = plan_rows(split.train, settings, config.training_seed, step_rows)
    layout = arrange_steps(settings, step_rows, process_count())
    chat = chat_format(tokenizer)
    _announce(plan, split, device, chat)
    _announce_layout(layout, new_step)
    return PreparedTraining(split, plan, step_rows, layout, model, tokenizer, chat, device)


def _collect_facts(
    config: Config, name: str, student: str, data: TrainingSet, training: PreparedTraining,
    losses: Sequence[float], validation: Sequence[float],
) -> TrainFacts:  # fmt: skip
    from kshot.train.fit import count_steps

    settings, split = config.train, training.split
    return TrainFacts(
        run=name,
        base=config.student,
        base_fingerprint=fingerprint_model(student),
        data=data.hash,
        origin=data.origin,
        rows=len(training.plan),
        validation_rows=len(split.validation),
        tokens=int(lengths_of(training.plan).sum()),
        dropped=split.dropped,
        steps=count_steps(training.plan, training.step_rows),
        processes=process_count(),
        step_rows=training.step_rows,
        loss=fmean(losses[-LOSS_STEPS:]),
        validation=validation[-1] if validation else None,
        method=settings.method,
        quantize=settings.quantize,
        lora={**LORA_DEFAULTS, **settings.lora} if settings.method == "lora" else {},
        sft=sft_options(settings),
        device=asdict(training.device),
        adapter_scale=settings.adapter_scale,
        template_date=training.chat.date,
        stop_token=training.chat.stop,
    )


def _finish(
    config: Config, folder: Path, key: str, facts: TrainFacts, peak_memory: int | None,
    losses: Sequence[float], validation: Sequence[float],
) -> None:  # fmt: skip
    """Draw the loss curve, write the manifest, remove what only an unfinished training needs, and say the result."""
    from kshot.train.callbacks import draw_loss_curve

    draw_loss_curve(folder / "metrics.jsonl", folder / "loss.png")
    manifest = TrainManifest(
        **dict(facts),
        peak_memory=peak_memory,
        key=key,
        seed=config.seed,
        training_seed=config.training_seed,
        versions=installed_versions("torch", "transformers", "trl", "peft"),
    )
    write_model(folder / "manifest.json", manifest)
    shutil.rmtree(folder / "checkpoints", ignore_errors=True)
    shutil.rmtree(folder / "rows", ignore_errors=True)
    change = f", validation loss {validation[0]:.3f} -> {validation[-1]:.3f}" if validation else ""
    loss = f"loss {losses[0]:.3f} -> {facts.loss:.3f}"
    say(f"train: {facts.steps} steps, {loss}{change}; wrote {folder / 'merged'}")


def _read_losses(folder: Path) -> tuple[list[float], list[float]]:
    """Training and validation losses that were logged."""
    rows = read_log(folder / "metrics.jsonl")
    losses = [row["loss"] for row in rows if "loss" in row]
    return losses, [row["eval_loss"] for row in rows if "eval_loss" in row]


def _choose_device(settings: TrainConfig, folder: Path, key: str, model: Any, known: Device | None) -> Device:
    """The settings with which this training began; another key begins a new one and removes the old checkpoints.

    Threads are this process's share of the cores, whatever it was when the training began.
    """
    threads = settings.threads or max(1, count_cores() // local_process_count())

    def probe() -> Device:
        device = known or (
            describe_device(model, settings.dtype, threads)
            if settings.quantize
            else probe_device(model, settings.dtype, threads, backward=True)
        )
        # Before the key is noted: a run killed in between must not resume another training's checkpoints.
        (folder / "manifest.json").unlink(missing_ok=True)
        shutil.rmtree(folder / "checkpoints", ignore_errors=True)
        return device

    device = lead(lambda: load_or_probe_device(folder / "settings.json", key, probe))
    device = choose_attention(model, settings, device)
    return use_threads(device, threads) if process_count() > 1 else device


def _announce(plan: Sequence[TrainRow], split: Split, device: Device, chat: ChatFormat) -> None:
    speed = ", ".join(f"{name} {seconds:.2f} s" for name, seconds in device.seconds.items())
    probe = f" (probe step: {speed})" if speed else ""
    say(f"training on {device.type}, {device.threads} threads, {device.dtype}, {device.attention}{probe}")
    for note in chat.notes:
        say(f"chat template: {note}")
    by_shots = ", ".join(f"{count} at {k}" for k, count in split.dropped.items())
    dropped = sum(split.dropped.values())
    tokens = int(lengths_of(plan).sum())
    say(
        f"{len(plan)} rows, {tokens} tokens; {len(split.validation)} held back for validation; "
        f"{dropped} dropped as longer than max_length{f' ({by_shots})' if by_shots else ''}"
    )


def _announce_layout(layout: StepLayout, new_step: int) -> None:
    if layout.processes > 1:
        say(
            f"{layout.processes} processes, {layout.rows} rows a step: "
            f"{layout.accumulation} x {layout.batch} in each of them"
        )
    if layout.rows != new_step:
        say(f"a step keeps the {layout.rows} rows with which this training began; a new --run would take {new_step}")


def _key(config: Config, student: str, data: str) -> str:
    # Trainings of before these keys keep theirs; a config that came through a file has all fields set.
    fields = TrainConfig.model_fields
    unchanged = {name for name in ("method", "quantize") if getattr(config.train, name) == fields[name].default}
    settings = config.train.model_dump_json(exclude={"seed", "data", "processes", *unchanged})
    seeds = {config.seed: None, config.training_seed: None}
    versions = installed_versions("transformers", "trl", "peft")
    chat = chat_template.VERSION, chat_template.TEMPLATE_DATE.isoformat()
    return digest(settings, *seeds, fingerprint_model(student), data, VERSION, versions, *chat)
