"""Reads and checks a suite's folder."""

from pathlib import Path

from pydantic import ValidationError

from kshot.core.answers import last_number
from kshot.core.errors import DataError, SuiteError
from kshot.core.files import read_jsonl
from kshot.core.safe_yaml import describe_fault, find_line, read_yaml
from kshot.core.shipped import SUITES, suite_names
from kshot.suites.format import Suite, SuiteRow, SuiteTask, SuiteTaskSpec


def suite_folder(name: str) -> Path:
    """The folder of a suite: one that ships with kshot, or a path."""
    return SUITES / name if name in suite_names() else Path(name)


def suite_index(folder: Path) -> Path:
    """The YAML file of a suite's folder.

    Raises:
        SuiteError: the folder is missing, or holds no YAML file or several.
    """
    found = sorted([*folder.glob("*.yaml"), *folder.glob("*.yml")])
    if len(found) == 1:
        return found[0]
    if not found:
        raise SuiteError(f"{folder / 'suite.yaml'}: no such file; a suite is a folder with one YAML and a JSONL a task")
    raise SuiteError(
        f"{folder}: {', '.join(path.name for path in found)}: a suite has one YAML file; remove the others"
    )


def load_suite(name: str) -> Suite:
    """Read and check a whole suite.

    Raises:
        SuiteError: names the file and line of the first fault, and what to do.
    """
    folder = suite_folder(name)
    index = suite_index(folder)
    try:
        node, tree = read_yaml(index, as_written=True)
    except DataError as error:
        raise SuiteError(str(error)) from None
    entries = tree.get("tasks") if isinstance(tree, dict) else None
    if not isinstance(entries, list) or not entries:
        raise SuiteError(f"{index}: `tasks` must be a list of at least one task")
    tasks = []
    for number, entry in enumerate(entries):
        try:
            spec = SuiteTaskSpec.model_validate(entry)
        except ValidationError as error:
            line = find_line(node, ("tasks", number, *error.errors()[0]["loc"]))
            raise SuiteError(f"{index}:{line}: tasks[{number}]: {_first_error(error)}") from None
        tasks.append(_load_task(folder, spec))
    names = [task.name for task in tasks]
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise SuiteError(f"{index}: {', '.join(repeated)} listed twice")
    return Suite(folder.resolve().name, tuple(tasks))


def _load_task(folder: Path, spec: SuiteTaskSpec) -> SuiteTask:
    path = folder / f"{spec.task}.jsonl"
    rows: list[SuiteRow] = []
    lines: dict[tuple[str, ...], int] = {}
    for line, value in read_jsonl(path):
        row = _load_row(f"{path}:{line}", value, spec)
        first = lines.setdefault((row.input.strip(), *sorted(row.options)), line)
        if first != line:
            raise SuiteError(
                f"{path}:{line}: the same input and options as in line {first}; an item counts once, and must not be a "
                "demonstration too: remove one of the two"
            )
        rows.append(row)
    if len(rows) <= spec.demos:
        raise SuiteError(f"{path}: {len(rows)} rows, and {spec.demos} of them are demonstrations; no item is left")
    return SuiteTask(spec, tuple(rows[: spec.demos]), tuple(rows[spec.demos :]))


def _load_row(place: str, value: object, spec: SuiteTaskSpec) -> SuiteRow:
    try:
        row = SuiteRow.model_validate(value)
    except ValidationError as error:
        raise SuiteError(f"{place}: {_first_error(error)}") from None
    if spec.kind == "multiple_choice" and not any(answer in row.options for answer in row.output):
        raise SuiteError(f"{place}: none of the answers {row.output!r} is among the options {row.options!r}")
    if "numeric" in spec.scores:
        for answer in row.output:
            if last_number(answer) is None:
                raise SuiteError(f"{place}: scored by its number, and {answer!r} has no number; write one, or drop it")
    return row


def _first_error(error: ValidationError) -> str:
    detail = error.errors(include_url=False)[0]
    return f"{'.'.join(str(part) for part in detail['loc'])}: {describe_fault(detail)}"
