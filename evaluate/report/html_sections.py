"""Sections of the HTML report that not every run has: controls, what demonstrations add to each model, novelty."""

from collections.abc import Sequence
from pathlib import Path

from kshot.core.files import read_json
from kshot.evaluate.contamination.overlap import CONTAMINATION
from kshot.evaluate.metrics import label_bias as leaning
from kshot.evaluate.metrics.baselines import BASELINE_NAMES
from kshot.evaluate.metrics.forgetting import FORGETTING
from kshot.evaluate.report import contamination as overlap_report
from kshot.evaluate.report import forgetting as regression_report
from kshot.evaluate.report.markdown import metric, probability
from kshot.evaluate.report.svg import Row, between, points, signed
from kshot.evaluate.scoring.text import SCORE_NAMES

ABOUT_CONTROLS = (
    "What can be scored without understanding the task, beside the student's own score on the tasks that have this "
    "control; means over these tasks, in percent. A student below one of them has not shown that it does the task."
)
ABOUT_FEWSHOT = "Each model with k demonstrations against itself without any: scores in percent, gains in points."


def extras(folder: Path) -> list[Row]:
    """A section for each of controls, leaning, fewshot, novelty and forgetting.json that the folder has.

    A section has an `id`, a `title`, words `about` it, `tables` and, where texts are to be read side by side, `pairs`:
    a `summary` and `sides` with a `title` and a `text` each.
    """
    found = []
    if (folder / "baselines.json").exists() and (
        tables := control_tables(read_json(folder / "baselines.json")["means"])
    ):
        found.append({"id": "controls", "title": "Controls", "about": ABOUT_CONTROLS, "tables": tables})
    if (folder / leaning.LABEL_BIAS).exists() and (leans := read_json(folder / leaning.LABEL_BIAS))["means"]:
        found.append(leaning.section(leans))
    if (folder / "fewshot.json").exists() and (tables := fewshot_tables(read_json(folder / "fewshot.json"))):
        title = "What demonstrations add"
        found.append({"id": "fewshot", "title": title, "about": ABOUT_FEWSHOT, "tables": tables})
    if (folder / "manifest.json").exists() and (rows := read_json(folder / "manifest.json").get("reported")):
        about = "Metrics of lm-eval's tasks that are no means over items, so they are not compared item by item."
        tables = [reported_table(rows)]
        found.append({"id": "reported", "title": "Other metrics of lm-eval", "about": about, "tables": tables})
    if (folder / CONTAMINATION).exists():
        found.append(overlap_report.section(read_json(folder / CONTAMINATION), read_json(folder / "gains.json")))
    if (folder / FORGETTING).exists():
        found.append(regression_report.section(read_json(folder / FORGETTING)))
    return found


def control_tables(means: Sequence[Row]) -> list[Row]:
    """A table for each panel and score, a row for each control and number of shots."""
    tables: dict[str, Row] = {}
    for row in means:
        for name, each in row["controls"].items():
            verdict = "below the control" if name in row["below"] else "not below"
            cells = [BASELINE_NAMES.get(name, name), str(row["k"]), points(each["score"]), points(each["student"])]
            columns = ("control", "k", "control's score", "student", "tasks", "the student is")
            table = tables.setdefault(
                _title(row), {"title": _title(row), "columns": columns, "words": {0, 5}, "rows": []}
            )
            table["rows"].append([*cells, str(each["tasks"]), verdict])
    return list(tables.values())


def fewshot_tables(rows: Sequence[Row]) -> list[Row]:
    """A table for each panel and score, a row for each model and number of shots."""
    tables: dict[str, Row] = {}
    for row in rows:
        interval = between(row["low"], row["high"])
        cells = [row["model"], str(row["k"]), points(row["zero"]), points(row["few"]), signed(row["gain"]), interval]
        columns = ("model", "k", "k=0", "with k", "gain", "95 % interval", "p, Holm")
        table = tables.setdefault(_title(row), {"title": _title(row), "columns": columns, "words": {0}, "rows": []})
        table["rows"].append([*cells, probability(row["p_holm"])])
    return list(tables.values())


def reported_table(rows: Sequence[Row]) -> Row:
    """A row a task, metric, number of shots and demo seed."""
    columns = ("panel", "task", "metric", "k", "seed", "base", "student")
    lines = [[metric(row[name]) if name in ("base", "student") else str(row[name]) for name in columns] for row in rows]
    return {"title": "As lm-eval gives them", "columns": columns, "words": {0, 1, 2}, "rows": lines}


def _title(row: Row) -> str:
    return f"{row['panel']}: {SCORE_NAMES.get(row['score'], row['score'])}"
