"""Which demonstration a student copies: `python benchmarks/demo_order.py RUN ... --json FILE`.

Measures the base and the students of these runs on the suite `kshot-uneven` with the same four demonstrations in four
orders: the one with the rarer label stands first, second, third, last. Prints how often the answer is the rarer label,
for each of these, and the accuracy. A model that counts labels answers alike in all of them.
"""

import argparse
from collections import defaultdict
from itertools import product
from pathlib import Path

import yaml

from kshot.config import Config
from kshot.core.files import write_json, write_text
from kshot.evaluate.compare import run_compare
from kshot.evaluate.measure.results import read_sample_file
from kshot.models.checkpoints import find_checkpoints
from kshot.suites.loading import load_suite

SHOTS = 4
HERE = Path("runs/demo_order")


def write_reordered(position: int, folder: Path) -> dict[str, str]:
    """Write the suite with the rarer label of the demonstrations at this position; returns that label by task."""
    rare_labels: dict[str, str] = {}
    entries = []
    for task in load_suite("kshot-uneven").tasks:
        demos, others = list(task.demos[:SHOTS]), task.demos[SHOTS:]
        labels = [row.output[0] for row in demos]
        rare = demos.pop(next(n for n, label in enumerate(labels) if labels.count(label) == 1))
        demos.insert(position, rare)
        rare_labels[task.name] = rare.output[0]
        rows = [*demos, *others, *task.items]
        write_text(folder / f"{task.name}.jsonl", "".join(row.model_dump_json() + "\n" for row in rows))
        entries.append(task.spec.model_dump())
    write_text(folder / "suite.yaml", yaml.safe_dump({"tasks": entries}))
    return rare_labels


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", nargs="+")
    parser.add_argument("--limit", type=int, default=6, help="items of each task")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    suites = {f"rare{position + 1}": position for position in range(SHOTS)}
    rare_labels = {name: write_reordered(position, HERE / "suites" / name) for name, position in suites.items()}
    settings = {"suites": [], "shots": [SHOTS], "limit": options.limit}
    config = Config.model_validate({"evaluate": settings})
    run_compare(config, options.runs, "", [str(HERE / "suites" / name) for name in suites], HERE)
    # Measurements of earlier calls lie there too.
    models = [checkpoint.measurement_name for checkpoint in find_checkpoints([config.student, *options.runs], config)]
    answers: dict[str, dict[str, list[tuple[bool, float]]]] = defaultdict(lambda: defaultdict(list))
    for model, name in product(models, suites):
        for _, row in read_sample_file(HERE / "measurements" / name / f"{model}-k{SHOTS}" / "samples.jsonl"):
            if row.score == "loglikelihood":
                answers[model][name].append((row.answer == rare_labels[name][row.task], float(row.right or 0)))
    fractions = {
        model: {name: [sum(column) / len(rows) for column in zip(*rows, strict=True)] for name, rows in by_name.items()}
        for model, by_name in answers.items()
    }
    print("the rarer label stands first, second, third, last: how often it is chosen, and the accuracy")
    for model, by_name in fractions.items():
        print(model.ljust(40), *(f"{100 * rarer:3.0f} / {100 * right:2.0f}" for rarer, right in by_name.values()))
    if options.json:
        write_json(options.json, fractions)


if __name__ == "__main__":
    main()
