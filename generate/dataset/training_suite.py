"""A panel of the training tasks themselves: `kshot tasks panel FOLDER`, then `kshot compare RUN --suite FOLDER`.

A student that fails on held-out tasks may not have learnt what it was taught, or may not carry it over. Scores on fresh
problems of the taught families tell which; `generate.exclude` can then leave out what a student of this size does not
learn. This is no held-out panel: what it shows is learning, not a gain.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson
import yaml

from kshot.core.errors import DataError
from kshot.core.files import atomic_folder
from kshot.core.seeding import stream
from kshot.core.types import Example
from kshot.tasks.source import TaskSource

HEADER = (
    "# Written by `kshot tasks panel`: tasks that training uses. It shows what was learnt, and no gain on new tasks.\n"
)


def write_training_suite(folder: Path, units: Sequence[TaskSource], demos: int, items: int, seed: int) -> int:
    """Write a panel with one task for each unit that has labels and can be asked without demonstrations.

    Labels are balanced, over demonstrations and items apart. A unit with too few distinct problems for one item is left
    out; those of example-based tasks are their gold examples, which training has seen.

    Returns:
        How many tasks it has.

    Raises:
        DataError: the folder is there already, or no unit is of use.
    """
    if folder.exists():
        raise DataError(f"{folder}: is there already; name a new folder")
    made = [(unit, *_rows(unit, demos, items, seed)) for unit in units if unit.has_labels and not unit.min_k]
    kept = [(unit, instruction, rows) for unit, instruction, rows in made if len(rows) > demos]
    if not kept:
        raise DataError("no task with labels among these, or none with so many problems; ask for fewer demonstrations")
    with atomic_folder(folder) as target:
        for unit, _, rows in kept:
            (target / f"{unit.id}.jsonl").write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in rows))
        entries = [
            {
                "task": unit.id, "family": unit.family, "category": unit.category, "instruction": instruction,
                "kind": "multiple_choice", "options_fixed": True, "demos": demos, "items": len(rows) - demos,
            }
            for unit, instruction, rows in kept
        ]  # fmt: skip
        text = yaml.safe_dump({"tasks": entries}, sort_keys=False, allow_unicode=True, width=120)
        (target / "panel.yaml").write_text(HEADER + text, encoding="utf-8")
    return len(kept)


def _rows(unit: TaskSource, demos: int, items: int, seed: int) -> tuple[str, list[dict[str, Any]]]:
    """The instruction of one drawn task of the unit, and its rows: demonstrations, then items."""
    rng = stream(seed, "panel of taught tasks", unit.id)
    params = unit.params(rng)
    labels = unit.labels(params)
    wanted = [label for size in (demos, items) for label in _balanced(labels, size, rng.sample(range(size), size))]
    found: list[Example] = unit.sample_examples(rng, params, demos + items, wanted)
    rows = [{"input": e.input, "output": [e.output], "options": list(labels)} for e in found if e.output in labels]
    return unit.descriptions[0].format(**params), rows


def _balanced(labels: Sequence[str], size: int, order: Sequence[int]) -> list[str]:
    return [labels[place % len(labels)] for place in order]
