"""Today's teachers, chat templates, architectures and settings: `python benchmarks/compatibility.py --json FILE`.

Runs every row of the tables in docs/reference/compatibility.md: those of the tests, whole. `cells` counts them, `wrong`
those that are neither right nor refused as they should be, and `tracebacks` the exceptions that a user would see.
`--only GROUP` runs one group, and `--markdown` prints the tables.
"""

import argparse
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from kshot.core.files import write_json

sys.path.insert(0, str(Path(__file__).parents[1]))

import tests.architectures
import tests.chat_templates
import tests.lm_eval_cells
import tests.measuring_cells
import tests.settings
import tests.students
import tests.teachers


class Row(NamedTuple):
    """One cell of a table: `verdict` is right, refused or wrong."""

    name: str
    verdict: str
    note: str


def list_teachers() -> Iterator[Row]:
    for cell in tests.teachers.teacher_cells():
        verdict, _, note = cell.verdict.partition(": ")
        yield Row(f"{cell.teacher}, {cell.mode}", verdict, note)


def list_templates() -> Iterator[Row]:
    for cell in tests.chat_templates.template_cells():
        yield Row(cell.template, cell.verdict, cell.note)


def list_architectures() -> Iterator[Row]:
    for cell in tests.architectures.architecture_cells():
        yield Row(cell.architecture, cell.verdict, cell.note)


def list_settings() -> Iterator[Row]:
    for cell in tests.settings.settings_cells():
        is_right = cell.got == cell.expected
        verdict = ("refused" if cell.expected == "refused" else "right") if is_right else "wrong"
        note = cell.note if is_right else f"{cell.got}, not {cell.expected}: {cell.note}"
        yield Row(f"{cell.setting}: {cell.value!r}", verdict, "Traceback" * (cell.got == "traceback") + note)


def list_scorers() -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as folder:
        student = tests.students.save_tiny_student(Path(folder) / "student")
        yield from _compare(tests.measuring_cells.scorer_cells(student))


def list_loaders() -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as folder:
        student = tests.students.save_tiny_student(Path(folder) / "student")
        yield from _compare(tests.measuring_cells.loader_cells(student, Path(folder)))


def list_lm_eval() -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as folder:
        student = tests.students.save_tiny_student(Path(folder) / "student")
        for name, verdict in tests.lm_eval_cells.lm_eval_cells(student):
            is_right = verdict.startswith(("equal", "named"))
            yield Row(name, "right" if is_right else "wrong", verdict)


def _compare(cells: Iterable[tuple[str, object, object]]) -> Iterator[Row]:
    for name, expected, got in cells:
        is_right = expected == got
        yield Row(name, "right" if is_right else "wrong", str(got) if is_right else f"{got}, not {expected}")


GROUPS: dict[str, Callable[[], Iterator[Row]]] = {
    "teachers": list_teachers,
    "templates": list_templates,
    "architectures": list_architectures,
    "settings": list_settings,
    "loading": list_loaders,
    "scoring": list_scorers,
    "lm_eval": list_lm_eval,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--only", choices=GROUPS)
    parser.add_argument("--markdown", action="store_true")
    options = parser.parse_args()
    rows: dict[str, list[Row]] = {}
    tracebacks, seconds = 0, {}
    for group in [options.only] if options.only else GROUPS:
        rows[group], start = [], time.monotonic()
        try:
            rows[group] += GROUPS[group]()
        except Exception:
            traceback.print_exc()
            tracebacks += 1
        seconds[group] = round(time.monotonic() - start)
    found = {
        "cells": sum(map(len, rows.values())),
        "wrong": sum(row.verdict not in {"right", "refused"} for part in rows.values() for row in part),
        "tracebacks": tracebacks + sum("Traceback" in row.note for part in rows.values() for row in part),
        "by_group": {group: dict(Counter(row.verdict for row in part)) for group, part in rows.items()},
        "seconds": seconds,
        "wrong_cells": [row for part in rows.values() for row in part if row.verdict not in {"right", "refused"}],
    }
    if options.markdown:
        for group, part in rows.items():
            lines = "".join(f"| {row.name} | {row.verdict} | {row.note} |\n" for row in part)
            print(f"## {group}\n\n| cell | outcome | note |\n|---|---|---|\n{lines}")
    print({name: value for name, value in found.items() if name != "wrong_cells"})
    if options.json:
        write_json(options.json, found)
    sys.exit(bool(found["wrong"] or found["tracebacks"]))


if __name__ == "__main__":
    main()
