"""`kshot compare RUN|MODEL ... [--baseline X]`: checkpoints against one baseline on the panels of a config.

Writes compare.json, compare.md and compare.svg. A run's finished cells are used where they were measured alike; what is
missing is measured and kept in measurements/, so that a rerun measures only what is new.
"""

from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

from kshot.config import Config
from kshot.core.console import say
from kshot.core.errors import ConfigError, DataError
from kshot.core.files import read_json, write_json, write_text
from kshot.core.runs import Run, installed_versions
from kshot.core.seeding import digest
from kshot.evaluate.lm.backends import require_own_backend
from kshot.evaluate.measure.measurement import (
    Measurement,
    count_truncated,
    load_suites,
    make_measurement,
    measure_missing,
    plan_measurements,
    read_samples,
    read_suite_scores,
)
from kshot.evaluate.metrics.label_bias import markdown as leaning_markdown
from kshot.evaluate.metrics.label_bias import measure_label_bias
from kshot.evaluate.report.markdown import between, markdown_table, measured_on, points, probability, rich_table, signed
from kshot.evaluate.report.svg import Line, Plot, Point, gained, write_svg
from kshot.evaluate.scoring.text import SCORE_NAMES
from kshot.evaluate.stats.paired import paired_gains, with_holm
from kshot.models.checkpoints import Checkpoint, find_checkpoints, load_checkpoint
from kshot.runtime.device import Device, load_or_probe_device, probe_device
from kshot.suites.format import Suite, families_by_suite

Row = dict[str, Any]
Cells = dict[str, list[Measurement]]
"""By label: a cell for each panel, number of shots and demo seed, in the same order for all."""
KEPT = ("gain", "low", "high", "p", "mde", "seeds", "worst_seed_gain", "tasks", "items")


def run_compare(config: Config, names: Sequence[str], baseline: str, panels: Sequence[str], folder: Path) -> None:
    """Measure the checkpoints and write the comparison into `folder`.

    Args:
        names: runs by name or folder, model folders, adapters, hub ids.
        baseline: one of them or a further one; empty for the config's student, the base of its runs.
        panels: folders to measure on beside those of the config.

    Raises:
        KshotError: faults of names, weights and panels are found before a model is loaded.
    """
    require_own_backend(config.evaluate)
    loaded = load_suites(config.evaluate, panels)
    against = baseline or config.student
    others = [name for name in names if name != against]
    if not others:
        raise ConfigError(["compare: name at least one model beside the baseline"])
    found = find_checkpoints([against, *others], config)
    with Run(folder.parent).held(folder.name):
        cells, machine = planned(config, found, loaded, folder)
        for one in found:
            own = cells[one.label]
            if done := sum(cell.is_done for cell in own):
                say(f"{one.label}: {done} of {len(own)} cells are there already")
            measure_missing(own, partial(load_checkpoint, one), machine, config.evaluate.limit)
        _write(config, found, cells, machine, folder)


def planned(config: Config, found: Sequence[Checkpoint], panels: Sequence[Suite], folder: Path) -> tuple[Cells, Device]:
    """The cells of each checkpoint, finished or not, and the settings they all share, which the first is probed for."""
    machine = _machine(config, found, folder)
    return {one.label: _cells(one, found, panels, config, folder, machine) for one in found}, machine


def _machine(config: Config, found: Sequence[Checkpoint], folder: Path) -> Device:
    """The settings under which a run was measured, so that its cells serve; else those kept here or found now."""
    key = digest(config.evaluate.dtype, config.train.threads)
    kept = [run / "evaluate" / "settings.json" for one in found for run in one.runs]
    path = next((path for path in kept if _key(path) == key), folder / "settings.json")

    def find() -> Device:
        return probe_device(load_checkpoint(found[0])[0], config.evaluate.dtype, config.train.threads, backward=False)

    return load_or_probe_device(path, key, find)


def _key(path: Path) -> str | None:
    try:
        return str(read_json(path).get("key"))
    except DataError:
        return None


def _cells(
    one: Checkpoint, found: Sequence[Checkpoint], panels: Sequence[Suite], config: Config, folder: Path, machine: Device
) -> list[Measurement]:
    """Cells of a run where they are finished and their key says that they would come out the same, else our own."""
    runs = dict.fromkeys(run for other in found for run in other.runs)
    places = [(run / "evaluate" / "measurements", model) for run in runs for model in ("base", "student")]
    own = (folder / "measurements", one.measurement_name)
    cells = []
    for panel, k, seed in plan_measurements(panels, config.evaluate):
        asked = (panel, k, config.evaluate.limit, machine, seed)
        options = [make_measurement(root, model, one.fingerprint, *asked) for root, model in (*places, own)]
        cells.append(next((cell for cell in options if cell.is_done), options[-1]))
    return cells


def gains_over(
    baseline: Sequence[Measurement], other: Sequence[Measurement], label: str, resamples: int, seed: int
) -> list[Row]:
    """A row for each panel, score and k: both scores, the paired gain of `other` and its 95 % interval."""
    siblings = families_by_suite(cell.suite for cell in baseline)
    return [
        {"model": label, "panel": row["panel"], "measure": row["score"], "k": row["k"]}
        | {"baseline": row["base"], "score": row["student"]}
        | {name: row[name] for name in KEPT}
        for row in paired_gains(
            read_suite_scores(baseline), read_suite_scores(other), resamples, seed, families=siblings
        )
    ]


def _write(config: Config, found: Sequence[Checkpoint], cells: Cells, machine: Device, folder: Path) -> None:
    first, *others = found
    settings = config.evaluate
    gains = [
        row
        for one in others
        for row in gains_over(
            cells[first.label], cells[one.label], one.label, settings.bootstrap_resamples, config.seed
        )
    ]
    gains = with_holm(sorted(gains, key=lambda row: (row["panel"], row["measure"], row["k"])))
    facts = {
        "baseline": first.label,
        "models": [
            {"label": one.label, "reference": one.reference, "folder": one.folder,
             "adapter": one.adapter and str(one.adapter), "fingerprint": one.fingerprint}
            for one in found
        ],
        "gains": gains,
        "leaning": measure_label_bias(
            ({**row, "model": one.label} for one in found for row in read_samples(cells[one.label])),
            first.label,
            families_by_suite(cell.suite for cell in cells[first.label]),
            settings.bootstrap_resamples,
            config.seed,
        ),
        "seed": config.seed,
        "resamples": settings.bootstrap_resamples,
        "items": settings.limit,
        "machine": asdict(machine),
        "versions": installed_versions("lm_eval", "torch", "transformers"),
        # Cells of a run's own evaluation, which are used again, call its model the student.
        "truncated": count_truncated([replace(cell, model=one.label) for one in found for cell in cells[one.label]]),
    }  # fmt: skip
    write_json(folder / "compare.json", facts)
    write_svg(plots(gains, first.label), folder / "compare.svg")
    write_text(folder / "compare.md", markdown(facts))
    print_table(gains, first.label)
    say(f"compare: wrote {folder / 'compare.json'}, compare.md and compare.svg")


def plots(gains: Sequence[Row], baseline: str) -> list[Plot]:
    """A plot for each panel and measure: the baseline, and each model with the interval of its gain."""
    made = []
    for panel, measure_ in dict.fromkeys((row["panel"], row["measure"]) for row in gains):
        rows = [row for row in gains if (row["panel"], row["measure"]) == (panel, measure_)]
        before = {row["k"]: Point(row["k"], row["baseline"]) for row in rows}
        lines = [Line(baseline, tuple(before.values()))]
        for label in dict.fromkeys(row["model"] for row in rows):
            own = [row for row in rows if row["model"] == label]
            lines.append(Line(label, tuple(gained(row["k"], row["baseline"], row["score"], row) for row in own)))
        made.append(Plot(f"{panel}: {SCORE_NAMES.get(measure_, measure_)}", tuple(lines)))
    return made


COLUMNS = ("panel", "measure", "k", "model", "baseline", "score", "gain", "95 % interval", "p", "tasks", "items")
WORDS = {"panel", "measure", "model"}


def _row(row: Row) -> list[str]:
    return [
        row["panel"], SCORE_NAMES.get(row["measure"], row["measure"]), str(row["k"]), row["model"], points(row["baseline"]),
        points(row["score"]), signed(row["gain"]), between(row["low"], row["high"]),
        probability(row["p_holm"]), str(row["tasks"]), str(row["items"]),
    ]  # fmt: skip


def print_table(gains: Sequence[Row], baseline: str) -> None:
    """The gains on the terminal."""
    title = f"Gain over {baseline}, in points, with the paired 95 % interval"
    rich_table(title, COLUMNS, [_row(row) for row in gains], WORDS)


def markdown(facts: Row) -> str:
    """compare.md: what compare.json holds, as tables."""
    models = [[m["label"], f"`{m['reference']}`", f"`{m['fingerprint']}`"] for m in facts["models"]]
    parts = [
        f"# Gain over {facts['baseline']}",
        "All models are asked the same items with the same demonstrations. Scores are means over tasks, in percent; "
        "gains are in points, paired item by item, with the 95 % interval over tasks and items "
        f"({facts['resamples']} draws, seed {facts['seed']}); p is that of a sign-flip test, adjusted for the "
        "number of rows (Holm).",
        markdown_table(COLUMNS, [_row(row) for row in facts["gains"]], WORDS),
        "![Score by number of demonstrations](compare.svg)",
        leaning_markdown(facts["leaning"]),
        markdown_table(("model", "given as", "fingerprint"), models, {"model", "given as", "fingerprint"}),
        measured_on(facts),
    ]  # fmt: skip
    return "\n\n".join(filter(None, parts)) + "\n"
