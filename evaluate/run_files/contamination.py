"""contamination.json: text that the suites share with the training data."""

from kshot.core.run_files import FileModel


class TaskText(FileModel):
    """What a task looks like: an instruction and an input."""

    instruction: str
    input: str


class NearestTrainingTask(TaskText):
    """A training task and its similarity, from 0 to 1, to a held-out one."""

    task: str
    family: str
    category: str
    similarity: float


class NearestTasks(TaskText):
    """A held-out task with the nearest training task by name, by word trigrams and by wording."""

    suite: str
    task: str
    name: NearestTrainingTask
    trigrams: NearestTrainingTask
    wording: NearestTrainingTask


class ContaminatedItem(FileModel):
    """A held-out item that shares text with a training record."""

    suite: str
    task: str
    item: int
    how: str
    """Which rule found it."""
    span: str
    """The shared words."""
    record: str
    """Id of the training record."""
    training_task: str


class ContaminationFile(FileModel):
    """contamination.json: text that the suites share with the training data."""

    key: str
    training: str
    """The training data looked into."""
    records: int | None
    """Number of training records; null: no training data there."""
    tasks: int
    """Number of training tasks."""
    items: int
    """Number of held-out items."""
    nearest: list[NearestTasks]
    contaminated: list[ContaminatedItem]
