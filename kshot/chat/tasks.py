"""The tasks that a chat can ask: those of the run's suites and data, of files, shipped suites, and families."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TypeVar

import orjson
from pydantic import ValidationError

from kshot.config import GenerateConfig
from kshot.config.loader import suggest
from kshot.config.tables import TableConfig
from kshot.core.errors import ConfigError, DataError, KshotError
from kshot.core.files import read_json
from kshot.core.runs import MANIFEST
from kshot.core.seeding import stream
from kshot.core.shipped import suite_names
from kshot.core.types import Task
from kshot.project.suite import load_suite_entry
from kshot.project.task import load_table_task
from kshot.suites.format import Suite, SuiteRow, SuiteTask, SuiteTaskSpec
from kshot.suites.prompts import render_chat
from kshot.tasks.reader import load_tasks
from kshot.tasks.source import TaskSource, source_from_task

SEED = 7
"""Draws the demonstrations of a task that brings no pool of them."""
MAX_DEMOS = 8
OPTION_MARK = " | "
"""Separates an input and its options in a message."""
Entry = TypeVar("Entry")
Loaded = TypeVar("Loaded")
FindSource = Callable[[str], TaskSource]


@dataclass(frozen=True)
class ChatTask:
    """A task to ask, as its suite has it."""

    suite: Suite
    task: SuiteTask
    min_shots: int = 0

    @property
    def name(self) -> str:
        return self.task.name

    @property
    def has_item_options(self) -> bool:
        """Whether each input comes with options of its own."""
        return self.task.is_multiple_choice and not self.task.spec.options_fixed

    def render(self, text: str, shots: int, system: str) -> list[dict[str, str]]:
        """The turns for an input: those that measuring sends for an item.

        Args:
            text: the input; where inputs come with options, these follow it, each after `OPTION_MARK`.
            system: a system text before the task's own.
        """
        options: list[str] = []
        if self.has_item_options:
            text, *options = text.split(OPTION_MARK)
        row = SuiteRow(input=text, output=[""], options=[option.strip() for option in options if option.strip()])
        if self.has_item_options and not row.options:
            form = OPTION_MARK.join(("INPUT", "OPTION", "OPTION"))
            raise ConfigError([f"{self.name}: each of its inputs comes with options; write {form}"])
        return render_chat(replace(self.suite, system=system), self.task, row, shots)


class TaskList:
    """The tasks that are at hand, read when one is asked for.

    Args:
        run: the run whose suites and tasks come first.
        files: YAML files of tasks, tables of examples, and folders of suites.
        find_source: finds a programmatic family by its id; raises ConfigError for another name.
    """

    def __init__(self, run: Path | None, files: Sequence[Path], find_source: FindSource | None = None) -> None:
        self._run = run
        self._files = files
        self._find_source = find_source
        self.unreadable: list[str] = []
        """What the run names and is no longer there."""

    @cached_property
    def by_origin(self) -> dict[str, list[ChatTask]]:
        """The tasks by where they come from, in the order in which a name is looked for.

        Raises:
            KshotError: a file of `files` cannot be used.
        """
        origins: dict[str, list[ChatTask]] = {}
        for path in self._files:
            origins.setdefault(str(path), []).extend(_read_file(path))
        for origin, tasks in self._run_tasks():
            origins.setdefault(origin, []).extend(tasks)
        for name in suite_names():
            if name not in origins:
                origins[name] = _from_suite(load_suite_entry(name))
        return {origin: tasks for origin, tasks in origins.items() if tasks}

    def find(self, name: str) -> ChatTask:
        """The task of this name, or of SUITE/NAME.

        Raises:
            ConfigError: there is none; with the nearest name.
        """
        known: dict[str, ChatTask] = {}
        for origin, tasks in self.by_origin.items():
            for task in tasks:
                known.setdefault(f"{Path(origin).name}/{task.name}", task)
                known.setdefault(task.name, task)
        if name in known:
            return known[name]
        hint = suggest(name, known, "/tasks lists them, `kshot tasks list` the families")
        if self._find_source:
            try:
                return _from_source(self._find_source(name))
            except ConfigError as error:
                if "did you mean" in str(error) and "did you mean" not in hint:
                    raise
        raise ConfigError([f"no task {name!r}; {hint}"])

    def _run_tasks(self) -> Iterator[tuple[str, list[ChatTask]]]:
        """The tasks of the run's suites, of its config, and those that its teacher added to."""
        if self._run is None:
            return
        settings = self._try(_read_settings, self._run / "generate" / MANIFEST) or GenerateConfig()
        for entry in settings.decontaminate:
            if suite := self._try(load_suite_entry, entry):
                yield suite.name, _from_suite(suite)
        own: dict[str, Task] = {}
        for path in sorted((self._run / "generate" / "tasks").glob("*.yaml")):
            own |= {task.id: task for task in self._try(load_tasks, path) or []}
        for named in settings.tasks:
            for task in self._try(_load_entry, named) or []:
                own.setdefault(task.id, task)
        yield "training tasks", [_from_source(source_from_task(task)) for task in own.values()]

    def _try(self, load: Callable[[Entry], Loaded], entry: Entry) -> Loaded | None:
        try:
            return load(entry)
        except (KshotError, OSError) as error:
            self.unreadable.append(str(error))
            return None


def _read_settings(manifest: Path) -> GenerateConfig:
    """The generate section that a run's data were made with; the defaults for a run without data.

    Raises:
        DataError: the manifest is of another version.
    """
    if not manifest.is_file():
        return GenerateConfig()
    try:
        return GenerateConfig.model_validate_json(orjson.dumps(read_json(manifest)["config"]["generate"]))
    except (ValidationError, KeyError, TypeError):
        raise DataError(f"{manifest}: not of this version of kshot; its tasks are not known") from None


def _load_entry(entry: Path | TableConfig) -> list[Task]:
    if isinstance(entry, Path):
        return load_tasks(entry)
    return [load_table_task(entry.file, entry.input, entry.output, entry.instruction, entry.id)]


def _read_file(path: Path) -> list[ChatTask]:
    if path.is_dir():
        return _from_suite(load_suite_entry(str(path)))
    tasks = load_tasks(path) if path.suffix in (".yaml", ".yml") else [load_table_task(str(path))]
    return [_from_source(source_from_task(task)) for task in tasks]


def _from_suite(suite: Suite) -> list[ChatTask]:
    return [ChatTask(suite, task) for task in suite.tasks]


def _from_source(source: TaskSource) -> ChatTask:
    """One drawn task of a source, its demonstrations with as many labels as there are."""
    rng = stream(SEED, "chat", source.id)
    params = source.params(rng)
    labels = list(source.labels(params))
    wanted = [labels[place % len(labels)] for place in range(MAX_DEMOS)] if labels else []
    examples = source.sample_examples(rng, params, MAX_DEMOS, wanted)
    rows = [SuiteRow(input=example.input, output=[example.output], options=labels) for example in examples]
    spec = SuiteTaskSpec.model_validate(
        {
            "task": source.id.replace(":", "."),
            "instruction": source.descriptions[0].format(**params),
            "kind": "multiple_choice" if labels else "generation",
            "options_fixed": bool(labels),
            "demos": len(rows),
            "system": source.system,
        }
    )
    task = SuiteTask(spec, tuple(rows), (SuiteRow(input="", output=[""], options=labels),))
    return ChatTask(Suite(source.id, (task,)), task, source.min_k)
