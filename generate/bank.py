"""What a config's records are drawn from, before a teacher adds to it."""

from collections.abc import Sequence

from kshot.config import Config
from kshot.config_file import hint
from kshot.errors import ConfigError
from kshot.generate.gym import gym_units
from kshot.generate.units import LISTED, Unit, distinct, family_units, from_task, load_tasks
from kshot.schema import Task
from kshot.seeding import stream


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
