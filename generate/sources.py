"""What a config's records are drawn from, before a teacher adds to it."""

from collections.abc import Sequence
from pathlib import Path

from kshot.config import Config
from kshot.config.loader import suggest
from kshot.core.errors import ConfigError
from kshot.core.seeding import stream
from kshot.core.types import Task
from kshot.generate.bank import FAMILIES
from kshot.generate.bank.reasoning_gym import ALL, PREFIX, is_installed, reasoning_gym_sources
from kshot.tasks.source import TaskSource, check_unique_ids, source_from_family, source_from_task
from kshot.tasks.yaml_reader import load_tasks

LISTED = "`kshot tasks list` shows them all"


def load_sources(config: Config) -> tuple[list[TaskSource], list[Task]]:
    """The programmatic units of a config, reasoning-gym's among them, and its example-based tasks.

    What `generate.exclude` names is left out. Of the families that remain `generate.max_families` are drawn by the
    seed; a larger draw contains a smaller one.

    Raises:
        ConfigError: an unknown name, or no task at all.
        DataError: a file of tasks that cannot be used, or an id used twice.
    """
    settings = config.generate
    units = [*family_sources(settings.families), *reasoning_gym_sources(settings.reasoning_gym)]
    tasks = [task for path in settings.tasks for task in load_tasks(path)]
    every = check_unique_ids([*units, *map(source_from_task, tasks)])
    out = _left_out(every, settings.exclude)
    families = sorted({unit.family for unit in every if unit.id not in out})
    if not families:
        raise ConfigError(["generate: no task at all; name families or files of tasks"])
    stream(config.seed, "families").shuffle(families)
    drawn = set(families[: settings.max_families])
    return (
        [unit for unit in units if unit.family in drawn and unit.id not in out],
        [task for task in tasks if task.family in drawn and task.id not in out],
    )


def _left_out(units: Sequence[TaskSource], names: Sequence[str]) -> set[str]:
    """The ids of those units that the names mean."""
    known = {name for unit in units for name in (unit.id, unit.family, unit.category)}
    if unknown := [name for name in names if name not in known]:
        raise ConfigError(
            [
                f"generate.exclude: {name!r} is no task, family or category of this config; "
                + suggest(name, sorted(known), LISTED)
                for name in unknown
            ]
        )
    return {unit.id for unit in units if {unit.id, unit.family, unit.category} & set(names)}


def family_sources(names: Sequence[str]) -> list[TaskSource]:
    """The units of programmatic families, in a fixed order.

    Args:
        names: family ids or categories; empty for all.

    Raises:
        ConfigError: an unknown name, with the nearest known one.
    """
    known = sorted({family.id for family in FAMILIES} | {family.category for family in FAMILIES})
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ConfigError(
            [f"generate.families: {name!r} is no family; {suggest(name, known, LISTED)}" for name in unknown]
        )
    return [source_from_family(f) for f in FAMILIES if not names or f.id in names or f.category in names]


def select_sources(names: Sequence[str], task_files: Sequence[Path]) -> list[TaskSource]:
    """The units of families and of files of tasks, as they are before a teacher adds to them."""
    tasks = [task for path in task_files for task in load_tasks(path)]
    return check_unique_ids([*family_sources(names), *map(source_from_task, tasks)])


def all_sources(files: Sequence[Path]) -> list[TaskSource]:
    """All families and the tasks of these files; reasoning-gym's data sets are among them where it is installed."""
    return check_unique_ids([*select_sources([], files), *reasoning_gym_sources([ALL] if is_installed() else [])])


def find_source(name: str, files: Sequence[Path]) -> TaskSource:
    """The unit of that id.

    Raises:
        ConfigError: there is none, with the nearest name; or it needs reasoning-gym.
    """
    units = {unit.id: unit for unit in select_sources([], files)}
    if name not in units and name.startswith(PREFIX):
        units |= {unit.id: unit for unit in reasoning_gym_sources([ALL])}
    if name not in units:
        raise ConfigError([f"no task {name!r}; {suggest(name, units, LISTED)}"])
    return units[name]
