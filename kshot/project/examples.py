"""The examples of a table, what there is to say of them, and the rows that are held out."""

import json
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal

from rapidfuzz import fuzz, process

from kshot.core.answers import normalize_answer, unify_forms
from kshot.core.errors import DataError
from kshot.core.seeding import stream
from kshot.core.text import MAX_INPUT_SIMILARITY, signs
from kshot.project.tables import ExampleTable

Kind = Literal["classification", "extraction", "text"]
MAX_LABELS = 150
MAX_LABEL_CHARS = 80
MIN_ROWS, MIN_TRAIN_ROWS = 4, 2
MIN_ROWS_PER_LABEL = 2.0
"""Fewer rows for each distinct output, on average, are open answers."""
MAX_SHOWN = 12
"""Labels or keys in a line."""


@dataclass(frozen=True)
class LabelledRow:
    """An example with its place in the table."""

    place: str
    input: str
    output: str


@dataclass(frozen=True)
class Survey:
    """What kind of task the rows are of."""

    kind: Kind
    labels: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    """Of JSON outputs, most frequent first."""


def read_examples(table: ExampleTable, input: str, output: str) -> list[LabelledRow]:
    """Read the rows that have both cells.

    Raises:
        DataError: two outputs for one input (both places named), or too few rows.
    """
    rows: list[LabelledRow] = []
    seen: dict[str, LabelledRow] = {}
    for row in table.rows:
        example = LabelledRow(row.place, row.cells.get(input, ""), row.cells.get(output, ""))
        if not example.input or not example.output:
            continue
        first = seen.setdefault(unify_forms(example.input).strip(), example)
        if normalize_answer(first.output) != normalize_answer(example.output):
            raise DataError(
                f"{example.place}: the output {example.output!r:.60}, and {first.output!r:.60} at {first.place}, for "
                f"one input, {example.input!r:.60}; keep the right one"
            )
        if first is example:
            rows.append(example)
    if len(rows) < MIN_ROWS:
        raise DataError(
            f"{table.source}: {len(rows)} different rows with {input!r} and {output!r}; at least {MIN_ROWS} are "
            "needed, and 16 to 200 are good"
        )
    return rows


def survey_examples(rows: Sequence[LabelledRow]) -> Survey:
    """Find the kind of the task with its labels or keys.

    Raises:
        DataError: two labels that are one answer, or more labels than a prompt can list.
    """
    if all(_is_object(row.output) for row in rows):
        keys = Counter(key for row in rows for key in json.loads(row.output))
        return Survey("extraction", keys=tuple(key for key, _ in keys.most_common()))
    counts = Counter(row.output for row in rows)
    is_closed = len(counts) > 1 and len(rows) / len(counts) >= MIN_ROWS_PER_LABEL
    if not is_closed or any(len(label) > MAX_LABEL_CHARS or "\n" in label for label in counts):
        return Survey("text")
    first: dict[str, str] = {}
    for label in counts:
        other = first.setdefault(normalize_answer(label), label)
        if other != label:
            raise DataError(
                f"labels {other!r} and {label!r} are one answer: case, quotes and a final stop do not count; "
                "write one of them in all rows"
            )
    if len(counts) > MAX_LABELS:
        raise DataError(f"{len(counts)} labels; a prompt lists at most {MAX_LABELS}: merge some, or split the task")
    return Survey("classification", labels=tuple(sorted(counts)))


def describe_examples(table: ExampleTable, rows: Sequence[LabelledRow], survey: Survey) -> list[str]:
    """Say what the table holds and what is odd in it, a fact a line. Compares all inputs with one another."""
    lines = [f"{len(rows)} examples from {len(table.rows)} rows"]
    if dropped := len(table.rows) - len(rows):
        lines.append(f"{dropped} rows are left out: an empty cell, or the same example again")
    lengths = sorted(len(row.input.split()) for row in rows)
    lines.append(f"inputs of {lengths[0]} to {lengths[-1]} words, half of them up to {median(lengths):.0f}")
    if survey.kind == "classification":
        counts = Counter(row.output for row in rows)
        shown = ", ".join(f"{label} {counts[label]}" for label in survey.labels[:MAX_SHOWN])
        lines.append(f"{len(survey.labels)} labels: {shown}{', ...' if len(survey.labels) > MAX_SHOWN else ''}")
        if few := [label for label, count in counts.items() if count < MIN_ROWS_PER_LABEL]:
            lines.append(f"{len(few)} labels have one row, which stays in the training data: {', '.join(few[:5])}")
    elif survey.kind == "extraction":
        lines.append(f"outputs are JSON objects with the keys {', '.join(survey.keys[:MAX_SHOWN])}")
    else:
        sizes = sorted(len(row.output.split()) for row in rows)
        lines.append(f"open answers of {sizes[0]} to {sizes[-1]} words")
    if near := sum(len(group) - 1 for group in group_near_duplicates(rows)):
        lines.append(f"{near} inputs nearly repeat another one; such rows stay on one side of the split")
    return lines


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except ValueError:
        return False


def group_near_duplicates(rows: Sequence[LabelledRow]) -> list[list[int]]:
    """Group the rows whose inputs are near-duplicates of one another, by index."""
    parent = list(range(len(rows)))

    def root(index: int) -> int:
        while parent[index] != index:
            parent[index] = parent[parent[index]]
            index = parent[index]
        return index

    texts = [normalize_answer(row.input) for row in rows]
    for index, text in enumerate(texts):
        later = texts[index + 1 :]
        for _, _, place in process.extract_iter(text, later, scorer=fuzz.ratio, score_cutoff=MAX_INPUT_SIMILARITY):
            other = index + 1 + place
            if signs(rows[index].input) == signs(rows[other].input):
                parent[root(other)] = root(index)
    groups: dict[int, list[int]] = defaultdict(list)
    for index in range(len(rows)):
        groups[root(index)].append(index)
    return list(groups.values())


def split_rows(
    rows: Sequence[LabelledRow], labels: Sequence[str], fraction: float, seed: int
) -> tuple[list[LabelledRow], list[LabelledRow]]:
    """Split off held-out rows: of each label its fraction, near-duplicates on one side, drawn by the seed.

    A label keeps at least one training row.

    Returns:
        The training rows and the held-out rows, each in the table's order.
    """
    groups = group_near_duplicates(rows)
    stream(seed, "held-out rows").shuffle(groups)
    left = Counter(row.output for row in rows) if labels else Counter({"": len(rows)})
    wanted = {label: round(fraction * count) or int(count > 1) for label, count in left.items()}
    held_out: set[int] = set()
    for group in groups:
        need = Counter(rows[index].output if labels else "" for index in group)
        if all(wanted[label] >= count and left[label] > count for label, count in need.items()):
            held_out.update(group)
            wanted = {label: count - need[label] for label, count in wanted.items()}
            left -= need
    train = [row for index, row in enumerate(rows) if index not in held_out]
    return train, [row for index, row in enumerate(rows) if index in held_out]


def drop_near_duplicates(rows: Sequence[LabelledRow], held_out: Sequence[LabelledRow]) -> list[LabelledRow]:
    """Drop the rows whose inputs nearly repeat a held-out one.

    Raises:
        DataError: too few rows are left to train on.
    """
    groups = group_near_duplicates([*held_out, *rows])
    repeats = {index for group in groups if min(group) < len(held_out) for index in group}
    left = [row for index, row in enumerate(rows, len(held_out)) if index not in repeats]
    if len(left) < MIN_TRAIN_ROWS:
        raise DataError(f"{len(left)} of {len(rows)} rows do not repeat a held-out one; name other held-out rows")
    return left
