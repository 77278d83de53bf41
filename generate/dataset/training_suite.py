"""Writes a suite of the training tasks themselves.

    kshot tasks training-suite FOLDER
    kshot compare RUN --suite FOLDER

A student that fails on held-out tasks may not have learnt its training tasks, or may not transfer them. Scores on fresh
problems of the training families distinguish the two; `generate.exclude` can then leave out what a student of this size
does not learn. This is no held-out suite: it measures learning, not a gain on new tasks.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson
import yaml

from kshot.core.errors import DataError
from kshot.core.files import atomic_folder
from kshot.core.seeding import stream
from kshot.tasks.source import TaskSource

INDEX = "suite.yaml"
HEADER = (
    "# Written by `kshot tasks training-suite`: tasks that training uses. It measures learning, no gain on new tasks.\n"
)


def write_training_suite(folder: Path, sources: Sequence[TaskSource], demos: int, items: int, seed: int) -> int:
    """Write a suite with one task for each source that has labels and works without demonstrations.

    Labels are balanced, over demonstrations and items apart. A source with too few distinct problems for one item is
    left out. The items of example-based tasks are their gold examples, which training has seen.

    Returns:
        The number of tasks.

    Raises:
        DataError: the folder exists, or no source is suitable.
    """
    if folder.exists():
        raise DataError(f"{folder}: the folder exists; name a new one")
    suitable = [source for source in sources if source.has_labels and not source.min_k]
    tasks = [
        (source, instruction, rows)
        for source in suitable
        for instruction, rows in [_sample_task(source, demos, items, seed)]
        if len(rows) > demos
    ]
    if not tasks:
        raise DataError("no task with labels among these, or none with enough problems; ask for fewer demonstrations")
    with atomic_folder(folder) as target:
        for source, _, rows in tasks:
            (target / f"{source.id}.jsonl").write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in rows))
        entries = [
            {
                "task": source.id, "family": source.family, "category": source.category, "instruction": instruction,
                "kind": "multiple_choice", "options_fixed": True, "demos": demos, "items": len(rows) - demos,
            }
            for source, instruction, rows in tasks
        ]  # fmt: skip
        text = yaml.safe_dump({"tasks": entries}, sort_keys=False, allow_unicode=True, width=120)
        (target / INDEX).write_text(HEADER + text, encoding="utf-8")
    return len(tasks)


def _sample_task(source: TaskSource, demos: int, items: int, seed: int) -> tuple[str, list[dict[str, Any]]]:
    """The instruction of one drawn task of the source, and its rows: demonstrations, then items."""
    rng = stream(seed, "panel of taught tasks", source.id)
    params = source.params(rng)
    labels = source.labels(params)
    outputs = [label for size in (demos, items) for label in _balanced(labels, size, rng.sample(range(size), size))]
    examples = source.sample_examples(rng, params, demos + items, outputs)
    rows = [{"input": e.input, "output": [e.output], "options": list(labels)} for e in examples if e.output in labels]
    return source.descriptions[0].format(**params), rows


def _balanced(labels: Sequence[str], size: int, order: Sequence[int]) -> list[str]:
    return [labels[position % len(labels)] for position in order]
