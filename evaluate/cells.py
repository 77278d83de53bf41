"""One cell of the measurement: a model, a panel, a number of shots. A cell is done whole or not at all.

evaluate/cells/<panel>/<model>-k<k>/   samples.jsonl, lm-eval's results_*.json and samples_*.jsonl, cell.json
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import kshot
from kshot.console import progress
from kshot.files import read_json, read_jsonl, whole_folder, write_json, write_jsonl
from kshot.machine import Machine
from kshot.panel import Panel
from kshot.seeding import digest

SHAPING = ("answers.py", "prompting.py", "evaluate/forest.py", "evaluate/model.py", "evaluate/questions.py")
"""The code that shapes what is asked and how it is scored."""
Results = dict[str, dict[str, list[bool]]]
"""score -> task -> right or wrong, item by item."""


@dataclass(frozen=True)
class Cell:
    """What is measured, and where it is kept. `key` changes with everything that shapes the answers."""

    model: str
    panel: Panel
    k: int
    folder: Path
    key: str

    @property
    def done(self) -> bool:
        path = self.folder / "cell.json"
        return path.exists() and read_json(path).get("key") == self.key


def make_cell(root: Path, model: str, identity: str, panel: Panel, k: int, items: int | None, machine: Machine) -> Cell:
    """The cell of a model (`base` or `student`, with the fingerprint of its weights) on a panel at k shots."""
    code = "".join((Path(kshot.__file__).parent / path).read_text() for path in SHAPING)
    content = [(t.entry.model_dump_json(), t.demos, t.items) for t in panel.tasks]
    key = digest(identity, content, k, items, machine.dtype, machine.attention, machine.device, code)
    return Cell(model, panel, k, root / panel.name / f"{model}-k{k}", key)


def measure(cell: Cell, lm: Any, items: int | None) -> None:
    """Ask the model, a `PanelLM`, everything in the cell through lm-eval, and keep the answers."""
    from lm_eval import simple_evaluate
    from lm_eval.tasks import TaskManager

    from kshot.evaluate.questions import lm_eval_tasks, requests
    from kshot.quiet import quiet

    label = f"{cell.panel.name} k={cell.k} {cell.model}"
    with progress(label, requests(cell.panel, items)) as tick, quiet():
        lm.tick = tick
        results = simple_evaluate(
            model=lm,
            tasks=lm_eval_tasks(cell.panel, cell.k, items, lm.tokenizer),
            task_manager=TaskManager(include_defaults=False),
            apply_chat_template=True,
            bootstrap_iters=0,
        )
        with whole_folder(cell.folder) as folder:
            rows = _samples(cell, results["samples"], lm)
            write_jsonl(folder / "samples.jsonl", rows)
            _save_lm_eval(results, cell.model, folder)
            write_json(folder / "cell.json", {"key": cell.key, "truncated": sum(row["truncated"] for row in rows)})


def _samples(cell: Cell, samples: dict[str, list[dict[str, Any]]], lm: Any) -> list[dict[str, Any]]:
    """A row an item and score, sorted by task, score and item."""
    rows = []
    for name, found in samples.items():
        task, _, score = name.rpartition("__")
        for sample in found:
            doc, arguments = sample["doc"], sample["arguments"]
            text = next(iter(arguments.values()))["arg_0"] if isinstance(arguments, dict) else arguments[0][0]
            row = {"panel": cell.panel.name, "task": task, "score": score, "k": cell.k, "item": doc["item"]}
            row |= {"model": cell.model, "input": doc["input"], "accepted": doc["output"], "prompt": text}
            row["truncated"] = len(lm.tok_encode(text)) > lm.max_length
            replies = sample["filtered_resps"]
            if score == "exact_match":
                rows.append({**row, "right": bool(sample["exact_match"]), "answer": replies[0]})
            else:
                scores = [float(reply[0]) for reply in replies]
                choice = doc["options"][scores.index(max(scores))]
                row |= {"options": doc["options"], "log_probs": scores}
                rows.append({**row, "right": bool(sample["acc"]), "answer": choice})
    return sorted(rows, key=lambda row: (row["task"], row["score"], row["item"]))


def _save_lm_eval(results: Any, model: str, folder: Path) -> None:
    """lm-eval's own files, for the tools that read them."""
    from lm_eval.loggers import EvaluationTracker

    tracker = EvaluationTracker(output_path=str(folder))
    tracker.general_config_tracker.log_experiment_args(
        model_source="kshot",
        model_args=f"pretrained={model}",
        system_instruction=None,
        chat_template=None,
        fewshot_as_multiturn=False,
    )
    samples = results.pop("samples")
    tracker.save_results_aggregated(results=results, samples=samples)
    for task, found in samples.items():
        tracker.save_results_samples(task_name=task, samples=found)


def read_results(cell: Cell) -> Results:
    """Right or wrong for every score, task and item of a finished cell."""
    found: Results = defaultdict(dict)
    for _, row in read_jsonl(cell.folder / "samples.jsonl"):
        found[row["score"]].setdefault(row["task"], []).append(row["right"])
    return dict(found)


def truncated(cells: Sequence[Cell]) -> dict[str, int]:
    """Prompts that were longer than the model's context, by cell; empty where there are none."""
    counts = {f"{c.panel.name} k={c.k} {c.model}": int(read_json(c.folder / "cell.json")["truncated"]) for c in cells}
    return {name: n for name, n in counts.items() if n}
