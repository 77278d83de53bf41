"""The evaluate stage: `kshot evaluate CONFIG [--panel FOLDER]` measures base and student on held-out panels.

Writes gains.json, fewshot.json, controls.json, leaning.json, novelty.json, regression.json, report.html, report.md,
scores.png, samples.jsonl, lm-eval's files in cells/ and, last, manifest.json. Each cell (model, panel, shots, demo
seed) is kept when done, so a rerun measures only what is missing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from kshot.config import Config, Evaluate
from kshot.core.console import say
from kshot.core.errors import RunError
from kshot.core.files import read_json, write_json, write_jsonl
from kshot.core.runs import Run, finish, versions
from kshot.core.seeding import digest, stream
from kshot.evaluate.contamination.overlap import kept_novelty, left_out, refuse_contaminated
from kshot.evaluate.lm.backends import backend_for, check_backend
from kshot.evaluate.measure.measurement import (
    Cell,
    Groups,
    demo_seeds,
    load_panels,
    make_cell,
    measure_missing,
    read_groups,
    read_samples,
    truncated,
    wanted,
)
from kshot.evaluate.measure.requests import Labels
from kshot.evaluate.metrics.baselines import control_means, control_rows
from kshot.evaluate.metrics.forgetting import REGRESSION, Probe, make_probe, regression
from kshot.evaluate.metrics.label_bias import LEANING, leaning
from kshot.evaluate.metrics.label_bias import markdown as leaning_markdown
from kshot.evaluate.report import forgetting as regression_report
from kshot.evaluate.report.contamination import clean_gains, tell
from kshot.evaluate.report.contamination import markdown as novelty_markdown
from kshot.evaluate.report.html import write_html
from kshot.evaluate.report.markdown import draw_scores, print_table, write_report
from kshot.evaluate.scoring.text import LOGLIKELIHOOD
from kshot.evaluate.stats.paired import Families, paired_gain, paired_gains, with_holm
from kshot.models.checkpoints import training
from kshot.models.references import fingerprint, load_student, resolve
from kshot.runtime.device import Machine, find_machine, kept_machine
from kshot.suites.format import Panel, families

MODELS = ("base", "student")
OF_FEWSHOT = ("gain", "low", "high", "tasks", "items", "p", "detectable", "seeds", "worst_seed_gain", "spread")
Rows = list[dict[str, Any]]
Measured = dict[str, Groups]
"""model -> (panel, shots) -> scores."""


def run_evaluate(config: Config, run: Run, panels: Sequence[str] = (), strict: bool = False) -> None:
    """Measure the run's student against its base.

    Args:
        panels: folders to measure on beside those of the config.
        strict: refuse panels that share text with the training data.

    Raises:
        KshotError: faults of panels and of the run are found before a model is loaded.
    """
    settings = config.evaluate
    check_backend(settings)
    loaded = load_panels(settings, panels)
    merged = run.folder / "train" / "merged"
    _check_student(merged, config.student)
    with run.held("evaluate") as folder:
        novelty = kept_novelty(loaded, run.folder, settings.items, folder)
        if strict:
            refuse_contaminated(novelty)
        folders = {"base": resolve(config.student), "student": str(merged)}
        machine = _machine(config, folder, folders["base"])
        cells = {}
        backends = {model: backend_for(settings, folders[model]) for model in MODELS}
        for model in MODELS:
            named = folder / "cells", model, fingerprint(folders[model])
            cells[model] = [
                make_cell(*named, panel, k, settings.items, machine, seed, labels, backends[model])
                for panel, k, seed, labels in _asked(loaded, settings)
            ]
        probes = [
            make_probe(folder, model, fingerprint(folders[model]), machine, backends[model])
            for model in (MODELS if settings.regression else ())
        ]
        for model in MODELS:
            load = partial(load_student, folders[model])
            own = [probe for probe in probes if probe.model == model]
            measure_missing(cells[model], load, machine, settings.items, backends[model], own)
        _write(config, run.name, folder, loaded, cells, machine, novelty, probes)


def _check_student(merged: Path, base: str) -> None:
    """Refuse a student that is not there, is being trained anew, or was trained from another base."""
    if not (merged / "config.json").exists():
        raise RunError(f"{merged}: no student here; run `kshot train` for this run first")
    trained = training(merged.parent).get("base")
    if trained != base:
        raise RunError(
            f"{merged}: trained from {trained}, and the config's student is {base}; name one of them in both"
        )


def _asked(panels: Sequence[Panel], settings: Evaluate) -> list[tuple[Panel, int, int, Labels]]:
    """Panel, shots, demo seed and labels of every cell of a model.

    lm-eval's own tasks know no random labels, and without demonstrations there are none to draw.
    """
    gold: list[tuple[Panel, int, int, Labels]] = [(*cell, "gold") for cell in wanted(panels, settings)]
    if "random_labels" not in settings.controls:
        return gold
    return gold + [(panel, k, seed, "random") for panel, k, seed, _ in gold if k and not panel.harness]


def _machine(config: Config, folder: Path, base: str) -> Machine:
    def find() -> Machine:
        return find_machine(load_student(base)[0], config.evaluate.dtype, config.train.threads, backward=False)

    # Kept for the run: a probe that came out otherwise would part the cells of one table.
    key = digest(config.evaluate.dtype, config.train.threads)
    return kept_machine(folder / "settings.json", key, find)


def _write(
    config: Config, name: str, folder: Path, panels: Sequence[Panel], cells: dict[str, list[Cell]], machine: Machine,
    novelty: dict[str, Any], probes: Sequence[Probe],
) -> None:  # fmt: skip
    """Everything that is made from the finished cells."""
    gold, random = (_read(cells, labels) for labels in ("gold", "random"))
    tasks = _controls(panels, gold, random, config.evaluate)
    means = control_means(tasks)
    missed = {(row["panel"], row["score"], row["k"]): row["below"] for row in means}
    siblings = families(panels)
    clean = clean_gains(gold, left_out(novelty), siblings, config)
    gains = []
    for row in gain_rows(gold, siblings, config):
        names = row["panel"], row["score"], row["k"]
        gains.append({**row, "below": missed[names], "clean": clean.get(names)})
    fewshot = fewshot_rows(gold, siblings, config)
    asked = [cell for both in zip(*cells.values(), strict=True) for cell in both]
    others = reported_rows(asked)
    shown = [cell for cell in asked if cell.labels == "gold"]
    samples = list(read_samples(shown))
    write_jsonl(folder / "samples.jsonl", samples)
    leans = leaning(samples, "base", siblings, config.evaluate.resamples, config.seed)
    write_json(folder / LEANING, leans)
    write_json(folder / "controls.json", {"means": means, "tasks": tasks})
    write_json(folder / "fewshot.json", fewshot)
    write_json(folder / "gains.json", gains)
    draw_scores(gains, folder / "scores.png")
    facts: dict[str, Any] = {
        "run": name,
        "base": config.student,
        "seed": config.seed,
        "resamples": config.evaluate.resamples,
        "demo_seeds": demo_seeds(config.evaluate),
        "machine": asdict(machine),
        "versions": versions("lm_eval", "torch", "transformers"),
        "truncated": truncated(asked),
        "shots": sorted({cell.k for cell in asked}),
        "backend": config.evaluate.backend,
        "reported": others,
    }
    kept = ("panel", "task", "score", "k", "base", "student", "below")
    by_task = [{key: row[key] for key in kept} for row in tasks]
    tables = {"gains": gains, "fewshot": fewshot, "controls": means, "by_task": _by_task(by_task)}
    worse = regression(probes, gold, tasks, config)
    write_json(folder / REGRESSION, worse)
    sections = [leaning_markdown(leans), novelty_markdown(novelty, gains), regression_report.markdown(worse)]
    write_report(folder, {**facts, **tables, "sections": sections, "answers": _answers(samples, config.seed)})
    finish(folder, {**facts, "by_task": by_task, "cells": {str(c.folder.relative_to(folder)): c.key for c in asked}})
    write_html(folder)
    print_table(gains)
    tell(novelty, gains)
    regression_report.tell(worse)
    say(f"evaluate: wrote {folder / 'report.html'}, report.md and gains.json")


def _read(cells: dict[str, list[Cell]], labels: str) -> Measured:
    """The scores of each model, the demo seeds of a panel and number of shots together."""
    return {model: read_groups([cell for cell in every if cell.labels == labels]) for model, every in cells.items()}


def gain_rows(measured: Measured, siblings: Mapping[str, Families], config: Config) -> Rows:
    """The student against its base, a row for each panel, score and number of shots, in this order."""
    drawn = config.evaluate.resamples, config.seed
    rows = paired_gains(measured["base"], measured["student"], *drawn, families=siblings)
    return with_holm(sorted(rows, key=lambda row: (row["panel"], row["score"], row["k"])))


def fewshot_rows(measured: Measured, siblings: Mapping[str, Families], config: Config) -> Rows:
    """Each model with k demonstrations against itself with none; no rows where 0 shots were not measured."""
    rows: Rows = []
    for model, results in measured.items():
        for (panel, k), few in results.items():
            zero = results.get((panel, 0), {}) if k else {}
            for score in zero:
                names = (config.evaluate.resamples, config.seed, "fewshot", model, panel, score, k)
                gain = paired_gain(zero[score], few[score], *names, families=siblings.get(panel, {}))
                row = {"model": model, "panel": panel, "score": score, "k": k, "zero": gain.base, "few": gain.student}
                rows.append(row | {key: getattr(gain, key) for key in OF_FEWSHOT})
    return with_holm(sorted(rows, key=lambda row: (row["panel"], row["score"], row["model"], row["k"])))


def _controls(panels: Sequence[Panel], gold: Measured, random: Measured, settings: Evaluate) -> Rows:
    rows: Rows = []
    for panel in panels:
        for k in sorted(set(settings.shots)):
            here = panel.name, k
            if here not in gold["base"]:
                continue
            asked = {model: results[here] for model, results in random.items() if here in results}
            seeds = demo_seeds(settings)
            base, student = gold["base"][here], gold["student"][here]
            rows += control_rows(panel, k, seeds, settings.items, base, student, asked)
    return rows


def reported_rows(cells: Sequence[Cell]) -> Rows:
    """lm-eval's metrics that are no mean over items: base and student beside each other, a row a cell and metric.

    One of them has None where its values were all from 0 to 1, which makes the metric one of its scores.
    """
    rows: dict[tuple[Any, ...], dict[str, Any]] = {}
    for cell in cells:
        for task, values in read_json(cell.folder / "cell.json").get("reported", {}).items():
            for metric, value in values.items():
                names = {"panel": cell.panel.name, "task": task, "metric": metric, "k": cell.k, "seed": cell.seed}
                rows.setdefault(tuple(names.values()), {**names, "base": None, "student": None})[cell.model] = value
    return list(rows.values())


def _by_task(tasks: Rows) -> Rows:
    """A row a task and score, its cells in the order of the shots."""
    rows: dict[tuple[str, str, str], dict[str, Any]] = {}
    for entry in sorted(tasks, key=lambda e: (e["panel"], e["score"], e["task"], e["k"])):
        row = rows.setdefault(
            (entry["panel"], entry["score"], entry["task"]),
            {k: entry[k] for k in ("panel", "score", "task")} | {"cells": []},
        )
        row["cells"].append(entry)
    return list(rows.values())


def _answers(samples: Rows, seed: int) -> Rows:
    """One written answer a panel, task and k, base beside student, by the first score and demo seed."""
    found: dict[tuple[str, str, int], dict[int, dict[str, Any]]] = {}
    first: dict[tuple[str, str, int], tuple[int, str]] = {}
    for row in samples:
        names = (row["panel"], row["task"], row["k"])
        key = (row["seed"], row["score"])
        if row["score"] != LOGLIKELIHOOD and first.setdefault(names, key) == key:
            items = found.setdefault(names, {})
            entry = items.setdefault(row["item"], {key: row[key] for key in ("task", "k", "input", "accepted")})
            entry |= {row["model"]: row["answer"], f"{row['model']}_right": row["right"]}
    return [items[stream(seed, "answers", *key).choice(sorted(items))] for key, items in sorted(found.items())]
