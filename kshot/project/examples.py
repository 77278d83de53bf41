"""The examples of a table: which rows have an input and right outputs, and what kind of task they are of."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import Any, Literal

from kshot.core.answers import normalize_answer, parse_number, unify_forms
from kshot.core.errors import DataError
from kshot.project.tables import ExampleTable

Kind = Literal["classification", "extraction", "text"]
MAX_LABELS = 150
MAX_LABEL_CHARS = 80
MIN_ROWS = 4
MIN_ROWS_PER_LABEL = 2.0
"""Fewer rows for each distinct output, on average, are open answers."""
MIN_OBJECTS = 0.5
"""Fraction of JSON objects among the outputs from which on an output that is none is a fault."""
MAX_SHOWN = 12
"""Labels or keys in a line."""
MAX_PLACES = 3
"""Places in a line."""


@dataclass(frozen=True)
class LabelledRow:
    """An example with its place in the table."""

    place: str
    input: str
    output: str
    """The right output; the first one where there are several."""
    others: tuple[str, ...] = ()
    """Further right outputs."""

    @property
    def outputs(self) -> list[str]:
        return [self.output, *self.others]


@dataclass(frozen=True)
class Survey:
    """What kind of task the rows are of."""

    kind: Kind
    labels: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    """Of JSON outputs, most frequent first."""


@dataclass(frozen=True)
class ExampleSet:
    """The examples of a table, and the rows that gave none."""

    rows: tuple[LabelledRow, ...]
    survey: Survey
    empty: tuple[str, ...] = ()
    """Places of the rows without an input or an output."""
    repeats: tuple[str, ...] = ()
    """Places of the rows whose input an earlier row has; another right output of theirs is kept."""


def read_examples(
    table: ExampleTable, input: str, outputs: Sequence[str], labels: Sequence[str] | None = None
) -> ExampleSet:
    """Read the rows that have an input and an output.

    Open answers may be several: in several columns, in a JSON list of texts, or in rows of one input.

    Args:
        outputs: the columns of right outputs.
        labels: of a task that is known already; empty where its answers are open. None: found.

    Raises:
        DataError: two labels for one input (both places named), too few rows, or see `survey_examples`.
    """
    by_input: dict[str, list[LabelledRow]] = {}
    empty: list[str] = []
    for row in table.rows:
        text, answers = row.cells.get(input, ""), _read_answers(row.cells.get(name, "") for name in outputs)
        if not text or not answers:
            empty.append(row.place)
            continue
        example = LabelledRow(row.place, text, answers[0], tuple(answers[1:]))
        by_input.setdefault(unify_forms(text).strip(), []).append(example)
    groups = [_merge(group) for group in by_input.values()]
    if len(groups) < MIN_ROWS:
        raise DataError(
            f"{table.source}: {len(groups)} different input{'' if len(groups) == 1 else 's'} in {input!r} with an "
            f"output in {', '.join(map(repr, outputs))}; at least {MIN_ROWS} are needed, and 16 to 200 are good"
        )
    survey = (
        survey_examples(groups) if labels is None else Survey("classification" if labels else "text", tuple(labels))
    )
    if survey.kind != "text":
        for group, merged in zip(by_input.values(), groups, strict=True):
            _refuse_several(group, merged)
    repeats = [row.place for group in by_input.values() for row in group[1:]]
    return ExampleSet(tuple(groups), survey, tuple(empty), tuple(repeats))


def _read_answers(cells: Any) -> list[str]:
    """The right outputs of a row, each once."""
    answers: dict[str, str] = {}
    for cell in cells:
        for answer in _read_cell(cell):
            answers.setdefault(normalize_answer(answer), answer)
    return list(answers.values())


def _read_cell(cell: str) -> list[str]:
    """The cell's output, or the texts of a JSON list."""
    if cell.startswith("[") and cell.endswith("]"):
        value = _read_json(cell)
        if isinstance(value, list) and value and all(isinstance(text, str) and text.strip() for text in value):
            return [text.strip() for text in value]
    return [cell] if cell else []


def _merge(group: Sequence[LabelledRow]) -> LabelledRow:
    """The rows of one input as one, with all their outputs."""
    if len(group) == 1:
        return group[0]
    answers = _read_answers(answer for row in group for answer in row.outputs)
    return replace(group[0], output=answers[0], others=tuple(answers[1:]))


def _refuse_several(group: Sequence[LabelledRow], merged: LabelledRow) -> None:
    """Refuse more than one label, or more than one object, for one input."""
    if not merged.others:
        return
    first = normalize_answer(merged.output)
    later = next((row for row in group if normalize_answer(row.output) != first), None)
    if later:
        raise DataError(
            f"{later.place}: the output {later.output!r:.60}, and {merged.output!r:.60} at {merged.place}, for "
            f"one input, {merged.input!r:.60}; keep the right one"
        )
    place = next(row.place for row in group if row.others)
    raise DataError(
        f"{place}: {len(merged.outputs)} right outputs, {merged.output!r:.60} and {merged.others[0]!r:.60}; a label or "
        "a JSON object is one: keep the right one (open answers may be several)"
    )


def survey_examples(rows: Sequence[LabelledRow]) -> Survey:
    """Find the kind of the task with its labels or keys.

    Raises:
        DataError: one output in all rows, two labels that are one answer, or outputs of which only most are JSON.
    """
    counts = Counter(row.output for row in rows)
    if len({normalize_answer(output) for output in counts}) == 1:
        raise DataError(
            f"{rows[0].place}: all {len(rows)} rows have the output {rows[0].output!r:.60}, as this one; a task has "
            "different ones"
        )
    if keys := _find_keys(rows):
        return Survey("extraction", keys=keys)
    is_closed = len(rows) / len(counts) >= MIN_ROWS_PER_LABEL and len(counts) <= MAX_LABELS
    if not is_closed or any(len(label) > MAX_LABEL_CHARS or "\n" in label for label in counts):
        return Survey("text")
    first: dict[object, LabelledRow] = {}
    distinct: dict[str, LabelledRow] = {}
    for row in rows:
        distinct.setdefault(row.output, row)
    for row in distinct.values():
        number = parse_number(row.output)
        other = first.setdefault(normalize_answer(row.output) if number is None else number, row)
        if other.output != row.output:
            raise DataError(
                f"{row.place}: labels {row.output!r} and {other.output!r} ({other.place}) are one answer: case, "
                "quotes, a final stop and the form of a number do not count; write one of them in all rows"
            )
    return Survey("classification", labels=tuple(sorted(counts)))


def _find_keys(rows: Sequence[LabelledRow]) -> tuple[str, ...]:
    """The keys of outputs that are JSON objects, or lists of them; empty where the outputs are something else.

    Raises:
        DataError: most outputs are, and one is not.
    """
    keys: Counter[str] = Counter()
    broken: list[LabelledRow] = []
    for row in rows:
        value = _read_json(row.output)
        objects = value if isinstance(value, list) else [value]
        if not all(isinstance(item, dict) for item in objects):
            broken.append(row)
            continue
        for item in objects:
            keys.update(map(str, item))
    if not keys or len(broken) > MIN_OBJECTS * len(rows):
        return ()
    if broken:
        raise DataError(
            f"{broken[0].place}: {broken[0].output!r:.60} is no JSON object, as the output of {len(broken)} of "
            f"{len(rows)} rows; the others are objects: repair these rows, or leave them out"
        )
    return tuple(key for key, _ in keys.most_common())


def _read_json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def describe_examples(table: ExampleTable, examples: ExampleSet, near: int) -> list[str]:
    """Say what the table holds and what is odd in it, a fact a line.

    Args:
        near: inputs that nearly repeat another one.
    """
    rows, survey = examples.rows, examples.survey
    lines = [f"{len(rows)} examples from {len(table.rows)} rows", *table.notes]
    lines += describe_left_out(examples)
    if several := sum(bool(row.others) for row in rows):
        lines.append(f"{several} inputs have several right outputs: training takes the first, evaluation accepts any")
    lengths = sorted(len(row.input.split()) for row in rows)
    lines.append(f"inputs of {lengths[0]} to {lengths[-1]} words, half of them up to {median(lengths):.0f}")
    lines += _describe_outputs(rows, survey)
    if near:
        lines.append(f"{near} inputs nearly repeat another one; such rows stay on one side of the split")
    return lines


def describe_left_out(examples: ExampleSet) -> list[str]:
    """Count and name the rows that are no example of their own."""
    lines = []
    if examples.empty:
        lines.append(f"{_count(examples.empty, 'row')} left out, with an empty cell: {_name_places(examples.empty)}")
    if examples.repeats:
        count = _count(examples.repeats, "row")
        lines.append(f"{count} of an input that stands above, taken together: {_name_places(examples.repeats)}")
    return lines


def _describe_outputs(rows: Sequence[LabelledRow], survey: Survey) -> list[str]:
    counts = Counter(row.output for row in rows)
    if survey.kind == "classification":
        shown = ", ".join(f"{label} {counts[label]}" for label in survey.labels[:MAX_SHOWN])
        lines = [f"{len(survey.labels)} labels: {shown}{', ...' if len(survey.labels) > MAX_SHOWN else ''}"]
        if few := [label for label, count in counts.items() if count == 1]:
            lines.append(f"{_count(few, 'label')} of one row, which stays in the training data: {', '.join(few[:5])}")
        return lines
    if survey.kind == "extraction":
        return [f"outputs are JSON with the keys {', '.join(survey.keys[:MAX_SHOWN])}"]
    sizes = sorted(len(row.output.split()) for row in rows)
    lines = [f"open answers of {sizes[0]} to {sizes[-1]} words"]
    if len(counts) > MAX_LABELS and len(rows) / len(counts) >= MIN_ROWS_PER_LABEL:
        lines.append(f"{len(counts)} different outputs are too many for labels, of which a prompt lists {MAX_LABELS}")
    elif len(counts) <= len(rows) / MIN_ROWS_PER_LABEL:
        lines.append(f"no labels: an output has several lines, or more than {MAX_LABEL_CHARS} characters")
    elif all(len(output.split()) <= 2 for output in counts):
        lines.append(f"if the outputs are labels, give {MIN_ROWS_PER_LABEL:.0f} rows of each or more")
    return lines


def _count(values: Sequence[str], name: str) -> str:
    return f"{len(values)} {name}{'' if len(values) == 1 else 's'}"


def _name_places(places: Sequence[str]) -> str:
    return ", ".join(places[:MAX_PLACES]) + (", ..." if len(places) > MAX_PLACES else "")
