"""alternatives.json: what a user could ship instead, on the held-out rows of a task of their own."""

from typing import Literal

from kshot.core.run_files import FileModel

Method = Literal["tf-idf", "encoder", "base", "student"]
TrainedOn = Literal["real", "real and made", ""]


class AlternativeRow(FileModel):
    """A way to answer the items of a task, and how often it is right."""

    suite: str
    task: str
    method: Method
    trained_on: TrainedOn
    """The rows that a classifier learnt from; "" for the models."""
    train_rows: int
    k: int | None
    """Demonstrations of a model."""
    accuracy: float
    low: float
    """Wilson's 95 % interval over the items."""
    high: float
    items: int


class AlternativesFile(FileModel):
    """alternatives.json: a row for each way, and for each task a sentence on what to ship."""

    rows: list[AlternativeRow]
    advice: list[str]
