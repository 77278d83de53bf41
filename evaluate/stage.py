"""The evaluate stage: `kshot evaluate CONFIG [--suite FOLDER]` measures base and student on held-out panels.

Writes gains.json, fewshot.json, baselines.json, label_bias.json, contamination.json, forgetting.json, report.html, report.md,
scores.png, samples.jsonl, lm-eval's files in measurements/ and, last, manifest.json. Each cell (model, panel, shots, demo
seed) is kept when done, so a rerun measures only what is missing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from kshot.config import Config, EvaluateConfig
from kshot.core.console import say
from kshot.core.errors import RunError
from kshot.core.files import read_json, write_json, write_jsonl
from kshot.core.runs import Run, installed_versions, write_manifest
from kshot.core.seeding import digest, stream
from kshot.evaluate.contamination.overlap import contaminated_items, load_or_find_contamination, refuse_contaminated
from kshot.evaluate.lm.backends import check_backend, make_backend
from kshot.evaluate.measure.measurement import (
    Groups,
    Measurement,
    count_truncated,
    load_suites,
    make_measurement,
    measure_missing,
    plan_measurements,
    read_samples,
    read_suite_scores,
    unique_fewshot_seeds,
)
from kshot.evaluate.measure.requests import Labels
from kshot.evaluate.metrics.baselines import baseline_means, baseline_rows
from kshot.evaluate.metrics.forgetting import FORGETTING, ForgettingProbe, make_forgetting_probe, measure_forgetting
from kshot.evaluate.metrics.label_bias import LABEL_BIAS, measure_label_bias
from kshot.evaluate.metrics.label_bias import markdown as leaning_markdown
from kshot.evaluate.report import forgetting as regression_report
from kshot.evaluate.report.contamination import clean_gains, tell
from kshot.evaluate.report.contamination import markdown as novelty_markdown
from kshot.evaluate.report.html import write_html
from kshot.evaluate.report.markdown import draw_scores, print_table, write_report
from kshot.evaluate.scoring.text import LOGLIKELIHOOD
from kshot.evaluate.stats.paired import Families, paired_gain, paired_gains, with_holm
from kshot.models.checkpoints import read_training_manifest
from kshot.models.references import fingerprint_model, load_student, resolve_model
from kshot.runtime.device import Device, load_or_probe_device, probe_device
from kshot.suites.format import Suite, families_by_suite

MODELS = ("base", "student")
OF_FEWSHOT = ("gain", "low", "high", "tasks", "items", "p", "mde", "seeds", "worst_seed_gain", "spread")
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
    loaded = load_suites(settings, panels)
    merged = run.folder / "train" / "merged"
    _check_student(merged, config.student)
    with run.held("evaluate") as folder:
        novelty = load_or_find_contamination(loaded, run.folder, settings.limit, folder)
        if strict:
            refuse_contaminated(novelty)
        folders = {"base": resolve_model(config.student), "student": str(merged)}
        machine = _machine(config, folder, folders["base"])
        cells = {}
        backends = {model: make_backend(settings, folders[model]) for model in MODELS}
        for model in MODELS:
            named = folder / "measurements", model, fingerprint_model(folders[model])
            cells[model] = [
                make_measurement(*named, panel, k, settings.limit, machine, seed, labels, backends[model])
                for panel, k, seed, labels in _asked(loaded, settings)
            ]
        probes = [
            make_forgetting_probe(folder, model, fingerprint_model(folders[model]), machine, backends[model])
            for model in (MODELS if settings.forgetting else ())
        ]
        for model in MODELS:
            load = partial(load_student, folders[model])
            own = [probe for probe in probes if probe.model == model]
            measure_missing(cells[model], load, machine, settings.limit, backends[model], own)
        _write(config, run.name, folder, loaded, cells, machine, novelty, probes)


def _check_student(merged: Path, base: str) -> None:
    """Refuse a student that is not there, is being trained anew, or was trained from another base."""
    if not (merged / "config.json").exists():
        raise RunError(f"{merged}: no student here; run `kshot train` for this run first")
    trained = read_training_manifest(merged.parent).get("base")
    if trained != base:
        raise RunError(
            f"{merged}: trained from {trained}, and the config's student is {base}; name one of them in both"
        )


def _asked(panels: Sequence[Suite], settings: EvaluateConfig) -> list[tuple[Suite, int, int, Labels]]:
    """Panel, shots, demo seed and labels of every cell of a model.

    lm-eval's own tasks know no random labels, and without demonstrations there are none to draw.
    """
    gold: list[tuple[Suite, int, int, Labels]] = [(*cell, "gold") for cell in plan_measurements(panels, settings)]
    if "random_labels" not in settings.baselines:
        return gold
    return gold + [(panel, k, seed, "random") for panel, k, seed, _ in gold if k and not panel.lm_eval]


def _machine(config: Config, folder: Path, base: str) -> Device:
    def find() -> Device:
        return probe_device(load_student(base)[0], config.evaluate.dtype, config.train.threads, backward=False)

    # Kept for the run: a probe that came out otherwise would part the cells of one table.
    key = digest(config.evaluate.dtype, config.train.threads)
    return load_or_probe_device(folder / "settings.json", key, find)


def _write(
    config: Config, name: str, folder: Path, panels: Sequence[Suite], cells: dict[str, list[Measurement]], machine: Device,
    novelty: dict[str, Any], probes: Sequence[ForgettingProbe],
) -> None:  # fmt: skip
    """Everything that is made from the finished cells."""
    gold, random = (_read(cells, labels) for labels in ("gold", "random"))
    tasks = _controls(panels, gold, random, config.evaluate)
    means = baseline_means(tasks)
    missed = {(row["panel"], row["score"], row["k"]): row["below"] for row in means}
    siblings = families_by_suite(panels)
    clean = clean_gains(gold, contaminated_items(novelty), siblings, config)
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
    leans = measure_label_bias(samples, "base", siblings, config.evaluate.bootstrap_resamples, config.seed)
    write_json(folder / LABEL_BIAS, leans)
    write_json(folder / "baselines.json", {"means": means, "tasks": tasks})
    write_json(folder / "fewshot.json", fewshot)
    write_json(folder / "gains.json", gains)
    draw_scores(gains, folder / "scores.png")
    facts: dict[str, Any] = {
        "run": name,
        "base": config.student,
        "seed": config.seed,
        "resamples": config.evaluate.bootstrap_resamples,
        "demo_seeds": unique_fewshot_seeds(config.evaluate),
        "machine": asdict(machine),
        "versions": installed_versions("lm_eval", "torch", "transformers"),
        "truncated": count_truncated(asked),
        "shots": sorted({cell.k for cell in asked}),
        "backend": config.evaluate.backend,
        "reported": others,
    }
    kept = ("panel", "task", "score", "k", "base", "student", "below")
    by_task = [{key: row[key] for key in kept} for row in tasks]
    tables = {"gains": gains, "fewshot": fewshot, "controls": means, "by_task": _by_task(by_task)}
    worse = measure_forgetting(probes, gold, tasks, config)
    write_json(folder / FORGETTING, worse)
    sections = [leaning_markdown(leans), novelty_markdown(novelty, gains), regression_report.markdown(worse)]
    write_report(folder, {**facts, **tables, "sections": sections, "answers": _answers(samples, config.seed)})
    write_manifest(
        folder, {**facts, "by_task": by_task, "measurements": {str(c.folder.relative_to(folder)): c.key for c in asked}}
    )
    write_html(folder)
    print_table(gains)
    tell(novelty, gains)
    regression_report.tell(worse)
    say(f"evaluate: wrote {folder / 'report.html'}, report.md and gains.json")


def _read(cells: dict[str, list[Measurement]], labels: str) -> Measured:
    """The scores of each model, the demo seeds of a panel and number of shots together."""
    return {
        model: read_suite_scores([cell for cell in every if cell.labels == labels]) for model, every in cells.items()
    }


def gain_rows(measured: Measured, siblings: Mapping[str, Families], config: Config) -> Rows:
    """The student against its base, a row for each panel, score and number of shots, in this order."""
    drawn = config.evaluate.bootstrap_resamples, config.seed
    rows = paired_gains(measured["base"], measured["student"], *drawn, families=siblings)
    return with_holm(sorted(rows, key=lambda row: (row["panel"], row["score"], row["k"])))


def fewshot_rows(measured: Measured, siblings: Mapping[str, Families], config: Config) -> Rows:
    """Each model with k demonstrations against itself with none; no rows where 0 shots were not measured."""
    rows: Rows = []
    for model, results in measured.items():
        for (panel, k), few in results.items():
            zero = results.get((panel, 0), {}) if k else {}
            for score in zero:
                names = (config.evaluate.bootstrap_resamples, config.seed, "fewshot", model, panel, score, k)
                gain = paired_gain(zero[score], few[score], *names, families=siblings.get(panel, {}))
                row = {"model": model, "panel": panel, "score": score, "k": k, "zero": gain.base, "few": gain.student}
                rows.append(row | {key: getattr(gain, key) for key in OF_FEWSHOT})
    return with_holm(sorted(rows, key=lambda row: (row["panel"], row["score"], row["model"], row["k"])))


def _controls(panels: Sequence[Suite], gold: Measured, random: Measured, settings: EvaluateConfig) -> Rows:
    rows: Rows = []
    for panel in panels:
        for k in sorted(set(settings.shots)):
            here = panel.name, k
            if here not in gold["base"]:
                continue
            asked = {model: results[here] for model, results in random.items() if here in results}
            seeds = unique_fewshot_seeds(settings)
            base, student = gold["base"][here], gold["student"][here]
            rows += baseline_rows(panel, k, seeds, settings.limit, base, student, asked)
    return rows


def reported_rows(cells: Sequence[Measurement]) -> Rows:
    """lm-eval's metrics that are no mean over items: base and student beside each other, a row a cell and metric.

    One of them has None where its values were all from 0 to 1, which makes the metric one of its scores.
    """
    rows: dict[tuple[Any, ...], dict[str, Any]] = {}
    for cell in cells:
        for task, values in read_json(cell.folder / "measurement.json").get("reported", {}).items():
            for metric, value in values.items():
                names = {"panel": cell.suite.name, "task": task, "metric": metric, "k": cell.k, "seed": cell.seed}
                rows.setdefault(tuple(names.values()), {**names, "base": None, "student": None})[cell.model] = value
    return list(rows.values())


def _by_task(tasks: Rows) -> Rows:
    """A row a task and score, its cells in the order of the shots."""
    rows: dict[tuple[str, str, str], dict[str, Any]] = {}
    for entry in sorted(tasks, key=lambda e: (e["panel"], e["score"], e["task"], e["k"])):
        row = rows.setdefault(
            (entry["panel"], entry["score"], entry["task"]),
            {k: entry[k] for k in ("panel", "score", "task")} | {"measurements": []},
        )
        row["measurements"].append(entry)
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
