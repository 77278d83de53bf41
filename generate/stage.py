"""The generate stage: `kshot generate CONFIG` writes runs/<run>/generate/.

Reads the units, lets the teacher reword their descriptions, composes records, screens them, and writes train.jsonl,
rejects.jsonl, contamination.jsonl, README.md (the dataset card) and, last, manifest.json.
"""

import hashlib
from collections.abc import Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Any

from kshot.config import Config
from kshot.core.console import progress, say
from kshot.core.files import write_text
from kshot.core.runs import Run, hash_file, installed_versions, read_finished, write_manifest
from kshot.core.seeding import digest
from kshot.core.shipped import PACKAGE
from kshot.core.types import Description
from kshot.generate.bank import FAMILIES
from kshot.generate.bank.reasoning_gym import PACKAGE
from kshot.generate.compose.composer import stream_records
from kshot.generate.curation.decontaminate import Decontaminator
from kshot.generate.curation.filters import build_filters
from kshot.generate.curation.similarity import NearestTask, nearest_heldout_tasks
from kshot.generate.dataset.card import render_card
from kshot.generate.dataset.hub import write_parquet
from kshot.generate.dataset.writer import CONTAMINATION, REJECTS, TRAIN, write_dataset
from kshot.generate.sources import load_sources
from kshot.generate.synthesis.estimate import estimate_synthesis
from kshot.generate.synthesis.pipeline import (
    SynthesisResult,
    modes_need_teacher,
    needs_teacher,
    scale_modes,
    synthesize,
)
from kshot.generate.teacher import fingerprint_local_teachers
from kshot.suites.loading import load_suite, suite_folder, suite_index
from kshot.tasks.source import TaskSource

CARD, PARQUET = "README.md", "train.parquet"
CORE = ("core/answers.py", "tasks/family.py", "core/text.py", "core/prompting.py", "core/types.py", "core/seeding.py")
"""The code outside the stage that shapes the data."""
MAX_ROUNDS = 8
"""Of asking for more, where so many records are wanted fill_to."""


def run_generate(config: Config, run: Run, fill_to: int | None = None, batch: bool = False) -> None:
    """Make the data of a run; does nothing if it stands already under the same settings, tasks and code.

    Args:
        fill_to: so many records, whatever the config says; the teacher is asked for more examples until they are there.
        batch: ask the teacher through its batch API.

    Raises:
        KshotError: any of its kinds, before or after the teacher was asked; replies are kept.
    """
    config = _checked(config, fill_to)
    screen = _screen(config)
    key = _key(config)
    with run.held("generate") as folder:
        done = read_finished(folder, key)
        short = done and fill_to and done["records"] < fill_to and not done["exactly"]
        if done and not short and (folder / TRAIN).exists() and hash_file(folder / TRAIN) == done["files"][TRAIN]:
            say(f"generate: {folder / TRAIN} is made ({done['records']} records); nothing to do")
            return
        if open_panels := sorted(set(config.evaluate.suites) - set(config.generate.decontaminate)):
            say(f"generate: no record is screened against {', '.join(open_panels)}; add it to generate.decontaminate")
        _warn_of_unseen_steps(config)
        manifest = _made(config, run.name, key, screen, folder, bool(fill_to), batch)
        write_manifest(folder, manifest)
    _summary(manifest, folder)


def dry_run(config: Config, run: Run, fill_to: int | None = None) -> None:
    """Say what would be asked of the teacher, and what that would cost.

    Raises:
        KshotError: what `run_generate` would find wrong before it asks.
    """
    config = _checked(config, fill_to)
    screen = _screen(config)
    _warn_of_unseen_steps(config)
    with run.held("generate") as folder:
        for line in estimate_synthesis(config, screen, folder):
            say(line)
    say(f"{config.generate.records} records would be composed")


def _checked(config: Config, fill_to: int | None) -> Config:
    """The config with so many records; its faults come before anything is made."""
    if fill_to:
        config = config.model_copy(update={"generate": config.generate.model_copy(update={"records": fill_to})})
    load_sources(config)
    build_filters(config.generate.filters)
    needs_teacher(config.generate)
    return config


def _warn_of_unseen_steps(config: Config) -> None:
    if config.generate.synthesis.reason.per_task and not config.generate.cot_fraction:
        say("generate: modes.reason asks for steps that no record will show; set generate.cot_fraction, e.g. to 0.1")


def _screen(config: Config) -> Decontaminator:
    wordings = [text for family in FAMILIES for text in family.descriptions]
    return Decontaminator([load_suite(name) for name in config.generate.decontaminate], wordings)


def _made(
    config: Config, name: str, key: str, screen: Decontaminator, folder: Path, fill_to: bool, batch: bool
) -> dict[str, Any]:
    """Teach, compose and write everything but the manifest, which is returned."""
    settings = config.generate
    for round_ in count(1):
        taught = synthesize(config, scale_modes(settings.synthesis, round_), screen, folder, batch)
        near = _nearest(taught.sources, taught.paraphrases, screen)
        with progress("composing", settings.records) as tick:
            events = stream_records(taught.sources, taught.paraphrases, settings, screen, config.seed, tick)
            tally = write_dataset(folder, [*near, *taught.rejects], events, settings.records, config.seed)
        missing = settings.records - tally.records
        more = modes_need_teacher(settings.synthesis) and not taught.budget_error and round_ < MAX_ROUNDS
        if not fill_to or missing <= 0 or not more:
            break
        say(f"generate: {missing} records are missing; asking for more")
    if fill_to and missing > 0:
        say(f"generate: {tally.records} of {settings.records} records: {_why_short(config, taught)}")
    elif fill_to:
        say(f"generate: exactly {tally.records} records")
    names = [TRAIN, REJECTS, CONTAMINATION]
    if settings.parquet:
        write_parquet(folder / TRAIN, folder / PARQUET)
        names.append(PARQUET)
    else:
        (folder / PARQUET).unlink(missing_ok=True)
    manifest = {
        "key": key,
        "seed": config.seed,
        "records": tally.records,
        "exactly": fill_to,
        "counts": tally.counts(),
        "tasks": tally.tasks(),
        "lengths": tally.lengths(),
        "labels": tally.labels(),
        "flow": tally.flow(taught.accepted),
        "teacher": taught.teacher,
        "screened": [panel.name for panel in screen.panels],
        "nearest": {n.family: {"task": f"{n.panel}/{n.task}", "similarity": n.similarity} for n in near},
        "versions": installed_versions("transformers", "openai", *_optional(config)),
        "files": {name: hash_file(folder / name) for name in names},
        "config": config.model_dump(mode="json", include={"seed", "generate"}),
    }
    write_text(folder / CARD, render_card(tally.shown, manifest, name))
    return manifest


def _optional(config: Config) -> list[str]:
    """The packages that shape the data of this config, and not of others."""
    return [PACKAGE] if config.generate.reasoning_gym else []


def _why_short(config: Config, taught: SynthesisResult) -> str:
    if taught.budget_error:
        return f"{taught.budget_error}"
    if modes_need_teacher(config.generate.synthesis):
        return f"{MAX_ROUNDS} rounds of asking brought no more"
    return "the gold examples give no more; raise generate.max_records_per_example, or switch on generate.synthesis.demonstrate"


def _nearest(
    units: Sequence[TaskSource], variants: Mapping[str, Sequence[Description]], screen: Decontaminator
) -> list[NearestTask]:
    """The held-out task nearest to each training family, nearest first."""
    descriptions: dict[str, list[str]] = {}
    for unit in units:
        wordings = [
            *unit.descriptions,
            *unit.no_label_instructions,
            *(variant.text for variant in variants.get(unit.id, ())),
        ]
        descriptions.setdefault(unit.family, []).extend(wordings)
    return sorted(nearest_heldout_tasks(descriptions, screen.panels), key=lambda near: -near.similarity)


def _summary(manifest: dict[str, Any], folder: Path) -> None:
    for mode, row in manifest["flow"].items():
        why = ", ".join(f"{n} {reason}" for reason, n in row["rejected"].items())
        say(f"{mode}: {row['out']} of {row['in']} kept" + (f" (rejected: {why})" if why else ""))
    shots = ", ".join(f"k={k}: {n}" for k, n in manifest["counts"]["k"].items())
    families, categories = len(manifest["counts"]["family"]), len(manifest["counts"]["category"])
    say(f"{manifest['records']} records from {families} families in {categories} categories; {shots}")
    say(f"generate: wrote {folder / TRAIN}")


def _key(config: Config) -> str:
    """Everything that shapes the data: settings, seed, the weights of a local teacher, files and code."""
    files = list(config.generate.tasks)
    for name in config.generate.decontaminate:
        files += [suite_index(suite_folder(name)), *sorted(suite_folder(name).glob("*.jsonl"))]
    files += sorted(config.generate.prompts.glob("*.j2")) if config.generate.prompts else []
    here = Path(__file__).parent
    core = PACKAGE
    code = [*sorted(here.rglob("*.py")), *sorted(here.rglob("*.j2"))]
    code += [core / name for name in CORE]
    state = hashlib.sha256()
    for path in [*files, *code]:
        state.update(path.name.encode() + path.read_bytes())
    settings = config.model_dump_json(include={"seed", "student", "generate"})
    teacher = config.generate.teacher
    weights = fingerprint_local_teachers(teacher, config.student) if teacher and needs_teacher(config.generate) else []
    return digest(settings, state.hexdigest(), *weights, *(installed_versions(name) for name in _optional(config)))
