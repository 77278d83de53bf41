"""What a config's records are drawn from, before a teacher adds to it."""

from kshot.config import Config
from kshot.errors import ConfigError
from kshot.generate.gym import gym_units
from kshot.generate.units import Unit, distinct, family_units, from_task, load_tasks
from kshot.schema import Task
from kshot.seeding import stream


def sources(config: Config) -> tuple[list[Unit], list[Task]]:
    """The programmatic units of a config, reasoning-gym's among them, and its example-based tasks.

    Of all their families `generate.families_at_most` are drawn by the seed; a larger draw contains a smaller one.

    Raises:
        ConfigError: an unknown name, or no task at all.
        DataError: a file of tasks that cannot be used, or an id used twice.
    """
    settings = config.generate
    units = [*family_units(settings.families), *gym_units(settings.gym)]
    tasks = [task for path in settings.tasks for task in load_tasks(path)]
    families = sorted({unit.family for unit in distinct([*units, *map(from_task, tasks)])})
    if not families:
        raise ConfigError(["generate: no task at all; name families or files of tasks"])
    stream(config.seed, "families").shuffle(families)
    drawn = set(families[: settings.families_at_most])
    return [unit for unit in units if unit.family in drawn], [task for task in tasks if task.family in drawn]
