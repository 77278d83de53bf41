"""Loads the task sources that a config names: programmatic families, YAML tasks, datasets of reasoning-gym."""

from collections.abc import Collection, Sequence
from pathlib import Path

from kshot.config import GenerateConfig, TableConfig
from kshot.config.loader import suggest
from kshot.core.errors import ConfigError
from kshot.core.seeding import stream
from kshot.core.shipped import COLLECTION_FILE
from kshot.core.types import Task
from kshot.generate.bank import FAMILIES
from kshot.generate.bank.reasoning_gym import ALL, PREFIX, is_installed, reasoning_gym_sources
from kshot.project.task import load_table_task
from kshot.suites.format import Suite, families_by_suite
from kshot.tasks.reader import load_tasks
from kshot.tasks.registry import load_entry_points, load_family_file, registered_families
from kshot.tasks.source import TaskSource, check_unique_ids, source_from_family, source_from_task

LIST_HINT = "`kshot tasks list` shows them all"
FAMILY_FILE_SUFFIX = ".py"
NO_FAMILIES = "none"


def load_sources(
    settings: GenerateConfig, seed: int, held_out: Collection[str] = ()
) -> tuple[list[TaskSource], list[Task]]:
    """Load a config's programmatic sources, reasoning-gym's among them, and its example-based tasks.

    Leaves out what `generate.exclude` names. Of the remaining families the seed draws `generate.max_families`; a larger
    draw contains a smaller one.

    Args:
        held_out: ids of held-out families, see `held_out_families`.

    Raises:
        ConfigError: an unknown name, a faulty or held-out family, or no task at all.
        DataError: an unusable file of tasks, or an id used twice.
    """
    sources = [*family_sources(settings.families, held_out), *reasoning_gym_sources(settings.reasoning_gym)]
    tasks = [task for entry in settings.tasks for task in _load_entry(entry)]
    everything = check_unique_ids([*sources, *map(source_from_task, tasks)])
    excluded = _excluded_ids(everything, settings.exclude)
    families = sorted({source.family for source in everything if source.id not in excluded})
    if not families:
        raise ConfigError(["generate: no task at all; name families or files of tasks"])
    stream(seed, "families").shuffle(families)
    drawn = set(families[: settings.max_families])
    return (
        [source for source in sources if source.family in drawn and source.id not in excluded],
        [task for task in tasks if task.family in drawn and task.id not in excluded],
    )


def _load_entry(entry: Path | TableConfig) -> list[Task]:
    if isinstance(entry, Path):
        return load_tasks(entry)
    return [load_table_task(entry.file, entry.input, entry.output, entry.instruction, entry.id)]


def held_out_families(suites: Sequence[Suite]) -> set[str]:
    """The families of held-out tasks, as the suites name them."""
    return {family for families in families_by_suite(suites).values() for family in families.values()}


def is_family_file(name: str) -> bool:
    """Whether an entry of `generate.families` is a Python file."""
    return name.endswith(FAMILY_FILE_SUFFIX)


def family_sources(names: Sequence[str], held_out: Collection[str] = ()) -> list[TaskSource]:
    """The sources of programmatic families: shipped, then registered ones, then those of family files.

    Args:
        names: ids and categories select among the shipped and registered families, without them all are selected. A
            Python file adds all of its families. `none` alone: no family.

    Raises:
        ConfigError: an unknown name, with the nearest known one, or a faulty or held-out family.
    """
    if list(names) == [NO_FAMILIES]:
        return []
    load_entry_points(held_out)
    own = [family for name in names if is_family_file(name) for family in load_family_file(Path(name), held_out)]
    shipped = {family.id for family in FAMILIES}
    installed = [*FAMILIES, *(family for family in registered_families() if family.id not in shipped)]
    selected = {name for name in names if not is_family_file(name)}
    known = sorted({name for family in (*installed, *own) for name in (family.id, family.category)})
    if unknown := [name for name in names if name in selected and name not in known]:
        raise ConfigError(
            [f"generate.families: {name!r} is no family; {suggest(name, known, LIST_HINT)}" for name in unknown]
        )
    chosen = [f for f in installed if not selected or f.id in selected or f.category in selected]
    return [source_from_family(family) for family in (*chosen, *own)]


def select_sources(names: Sequence[str], files: Sequence[Path]) -> list[TaskSource]:
    """The sources of families and of files, before a teacher adds to them.

    Args:
        names: see `family_sources`.
        files: YAML files of tasks, or Python files of families.
    """
    family_files = [str(path) for path in files if is_family_file(path.name)]
    tasks = [task for path in files if not is_family_file(path.name) for task in load_tasks(path)]
    return check_unique_ids([*family_sources([*names, *family_files]), *map(source_from_task, tasks)])


def all_sources(files: Sequence[Path]) -> list[TaskSource]:
    """All families, the collection, the tasks of these files, and reasoning-gym's datasets where it is installed."""
    gym = reasoning_gym_sources([ALL] if is_installed() else [])
    return check_unique_ids([*select_sources([], [COLLECTION_FILE, *files]), *gym])


def find_source(name: str, files: Sequence[Path]) -> TaskSource:
    """The source of that id.

    Raises:
        ConfigError: there is none, with the nearest name; or it needs reasoning-gym.
    """
    sources = {source.id: source for source in select_sources([], [COLLECTION_FILE, *files])}
    if name not in sources and name.startswith(PREFIX):
        sources |= {source.id: source for source in reasoning_gym_sources([ALL])}
    if name not in sources:
        raise ConfigError([f"no task {name!r}; {suggest(name, sources, LIST_HINT)}"])
    return sources[name]


def _excluded_ids(sources: Sequence[TaskSource], names: Sequence[str]) -> set[str]:
    """The ids of the sources that the names exclude."""
    known = {name for source in sources for name in (source.id, source.family, source.category)}
    if unknown := [name for name in names if name not in known]:
        raise ConfigError(
            [
                f"generate.exclude: {name!r} is no task, family or category of this config; "
                + suggest(name, sorted(known), LIST_HINT)
                for name in unknown
            ]
        )
    return {source.id for source in sources if {source.id, source.family, source.category} & set(names)}
