"""Tables of the HTML report that not every run has: controls, and what demonstrations add to each model."""

from collections.abc import Sequence
from pathlib import Path

from kshot.evaluate.controls import NAMES as CONTROLS
from kshot.evaluate.report import probability
from kshot.evaluate.scores import NAMES
from kshot.evaluate.svg import Row, points, signed
from kshot.files import read_json

ABOUT_CONTROLS = (
    "What can be scored without understanding the task, beside the student's own score on the tasks that have this "
    "control; means over these tasks, in percent. A student below one of them has not shown that it does the task."
)
ABOUT_FEWSHOT = "Each model with k demonstrations against itself without any: scores in percent, gains in points."


def extras(folder: Path) -> list[Row]:
    """A section for controls.json and one for fewshot.json, where the folder has them and they are not empty."""
    found = []
    if (folder / "controls.json").exists() and (tables := control_tables(read_json(folder / "controls.json")["means"])):
        found.append({"id": "controls", "title": "Controls", "about": ABOUT_CONTROLS, "tables": tables})
    if (folder / "fewshot.json").exists() and (tables := fewshot_tables(read_json(folder / "fewshot.json"))):
        title = "What demonstrations add"
        found.append({"id": "fewshot", "title": title, "about": ABOUT_FEWSHOT, "tables": tables})
    return found


def control_tables(means: Sequence[Row]) -> list[Row]:
    """A table for each panel and score, a row for each control and number of shots."""
    tables: dict[str, Row] = {}
    for row in means:
        for name, each in row["controls"].items():
            verdict = "below the control" if name in row["below"] else "not below"
            cells = [CONTROLS.get(name, name), str(row["k"]), points(each["score"]), points(each["student"])]
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
        interval = f"{signed(row['low'])} to {signed(row['high'])}"
        cells = [row["model"], str(row["k"]), points(row["zero"]), points(row["few"]), signed(row["gain"]), interval]
        columns = ("model", "k", "k=0", "with k", "gain", "95 % interval", "p, Holm")
        table = tables.setdefault(_title(row), {"title": _title(row), "columns": columns, "words": {0}, "rows": []})
        table["rows"].append([*cells, probability(row["p_holm"])])
    return list(tables.values())


def _title(row: Row) -> str:
    return f"{row['panel']}: {NAMES.get(row['score'], row['score'])}"
