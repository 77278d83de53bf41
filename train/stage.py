"""The train stage: `kshot train CONFIG` fine-tunes the student on runs/<run>/generate/train.jsonl.

Writes adapter/, merged/, metrics.jsonl, loss.png and, last, manifest.json. Rerun after a kill, it goes on from the last
whole checkpoint with the settings that the killed run had found.
"""

import shutil
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import fmean
from typing import Any

from kshot.config import Config
from kshot.core.console import say
from kshot.core.errors import ConfigError, RunError
from kshot.core.files import read_log
from kshot.core.runs import Run, hash_file, installed_versions, read_finished, write_manifest
from kshot.core.seeding import digest
from kshot.models.references import fingerprint_model, load_student, parse_reference, resolve_model
from kshot.runtime.device import Device, load_or_probe_device, probe_device
from kshot.train.data import Split, TrainRow, prepare_rows, read_records
from kshot.train.trainer_config import LORA_DEFAULTS, SFT_DEFAULTS, check_trainer_config


def run_train(config: Config, run: Run, *, needed: str = "merged", machine: Device | None = None) -> None:
    """Train the run's student; does nothing if it is trained already on the same data under the same settings.

    Args:
        needed: `merged`, or `adapter` where the merged weights may be gone.
        machine: settings that were found before; by default they are found now.

    Raises:
        KshotError: faults of config, data or weights, before training begins.
    """
    parse_reference(config.student)
    data = run.folder / "generate" / "train.jsonl"
    records = read_records(data)
    # The cheap faults come first: this one needs TRL and PEFT, which take seconds to import.
    if faults := check_trainer_config(config.train):
        raise ConfigError(faults)
    student = resolve_model(config.student)
    data_hash = hash_file(data)
    key = _key(config, student, data_hash)
    with run.held("train") as folder:
        sign = {"merged": "config.json", "adapter": "adapter_config.json"}[needed]
        if read_finished(folder, key) and (folder / needed / sign).exists():
            say(f"train: {folder / needed} is made; nothing to do")
            return
        _train(config, run.name, folder, key, student, records, data_hash, machine)


def _train(
    config: Config, name: str, folder: Path, key: str, student: str, records: list[dict[str, Any]], data: str,
    known: Device | None,
) -> None:  # fmt: skip
    from kshot.train.callbacks import draw_loss_curve
    from kshot.train.export.merged import export_student, is_finite, scale_adapter
    from kshot.train.fit import count_steps, fit, plan_rows

    model, tokenizer = load_student(student)
    model.config.use_cache = False
    settings = config.train
    demos = settings.loss_on == "all_answers"
    split = prepare_rows(records, tokenizer, settings.max_length, settings.validation_fraction, config.seed, demos)
    machine = _machine(config, folder, key, model, known)
    plan = plan_rows(split.train, settings, config.training_seed)
    _announce(plan, split, machine)
    model.set_attn_implementation(machine.attention)
    trained = fit(model, tokenizer, plan, split.validation, settings, machine, folder, config.training_seed)
    rows = read_log(folder / "metrics.jsonl")
    losses = [row["loss"] for row in rows if "loss" in row]
    held = [row["eval_loss"] for row in rows if "eval_loss" in row]
    # What is no number stands as null in the log.
    if None in (*losses[-10:], *held[-1:]) or not is_finite(trained):
        raise RunError(f"{folder}: the training diverged; lower train.sft.learning_rate")
    facts = {
        "run": name,
        "base": config.student,
        "data": data,
        "rows": len(plan),
        "validation_rows": len(split.validation),
        "tokens": sum(row.tokens for row in plan),
        "dropped": split.dropped,
        "steps": count_steps(plan, settings),
        "loss": fmean(losses[-10:]) if losses else None,
        "validation": held[-1] if held else None,
        "lora": {**LORA_DEFAULTS, **config.train.lora},
        "sft": {**SFT_DEFAULTS, **config.train.sft},
        "machine": asdict(machine),
        "adapter_scale": config.train.adapter_scale,
    }
    scale_adapter(trained, config.train.adapter_scale)
    export_student(trained, tokenizer, student, folder, facts)
    draw_loss_curve(folder / "metrics.jsonl", folder / "loss.png")
    seeds = {"seed": config.seed, "training_seed": config.training_seed}
    write_manifest(
        folder, {"key": key, **facts, **seeds, "versions": installed_versions("torch", "transformers", "trl", "peft")}
    )
    shutil.rmtree(folder / "checkpoints", ignore_errors=True)
    held_text = f", validation loss {held[0]:.3f} -> {held[-1]:.3f}" if held else ""
    loss = f", loss {losses[0]:.3f} -> {facts['loss']:.3f}" if losses else ""
    say(f"train: {facts['steps']} steps{loss}{held_text}; wrote {folder / 'merged'}")


def _machine(config: Config, folder: Path, key: str, model: Any, known: Device | None) -> Device:
    """What was found when this training began; another key begins a new one and sweeps the old one's checkpoints."""
    settings = config.train

    def find() -> Device:
        machine = known or probe_device(model, settings.dtype, settings.threads, backward=True)
        # Before the key is noted: a run killed in between must not go on from the checkpoints of another training.
        (folder / "manifest.json").unlink(missing_ok=True)
        shutil.rmtree(folder / "checkpoints", ignore_errors=True)
        return machine

    return load_or_probe_device(folder / "settings.json", key, find)


def _announce(plan: Sequence[TrainRow], split: Split, machine: Device) -> None:
    speed = ", ".join(f"{name} {seconds:.2f} s" for name, seconds in machine.seconds.items())
    probe = f" (probe step: {speed})" if speed else ""
    say(f"training on {machine.type}, {machine.threads} threads, {machine.dtype}, {machine.attention}{probe}")
    cut = ", ".join(f"{n} at {k}" for k, n in split.dropped.items())
    lost = sum(split.dropped.values())
    tokens = sum(row.tokens for row in plan)
    say(
        f"{len(plan)} rows, {tokens} tokens; {len(split.validation)} held back; "
        f"{lost} dropped as longer than max_length{f' ({cut})' if cut else ''}"
    )


def _key(config: Config, student: str, data: str) -> str:
    settings = config.train.model_dump_json(exclude={"seed"})
    seeds = {config.seed: None, config.training_seed: None}
    return digest(settings, *seeds, fingerprint_model(student), data, installed_versions("transformers", "trl", "peft"))
