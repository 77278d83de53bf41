"""The generate stage: `kshot generate CONFIG` writes runs/<run>/generate/.

Reads the units, lets the teacher reword their descriptions, composes records, screens them, and writes train.jsonl,
rejects.jsonl, contamination.jsonl, README.md (the dataset card) and, last, manifest.json.
"""

import hashlib
from collections.abc import Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Any

import kshot
from kshot.config import Config
from kshot.core.console import progress, say
from kshot.core.files import write_text
from kshot.core.runs import Run, file_hash, finish, finished, versions
from kshot.core.seeding import digest
from kshot.core.types import Description
from kshot.generate.bank import FAMILIES
from kshot.generate.bank.reasoning_gym import PACKAGE
from kshot.generate.compose.composer import compose_stream
from kshot.generate.curation.decontaminate import Screen
from kshot.generate.curation.filters import chosen
from kshot.generate.curation.similarity import Near, nearest
from kshot.generate.dataset.card import dataset_card
from kshot.generate.dataset.hub import write_parquet
from kshot.generate.dataset.writer import CONTAMINATION, REJECTS, TRAIN, write_set
from kshot.generate.sources import sources
from kshot.generate.synthesis.modes import asks, grown
from kshot.generate.synthesis.pipeline import Taught, rehearse, teach, wanted
from kshot.generate.teacher.endpoints import local_weights
from kshot.suites.format import load_panel, panel_folder
from kshot.tasks.source import Unit

CARD, PARQUET = "README.md", "train.parquet"
CORE = ("core/answers.py", "tasks/family.py", "core/text.py", "core/prompting.py", "core/types.py", "core/seeding.py")
"""The code outside the stage that shapes the data."""
MOST_ROUNDS = 8
"""Of asking for more, where so many records are wanted exactly."""


def run_generate(config: Config, run: Run, exactly: int | None = None, batch: bool = False) -> None:
    """Make the data of a run; does nothing if it stands already under the same settings, tasks and code.

    Args:
        exactly: so many records, whatever the config says; the teacher is asked for more examples until they are there.
        batch: ask the teacher through its batch API.

    Raises:
        KshotError: any of its kinds, before or after the teacher was asked; replies are kept.
    """
    config = _checked(config, exactly)
    screen = _screen(config)
    key = _key(config)
    with run.held("generate") as folder:
        done = finished(folder, key)
        short = done and exactly and done["records"] < exactly and not done["exactly"]
        if done and not short and (folder / TRAIN).exists() and file_hash(folder / TRAIN) == done["files"][TRAIN]:
            say(f"generate: {folder / TRAIN} is made ({done['records']} records); nothing to do")
            return
        if open_panels := sorted(set(config.evaluate.panels) - set(config.generate.screen)):
            say(f"generate: no record is screened against {', '.join(open_panels)}; add it to generate.screen")
        _warn_of_unseen_steps(config)
        manifest = _made(config, run.name, key, screen, folder, bool(exactly), batch)
        finish(folder, manifest)
    _summary(manifest, folder)


def dry_run(config: Config, run: Run, exactly: int | None = None) -> None:
    """Say what would be asked of the teacher, and what that would cost.

    Raises:
        KshotError: what `run_generate` would find wrong before it asks.
    """
    config = _checked(config, exactly)
    screen = _screen(config)
    _warn_of_unseen_steps(config)
    with run.held("generate") as folder:
        for line in rehearse(config, screen, folder):
            say(line)
    say(f"{config.generate.records} records would be composed")


def _checked(config: Config, exactly: int | None) -> Config:
    """The config with so many records; its faults come before anything is made."""
    if exactly:
        config = config.model_copy(update={"generate": config.generate.model_copy(update={"records": exactly})})
    sources(config)
    chosen(config.generate.filters)
    wanted(config)
    return config


def _warn_of_unseen_steps(config: Config) -> None:
    if config.generate.modes.reason.per_task and not config.generate.cot:
        say("generate: modes.reason asks for steps that no record will show; set generate.cot, e.g. to 0.1")


def _screen(config: Config) -> Screen:
    wordings = [text for family in FAMILIES for text in family.descriptions]
    return Screen([load_panel(name) for name in config.generate.screen], wordings)


def _made(
    config: Config, name: str, key: str, screen: Screen, folder: Path, exactly: bool, batch: bool
) -> dict[str, Any]:
    """Teach, compose and write everything but the manifest, which is returned."""
    settings = config.generate
    for round_ in count(1):
        taught = teach(config, grown(settings.modes, round_), screen, folder, batch)
        near = _nearest(taught.units, taught.variants, screen)
        with progress("composing", settings.records) as tick:
            events = compose_stream(taught.units, taught.variants, settings, screen, config.seed, tick)
            tally = write_set(folder, [*near, *taught.rejects], events, settings.records, config.seed)
        missing = settings.records - tally.records
        more = asks(settings.modes) and not taught.spent and round_ < MOST_ROUNDS
        if not exactly or missing <= 0 or not more:
            break
        say(f"generate: {missing} records are missing; asking for more")
    if exactly and missing > 0:
        say(f"generate: {tally.records} of {settings.records} records: {_why_short(config, taught)}")
    elif exactly:
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
        "exactly": exactly,
        "counts": tally.counts(),
        "tasks": tally.tasks(),
        "lengths": tally.lengths(),
        "labels": tally.labels(),
        "flow": tally.flow(taught.kept),
        "teacher": taught.teacher,
        "screened": [panel.name for panel in screen.panels],
        "nearest": {n.family: {"task": f"{n.panel}/{n.task}", "similarity": n.similarity} for n in near},
        "versions": versions("transformers", "openai", *_optional(config)),
        "files": {name: file_hash(folder / name) for name in names},
        "config": config.model_dump(mode="json", include={"seed", "generate"}),
    }
    write_text(folder / CARD, dataset_card(tally.shown, manifest, name))
    return manifest


def _optional(config: Config) -> list[str]:
    """The packages that shape the data of this config, and not of others."""
    return [PACKAGE] if config.generate.gym else []


def _why_short(config: Config, taught: Taught) -> str:
    if taught.spent:
        return f"{taught.spent}"
    if asks(config.generate.modes):
        return f"{MOST_ROUNDS} rounds of asking brought no more"
    return "the gold examples give no more; raise generate.examples_cap, or switch on generate.modes.demonstrate"


def _nearest(units: Sequence[Unit], variants: Mapping[str, Sequence[Description]], screen: Screen) -> list[Near]:
    """The held-out task nearest to each training family, nearest first."""
    descriptions: dict[str, list[str]] = {}
    for unit in units:
        wordings = [*unit.descriptions, *unit.briefs, *(variant.text for variant in variants.get(unit.id, ()))]
        descriptions.setdefault(unit.family, []).extend(wordings)
    return sorted(nearest(descriptions, screen.panels), key=lambda near: -near.similarity)


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
    for name in config.generate.screen:
        files += [panel_folder(name) / "panel.yaml", *sorted(panel_folder(name).glob("*.jsonl"))]
    files += sorted(config.generate.prompts.glob("*.j2")) if config.generate.prompts else []
    here = Path(__file__).parent
    core = Path(kshot.__file__).parent
    code = [*sorted(here.rglob("*.py")), *sorted(here.rglob("*.j2"))]
    code += [core / name for name in CORE]
    state = hashlib.sha256()
    for path in [*files, *code]:
        state.update(path.name.encode() + path.read_bytes())
    settings = config.model_dump_json(include={"seed", "student", "generate"})
    teacher = config.generate.teacher
    weights = local_weights(teacher, config.student) if teacher and wanted(config) else []
    return digest(settings, state.hexdigest(), *weights, *(versions(name) for name in _optional(config)))
