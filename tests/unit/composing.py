"""Records composed without a teacher, in memory or by the stage, and small records made by hand."""

import json
from pathlib import Path
from typing import Any

from kshot.config import Config, GenerateConfig
from kshot.core.runs import Run
from kshot.core.types import Demonstration, Record, RecordMeta, Reject
from kshot.generate.compose.composer import compose_records
from kshot.generate.curation.decontaminate import Decontaminator
from kshot.generate.sources import select_sources
from kshot.generate.stage import run_generate

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


def read_lines(path: Path) -> list[dict[str, Any]]:
    """The objects of a JSONL file."""
    return [json.loads(line) for line in path.read_text().splitlines()]


def generate_into(folder: Path, **options: object) -> Path:
    """Run the stage without a teacher under these options of `generate`, and return its folder."""
    config = Config.model_validate({"seed": 5, "generate": {"teacher": None, "records": 150, **options}})
    run_generate(config, Run(folder))
    return folder / "generate"


def small_record(n: int, k: int = 0, family: str = "f") -> Record:
    """A record whose lengths follow from n, of one of three tasks."""
    query = Demonstration(f"word {n}", "x" * (n + 1))
    meta = RecordMeta(
        id=f"r{n}",
        kind="zsl",
        k=k,
        form="few_shot",
        task=f"t{n % 3}",
        family=family,
        category="c",
        origin="programmatic",
        mode="handwritten",
        task_instruction="",
        demonstrations=(),
        query=query,
        template="bare",
        loss_spans=(),
        demo_ids=(),
        query_id="q",
        example_mode="programmatic",
        symbol_tuned=False,
        wrapped=False,
        teacher=None,
        verified_by="solver",
        seed=1,
    )
    return Record(query.input, query.output, meta)
