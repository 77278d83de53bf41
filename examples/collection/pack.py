"""Packs task files of runs into the shipped collection: `python examples/collection/pack.py FOLDER... --suite NAME`.

Reads every task of the folders (a run's generate/tasks), leaves out what a suite has too and tasks with few examples,
and writes configs/tasks/collection.jsonl, a task a line, and examples/collection/decontamination.json.
"""

import argparse
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson

from kshot.core.files import write_json
from kshot.core.shipped import COLLECTION_FILE
from kshot.core.types import Example, Task
from kshot.generate.curation.copies.known_inputs import KnownInputs
from kshot.generate.curation.decontaminate import Decontaminator
from kshot.generate.curation.nearest_heldout import nearest_heldout_tasks
from kshot.project.suite import load_suite_entry
from kshot.tasks.reader import load_tasks
from kshot.tasks.writer import task_fields

REPORT = Path(__file__).with_name("decontamination.json")
MIN_EXAMPLES, MAX_EXAMPLES = 8, 16
TEACHER = "hand"
SHOWN_NEAREST = 25


def clean(task: Task, decontaminator: Decontaminator, dropped: Counter[str]) -> Task:
    """The task without examples that share text with a suite or nearly repeat another one, and without attributes."""
    kept: list[Example] = []
    known = KnownInputs([])
    for example in task.examples:
        if decontaminator.match([example.input], [example.output]):
            dropped["shares text with a suite"] += 1
        elif example.input in known:
            dropped["near-copy"] += 1
        else:
            known.add(example.input)
            kept.append(replace(example, attributes=(), teacher=TEACHER))
    return replace(task, examples=tuple(kept[:MAX_EXAMPLES]))


def count_rationales(task: Task) -> int:
    return sum(example.rationale is not None for example in task.examples)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--suite", action="append", default=[], help="a suite's name or folder")
    options = parser.parse_args()
    entries = ["kshot", "kshot-uneven", "kshot-long", *options.suite]
    # Suites of `kshot init` are all named `suite`; their folder says whose they are.
    suites = [replace(load_suite_entry(entry), name="/".join(Path(entry).parts[-2:])) for entry in entries]
    tasks: dict[str, Task] = {}
    for path in sorted(path for folder in options.folders for path in folder.glob("*.yaml")):
        for task in load_tasks(path):
            if task.mode == "invent" and (task.id not in tasks or count_rationales(task) > 0):
                tasks[task.id] = task
    decontaminator = Decontaminator(suites, [text for task in tasks.values() for text in task.descriptions])
    dropped: Counter[str] = Counter()
    refused: dict[str, str] = {}
    kept: list[Task] = []
    for task in tasks.values():
        cleaned = clean(task, decontaminator, dropped)
        near = [text for text in task.descriptions if decontaminator.find_similar_instruction(text)]
        if near:
            refused[task.id] = f"like a held-out task: {decontaminator.find_similar_instruction(near[0])}"
        elif len(cleaned.examples) < MIN_EXAMPLES:
            refused[task.id] = f"{len(cleaned.examples)} examples"
        elif task.labels and len({example.output for example in cleaned.examples}) < 2:
            refused[task.id] = "one label only"
        else:
            kept.append(cleaned)
    kept.sort(key=lambda task: (task.category, task.id))
    lines = [orjson.dumps(task_fields(task), option=orjson.OPT_APPEND_NEWLINE) for task in kept]
    COLLECTION_FILE.write_bytes(b"".join(lines))
    nearest = nearest_heldout_tasks({task.id: task.descriptions for task in kept}, suites)
    nearest.sort(key=lambda row: -row.similarity)
    report: dict[str, Any] = {
        "suites": {suite.name: sum(len(task.items) for task in suite.tasks) for suite in suites},
        "tasks": {"read": len(tasks), "kept": len(kept)},
        "refused_tasks": refused,
        "dropped_examples": dict(dropped),
        # Without the held-out instructions: this file is published.
        "nearest_instructions": [row.model_dump(exclude={"instruction"}) for row in nearest[:SHOWN_NEAREST]],
    }
    write_json(REPORT, report)
    counts = {
        "examples": sum(len(task.examples) for task in kept),
        "tasks with labels": sum(bool(task.labels) for task in kept),
        "tasks with rationales": sum(count_rationales(task) > 0 for task in kept),
        "categories": len({task.category for task in kept}),
        "MB": round(sum(map(len, lines)) / 1e6, 1),
    }
    print(f"{len(kept)} of {len(tasks)} tasks; {counts}")


if __name__ == "__main__":
    main()
