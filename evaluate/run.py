"""The evaluate stage: `kshot evaluate CONFIG [--panel FOLDER]` measures base and student on held-out panels.

Writes gains.json, fewshot.json, controls.json, report.md, scores.png, samples.jsonl, lm-eval's files in cells/ and,
last, manifest.json. Each cell (model, panel, shots, demo seed) is kept when done, so a rerun measures only what is
missing.
"""

from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from kshot.config import Config, Evaluate
from kshot.console import say
from kshot.errors import RunError
from kshot.evaluate.cells import Cell, Seeds, load_panels, make_cell, measure_missing, read_seeds, truncated
from kshot.evaluate.controls import control_means, control_rows
from kshot.evaluate.html import write_html
from kshot.evaluate.questions import Labels
from kshot.evaluate.report import draw_scores, print_table, write_report
from kshot.evaluate.scores import LOGLIKELIHOOD
from kshot.evaluate.stats import paired_gain, with_holm
from kshot.files import read_jsonl, write_json, write_jsonl
from kshot.machine import Machine, find_machine, kept_machine
from kshot.panel import Panel
from kshot.runs import Run, finish, versions
from kshot.seeding import digest, stream
from kshot.weights import fingerprint, load_student, resolve

MODELS = ("base", "student")
OF_FEWSHOT = ("gain", "low", "high", "tasks", "items", "p", "detectable", "seeds", "worst_seed_gain", "spread")
Rows = list[dict[str, Any]]
Measured = dict[str, dict[tuple[str, int], Seeds]]
"""model -> (panel, shots) -> scores."""


def run_evaluate(config: Config, run: Run, panels: Sequence[str] = ()) -> None:
    """Measure the run's student against its base.

    Args:
        panels: folders to measure on beside those of the config.

    Raises:
        KshotError: faults of panels and of the run are found before a model is loaded.
    """
    settings = config.evaluate
    loaded = load_panels(settings, panels)
    merged = run.folder / "train" / "merged"
    if not (merged / "config.json").exists():
        raise RunError(f"{merged}: no student here; run `kshot train` for this run first")
    folders = {"base": resolve(config.student), "student": str(merged)}
    with run.held("evaluate") as folder:
        machine = _machine(config, folder, folders["base"])
        cells = {}
        for model in MODELS:
            identity = fingerprint(folders[model])
            cells[model] = [
                make_cell(folder / "cells", model, identity, panel, k, settings.items, machine, seed, labels)
                for panel, k, seed, labels in _asked(loaded, settings)
            ]
        for model in MODELS:
            measure_missing(cells[model], partial(load_student, folders[model]), machine, settings.items)
        _write(config, run.name, folder, loaded, cells, machine)


def _asked(panels: Sequence[Panel], settings: Evaluate) -> list[tuple[Panel, int, int, Labels]]:
    """Panel, shots, demo seed and labels of every cell of a model. Without demonstrations the seed means nothing."""
    labels: tuple[Labels, ...] = ("gold", "random") if "random_labels" in settings.controls else ("gold",)
    return [
        (panel, k, seed, which)
        for which in labels
        for panel in panels
        for k in sorted(set(settings.shots))
        for seed in (_seeds(settings) if k else [0])
        if k or which == "gold"
    ]


def _seeds(settings: Evaluate) -> list[int]:
    return list(dict.fromkeys(settings.demo_seeds))


def _machine(config: Config, folder: Path, base: str) -> Machine:
    def find() -> Machine:
        return find_machine(load_student(base)[0], config.evaluate.dtype, config.train.threads, backward=False)

    # Kept for the run: a probe that came out otherwise would part the cells of one table.
    key = digest(config.evaluate.dtype, config.train.threads)
    return kept_machine(folder / "settings.json", key, find)[0]


def _write(
    config: Config, name: str, folder: Path, panels: Sequence[Panel], cells: dict[str, list[Cell]], machine: Machine
) -> None:
    """Everything that is made from the finished cells."""
    gold, random = (_read(cells, labels) for labels in ("gold", "random"))
    tasks = _controls(panels, gold, random, config.evaluate)
    means = control_means(tasks)
    missed = {(row["panel"], row["score"], row["k"]): row["below"] for row in means}
    gains = [{**row, "below": missed[row["panel"], row["score"], row["k"]]} for row in gain_rows(gold, config)]
    fewshot = fewshot_rows(gold, config)
    asked = [cell for both in zip(*cells.values(), strict=True) for cell in both]
    shown = [cell for cell in asked if cell.labels == "gold"]
    samples = [row for cell in shown for _, row in read_jsonl(cell.folder / "samples.jsonl")]
    write_jsonl(folder / "samples.jsonl", samples)
    write_json(folder / "controls.json", {"means": means, "tasks": tasks})
    write_json(folder / "fewshot.json", fewshot)
    write_json(folder / "gains.json", gains)
    draw_scores(gains, folder / "scores.png")
    facts: dict[str, Any] = {
        "run": name,
        "base": config.student,
        "seed": config.seed,
        "resamples": config.evaluate.resamples,
        "demo_seeds": _seeds(config.evaluate),
        "machine": asdict(machine),
        "versions": versions("lm_eval", "torch", "transformers"),
        "truncated": truncated(asked),
        "shots": sorted({cell.k for cell in asked}),
    }
    kept = ("panel", "task", "score", "k", "base", "student", "below")
    by_task = [{key: row[key] for key in kept} for row in tasks]
    tables = {"gains": gains, "fewshot": fewshot, "controls": means, "by_task": _by_task(by_task)}
    write_report(folder, {**facts, **tables, "answers": _answers(samples, config.seed)})
    finish(folder, {**facts, "by_task": by_task, "cells": {str(c.folder.relative_to(folder)): c.key for c in asked}})
    write_html(folder)
    print_table(gains)
    say(f"evaluate: wrote {folder / 'report.html'}, report.md and gains.json")


def _read(cells: dict[str, list[Cell]], labels: str) -> Measured:
    """The scores of each model, the demo seeds of a panel and number of shots together."""
    found: Measured = {}
    for model, every in cells.items():
        groups: dict[tuple[str, int], list[Cell]] = {}
        for cell in every:
            if cell.labels == labels:
                groups.setdefault((cell.panel.name, cell.k), []).append(cell)
        found[model] = {names: read_seeds(group) for names, group in groups.items()}
    return found


def gain_rows(measured: Measured, config: Config) -> Rows:
    """The student against its base, a row for each panel, score and number of shots, in this order."""
    rows: Rows = []
    for (panel, k), before in measured["base"].items():
        after = measured["student"][panel, k]
        for score in before:
            gain = paired_gain(before[score], after[score], config.evaluate.resamples, config.seed, panel, score, k)
            rows.append({"panel": panel, "score": score, "k": k, **asdict(gain)})
    return with_holm(sorted(rows, key=lambda row: (row["panel"], row["score"], row["k"])))


def fewshot_rows(measured: Measured, config: Config) -> Rows:
    """Each model with k demonstrations against itself with none; no rows where 0 shots were not measured."""
    rows: Rows = []
    for model, results in measured.items():
        for (panel, k), few in results.items():
            zero = results.get((panel, 0), {}) if k else {}
            for score in zero:
                names = (model, panel, score, k)
                gain = paired_gain(zero[score], few[score], config.evaluate.resamples, config.seed, "fewshot", *names)
                row = {"model": model, "panel": panel, "score": score, "k": k, "zero": gain.base, "few": gain.student}
                rows.append(row | {key: getattr(gain, key) for key in OF_FEWSHOT})
    return with_holm(sorted(rows, key=lambda row: (row["panel"], row["score"], row["model"], row["k"])))


def _controls(panels: Sequence[Panel], gold: Measured, random: Measured, settings: Evaluate) -> Rows:
    rows: Rows = []
    for panel in panels:
        for k in sorted(set(settings.shots)):
            here = panel.name, k
            asked = {model: results[here] for model, results in random.items() if here in results}
            seeds = _seeds(settings)
            base, student = gold["base"][here], gold["student"][here]
            rows += control_rows(panel, k, seeds, settings.items, base, student, asked)
    return rows


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
