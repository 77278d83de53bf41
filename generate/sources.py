"""What a config's records are drawn from, before a teacher adds to it."""

from collections.abc import Sequence
from pathlib import Path

from kshot.config import Config
from kshot.config.loader import hint
from kshot.core.errors import ConfigError
from kshot.core.seeding import stream
from kshot.core.types import Task
from kshot.generate.bank import FAMILIES
from kshot.generate.bank.reasoning_gym import ALL, PREFIX, gym_units, installed
from kshot.tasks.source import Unit, distinct, from_family, from_task
from kshot.tasks.yaml_reader import load_tasks

LISTED = "`kshot tasks list` shows them all"


def sources(config: Config) -> tuple[list[Unit], list[Task]]:
    """The programmatic units of a config, reasoning-gym's among them, and its example-based tasks.

    What `generate.without` names is left out. Of the families that remain `generate.families_at_most` are drawn by the
    seed; a larger draw contains a smaller one.

    Raises:
        ConfigError: an unknown name, or no task at all.
        DataError: a file of tasks that cannot be used, or an id used twice.
    """
    settings = config.generate
    units = [*family_units(settings.families), *gym_units(settings.gym)]
    tasks = [task for path in settings.tasks for task in load_tasks(path)]
    every = distinct([*units, *map(from_task, tasks)])
    out = _left_out(every, settings.without)
    families = sorted({unit.family for unit in every if unit.id not in out})
    if not families:
        raise ConfigError(["generate: no task at all; name families or files of tasks"])
    stream(config.seed, "families").shuffle(families)
    drawn = set(families[: settings.families_at_most])
    return (
        [unit for unit in units if unit.family in drawn and unit.id not in out],
        [task for task in tasks if task.family in drawn and task.id not in out],
    )


def _left_out(units: Sequence[Unit], names: Sequence[str]) -> set[str]:
    """The ids of those units that the names mean."""
    known = {name for unit in units for name in (unit.id, unit.family, unit.category)}
    if unknown := [name for name in names if name not in known]:
        raise ConfigError(
            [
                f"generate.without: {name!r} is no task, family or category of this config; "
                + hint(name, sorted(known), LISTED)
                for name in unknown
            ]
        )
    return {unit.id for unit in units if {unit.id, unit.family, unit.category} & set(names)}


def family_units(names: Sequence[str]) -> list[Unit]:
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
            [f"generate.families: {name!r} is no family; {hint(name, known, LISTED)}" for name in unknown]
        )
    return [from_family(f) for f in FAMILIES if not names or f.id in names or f.category in names]


def select_units(names: Sequence[str], task_files: Sequence[Path]) -> list[Unit]:
    """The units of families and of files of tasks, as they are before a teacher adds to them."""
    tasks = [task for path in task_files for task in load_tasks(path)]
    return distinct([*family_units(names), *map(from_task, tasks)])


def every_source(files: Sequence[Path]) -> list[Unit]:
    """All families and the tasks of these files; reasoning-gym's data sets are among them where it is installed."""
    return distinct([*select_units([], files), *gym_units([ALL] if installed() else [])])


def find(name: str, files: Sequence[Path]) -> Unit:
    """The unit of that id.

    Raises:
        ConfigError: there is none, with the nearest name; or it needs reasoning-gym.
    """
    units = {unit.id: unit for unit in select_units([], files)}
    if name not in units and name.startswith(PREFIX):
        units |= {unit.id: unit for unit in gym_units([ALL])}
    if name not in units:
        raise ConfigError([f"no task {name!r}; {hint(name, units, LISTED)}"])
    return units[name]
