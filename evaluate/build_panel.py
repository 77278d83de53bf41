"""Write the held-out panel from its task families: `python -m kshot.evaluate.build_panel [--check] [FOLDER]`.

The panel is shipped with the package and frozen; `--check` proves that the families still produce it byte for byte.
A fixed seed and one random stream per task mean that mending one family leaves the files of the others as they were.
"""

import argparse
import json
import os
import sys
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

import yaml

from kshot.evaluate.heldout_families import FAMILIES, accepted, options
from kshot.families import Family, Params, Problem
from kshot.seeding import stream

SEED = 20260101
DEMOS = 8
ITEMS = 40
MAX_DRAWS = 100_000
FOLDER = Path(__file__).parent / "panel"
HEADER = "# Written by `python -m kshot.evaluate.build_panel`; change the task families, not this file.\n"
SOURCE = "drawn from kshot.evaluate.heldout_families; for evaluation only, never train on it"


def _slots(keys: Sequence[Any], rng: Random) -> list[Any]:
    """One balance key per row: the demonstrations go round the keys in turn, the items are balanced and mixed."""
    turn = rng.sample(keys, len(keys))
    demos = [turn[i % len(turn)] for i in range(DEMOS)]
    items = [turn[i % len(turn)] for i in range(ITEMS)]
    rng.shuffle(items)
    return demos + items


def _draw(family: Family, params: Params, rng: Random) -> list[Problem]:
    """Distinct problems, balanced by label, or by the place of the right answer where the options vary."""

    def key(problem: Problem) -> Any:
        answer, choices = family.solve(problem.facts, params), options(problem.facts)
        return choices.index(answer) if choices else answer

    choices = options(family.sample(rng, params).facts)
    labels = family.labels(params) if family.labels else None
    keys: Sequence[Any] = range(len(choices)) if choices else labels or (None,)
    slots = _slots(keys, rng)
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
    raise RuntimeError(f"{family.id!r} gives fewer than {len(slots)} distinct balanced problems")


def _row(family: Family, params: Params, problem: Problem) -> dict[str, Any]:
    row: dict[str, Any] = {"input": problem.text, "output": accepted(family, problem, params)}
    choices = options(problem.facts) or (family.labels(params) if family.labels else None)
    return row | {"options": list(choices)} if choices else row


def build() -> dict[str, str]:
    """The whole panel: file name to contents."""
    files: dict[str, str] = {}
    tasks: list[dict[str, Any]] = []
    for family in FAMILIES:
        rng = stream(SEED, "panel", family.id)
        params = family.params(rng)
        rows = [_row(family, params, problem) for problem in _draw(family, params, rng)]
        files[f"{family.id}.jsonl"] = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        tasks.append(
            {
                "task": family.id,
                "family": family.id,
                "category": family.category,
                "instruction": family.descriptions[0].format(**params),
                "kind": "multiple_choice" if "options" in rows[0] else "generation",
                "options_fixed": family.labels is not None,
                "demos": DEMOS,
                "items": ITEMS,
            }
        )
    meta = {"name": "kshot", "source": SOURCE, "tasks": tasks}
    files["panel.yaml"] = HEADER + yaml.safe_dump(meta, sort_keys=False, allow_unicode=True, width=120)
    return files


def difference(folder: Path) -> str | None:
    """What is first found to differ between `folder` and a fresh build, or None."""
    files = build()
    for name, text in sorted(files.items()):
        path = folder / name
        if not path.is_file():
            return f"{path} is missing"
        if path.read_bytes() != text.encode():
            return f"{path} differs from a fresh build"
    extra = sorted(path for path in folder.glob("*.jsonl") if path.name not in files)
    return f"{extra[0]} belongs to no task" if extra else None


def write(folder: Path) -> None:
    """Write each file of the panel whole, so that a reader never sees half of one."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in build().items():
        partial = folder / f".{name}.tmp"
        with partial.open("wb") as file:
            file.write(text.encode())
            file.flush()
            os.fsync(file.fileno())
        partial.replace(folder / name)


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m kshot.evaluate.build_panel", description="Write the own panel.")
    parser.add_argument("folder", nargs="?", type=Path, default=FOLDER, metavar="FOLDER")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if FOLDER is not up to date")
    args = parser.parse_args(argv)
    try:
        if not args.check:
            write(args.folder)
        elif found := difference(args.folder):
            sys.stderr.write(f"{found}; run python -m kshot.evaluate.build_panel\n")
            return 1
    except OSError as error:
        sys.stderr.write(f"cannot use {str(args.folder)!r} as the panel folder: {error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
