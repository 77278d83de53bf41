"""plan.json: what a run will take."""

from kshot.core.run_files import FileModel


class PlanFile(FileModel):
    """What `kshot plan` computes. Times are seconds, sizes bytes."""

    hardware: str
    records: int
    sampled: int
    """Records whose tokens were counted."""
    tokens_per_row: float
    dropped_fraction: float
    """Of the records, those longer than `train.max_length`."""
    rows: int
    """Rows of all epochs."""
    tokens: int
    steps: int
    step_rows: int
    memory: dict[str, int]
    """Of a step's peak in one process, by component."""
    memory_total: int
    memory_available: int
    seconds: float | None
    """Of the training; null without a probe."""
    seconds_from: str
    """How the seconds were found."""
    answers: int
    choices: int
    """Answers to write and options to score in the evaluation, of base and student together."""
    teacher: list[str]
    """Requests, tokens and price, as `kshot generate --dry-run` prints them."""
