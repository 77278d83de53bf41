"""From records to rows for the trainer: checked for length, split, and put in an order fixed before training."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any

from kshot.core.errors import DataError
from kshot.core.files import read_jsonl
from kshot.core.seeding import stream
from kshot.models.chat_template import chat_format

GROUP = 32
"""Batches. On the quickstart's rows 8 of them leave 16 % of padding beside the tokens, 32 leave 9 %."""
IGNORED = -100


@dataclass(frozen=True)
class TrainRow:
    """A record as the trainer takes it.

    `labels` are its tokens where the loss is computed and `IGNORED` elsewhere.
    """

    prompt: str
    completion: str
    k: int
    input_ids: tuple[int, ...]
    labels: tuple[int, ...]

    @property
    def tokens(self) -> int:
        return len(self.input_ids)

    def example(self) -> dict[str, list[int]]:
        """What a dataset of TRL's SFTTrainer holds when it is tokenized already."""
        return {"input_ids": list(self.input_ids), "labels": list(self.labels)}


@dataclass(frozen=True)
class Split:
    train: list[TrainRow]
    validation: list[TrainRow]
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
        check_record(f"{path}:{number}", row)
        rows.append(row)
    if not rows:
        raise DataError(f"{path}: no record in it; run `kshot generate` again, or look into rejects.jsonl")
    return rows


def check_record(place: str, row: dict[str, Any]) -> None:
    """Refuse a record that cannot be trained on.

    Raises:
        DataError: names the place and the field.
    """
    for key in ("instruction", "output"):
        is_text = isinstance(row.get(key), str)
        if not is_text or not (row[key].strip() or (key == "output" and _has_empty_answer(row))):
            found = f"found {row[key]!r:.80}" if key in row else "and is missing"
            if key in row and not is_text:
                found += "; write it in quotes"
            raise DataError(f"{place}: {key!r} must be a text that is not empty, {found}")
    if error := _meta_error(row.get("meta")):
        raise DataError(f"{place}: 'meta': {error}")


def _has_empty_answer(row: dict[str, Any]) -> bool:
    """Whether the record was composed with nothing as its answer: its task allows that."""
    meta = row.get("meta")
    query = meta.get("query") if isinstance(meta, dict) else None
    return isinstance(query, dict) and query.get("output") == row["output"]


def _meta_error(meta: Any) -> str | None:
    """Why `meta` is unusable: training reads its `k` and `loss_spans`; a hand-made record needs neither."""
    if meta is None:
        return None
    if not isinstance(meta, dict):
        return f"expected an object, found {meta!r:.80}"
    if type(meta.get("k", 0)) is not int:
        return f"'k' must be a whole number, found {meta['k']!r:.80}"
    if (turns := meta.get("turns")) is not None and not _are_turns(turns, meta.get("loss_turns", [])):
        return "'turns' must be objects with 'role' and 'content', and 'loss_turns' positions in them"
    spans = meta.get("loss_spans", [])
    if isinstance(spans, list) and all(isinstance(span, list) and [*map(type, span)] == [int, int] for span in spans):
        return None
    return "'loss_spans' must be pairs [start, end] of positions in the instruction"


def _are_turns(turns: Any, learnt: Any) -> bool:
    """Whether they are turns before an answer, with the positions of the earlier answers to learn."""
    if not isinstance(turns, list) or not turns or not isinstance(learnt, list):
        return False
    texts = [turn.get(key) for turn in turns if isinstance(turn, dict) for key in ("role", "content")]
    is_whole = len(texts) == 2 * len(turns) and all(isinstance(text, str) for text in texts)
    return is_whole and all(type(at) is int and 0 < at < len(turns) for at in learnt)


def tokenize_conversation(record: dict[str, Any], tokenizer: Any, targets: bool) -> list[TrainRow]:
    """A record as rows: one, or with `targets` one for each answer of a conversation to learn.

    Each row is then the prompt that a user would send at this point: templates write earlier answers differently.
    """
    turns = (record.get("meta") or {}).get("turns")
    rows = [tokenize_record(record, tokenizer, targets)]
    if turns and targets:
        earlier = record["meta"].get("loss_turns", [])
        parts = [{"output": turns[at]["content"], "meta": {"turns": turns[:at]}} for at in earlier]
        rows = [tokenize_record(part, tokenizer, False) for part in parts] + rows
    return rows


def tokenize_record(record: dict[str, Any], tokenizer: Any, targets: bool) -> TrainRow:
    """A record as the prompt that evaluation sends, its answer, and the end of the turn.

    The loss is on the answer with its end-of-turn, as in TRL's prompt-completion rows; with `targets` also on those
    outputs of demonstrations that the text before them determines (`meta.loss_spans`).

    Raises:
        DataError: the template changes the instruction, so the outputs of demonstrations cannot be found in it.
        WeightsError: the student has no chat template that kshot can use.
    """
    meta = record.get("meta") or {}
    turns = meta.get("turns") or [{"role": "user", "content": record["instruction"]}]
    prompt, completion, chat = turns[-1]["content"], record["output"], chat_format(tokenizer)
    row, asked = chat.encode_row(turns, completion)
    is_target = [index >= asked for index in range(len(row.ids))]
    if targets and (spans := meta.get("loss_spans")):
        shift = chat.find_user_text(turns)
        if shift is None:
            raise DataError(f"the student's chat template changes this instruction: {prompt!r:.80}")
        for index, (start, end) in enumerate(row.offsets[:asked]):
            is_target[index] = any(start < shift + b and end > shift + a for a, b in spans)
    labels = tuple(token if learn else IGNORED for token, learn in zip(row.ids, is_target, strict=True))
    return TrainRow(prompt, completion, int(meta.get("k", 0)), tuple(row.ids), labels)


def prepare_rows(
    records: Sequence[dict[str, Any]], tokenizer: Any, max_length: int, validation: float, seed: int, targets: bool
) -> Split:
    """Tokenize, drop what would be cut, hold back the validation slice, which is scored on its answers only.

    Raises:
        DataError: nothing is left.
    """
    dropped = Counter[str]()
    kept = []
    for record in records:
        rows = tokenize_conversation(record, tokenizer, targets)
        short = [row for row in rows if row.tokens <= max_length]
        dropped.update(f"k={row.k}" for row in rows if row.tokens > max_length)
        if short:
            kept.append((record, short))
    if not kept:
        raise DataError(f"all {len(records)} records are longer than train.max_length={max_length} tokens; raise it")
    stream(seed, "validation").shuffle(kept)
    held = min(round(len(kept) * validation), len(kept) - 1)
    measured = [tokenize_record(record, tokenizer, targets=False) for record, _ in kept[:held]]
    measured = [row for row in measured if row.tokens <= max_length]
    # Like lengths together save most of the padding.
    measured.sort(key=lambda row: row.tokens)
    return Split([row for _, rows in kept[held:] for row in rows], measured, dict(sorted(dropped.items())))


def order_rows(rows: Sequence[TrainRow], epochs: float, batch: int, seed: int) -> list[TrainRow]:
    """The rows in the order of training, epoch after epoch: shuffled, then batches of like length.

    Rows of like length within `GROUP` batches share a batch, which saves most of the padding; the order is drawn here
    and not by the trainer, so that a resumed run sees the rows that the killed one would have seen.
    """
    plan: list[TrainRow] = []
    left: list[TrainRow] = []  # Less than a batch; it goes into the next epoch, so that the batches stay what they are.
    total = max(1, round(len(rows) * epochs))
    epoch = 0
    while len(plan) + len(left) < total:
        rng = stream(seed, "order", epoch)
        shuffled = left + rng.sample(list(rows), len(rows))
        batches = []
        for start in range(0, len(shuffled), GROUP * batch):
            group = sorted(shuffled[start : start + GROUP * batch], key=lambda row: row.tokens)
            batches += [group[i : i + batch] for i in range(0, len(group), batch)]
        whole = [b for b in batches if len(b) == batch]
        rng.shuffle(whole)
        plan += [row for b in whole for row in b]
        left = [row for b in batches if len(b) < batch for row in b]
        epoch += 1
    return (plan + left)[:total]


def limit_tokens(plan: Sequence[TrainRow], batch: int, tokens: int | None) -> list[TrainRow]:
    """The first batches of the plan that together hold at most so many tokens; at least one."""
    if tokens is None:
        return list(plan)
    starts = range(0, len(plan), batch)
    spent = accumulate(sum(row.tokens for row in plan[start : start + batch]) for start in starts)
    return list(plan[: batch * max(1, sum(total <= tokens for total in spent))])
