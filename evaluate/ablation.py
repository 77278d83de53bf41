"""The measuring and the tables of `kshot ablate`: every cell of a grid against the base, and against the best cell.

Writes ablate.json, ablate.md and heatmap.svg, and curve.svg where one number is all that varies. A cell is read from
its adapter, so its merged weights may be gone; base and cells are measured once, as `kshot compare` does.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from kshot.config import Config
from kshot.core.console import say
from kshot.core.files import write_json, write_text
from kshot.core.runs import installed_versions
from kshot.evaluate.compare import Cells, planned
from kshot.evaluate.measure.measurement import (
    Groups,
    Measurement,
    count_truncated,
    measure_missing,
    read_samples,
    read_suite_scores,
)
from kshot.evaluate.metrics.label_bias import markdown as leaning_markdown
from kshot.evaluate.metrics.label_bias import measure_label_bias
from kshot.evaluate.metrics.ranking import BEST, LEVEL, ScoredTrial, gain_rows, ranking
from kshot.evaluate.report.heatmap import heat_maps, write_heatmap
from kshot.evaluate.report.markdown import between, markdown_table, measured_on, points, probability, rich_table, signed
from kshot.evaluate.report.svg import Line, Plot, Point, gained, write_svg
from kshot.evaluate.scoring.text import SCORE_NAMES
from kshot.evaluate.stats.paired import Families
from kshot.models.checkpoints import Checkpoint, find_checkpoints, load_checkpoint
from kshot.runtime.device import Device
from kshot.suites.format import Suite, families_by_suite
from kshot.sweep.grid import Trial, short_names

Row = dict[str, Any]
RANKING = ("panel", "score", "place", "cell", "mean", "difference", "95 % interval", "p", "verdict")
GAINS = ("panel", "score", "k", "cell", "base", "student", "gain", "95 % interval", "p", "over seeds", "tasks", "items")
WORDS = {"panel", "score", "cell", "verdict", "folder", "data", "state"}


def measure_cell(config: Config, cell: Trial, run: Path, panels: Sequence[Suite], folder: Path) -> None:
    """Measure a trained cell, and its base where that was not measured; what is there already is left alone.

    Args:
        config: whose evaluate section says what is asked of all cells.
        run: the cell's folder, with train/adapter.
        folder: where measurements are kept.
    """
    found, cells, machine = _planned(config, cell, run, panels, folder)
    for one in found:
        measure_missing(cells[one.label], partial(load_checkpoint, one), machine, config.evaluate.limit)


def _planned(
    config: Config, cell: Trial, run: Path, panels: Sequence[Suite], folder: Path
) -> tuple[list[Checkpoint], Cells, Device]:
    """The base and the cell's student, in this order."""
    own = config.model_copy(update={"student": cell.config.student})
    found = find_checkpoints([own.student, str((run / "train" / "adapter").absolute())], own)
    return found, *planned(own, found, panels, folder)


def write_ablation(
    config: Config, cells: Sequence[Trial], runs: Path, failed: Mapping[str, str], panels: Sequence[Suite],
    folder: Path,
) -> None:  # fmt: skip
    """Write all tables and pictures from cells that are measured.

    Args:
        runs: the folder that holds the cells' own, by label.
        failed: by label, why a cell is not there.
    """
    bases: dict[str, Groups] = {}
    students: dict[str, dict[int, Groups]] = {}
    answers: dict[str, dict[tuple[str, int], Sequence[Measurement]]] = {}
    named: dict[str, str] = {}
    cut: dict[str, int] = {}
    machine = None
    for cell in cells:
        seeds = students.setdefault(cell.setting, {})
        if cell.label in failed:
            continue
        found, measured, machine = _planned(config, cell, runs / cell.label, panels, folder)
        base, student = (measured[one.label] for one in found)
        if cell.setting not in bases:
            bases[cell.setting] = read_suite_scores(base)
        seeds[cell.seed] = read_suite_scores(student)
        name = name_of(found[0], named)
        answers.setdefault(name, {(name, 0): base})[cell.setting, cell.seed] = student
        cut |= count_truncated([*base, *student])
    values = {cell.setting: cell.values for cell in cells}
    scored = [ScoredTrial(name, values[name], bases[name], seeds) for name, seeds in students.items() if seeds]
    asked = config.evaluate.bootstrap_resamples, config.seed, families_by_suite(panels)
    facts: Row = {
        "varied": list(dict.fromkeys(key for cell in cells for key in cell.values)),
        "measurements": [_cell(cell, failed) for cell in cells],
        "rows": gain_rows(scored, *asked),
        "ranking": ranking(scored, *asked),
        "leaning": leanings(answers, *asked),
        "seed": config.seed,
        "new_data": config.ablate.resample_data,
        "resamples": config.evaluate.bootstrap_resamples,
        "items": config.evaluate.limit,
        "machine": machine and asdict(machine),
        "versions": installed_versions("lm_eval", "torch", "transformers"),
        "truncated": cut,
    }
    heat_map, curve = folder / "heatmap.svg", folder / "curve.svg"
    for picture in (heat_map, curve):
        picture.unlink(missing_ok=True)
    if facts["rows"]:
        write_heatmap(heat_maps(facts["rows"], list(students)), heat_map)
    if drawn := curves(facts["rows"]):
        write_svg(drawn, curve)
    write_text(folder / "ablate.md", markdown(facts, bool(drawn)))
    write_json(folder / "ablate.json", facts)
    rich_table("Cells by their mean score over all k, against the best", RANKING, ranking_lines(facts), WORDS)
    rich_table("Gain over the base, in points, with the paired 95 % interval", GAINS, gain_lines(facts), WORDS)
    made = ["ablate.md", *(picture.name for picture in (heat_map, curve) if picture.exists())]
    say(f"ablate: wrote {folder / 'ablate.json'}, {', '.join(made)}")


def name_of(base: Checkpoint, named: dict[str, str]) -> str:
    """The base's label, or its whole reference where another base has that label; `named` notes it by reference."""
    return named.setdefault(base.reference, base.reference if base.label in named.values() else base.label)


def leanings(
    answers: Mapping[str, Mapping[tuple[str, int], Sequence[Measurement]]], resamples: int, seed: int,
    families_by_suite: Mapping[str, Families],
) -> dict[str, list[Row]]:  # fmt: skip
    """What bases and cells know and lean to, a cell's trainings pooled.

    Args:
        answers: base -> the measurements of the base itself and of each (setting, training seed) over it.
    """
    found: dict[str, list[Row]] = {"means": [], "tasks": [], "gains": []}
    for baseline, measured in answers.items():
        rows = (
            {**row, "model": model, "training": training}
            for (model, training), cells in measured.items()
            for row in read_samples(cells)
        )
        for name, more in measure_label_bias(rows, baseline, families_by_suite, resamples, seed).items():
            found[name] += more
    models = [model for measured in answers.values() for model, _ in measured]
    for every in found.values():
        every.sort(key=lambda row: (row["panel"], row["k"], models.index(row["model"])))
    return found


def curves(rows: Sequence[Row]) -> list[Plot]:
    """A plot for each panel and score where one number is all that varies, with a line for each k; else none."""
    every = {key: [row["values"].get(key) for row in rows] for row in rows for key in row["values"]}
    varied = [key for key, values in every.items() if any(value != values[0] for value in values)]
    if len(varied) != 1 or not all(type(n) is int and n >= 0 for n in every[varied[0]]):
        return []
    (key,) = varied
    name = short_names([key])[key].replace("_", " ")
    made = []
    for panel, score in dict.fromkeys((row["panel"], row["score"]) for row in rows):
        own = [row for row in rows if (row["panel"], row["score"]) == (panel, score)]
        by_k: dict[int, list[Point]] = {}
        for row in own:
            by_k.setdefault(row["k"], []).append(gained(row["values"][key], row["base"], row["student"], row))
        lines = tuple(Line(f"k={k}", tuple(found)) for k, found in sorted(by_k.items()))
        made.append(Plot(f"{panel}: {SCORE_NAMES.get(score, score)}", lines, name, name))
    return made


def _cell(cell: Trial, failed: Mapping[str, str]) -> Row:
    state = {"state": "failed", "cause": failed[cell.label]} if cell.label in failed else {"state": "done"}
    names = {"cell": cell.setting, "values": dict(cell.values), "seed": cell.seed}
    return {"label": cell.label, **names, "data": cell.data_key, **state}


def ranking_lines(facts: Row) -> list[list[str]]:
    """The ranking as texts; the best has nothing to be compared with."""
    lines = []
    for row in facts["ranking"]:
        against = ["", "", ""]
        if row["verdict"] != BEST:
            against = [signed(row["difference"]), between(row["low"], row["high"]), probability(row["p_holm"])]
        names = [row["panel"], SCORE_NAMES.get(row["score"], row["score"]), str(row["place"]), row["cell"]]
        lines.append([*names, points(row["mean"]), *against, row["verdict"]])
    return lines


def gain_lines(facts: Row) -> list[list[str]]:
    """The gains as texts, and below them the cells that failed."""
    lines = []
    for row in facts["rows"]:
        several = len(row["seeds"]) > 1
        over_seeds = between(row["seed_low"], row["seed_high"]) if several else ""
        names = [row["panel"], SCORE_NAMES.get(row["score"], row["score"]), str(row["k"]), row["cell"]]
        found = [points(row["base"]), points(row["student"]), signed(row["gain"]), between(row["low"], row["high"])]
        lines.append([*names, *found, probability(row["p_holm"]), over_seeds, str(row["tasks"]), str(row["items"])])
    for cell in facts["measurements"]:
        if cell["state"] == "failed":
            lines.append(["", "", "", f"{cell['cell']} seed={cell['seed']}", "", "", "failed", *[""] * 5])
    return lines


def markdown(facts: Row, curve: bool) -> str:
    """ablate.md: what ablate.json holds, as tables, with the heat map."""
    cells = [
        [cell["label"], cell["data"], f"{cell['state']}: {cell['cause']}" if "cause" in cell else cell["state"]]
        for cell in facts["measurements"]
    ]
    parts = [f"# Ablation of {', '.join(facts['varied']) or 'training seeds'}"]
    if facts["rows"]:
        most = max(len(row["seeds"]) for row in facts["rows"])
        parts += [
            "![Gain by training setting and number of demonstrations](heatmap.svg)",
            *(["![Score by the number that varies](curve.svg)"] if curve else []),
            "## Which cell is best, and is it really?",
            told(most, facts["new_data"]),
            markdown_table(RANKING, ranking_lines(facts), WORDS),
            "## Gains over the base",
            "All cells and the base are asked the same items with the same demonstrations. Scores are means over "
            "tasks, in percent; gains are in points, paired item by item, with the 95 % interval over tasks and items"
            f"{' and seeds' if most > 1 else ''} ({facts['resamples']} draws, seed {facts['seed']}); p is "
            "that of a sign-flip test over tasks, or of a t-test over tasks and trainings where that is higher, "
            "adjusted for the number of rows (Holm).",
            markdown_table(GAINS, gain_lines(facts), WORDS),
            *filter(None, [leaning_markdown(facts["leaning"])]),
        ]
    parts += ["## Cells", markdown_table(("cell", "data", "state"), cells, WORDS)]
    if facts["machine"]:
        parts.append(measured_on(facts))
    return "\n\n".join(parts) + "\n"


def told(seeds: int, new_data: bool) -> str:
    """What the verdicts mean, in plain words."""
    one = (
        "Every cell was trained once here: a difference may also be one between two trainings with the same settings, "
        "which several `ablate.seeds` would tell."
    )
    data = " each on data drawn with it," if new_data else ""
    several = f"Cells were trained with up to {seeds} seeds,{data} and intervals and p speak of other ones as well."
    return (
        "Cells stand in the order of their mean score over all numbers of demonstrations. The difference is that to "
        "the best cell, item by item. **real** means that so large a difference would hardly come from the choice of "
        f"tasks alone (p below {LEVEL}, after adjusting for the number of cells); **not told apart** means that this "
        "panel does not show which of the two is better, not that they are equally good. The best of several cells "
        f"owes a part of its lead to luck. {several if seeds > 1 else one}"
    )
