"""Write the held-out suites from their task families: `python -m kshot.evaluate.heldout.build [--check] [FOLDER]`.

The suites are shipped with the package and frozen; `--check` proves that the families still produce them byte for byte.
A fixed seed and one random stream per task mean that mending one family leaves the files of the others as they were.
"""

import argparse
import json
import os
import sys
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from random import Random
from typing import Any

import yaml

from kshot.core.seeding import stream
from kshot.core.shipped import SUITES as FOLDER
from kshot.evaluate.heldout import FAMILIES, LABELLED, accepted, options
from kshot.evaluate.heldout.long_instructions import LONG
from kshot.tasks.family import Family, Params, Problem

SEED = 20260101
STREAM = "panel"
"""The name of the random streams; it shapes the shipped suites, so it stays."""
DEMOS = 8
ITEMS = 40
UNEVEN_ITEMS = 20
"""Fewer, since a suite of uneven labels asks each family once for each of its labels."""
UNEVEN_OF_FOUR = 3
"""Rows in four that have the task's frequent label."""
MAX_DRAWS = 100_000
HEADER = "# Written by `python -m kshot.evaluate.heldout.build`; change the task families, not this file.\n"
SOURCE = "drawn from kshot.evaluate.heldout; for evaluation only, never train on it"


@dataclass(frozen=True)
class PlannedTask:
    """A task of a suite: a family, and the label that most of its rows have, if it is an uneven one."""

    family: Family
    frequent: str | None = None
    other: int = 0
    """Which of the first four demonstrations of an uneven task has another label."""
    long: bool = False
    """The instruction is a paragraph; the rows are those of the task whose instruction is a sentence."""

    @property
    def name(self) -> str:
        frequent = self.frequent and f"_mostly_{self.frequent.replace(' ', '_')}"
        return f"{self.family.id}{frequent or ''}"

    @property
    def items(self) -> int:
        return UNEVEN_ITEMS if self.frequent else ITEMS


def _uneven() -> tuple[PlannedTask, ...]:
    """Every family once for each of its labels; the other label stands first, second, third, last in turn."""
    pairs = [(family, label) for family in LABELLED if family.labels for label in family.labels({})]
    return tuple(PlannedTask(family, label, number % 4) for number, (family, label) in enumerate(pairs))


SUITES_TO_BUILD: Mapping[str, tuple[PlannedTask, ...]] = {
    "kshot": tuple(PlannedTask(family) for family in FAMILIES),
    "kshot-uneven": _uneven(),
    "kshot-long": tuple(PlannedTask(family, long=True) for family in FAMILIES),
}


def _slots(keys: Sequence[Any], task: PlannedTask, rng: Random) -> list[Any]:
    """One key per row: demonstrations go round the keys in turn, items are balanced and mixed, the first few too.

    Of an uneven task three rows in four have the frequent key, also of the first four and the last four demonstrations;
    the other of the first four is not always in the same place, so that copying the first or the last one earns less.
    """
    turn = rng.sample(keys, len(keys))
    if task.frequent is None:
        demos = [turn[i % len(turn)] for i in range(DEMOS)]
        items = [turn[i % len(turn)] for i in range(task.items)]
        rng.shuffle(items)
        return demos + _in_blocks(items, task)
    others = cycle([key for key in turn if key != task.frequent])
    slots: list[Any] = []
    for size in (4, DEMOS - 4, task.items):
        often = size * UNEVEN_OF_FOUR // 4
        part = [task.frequent] * often + [next(others) for _ in range(size - often)]
        rng.shuffle(part)
        slots += _in_blocks(part, task)
    first = next(place for place, key in enumerate(slots) if key != task.frequent)
    slots[first], slots[task.other] = slots[task.other], slots[first]
    return slots


def _in_blocks(slots: Sequence[Any], task: PlannedTask) -> list[Any]:
    """In an order in which each key has come as often as its share, give or take one, wherever one stops.

    A block holds every key once, or three times the frequent one and once another; inside it the order stays.
    """
    seen: Counter[Any] = Counter()
    blocks = []
    for slot in slots:
        kind = slot if task.frequent is None else slot == task.frequent
        blocks.append(seen[kind] // (UNEVEN_OF_FOUR if task.frequent is not None and kind else 1))
        seen[kind] += 1
    return [slot for _, slot in sorted(zip(blocks, slots, strict=True), key=lambda each: each[0])]


def _draw(task: PlannedTask, params: Params, rng: Random) -> list[Problem]:
    """Distinct problems, balanced by label, or by the place of the right answer where the options vary."""
    family = task.family

    def key(problem: Problem) -> Any:
        answer, choices = family.solve(problem.facts, params), options(problem.facts)
        return choices.index(answer) if choices else answer

    choices = options(family.sample(rng, params).facts)
    labels = family.labels(params) if family.labels else None
    keys: Sequence[Any] = range(len(choices)) if choices else labels or (None,)
    slots = _slots(keys, task, rng)
    rows: list[Problem | None] = [None] * len(slots)
    open_slots: dict[Any, list[int]] = defaultdict(list)
    for place, slot in reversed(list(enumerate(slots))):
        open_slots[slot].append(place)
    seen: set[Any] = set()
    for _ in range(MAX_DRAWS):
        problem = family.sample(rng, params)
        marks = {problem.text, problem.facts.get("once", problem.text)}
        free = open_slots[key(problem) if choices or labels else None]
        if free and not marks & seen:
            seen |= marks
            rows[free.pop()] = problem
        if not any(open_slots.values()):
            return [row for row in rows if row is not None]
    raise RuntimeError(f"{task.name!r} gives fewer than {len(slots)} distinct balanced problems")


def _row(family: Family, params: Params, problem: Problem) -> dict[str, object]:
    row: dict[str, object] = {"input": problem.text, "output": accepted(family, problem, params)}
    choices = options(problem.facts) or (family.labels(params) if family.labels else None)
    return row | {"options": list(choices)} if choices else row


def build() -> dict[str, str]:
    """All suites: file name below the folder of suites to contents."""
    files: dict[str, str] = {}
    for name, tasks in SUITES_TO_BUILD.items():
        entries = [_add(files, name, task) for task in tasks]
        meta = {"name": name, "source": SOURCE, "tasks": entries}
        text = yaml.safe_dump(meta, sort_keys=False, allow_unicode=True, width=120)
        files[f"{name}/suite.yaml"] = HEADER + text
    return files


def _add(files: dict[str, str], suite: str, task: PlannedTask) -> dict[str, object]:
    """Put the task's file into `files`; returns its entry in `suite.yaml`."""
    family = task.family
    rng = stream(SEED, STREAM, task.name)
    params = family.params(rng)
    rows = [_row(family, params, problem) for problem in _draw(task, params, rng)]
    files[f"{suite}/{task.name}.jsonl"] = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    return {
        "task": task.name,
        "family": family.id,
        "category": family.category,
        "instruction": LONG[family.id] if task.long else family.descriptions[0].format(**params),
        "kind": "multiple_choice" if "options" in rows[0] else "generation",
        "options_fixed": family.labels is not None,
        "scores": ["exact_match", "normalized_match"],
        "first_line_only": True,
        "demos": DEMOS,
        "items": task.items,
    }


def difference(folder: Path) -> str | None:
    """What is first found to differ between `folder` and a fresh build, or None."""
    files = build()
    for name, text in sorted(files.items()):
        path = folder / name
        if not path.is_file():
            return f"{path} is missing"
        if path.read_bytes() != text.encode():
            return f"{path} differs from a fresh build"
    known = {folder / name for name in files}
    extra = sorted(path for path in folder.rglob("*.jsonl") if path not in known)
    return f"{extra[0]} belongs to no task" if extra else None


def write(folder: Path) -> None:
    """Write each file of the suites whole, so that a reader never sees half of one."""
    for name, text in build().items():
        partial = (folder / name).with_suffix(".tmp")
        partial.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("wb") as file:
            file.write(text.encode())
            file.flush()
            os.fsync(file.fileno())
        partial.replace(folder / name)


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m kshot.evaluate.heldout.build", description="Write the shipped suites."
    )
    parser.add_argument("folder", nargs="?", type=Path, default=FOLDER, metavar="FOLDER")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if FOLDER is not up to date")
    args = parser.parse_args(argv)
    try:
        if not args.check:
            write(args.folder)
        elif found := difference(args.folder):
            sys.stderr.write(f"{found}; run python -m kshot.evaluate.heldout.build\n")
            return 1
    except OSError as error:
        sys.stderr.write(f"cannot use {str(args.folder)!r} as the folder of suites: {error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
