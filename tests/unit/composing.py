"""Records composed without a teacher, of all families and one file of tasks."""

from pathlib import Path

from kshot.config import GenerateConfig
from kshot.core.types import Record, Reject
from kshot.generate.compose.composer import compose_records
from kshot.generate.curation.decontaminate import Decontaminator
from kshot.generate.sources import select_sources

SEEDS = Path(__file__).parents[2] / "configs" / "tasks"
TASKS = SEEDS / "everyday.yaml"
NOTHING = Decontaminator([])


def composed(
    seed: int = 1, decontaminator: Decontaminator = NOTHING, **options: object
) -> tuple[list[Record], list[Reject]]:
    """Under these options of `generate`."""
    config = GenerateConfig.model_validate({"records": 260, **options})
    sources = select_sources(config.families, [TASKS])
    return compose_records(sources, {}, config, decontaminator, seed, lambda done=1, note="": None)
