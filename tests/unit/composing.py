"""Records composed without a teacher, of all families and one file of tasks."""

from pathlib import Path

from kshot.config import Generate
from kshot.core.types import Record, Reject
from kshot.generate.compose.composer import compose
from kshot.generate.curation.decontaminate import Screen
from kshot.generate.sources import select_units

SEEDS = Path(__file__).parents[2] / "configs" / "tasks"
TASKS = SEEDS / "everyday.yaml"
NOTHING = Screen([])


def composed(seed: int = 1, screen: Screen = NOTHING, **options: object) -> tuple[list[Record], list[Reject]]:
    """Under these options of `generate`."""
    config = Generate.model_validate({"records": 260, **options})
    units = select_units(config.families, [TASKS])
    return compose(units, {}, config, screen, seed, lambda done=1, note="": None)
