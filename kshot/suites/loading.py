"""Reads and checks a suite's folder."""

from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path

from pydantic import ValidationError

from kshot.core.answers import last_number, normalize_answer
from kshot.core.errors import DataError, SuiteError
from kshot.core.files import read_jsonl
from kshot.core.safe_yaml import describe_fault, find_line, read_yaml
from kshot.core.shipped import SUITES, suite_names
from kshot.suites.format import Suite, SuiteRow, SuiteTask, SuiteTaskSpec

INDEX_KEYS = {"name", "source", "tasks"}
"""Of the YAML; `name` and `source` are notes."""


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
    if unknown := sorted(tree.keys() - INDEX_KEYS):
        raise SuiteError(
            f"{index}:{find_line(node, unknown[:1])}: {unknown[0]}: {_unknown_key(unknown[0], INDEX_KEYS)}"
        )
    tasks = []
    for number, entry in enumerate(entries):
        try:
            spec = SuiteTaskSpec.model_validate(entry)
        except ValidationError as error:
            line = find_line(node, ("tasks", number, *error.errors()[0]["loc"]))
            raise SuiteError(f"{index}:{line}: tasks[{number}]: {describe_spec_error(error)}") from None
        tasks.append(_load_task(folder, spec))
    names = [task.name for task in tasks]
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise SuiteError(f"{index}: {', '.join(repeated)} listed twice")
    return Suite(folder.resolve().name, tuple(tasks))


def _load_task(folder: Path, spec: SuiteTaskSpec) -> SuiteTask:
    path = folder / f"{spec.task}.jsonl"
    rows: list[SuiteRow] = []
    lines: dict[tuple[str, ...], int] = {}
    fixed: set[str] | None = None
    for line, value in read_jsonl(path, unique_keys=True):
        row = _load_row(f"{path}:{line}", value, spec)
        if spec.is_multiple_choice:
            _check_options(f"{path}:{line}", row)
        if spec.is_multiple_choice and spec.options_fixed:
            fixed = fixed or set(row.options)
            if set(row.options) != fixed:
                raise SuiteError(
                    f"{path}:{line}: other options than the first row, {sorted(fixed)!r:.200}, and the task says "
                    "`options_fixed: true`; write the same options, or `options_fixed: false`"
                )
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


def _check_options(place: str, row: SuiteRow) -> None:
    """Refuse a row whose choice shows nothing: one option, two that are one answer, or no wrong one."""
    if len(row.options) < 2:
        raise SuiteError(f"{place}: one option, {row.options[0]!r:.80}, is no choice; write the wrong ones too")
    first: dict[str, str] = {}
    for option in row.options:
        normalized = normalize_answer(option)
        if normalized in first:
            raise SuiteError(
                f"{place}: options {first[normalized]!r:.80} and {option!r:.80} are one answer: case, quotes and a "
                "final stop do not count; keep one"
            )
        first[normalized] = option
    if first.keys() <= {normalize_answer(answer) for answer in row.output}:
        raise SuiteError(f"{place}: all options are accepted; an item needs a wrong one")


def _unknown_key(name: str, known: Iterable[str]) -> str:
    near = next(iter(get_close_matches(name, list(known), n=1, cutoff=0.5)), None)
    return "unknown key; " + (f"did you mean {near!r}?" if near else f"known here: {', '.join(sorted(known))}")


def _load_row(place: str, value: object, spec: SuiteTaskSpec) -> SuiteRow:
    try:
        row = SuiteRow.model_validate(value)
    except ValidationError as error:
        raise SuiteError(f"{place}: {describe_spec_error(error)}") from None
    if spec.is_multiple_choice and not any(answer in row.options for answer in row.output):
        raise SuiteError(f"{place}: none of the answers {row.output!r} is among the options {row.options!r}")
    if spec.first_line_only and any("\n" in answer for answer in row.output):
        raise SuiteError(f"{place}: an answer of several lines, and the task says `first_line_only: true`; remove that")
    if "numeric" in spec.scores:
        for answer in row.output:
            if last_number(answer) is None:
                raise SuiteError(f"{place}: scored by its number, and {answer!r} has no number; write one, or drop it")
    return row


def describe_spec_error(error: ValidationError) -> str:
    """The first fault of a task's spec: its field, where one is to blame, and what is wrong."""
    detail = error.errors(include_url=False)[0]
    if detail["type"] == "value_error":
        return str(detail["msg"]).removeprefix("Value error, ")
    field = ".".join(str(part) for part in detail["loc"])
    if detail["type"] == "extra_forbidden":
        return f"{field}: {_unknown_key(str(detail['loc'][-1]), SuiteTaskSpec.model_fields)}"
    return f"{field}: {describe_fault(detail)}"
