"""The rows that benchmarks of training steps share: records of all programmatic families, in the order of training."""

from typing import Any

from kshot.config import GenerateConfig
from kshot.generate.compose.composer import compose_records
from kshot.generate.curation.decontaminate import Decontaminator
from kshot.generate.run_files import RecordRow
from kshot.generate.sources import select_sources
from kshot.train.data import TrainRow
from kshot.train.rows.order import order_rows
from kshot.train.rows.split import prepare_rows

MAX_TOKENS = 512
"""Tokens of the longest row."""


def training_rows(tokenizer: Any, records: int, batch: int, steps: int, seed: int = 1) -> list[TrainRow]:
    """The rows of so many steps, out of so many records."""
    settings = GenerateConfig(records=records)
    composed, _ = compose_records(
        select_sources([], []), {}, settings, Decontaminator([]), seed, lambda done=1, note="": None
    )
    rows = [RecordRow.of(record).model_dump(mode="json") for record in composed]
    split = prepare_rows(rows, tokenizer, MAX_TOKENS, 0.0, seed, True)
    return list(order_rows(split.train, 1, batch, seed)[: batch * steps])
