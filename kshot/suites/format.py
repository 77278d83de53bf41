"""Panels of held-out tasks: a folder with `panel.yaml` and a JSONL file for each task.

`panel.yaml` holds `tasks`, a list of `task` (file stem), `instruction`, `kind` (multiple_choice or generation),
`options_fixed` (the options are the same for every item and need not be shown) and `demos`, and optionally
`scores`: how written answers are scored, of exact_match (the default), contains, numeric and rouge_l. A row of a task's
file holds `input`, `output` (the accepted answers) and, for multiple choice, `options`; the first `demos` rows are the
pool of demonstrations, the rest the items. No row may repeat another one's input and options.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from kshot.core.errors import DataError, SuiteError
from kshot.core.files import read_jsonl
from kshot.core.safe_yaml import read_yaml

SHIPPED = Path(__file__).parent / "shipped"
"""Each folder in it is a panel that ships with the package, and is asked for by the folder's name."""


class SuiteRow(BaseModel):
    """One line of a task's file."""

    model_config = ConfigDict(extra="ignore", strict=True, frozen=True)

    input: str
    output: list[str] = Field(min_length=1)
    options: list[Annotated[str, Field(min_length=1)]] = []


class SuiteTaskSpec(BaseModel):
    """One task of `panel.yaml`."""

    model_config = ConfigDict(extra="ignore", strict=True, frozen=True)

    task: str = Field(pattern=r"^[A-Za-z0-9_.-]+$")
    instruction: str = Field(min_length=1)
    kind: Literal["multiple_choice", "generation"]
    options_fixed: bool = False
    demos: int = Field(ge=0)
    scores: list[Literal["exact_match", "contains", "numeric", "rouge_l"]] = Field(["exact_match"], min_length=1)
    family: str = ""


@dataclass(frozen=True)
class SuiteTask:
    """A held-out task: its entry, the pool of demonstrations, and the items."""

    spec: SuiteTaskSpec
    demos: tuple[SuiteRow, ...]
    items: tuple[SuiteRow, ...]

    @property
    def name(self) -> str:
        return self.spec.task

    @property
    def multiple_choice(self) -> bool:
        return self.spec.kind == "multiple_choice"


@dataclass(frozen=True)
class LmEvalSource:
    """What lm-eval is asked for where its task, group or tag stands in for a folder; see evaluate/harness.py."""

    task: str
    path: str
    """A folder of the user's task YAMLs; empty for lm-eval's tasks only."""
    key: str
    """Changes with everything that shapes questions and scores."""
    pool: int
    """Demonstrations that every task has to choose from."""
    scores: Mapping[str, tuple[str, ...]]
    """By task, the metrics that are means over items."""
    zero_shot: bool
    """No task is ever asked with demonstrations."""


@dataclass(frozen=True)
class Suite:
    name: str
    tasks: tuple[SuiteTask, ...]
    lm_eval: LmEvalSource | None = None
    """Set where lm-eval asks and scores; the tasks then show the items as it has them, without demonstrations."""

    def supports_shots(self, k: int) -> bool:
        """Whether it can be asked with k demonstrations at all."""
        return k == 0 or self.lm_eval is None or not self.lm_eval.zero_shot


def families_by_suite(panels: Iterable[Suite]) -> dict[str, dict[str, str]]:
    """Panel -> task -> its family; a task that names none is not in it."""
    return {panel.name: {task.name: task.spec.family for task in panel.tasks if task.spec.family} for panel in panels}


def is_shipped(name: str) -> bool:
    """Whether this names a panel that ships with the package."""
    return name in {folder.name for folder in SHIPPED.iterdir()}


def suite_folder(name: str) -> Path:
    """The folder of a panel, which may be one that ships with the package."""
    return SHIPPED / name if is_shipped(name) else Path(name)


def load_suite(name: str) -> Suite:
    """Read and check a whole panel.

    Raises:
        PanelError: the file and line of the first thing that cannot be used, and what to do.
    """
    folder = suite_folder(name)
    index = _index_of(folder)
    try:
        _, tree = read_yaml(index)
    except FileNotFoundError:
        raise SuiteError(f"{index}: no such file; a panel is a folder with panel.yaml and a JSONL a task") from None
    except DataError as error:
        raise SuiteError(str(error)) from None
    entries = tree.get("tasks") if isinstance(tree, dict) else None
    if not isinstance(entries, list) or not entries:
        raise SuiteError(f"{index}: `tasks` must be a list of at least one task")
    tasks = [_load_task(folder, index, number, spec) for number, spec in enumerate(entries)]
    doubled = sorted({t.name for t in tasks if sum(t.name == other.name for other in tasks) > 1})
    if doubled:
        raise SuiteError(f"{index}: {', '.join(doubled)} listed twice")
    return Suite(folder.resolve().name, tuple(tasks))


def _index_of(folder: Path) -> Path:
    """The folder's only YAML file, whatever its name."""
    files = sorted(folder.glob("*.yaml"))
    return files[0] if len(files) == 1 else folder / "panel.yaml"


def _load_task(folder: Path, index: Path, number: int, raw: Any) -> SuiteTask:
    try:
        spec = SuiteTaskSpec.model_validate(raw)
    except ValidationError as error:
        raise SuiteError(f"{index}: tasks[{number}]: {_first(error)}") from None
    path = folder / f"{spec.task}.jsonl"
    rows: list[SuiteRow] = []
    lines: dict[tuple[str, ...], int] = {}
    for line, value in read_jsonl(path):
        try:
            row = SuiteRow.model_validate(value)
        except ValidationError as error:
            raise SuiteError(f"{path}:{line}: {_first(error)}") from None
        if spec.kind == "multiple_choice" and not any(answer in row.options for answer in row.output):
            raise SuiteError(f"{path}:{line}: none of the answers {row.output!r} is among the options {row.options!r}")
        if "numeric" in spec.scores and not all(any(c.isdigit() for c in answer) for answer in row.output):
            raise SuiteError(f"{path}:{line}: scored by its number, and no number in one of {row.output!r}")
        first = lines.setdefault((row.input.strip(), *sorted(row.options)), line)
        if first != line:
            raise SuiteError(
                f"{path}:{line}: the same input and options as in line {first}; an item counts once, and must not be a "
                "demonstration too: take one of the two out"
            )
        rows.append(row)
    if len(rows) <= spec.demos:
        raise SuiteError(f"{path}: {len(rows)} rows, and {spec.demos} of them are demonstrations; no item is left")
    return SuiteTask(spec, tuple(rows[: spec.demos]), tuple(rows[spec.demos :]))


def _first(error: ValidationError) -> str:
    detail = error.errors(include_url=False)[0]
    return f"{'.'.join(str(part) for part in detail['loc'])}: {detail['msg']}"
