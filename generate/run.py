"""The generate stage: `kshot generate CONFIG` writes runs/<run>/generate/.

Reads the units, lets the teacher reword their descriptions, composes records, screens them, and writes train.jsonl,
rejects.jsonl, README.md (the dataset card) and, last, manifest.json.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import kshot
from kshot.config import Config
from kshot.console import progress, say
from kshot.errors import ConfigError
from kshot.files import write_jsonl, write_text
from kshot.generate.card import counts, dataset_card
from kshot.generate.compose import compose
from kshot.generate.describe import describe
from kshot.generate.screen import Screen
from kshot.generate.store import ReplyStore
from kshot.generate.teacher import make_asker
from kshot.generate.units import Unit, select_units
from kshot.panel import load_panel, panel_folder
from kshot.runs import Run, file_hash, finish, finished, versions
from kshot.schema import Description, Reject
from kshot.seeding import digest

TRAIN, REJECTS, CARD, REPLIES = "train.jsonl", "rejects.jsonl", "README.md", "replies.sqlite"


def run_generate(config: Config, run: Run) -> None:
    """Make the data of a run; does nothing if it stands already under the same settings, tasks and code.

    Raises:
        KshotError: any of its kinds, before or after the teacher was asked; replies are kept.
    """
    units = select_units(config.generate.families, config.generate.tasks)
    if not units:
        raise ConfigError(["generate: no task at all; name families or files of tasks"])
    screen = Screen([load_panel(name) for name in config.generate.screen])
    key = _key(config)
    with run.held("generate") as folder:
        done = finished(folder, key)
        if done and (folder / TRAIN).exists() and file_hash(folder / TRAIN) == done["files"][TRAIN]:
            say(f"generate: {folder / TRAIN} is made ({done['records']} records); nothing to do")
            return
        variants, described, teacher = _describe(config, units, screen, folder)
        with progress("composing", config.generate.records) as tick:
            records, dropped = compose(units, variants, config.generate, screen, config.seed, tick)
        if not records:
            raise ConfigError(["generate: no record passed; rejects.jsonl would hold them all: widen tasks or shots"])
        write_jsonl(folder / TRAIN, (asdict(record) for record in records))
        write_jsonl(folder / REJECTS, (asdict(reject) for reject in [*described, *dropped]))
        manifest = {
            "key": key,
            "seed": config.seed,
            "records": len(records),
            "counts": counts(records),
            "flow": _flow(variants, described, len(records), dropped),
            "teacher": teacher,
            "screened": config.generate.screen,
            "versions": versions("transformers", "openai"),
            "files": {name: file_hash(folder / name) for name in (TRAIN, REJECTS)},
            "config": config.model_dump(mode="json", include={"seed", "generate"}),
        }
        write_text(folder / CARD, dataset_card(records, manifest, run.name))
        finish(folder, manifest)
    _summary(manifest, folder)


def _describe(
    config: Config, units: Sequence[Unit], screen: Screen, folder: Path
) -> tuple[dict[str, list[Description]], list[Reject], str | None]:
    """Variants by unit, rejects, and the teacher's name."""
    settings, teacher = config.generate.describe, config.generate.teacher
    if teacher is None or not settings.modes or not settings.per_mode:
        return {}, [], None
    store = ReplyStore(folder / REPLIES)
    try:
        asker = make_asker(teacher, config.student, store, folder)
        variants, rejects = describe(units, settings, asker, config.seed)
    finally:
        store.close()
    for unit, kept in variants.items():
        for variant in list(kept):
            if near := screen.same_instruction(variant.text):
                kept.remove(variant)
                reason = f"restates a panel's instruction: {near!r}"
                key = digest(unit, variant.mode, variant.text)
                rejects.append(Reject(key, variant.mode, unit, reason, variant.text))
    return variants, rejects, Path(asker.name).name


def _flow(
    variants: dict[str, list[Description]], described: list[Reject], records: int, dropped: list[Reject]
) -> dict[str, dict[str, Any]]:
    """By mode: candidates in, kept out, and rejects by reason; in = out + rejects."""
    kept = Counter(variant.mode for found in variants.values() for variant in found)
    modes = sorted(kept | Counter(row.mode for row in described))
    flow = {mode: _row(kept[mode], (row for row in described if row.mode == mode)) for mode in modes}
    return {**flow, "compose": _row(records, dropped)}


def _row(out: int, rejects: Iterable[Reject]) -> dict[str, Any]:
    reasons = Counter(row.reason.split(":")[0] for row in rejects)
    return {"in": out + reasons.total(), "out": out, "rejected": dict(reasons.most_common())}


def _summary(manifest: dict[str, Any], folder: Path) -> None:
    for mode, row in manifest["flow"].items():
        why = ", ".join(f"{n} {reason}" for reason, n in row["rejected"].items())
        say(f"{mode}: {row['out']} of {row['in']} kept" + (f" (rejected: {why})" if why else ""))
    shots = ", ".join(f"k={k}: {n}" for k, n in manifest["counts"]["k"].items())
    families, categories = len(manifest["counts"]["family"]), len(manifest["counts"]["category"])
    say(f"{manifest['records']} records from {families} families in {categories} categories; {shots}")
    say(f"generate: wrote {folder / TRAIN}")


def _key(config: Config) -> str:
    """Everything that shapes the data: settings, seed, student (the local teacher), task files, panels and code."""
    files = list(config.generate.tasks)
    for name in config.generate.screen:
        files += sorted(panel_folder(name).glob("*.*"))
    here = Path(__file__).parent
    core = Path(kshot.__file__).parent
    code = [*sorted(here.rglob("*.py")), *sorted(here.rglob("*.j2"))]
    code += [path for path in sorted(core.glob("*.py")) if path.stem in {"families", "prompting", "schema", "seeding"}]
    state = hashlib.sha256()
    for path in [*files, *code]:
        state.update(path.name.encode() + path.read_bytes())
    settings = config.model_dump_json(include={"seed", "student", "generate"})
    return digest(settings, state.hexdigest())
