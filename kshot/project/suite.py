"""A suite of held-out items that a config names: a folder, or a table, which is read as `kshot init` reads it."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path

from pydantic import ValidationError

from kshot.config import TableSuiteConfig
from kshot.core.console import say
from kshot.core.errors import DataError, SuiteError
from kshot.core.runs import hash_file
from kshot.core.seeding import stream
from kshot.project.examples import ExampleSet, LabelledRow, Survey, survey_examples
from kshot.project.split import POOL, choose_pool, find_repeated
from kshot.project.tables import is_table
from kshot.project.task import load_examples
from kshot.project.write import SCORES, default_instruction, make_task_id
from kshot.suites.format import Suite, SuiteRow, SuiteTask, SuiteTaskSpec
from kshot.suites.loading import describe_spec_error, load_suite, suite_folder

SEED = 7
"""Draws the demonstrations of a table that gives items too: the same ones whatever the run's seed."""
MIN_DEMOS, DEMOS_FRACTION = 4, 0.25
"""A table's rows that demonstrate by default: this fraction, at least so many, at most `POOL`."""
SuiteEntry = str | TableSuiteConfig
"""An entry of `evaluate.suites` or `generate.decontaminate`."""


def suite_source(entry: SuiteEntry) -> str:
    """The name, folder or file of an entry: two entries of one source hold the same items."""
    return entry if isinstance(entry, str) else entry.file


def suite_files(entry: SuiteEntry) -> list[Path]:
    """The files that make the suite; none for a dataset of the hub."""
    if isinstance(entry, str) and not is_table(entry):
        return sorted(path for path in suite_folder(entry).glob("*") if path.suffix in {".yaml", ".yml", ".jsonl"})
    demos = None if isinstance(entry, str) else entry.demos
    names = [suite_source(entry), *([demos] if isinstance(demos, str) else [])]
    return [Path(name) for name in names if Path(name).is_file()]


def load_suite_entry(entry: SuiteEntry) -> Suite:
    """Read and check a suite: a folder, one that ships, or a table.

    Raises:
        SuiteError: names the file and line of the first fault, and what to do.
    """
    if isinstance(entry, str):
        if not is_table(entry):
            return load_suite(entry)
        entry = TableSuiteConfig(file=entry)
    try:
        return _load_table(entry, tuple(hash_file(path) for path in suite_files(entry)))
    except SuiteError:
        raise
    except DataError as error:
        raise SuiteError(str(error)) from None


def load_protected_suite(entry: SuiteEntry) -> Suite:
    """Read a suite whose text training may not contain: all rows of a table are items, whichever demonstrate later.

    Raises:
        SuiteError: see `load_suite_entry`.
    """
    if isinstance(entry, str) and is_table(entry):
        entry = TableSuiteConfig(file=entry)
    if isinstance(entry, TableSuiteConfig) and not isinstance(entry.demos, str):
        entry = entry.model_copy(update={"demos": 0})
    return load_suite_entry(entry)


@cache
def _load_table(entry: TableSuiteConfig, hashes: tuple[str, ...]) -> Suite:
    """The suite of a table; a command that needs it twice reads it, and says what it found, once.

    Args:
        hashes: of its files, so that a changed file is read again.
    """
    # With rows of another table beside it, only both together show the kind.
    labels = () if isinstance(entry.demos, str) else None
    given = load_examples(entry.file, entry.input, entry.output, labels)
    demos, items, survey = _take_demonstrations(entry, given)
    name = make_task_id(entry.name or Path(entry.file).stem)
    options = list(survey.labels)
    facts = {
        "task": name,
        "instruction": entry.instruction or default_instruction(survey),
        "kind": "multiple_choice" if options else "generation",
        "options_fixed": bool(options),
        "demos": len(demos),
        "scores": SCORES[survey.kind] if entry.scores is None else list(entry.scores),
        "rubric": entry.rubric,
        "trained": entry.trained,
    }
    try:
        spec = SuiteTaskSpec.model_validate(facts)
    except ValidationError as error:
        raise SuiteError(f"suite {entry.file}: {describe_spec_error(error)}") from None
    left_out = len(given.empty) + len(given.repeats)
    notes = f"; {left_out} rows left out, empty or of an input that stands above" if left_out else ""
    say(f"suite {name}: {entry.file}: {len(items)} items, {survey.kind}{_describe_demos(entry, demos)}{notes}")
    _check_items(entry.file, demos, items, survey)
    rows = [[SuiteRow(input=row.input, output=row.outputs, options=options) for row in part] for part in (demos, items)]
    return Suite(name, (SuiteTask(spec, tuple(rows[0]), tuple(rows[1])),))


def _take_demonstrations(
    entry: TableSuiteConfig, given: ExampleSet
) -> tuple[list[LabelledRow], list[LabelledRow], Survey]:
    """The pool of demonstrations, the items, and what kind of task both are of."""
    rows, survey = list(given.rows), given.survey
    if isinstance(entry.demos, str):
        shown = load_examples(entry.demos, entry.input, entry.output, labels=())
        survey = survey_examples([*shown.rows, *rows])
        for part in (shown.rows, rows):
            if several := next((row for row in part if row.others and survey.kind != "text"), None):
                raise DataError(f"{several.place}: {len(several.outputs)} right outputs; a label or an object is one")
        repeated = find_repeated(shown.rows, rows)
        pool = [row for index, row in enumerate(shown.rows) if index not in repeated]
        if repeated:
            say(f"suite: {len(repeated)} rows of {entry.demos} nearly repeat an item and do not demonstrate")
        return choose_pool(pool), rows, survey
    count = entry.demos
    if count is None:
        count = min(POOL, max(MIN_DEMOS, round(DEMOS_FRACTION * len(rows))))
    demos = _draw_demonstrations(rows, count)
    places = {row.place for row in demos}
    return demos, [row for row in rows if row.place not in places], survey


def _draw_demonstrations(rows: Sequence[LabelledRow], count: int) -> list[LabelledRow]:
    """Draw rows that no other row nearly repeats, as many outputs first as there are."""
    order = list(rows)
    stream(SEED, "demonstrations of a table").shuffle(order)
    demos: list[LabelledRow] = []
    for row in choose_pool(order, len(order)):
        if len(demos) == count:
            break
        if not find_repeated([row], [other for other in rows if other is not row]):
            demos.append(row)
    return demos


def _describe_demos(entry: TableSuiteConfig, demos: Sequence[LabelledRow]) -> str:
    if isinstance(entry.demos, str):
        return f", {len(demos)} demonstrations of {entry.demos}"
    if entry.demos == 0:
        return ""
    return f", {len(demos)} of its rows, which no other one nearly repeats, demonstrate; `demos: FILE` takes others"


def _check_items(source: str, demos: Sequence[LabelledRow], items: Sequence[LabelledRow], survey: Survey) -> None:
    if not items:
        raise SuiteError(f"{source}: {len(demos)} rows demonstrate, and no item is left; add rows, or lower `demos`")
    shown = {row.output for row in demos}
    unseen = [label for label in survey.labels if label not in shown]
    if demos and unseen:
        names = ", ".join(unseen[:3]) + (", ..." if len(unseen) > 3 else "")
        say(f"suite {source}: {len(unseen)} of {len(survey.labels)} labels stand in no demonstration: {names}")
