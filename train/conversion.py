"""Reads a training set that was made elsewhere (`train.data`) as records: alpaca, messages, prompts with completions.

A conversation becomes one record whose `meta.turns` stand before its last answer. `instruction` then holds all their
text, so that readers of records (contamination) see what the student sees.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from kshot.core.errors import DataError
from kshot.core.files import write_jsonl
from kshot.core.runs import OUTSIDE_DATA
from kshot.project.tables import iterate_rows
from kshot.train.data import check_record

VERSION = 1
"""Raise it when the same file gives other records."""
Row = Mapping[str, Any]
Turns = list[dict[str, str]]
FORMATS = {
    "messages": ("messages",),
    "prompt_completion": ("prompt", "completion"),
    "records": ("instruction", "output", "meta"),
    "alpaca": ("instruction", "output", "input"),
}
"""The keys of each format that are read."""
KNOWN = "instruction with output (and input), messages, or prompt with completion"
HINTS = {
    "conversations": "rename `conversations` to `messages`, `from` to `role` (user, assistant), `value` to `content`",
    "chosen": "pairs of answers are not trained on; keep the better one: `prompt` and `completion`",
    "text": "`text` alone does not say what is the answer; write `prompt` and `completion`",
}


@dataclass(frozen=True)
class OutsideData:
    """A training set that was made elsewhere, as records."""

    records: list[dict[str, Any]]
    format: str
    unused: tuple[str, ...]
    """Keys of its rows that training does not read."""


def read_outside_data(path: Path) -> OutsideData:
    """Read a file of one format: JSONL, JSON, Parquet or CSV.

    Raises:
        DataError: names the first row that is of no known format, of another one than the first, or unusable.
    """
    records: list[dict[str, Any]] = []
    first = ""
    unused: dict[str, None] = {}
    for place, row in iterate_rows(path):
        name = _find_format(place, row)
        first = first or name
        if name != first:
            raise DataError(f"{place}: {name}, and the rows before are {first}; one file holds one format: split it")
        records.append(CONVERTERS[name](place, row))
        unused.update(
            dict.fromkeys(key for key, value in row.items() if key not in FORMATS[name] and value is not None)
        )
    if not records:
        raise DataError(f"{path}: no row in it; expected {KNOWN}")
    return OutsideData(records, first, tuple(unused))


def _find_format(place: str, row: Row) -> str:
    keys = {key for key, value in row.items() if value is not None}
    if "messages" in keys:
        return "messages"
    if {"prompt", "completion"} <= keys:
        return "prompt_completion"
    if {"instruction", "output"} <= keys:
        return "records" if "meta" in keys else "alpaca"
    hint = next((text for key, text in HINTS.items() if key in keys), f"expected {KNOWN}")
    names = ", ".join(map(repr, row)) or "none"
    raise DataError(f"{place}: no format of training data has the keys {names}; {hint}")


def _from_record(place: str, row: Row) -> dict[str, Any]:
    record = {key: row[key] for key in FORMATS["records"]}
    check_record(place, record)
    return record


def _from_alpaca(place: str, row: Row) -> dict[str, Any]:
    instruction, output = _take_text(place, row, "instruction"), _take_text(place, row, "output")
    shown = "" if row.get("input") in (None, "") else _take_text(place, row, "input")
    if not shown:
        return _record([{"role": "user", "content": instruction}], output, ())
    query = {"input": shown, "output": output}
    return {
        "instruction": f"{instruction}\n\n{shown}",
        "output": output,
        "meta": {"k": 0, "task_instruction": instruction, "demonstrations": [], "query": query},
    }


def _from_messages(place: str, row: Row) -> dict[str, Any]:
    *turns, answer = _take_turns(place, "messages", row["messages"])
    _check_turns(place, [*turns, answer])
    return _record(turns, answer["content"], [n for n, turn in enumerate(turns) if turn["role"] == "assistant"])


def _from_prompt_completion(place: str, row: Row) -> dict[str, Any]:
    prompt, completion = row["prompt"], row["completion"]
    if isinstance(prompt, str) and isinstance(completion, str) and not prompt.lstrip().startswith('[{"role"'):
        prompt, completion = _take_text(place, row, "prompt"), _take_text(place, row, "completion")
        return _record([{"role": "user", "content": prompt}], completion, ())
    before, after = _take_turns(place, "prompt", prompt), _take_turns(place, "completion", completion)
    turns = [*before, *after]
    _check_turns(place, turns)
    # As in TRL, the answers in a prompt are given, and those of the completion are learnt.
    learnt = [n for n in range(len(before), len(turns) - 1) if turns[n]["role"] == "assistant"]
    return _record(turns[:-1], turns[-1]["content"], learnt)


CONVERTERS: dict[str, Callable[[str, Row], dict[str, Any]]] = {
    "messages": _from_messages,
    "prompt_completion": _from_prompt_completion,
    "records": _from_record,
    "alpaca": _from_alpaca,
}


def _record(turns: Turns, output: str, learnt: Sequence[int]) -> dict[str, Any]:
    """A record of turns and the answer to them.

    Args:
        learnt: positions of the earlier answers that carry loss too (`train.loss_on: all_answers`).
    """
    if len(turns) == 1:
        return {"instruction": turns[0]["content"], "output": output, "meta": {"k": 0}}
    system = turns[0]["content"] if turns[0]["role"] == "system" else ""
    pairs = [
        {"input": turn["content"], "output": answer["content"]}
        for turn, answer in pairwise(turns)
        if turn["role"] == "user"
    ]
    meta = {
        "k": 0,
        "task_instruction": system,
        "demonstrations": pairs,
        "query": {"input": turns[-1]["content"], "output": output},
        "turns": turns,
        "loss_turns": list(learnt),
    }
    return {"instruction": "\n\n".join(turn["content"] for turn in turns), "output": output, "meta": meta}


def _take_text(place: str, row: Row, key: str) -> str:
    value = row[key]
    if not isinstance(value, str) or not value.strip():
        raise DataError(f"{place}: {key!r} must be a text that is not empty, found {value!r:.80}")
    return value


def _take_turns(place: str, key: str, value: Any) -> Turns:
    """The turns of a list, or of the JSON that a CSV holds in a cell."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            value = None
    if not isinstance(value, list) or not value:
        raise DataError(f"{place}: {key!r} must be a list of turns with `role` and `content`")
    return [_take_turn(place, f"{key}.{number}", turn) for number, turn in enumerate(value)]


def _take_turn(place: str, name: str, turn: Any) -> dict[str, str]:
    if not isinstance(turn, dict):
        raise DataError(f"{place}: {name}: expected an object with `role` and `content`, found {turn!r:.60}")
    others = [key for key, value in turn.items() if key not in ("role", "content") and value not in (None, [], "")]
    if others:
        raise DataError(f"{place}: {name}: {others[0]!r} is not supported; a turn has `role` and `content` only")
    role, content = turn.get("role"), turn.get("content")
    if role not in ("system", "user", "assistant"):
        raise DataError(f"{place}: {name}: the role {role!r} is not supported; system, user and assistant are")
    if not isinstance(content, str) or not content.strip():
        raise DataError(f"{place}: {name}: `content` must be a text that is not empty, found {content!r:.60}")
    return {"role": role, "content": content}


def _check_turns(place: str, turns: Turns) -> None:
    """Refuse an order of turns that chat templates do not write: a system text first, then user and assistant."""
    roles = [turn["role"] for turn in turns]
    start = int(roles[0] == "system")
    expected = ["user", "assistant"] * ((len(roles) - start + 1) // 2)
    if len(roles) - start < 2 or roles[start:] != expected:
        raise DataError(
            f"{place}: the turns are {', '.join(roles)[:80]}; after a system text, if any, user and assistant "
            "alternate, and the assistant is last"
        )


def keep_conversion(folder: Path, records: Sequence[dict[str, Any]] | None) -> None:
    """Keep the records for readers of the run beside the student; None removes those of an earlier training."""
    path = folder / OUTSIDE_DATA
    if records is None:
        path.unlink(missing_ok=True)
    else:
        write_jsonl(path, records)
