"""From records to rows for the trainer: records are checked, and become tokens with their labels."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kshot.core.errors import DataError
from kshot.core.files import read_jsonl
from kshot.models.chat_template import chat_format

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
    asked: int = 0
    """Tokens of the prompt."""

    @property
    def tokens(self) -> int:
        return len(self.input_ids)

    def example(self) -> dict[str, list[int]]:
        """What a dataset of TRL's SFTTrainer holds when it is tokenized already."""
        return {"input_ids": list(self.input_ids), "labels": list(self.labels)}


BLANK = TrainRow("", "", 0, (0, 0), (IGNORED, IGNORED))
"""A row without a loss, which fills a batch."""


def iterate_records(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the records of a train.jsonl one by one.

    Raises:
        DataError: the file is missing, empty, or broken at a line that is named.
    """
    if not path.exists():
        raise DataError(f"{path}: no such file; run `kshot generate` for this run first")
    is_empty = True
    for number, row in read_jsonl(path):
        check_record(f"{path}:{number}", row)
        is_empty = False
        yield row
    if is_empty:
        raise DataError(f"{path}: no record in it; run `kshot generate` again, or look into rejects.jsonl")


def count_records(path: Path) -> int:
    """Number of records of a file, all of which are checked; raises as `iterate_records` does."""
    return sum(1 for _ in iterate_records(path))


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
    return TrainRow(prompt, completion, int(meta.get("k", 0)), tuple(row.ids), labels, asked)
