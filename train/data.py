"""From records to rows for the trainer: checked for length, split, and put in an order fixed before training."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kshot.errors import DataError
from kshot.files import read_jsonl
from kshot.seeding import stream

GROUP = 8


@dataclass(frozen=True)
class Row:
    """A record as messages, its shots, and its length in tokens through the student's chat template."""

    prompt: str
    completion: str
    k: int
    tokens: int

    def messages(self) -> dict[str, Any]:
        """The prompt-completion row that TRL takes; it computes the loss on the completion only."""
        return {
            "prompt": [{"role": "user", "content": self.prompt}],
            "completion": [{"role": "assistant", "content": self.completion}],
        }


@dataclass(frozen=True)
class Split:
    train: list[Row]
    validation: list[Row]
    dropped: dict[str, int]
    """Rows whose answer or end-of-turn would be cut, by shots."""


def read_records(path: Path) -> list[dict[str, Any]]:
    """The records of a train.jsonl.

    Raises:
        DataError: the file is missing, empty, or broken at a line that is named.
    """
    if not path.exists():
        raise DataError(f"{path}: no such file; run `kshot generate` for this run first")
    rows = []
    for number, row in read_jsonl(path):
        for key in ("instruction", "output"):
            if not isinstance(row.get(key), str) or not row[key].strip():
                raise DataError(f"{path}:{number}: {key!r} must be a text that is not empty")
        rows.append(row)
    if not rows:
        raise DataError(f"{path}: no record in it; run `kshot generate` again, or look into rejects.jsonl")
    return rows


def prepare(records: Sequence[dict[str, Any]], tokenizer: Any, max_length: int, validation: float, seed: int) -> Split:
    """Drop what would be cut, hold back the validation slice.

    Raises:
        DataError: nothing is left.
    """
    rows, dropped = [], Counter[str]()
    for record in records:
        k = int(record.get("meta", {}).get("k", 0))
        row = Row(record["instruction"], record["output"], k, 0)
        messages = row.messages()
        text = tokenizer.apply_chat_template(messages["prompt"] + messages["completion"], tokenize=False)
        length = len(tokenizer(text, add_special_tokens=False)["input_ids"])
        if length > max_length:
            dropped[f"k={k}"] += 1
        else:
            rows.append(Row(row.prompt, row.completion, k, length))
    if not rows:
        raise DataError(f"all {len(records)} records are longer than train.max_length={max_length} tokens; raise it")
    stream(seed, "validation").shuffle(rows)
    held = min(round(len(rows) * validation), len(rows) - 1)
    return Split(rows[held:], rows[:held], dict(sorted(dropped.items())))


def ordered(rows: Sequence[Row], epochs: float, batch: int, seed: int) -> list[Row]:
    """The rows in the order of training, epoch after epoch: shuffled, then batches of like length.

    Rows of like length within `GROUP` batches share a batch, which saves most of the padding; the order is drawn here
    and not by the trainer, so that a resumed run sees the rows that the killed one would have seen.
    """
    plan: list[Row] = []
    total = max(1, round(len(rows) * epochs))
    epoch = 0
    while len(plan) < total:
        rng = stream(seed, "order", epoch)
        shuffled = rng.sample(list(rows), len(rows))
        batches = []
        for start in range(0, len(shuffled), GROUP * batch):
            group = sorted(shuffled[start : start + GROUP * batch], key=lambda row: row.tokens)
            batches += [group[i : i + batch] for i in range(0, len(group), batch)]
        whole = [b for b in batches if len(b) == batch]
        rng.shuffle(whole)
        plan += [row for b in [*whole, *(b for b in batches if len(b) < batch)] for row in b]
        epoch += 1
    return plan[:total]
