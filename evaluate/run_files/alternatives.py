"""alternatives.json: what a user could ship instead, on the held-out rows of a task of their own."""

from typing import Literal

from kshot.core.run_files import FileModel

Method = Literal["majority", "tf-idf", "encoder", "base", "student", "teacher"]
TrainedOn = Literal["real", "real and made", ""]


class AlternativeRow(FileModel):
    """A way to answer the items of a task, how often it is right, and what it takes."""

    suite: str
    task: str
    method: Method
    score: str
    """How answers count: a score of the suite, or `label` for a classifier's."""
    trained_on: TrainedOn
    """The rows that a classifier learnt from; "" for the models."""
    train_rows: int
    k: int | None
    """Demonstrations of a model."""
    mean: float
    """Mean score over the items: the fraction right."""
    low: float
    """The 95 % interval over the items: Wilson's where each answer is right or wrong, else a bootstrap."""
    high: float
    items: int
    seconds: float | None
    """For a thousand answers, on the machine of the evaluation and in its batches; null: not measured."""
    cost: float | None = None
    """Of a thousand answers, in the currency of the teacher's prices; null: nothing is bought."""
    size: int | None = None
    """Bytes on disk; null: none here."""
    model: str = ""
    """The teacher's name."""


class AlternativesFile(FileModel):
    """alternatives.json: a row for each way, and for each task what to ship."""

    rows: list[AlternativeRow]
    advice: list[str]
