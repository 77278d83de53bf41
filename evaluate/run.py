"""The evaluate stage: `kshot evaluate CONFIG [--panel FOLDER]` measures base and student on held-out panels.

Writes gains.json, report.md, scores.png, samples.jsonl, lm-eval's files in cells/ and, last, manifest.json. Each cell
(model, panel, shots) is kept when done, so a rerun measures only what is missing.
"""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from kshot.config import Config
from kshot.console import say
from kshot.errors import PanelError, RunError
from kshot.evaluate.cells import Cell, make_cell, measure, read_results, truncated
from kshot.evaluate.questions import check_shots
from kshot.evaluate.report import draw_scores, print_table, write_report
from kshot.evaluate.stats import paired_gain
from kshot.files import read_jsonl, write_json, write_jsonl
from kshot.machine import Machine, find_machine, kept_machine
from kshot.panel import Panel, load_panel
from kshot.quiet import quiet
from kshot.runs import Run, finish, versions
from kshot.seeding import digest, stream
from kshot.weights import fingerprint, load_student, resolve

MODELS = ("base", "student")


def run_evaluate(config: Config, run: Run, panels: Sequence[str] = ()) -> None:
    """Measure the run's student against its base.

    Args:
        panels: folders to measure on beside those of the config.

    Raises:
        KshotError: faults of panels and of the run are found before a model is loaded.
    """
    settings = config.evaluate
    shots = sorted(set(settings.shots))
    loaded = [load_panel(name) for name in dict.fromkeys([*settings.panels, *panels])]
    _check(loaded, shots)
    merged = run.folder / "train" / "merged"
    if not (merged / "config.json").exists():
        raise RunError(f"{merged}: no student here; run `kshot train` for this run first")
    folders = {"base": resolve(config.student), "student": str(merged)}
    with run.held("evaluate") as folder:
        machine = _machine(config, folder, folders["base"])
        identity = {model: fingerprint(folders[model]) for model in MODELS}
        cells = {
            model: [
                make_cell(folder / "cells", model, identity[model], panel, k, settings.items, machine)
                for panel in loaded
                for k in shots
            ]
            for model in MODELS
        }
        for model in MODELS:
            _measure_missing(cells[model], folders[model], machine, config)
        _write(config, run.name, folder, cells, machine)


def _check(panels: Sequence[Panel], shots: list[int]) -> None:
    if not panels:
        raise PanelError("evaluate.panels: no panel at all; name `kshot` or a folder")
    if not shots:
        raise PanelError("evaluate.shots: no shot count at all; e.g. [0, 1, 4]")
    names = [panel.name for panel in panels]
    if doubled := {name for name in names if names.count(name) > 1}:
        raise PanelError(f"two panels are named {sorted(doubled)[0]!r}; rename one folder")
    for panel in panels:
        check_shots(panel, shots)


def _machine(config: Config, folder: Path, base: str) -> Machine:
    def find() -> Machine:
        return find_machine(load_student(base)[0], config.evaluate.dtype, config.train.threads, backward=False)

    # Kept for the run: a probe that came out otherwise would part the cells of one table.
    key = digest(config.evaluate.dtype, config.train.threads)
    return kept_machine(folder / "settings.json", key, find)[0]


def _measure_missing(cells: Sequence[Cell], folder: str, machine: Machine, config: Config) -> None:
    missing = [cell for cell in cells if not cell.done]
    if not missing:
        return
    import torch

    from kshot.evaluate.model import PanelLM

    model, tokenizer = load_student(folder)
    model.set_attn_implementation(machine.attention)
    model = model.to(dtype=getattr(torch, machine.dtype), device=machine.device).eval()
    with quiet():
        lm = PanelLM(model, tokenizer)
    for cell in missing:
        measure(cell, lm, config.evaluate.items)


def _write(config: Config, name: str, folder: Path, cells: dict[str, list[Cell]], machine: Machine) -> None:
    """Everything that is made from the finished cells."""
    pairs = list(zip(cells["base"], cells["student"], strict=True))
    gains, tasks = [], []
    for base, student in pairs:
        before, after = read_results(base), read_results(student)
        for score in sorted(before):
            names = (base.panel.name, score, base.k)
            gain = paired_gain(before[score], after[score], config.evaluate.resamples, config.seed, *names)
            gains.append({"panel": base.panel.name, "score": score, "k": base.k, **asdict(gain)})
            tasks += [
                {"panel": base.panel.name, "task": task, "score": score, "k": base.k,
                 "base": sum(right) / len(right), "student": sum(after[score][task]) / len(right)}
                for task, right in before[score].items()
            ]  # fmt: skip
    gains.sort(key=lambda row: (row["panel"], row["score"], row["k"]))
    every = [cell for both in pairs for cell in both]
    samples = [row for cell in every for _, row in read_jsonl(cell.folder / "samples.jsonl")]
    write_jsonl(folder / "samples.jsonl", samples)
    write_json(folder / "gains.json", gains)
    draw_scores(gains, folder / "scores.png")
    facts: dict[str, Any] = {
        "run": name,
        "base": config.student,
        "seed": config.seed,
        "resamples": config.evaluate.resamples,
        "machine": asdict(machine),
        "versions": versions("lm_eval", "torch", "transformers"),
        "truncated": truncated(every),
        "shots": sorted({cell.k for cell in every}),
    }
    write_report(
        folder, {**facts, "gains": gains, "by_task": _by_task(tasks), "answers": _answers(samples, config.seed)}
    )
    finish(folder, {**facts, "by_task": tasks, "cells": {str(c.folder.relative_to(folder)): c.key for c in every}})
    print_table(gains)
    say(f"evaluate: wrote {folder / 'gains.json'} and {folder / 'report.md'}")


def _by_task(tasks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A row a task and score, its cells in the order of the shots."""
    rows: dict[tuple[str, str, str], dict[str, Any]] = {}
    for entry in sorted(tasks, key=lambda e: (e["panel"], e["score"], e["task"], e["k"])):
        row = rows.setdefault(
            (entry["panel"], entry["score"], entry["task"]),
            {k: entry[k] for k in ("panel", "score", "task")} | {"cells": []},
        )
        row["cells"].append(entry)
    return list(rows.values())


def _answers(samples: list[dict[str, Any]], seed: int) -> list[dict[str, Any]]:
    """One generated answer a panel, task and k, base beside student."""
    found: dict[tuple[str, str, int], dict[int, dict[str, Any]]] = {}
    for row in samples:
        if row["score"] == "exact_match":
            items = found.setdefault((row["panel"], row["task"], row["k"]), {})
            entry = items.setdefault(row["item"], {key: row[key] for key in ("task", "k", "input", "accepted")})
            entry |= {row["model"]: row["answer"], f"{row['model']}_right": row["right"]}
    return [items[stream(seed, "answers", *key).choice(sorted(items))] for key, items in sorted(found.items())]
