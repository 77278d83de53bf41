"""Which demonstration a student copies: `python benchmarks/demo_order.py RUN ... --json FILE`.

Asks the base and the students of these runs the panel `kshot-uneven` with the same four demonstrations in four orders:
the one with the rarer label stands first, second, third, last. Prints how often the answer is the rarer label, for each
of these, and the accuracy. Who counts labels answers alike in all of them.
"""

import argparse
from collections import defaultdict
from itertools import product
from pathlib import Path

import yaml

from kshot.config import Config
from kshot.core.files import read_jsonl, write_json, write_text
from kshot.evaluate.compare import run_compare
from kshot.generate.teacher.cache import Row
from kshot.models.checkpoints import find_checkpoints
from kshot.suites.loading import load_suite

SHOTS = 4
HERE = Path("runs/demo_order")


def reordered(place: int, folder: Path) -> dict[str, str]:
    """Write the panel with the rarer label of the demonstrations at this place; returns that label by task."""
    rare: dict[str, str] = {}
    entries = []
    for task in load_suite("kshot-uneven").tasks:
        first, others = list(task.demos[:SHOTS]), task.demos[SHOTS:]
        labels = [row.output[0] for row in first]
        odd = first.pop(next(n for n, label in enumerate(labels) if labels.count(label) == 1))
        first.insert(place, odd)
        rare[task.name] = odd.output[0]
        rows: list[Row] = [*first, *others, *task.items]
        write_text(folder / f"{task.name}.jsonl", "".join(row.model_dump_json() + "\n" for row in rows))
        entries.append(task.spec.model_dump())
    write_text(folder / "panel.yaml", yaml.safe_dump({"tasks": entries}))
    return rare


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", nargs="+")
    parser.add_argument("--items", type=int, default=6, help="of each task")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    panels = {f"rare{place + 1}": place for place in range(SHOTS)}
    rare = {name: reordered(place, HERE / "panels" / name) for name, place in panels.items()}
    asked = {"suites": [], "shots": [SHOTS], "items": options.items}
    config = Config.model_validate({"evaluate": asked})
    run_compare(config, options.runs, "", [str(HERE / "panels" / name) for name in panels], HERE)
    # Cells of earlier calls lie there too.
    models = [one.measurement_name for one in find_checkpoints([config.student, *options.runs], config)]
    found: dict[str, dict[str, list[tuple[bool, float]]]] = defaultdict(lambda: defaultdict(list))
    for model, name in product(models, panels):
        for _, row in read_jsonl(HERE / "cells" / name / f"{model}-k{SHOTS}" / "samples.jsonl"):
            if row["score"] == "loglikelihood":
                found[model][name].append((row["answer"] == rare[name][row["task"]], row["right"]))
    shares = {
        model: {name: [sum(column) / len(rows) for column in zip(*rows, strict=True)] for name, rows in by.items()}
        for model, by in found.items()
    }
    print("the rarer label stands first, second, third, last: how often it is chosen, and the accuracy")
    for model, by in shares.items():
        print(model.ljust(40), *(f"{100 * rarer:3.0f} / {100 * right:2.0f}" for rarer, right in by.values()))
    if options.json:
        write_json(options.json, shares)


if __name__ == "__main__":
    main()
