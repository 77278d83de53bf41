"""baselines.json: what scores without understanding the task."""

from pydantic import Field

from kshot.core.run_files import FileModel


class BaselineTask(FileModel):
    """A row of baselines.json by task: base, student and every trivial baseline; null where one does not exist."""

    suite: str
    task: str
    score: str
    k: int
    base: float
    student: float
    baselines: dict[str, float | None]
    """By name, see `BASELINE_NAMES`."""
    base_random_labels: float | None
    """The base after demonstrations with random labels."""
    below: list[str]
    """Baselines that score more than the student."""
    ties: list[str] = Field(default_factory=list)
    """Baselines that score as much as the student, more than nothing."""
    is_constant: bool = False
    """The student gives one answer to all items, which is wrong for some."""

    @property
    def is_trivial(self) -> bool:
        """Whether the student has shown nothing that a trivial baseline does not."""
        below = [name for name in self.below if name != "random_labels"]
        return bool(below or self.ties) or self.is_constant


class BaselineScore(FileModel):
    """A baseline's mean beside the student's, over the tasks that have this baseline."""

    score: float
    student: float
    tasks: int


class BaselineMean(FileModel):
    """Means of the baselines on a suite."""

    suite: str
    score: str
    k: int
    baselines: dict[str, BaselineScore]
    below: list[str]
    ties: list[str] = Field(default_factory=list)


class BaselinesFile(FileModel):
    """baselines.json: what scores without understanding the task."""

    means: list[BaselineMean]
    tasks: list[BaselineTask]
