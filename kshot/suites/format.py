"""Suites of held-out tasks: what a suite's files hold, and what is made of them.

A suite is a folder with one YAML file and a JSONL file for each task. The YAML holds `tasks`, a list of `task` (file
stem), `instruction`, `kind` (multiple_choice or generation), `options_fixed` (all items have the same options, which
need not be shown), `demos`, and optionally `family`, `first_line_only` (the model is stopped there, whatever the
scores), `trained` (the task is trained on, with other rows), `system` (a system prompt) and `scores`: exact_match (the
default), normalized_match, contains, numeric, rouge_l, calibrated_choice (the choice among fixed options by calibrated
log-probabilities) and judge (the teacher compares the student's answer with the base's, by the task's `rubric`).
`category` and `items` are notes; another key is refused. A
row of a task's file holds `input`, `output` (the accepted answers) and, for multiple choice, `options`: at least two,
one of them wrong, which exact match tells from one another. The first `demos` rows are the pool of demonstrations, the
rest the items. No two rows share input and options.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

ScoreName = Literal["exact_match", "normalized_match", "contains", "numeric", "rouge_l", "calibrated_choice", "judge"]
UNWRITTEN_SCORES = ("calibrated_choice", "judge")
"""Scores that are not read from a written answer alone."""


class SuiteRow(BaseModel):
    """One line of a task's file: a demonstration or an item."""

    model_config = ConfigDict(extra="ignore", strict=True, frozen=True)

    input: str
    output: list[str] = Field(min_length=1)
    options: list[Annotated[str, Field(min_length=1)]] = []


class SuiteTaskSpec(BaseModel):
    """One entry of a suite's `tasks`."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    task: str = Field(pattern=r"^[A-Za-z0-9_.-]+$")
    instruction: str = Field(min_length=1)
    kind: Literal["multiple_choice", "generation"]
    options_fixed: bool = Field(False, strict=False)
    """Not strict, as `demos`: the YAML gives both as they are written."""
    demos: int = Field(ge=0, strict=False)
    scores: list[ScoreName] = Field(["exact_match"], min_length=1)
    first_line_only: bool = Field(False, strict=False)
    """The model is stopped at the end of its first line, a few tokens after the longest accepted answer."""
    trained: bool = Field(False, strict=False)
    """The task is trained on, with other rows: only the inputs of its items are kept out of training."""
    family: str = ""
    rubric: str = Field("", exclude=True)
    """What makes an answer better, for the score `judge`. No answer depends on it."""
    system: str = ""
    """A system prompt before every prompt of the task; "" for none."""
    category: str = Field("", exclude=True)
    """For readers, as `items`; neither shapes a score."""
    items: int | None = Field(None, strict=False, exclude=True)

    @model_validator(mode="after")
    def _check_scores(self) -> "SuiteTaskSpec":
        if twice := [score for score in self.scores if self.scores.count(score) > 1]:
            raise ValueError(f"scores: {twice[0]} stands twice; keep one")
        if ("judge" in self.scores) != bool(self.rubric):
            raise ValueError("the score judge and a rubric belong together; give both or neither")
        if "calibrated_choice" in self.scores and not (self.is_multiple_choice and self.options_fixed):
            raise ValueError("calibrated_choice needs kind: multiple_choice and options_fixed: true")
        return self

    @property
    def is_multiple_choice(self) -> bool:
        return self.kind == "multiple_choice"

    @property
    def written_scores(self) -> list[str]:
        """The scores that are read from a written answer; ROUGE-L where the task names none."""
        return [score for score in self.scores if score not in UNWRITTEN_SCORES] or ["rouge_l"]


@dataclass(frozen=True)
class SuiteTask:
    """A held-out task: its spec, the pool of demonstrations, and the items."""

    spec: SuiteTaskSpec
    demos: tuple[SuiteRow, ...]
    items: tuple[SuiteRow, ...]

    @property
    def name(self) -> str:
        return self.spec.task

    @property
    def is_multiple_choice(self) -> bool:
        return self.spec.is_multiple_choice


@dataclass(frozen=True)
class LmEvalSource:
    """A task, group or tag of lm-eval that stands in for a folder (`evaluate/measure/lm_eval_suites.py`)."""

    task: str
    path: str
    """A folder of the user's task YAMLs; empty for lm-eval's tasks only."""
    key: str
    """Changes with everything that shapes prompts and scores."""
    pool: int
    """Demonstrations that every task has to choose from."""
    scores: Mapping[str, tuple[str, ...]]
    """By task, the metrics that are means over items."""
    zero_shot_only: bool
    """No task takes demonstrations."""
    is_continuous: bool
    """A metric is no count of right answers, so that rounding shows in it."""
    multiturn: bool
    """Demonstrations are turns of the conversation."""
    system: str | None
    """A system text in front of each task's description."""


@dataclass(frozen=True)
class Suite:
    """A set of held-out tasks."""

    name: str
    tasks: tuple[SuiteTask, ...]
    lm_eval: LmEvalSource | None = None
    """Set where lm-eval words and scores; the tasks then hold its items, without demonstrations."""
    multiturn: bool = False
    """Demonstrations are turns of the conversation, in suites of our own format."""
    system: str = ""
    """A system text before each task's own system prompt, in suites of our own format."""

    def supports_shots(self, k: int) -> bool:
        """Whether it can be measured with k demonstrations."""
        return k == 0 or self.lm_eval is None or not self.lm_eval.zero_shot_only


def families_by_suite(suites: Iterable[Suite]) -> dict[str, dict[str, str]]:
    """Suite -> task -> its family; a task that names none is not in it."""
    return {suite.name: {task.name: task.spec.family for task in suite.tasks if task.spec.family} for suite in suites}
