"""The rows that a run trained on, as inputs with labels, read back from its records."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from kshot.core.files import read_jsonl

EXAMPLES = "examples.jsonl"


@dataclass(frozen=True)
class TrainingPair:
    """A row that the run trained on; `is_real` where a person wrote it."""

    input: str
    label: str
    is_real: bool


def read_training_pairs(train: Path, names: set[str]) -> dict[str, list[TrainingPair]]:
    """By task, the rows that its records show, as queries or demonstrations, each once.

    Records with made-up labels or steps tell no label. Whether a person wrote a demonstration stands in examples.jsonl;
    without this file the queries alone count.

    Args:
        train: the run's train.jsonl.
    """
    gold = _read_gold(train.with_name(EXAMPLES), names)
    found: dict[str, dict[str, TrainingPair]] = {}
    for _, row in read_jsonl(train):
        meta = row.get("meta")
        if not isinstance(meta, Mapping) or meta.get("task") not in names:
            continue
        query, task = meta.get("query"), str(meta["task"])
        if meta.get("symbol_tuned") or meta.get("kind") == "cot" or not isinstance(query, Mapping):
            continue
        shown = [query, *(meta.get("demonstrations") or ())] if task in gold else [query]
        for example in shown:
            text = str(example["input"])
            is_real = text in gold[task] if task in gold else meta.get("example_mode") == "gold"
            found.setdefault(task, {}).setdefault(text, TrainingPair(text, str(example["output"]), is_real))
    return {name: list(pairs.values()) for name, pairs in found.items()}


def _read_gold(path: Path, names: set[str]) -> dict[str, set[str]]:
    """By task, the inputs that a person wrote, from generate's examples.jsonl; empty without the file."""
    if not path.is_file():
        return {}
    return {
        str(row["id"]): {str(example["input"]) for example in row["examples"] if example["mode"] == "gold"}
        for _, row in read_jsonl(path)
        if row.get("id") in names
    }
