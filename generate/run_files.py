"""The files of runs/<run>/generate, one frozen model for each: what a line or a manifest contains."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field, model_validator

from kshot.config import GenerateConfig
from kshot.config.section import Seed
from kshot.core.run_files import FileModel
from kshot.core.seeding import digest
from kshot.core.types import Record, RecordMeta, Reject, Task

VERSION = 4
"""Raise it with every change of a file's fields; the data's cache key contains it."""
TRAIN, REJECTS, CONTAMINATION = "train.jsonl", "rejects.jsonl", "contamination.jsonl"
EXAMPLES, DECISIONS, TASKS = "examples.jsonl", "decisions.jsonl", "tasks"
CARD, PARQUET = "README.md", "train.parquet"
Counts = dict[str, int]
CandidatePart = Literal["input", "output", "description"]
SuiteText = Literal["input", "option", "output"]
DecisionKind = Literal["accept", "refuse", "edit", "note", "undo"]
REFUSED_BY_PERSON = "refused by a person"
"""The reason of the reject that a person's decision makes."""


class _Row(FileModel):
    def to_line(self) -> bytes:
        """The row as a line of JSONL, with its newline."""
        return self.model_dump_json().encode() + b"\n"


class RecordRow(_Row):
    """A line of train.jsonl."""

    instruction: str
    """All that the student reads: the prompt, demonstrations included."""
    output: str
    """What the student should answer."""
    meta: RecordMeta
    """The record's structure, and how it was composed."""

    @classmethod
    def of(cls, record: Record) -> "RecordRow":
        return cls(instruction=record.instruction, output=record.output, meta=record.meta)


class RejectRow(_Row):
    """A line of rejects.jsonl: a candidate that did not pass a check."""

    id: str
    """Digest of the candidate; a line of contamination.jsonl may refer to it."""
    mode: str
    """Who proposed the candidate: a synthesis mode, a paraphrase mode, or compose."""
    task: str
    """The task source."""
    reason: str
    """Words that are the same for all candidates, then a colon and what the check found."""
    candidate: str
    """The rejected text; empty where there was none to reject."""
    original: str
    """The instruction that a rejected paraphrase rewords; else empty."""
    request: str
    """Digest of the request in whose reply the candidate was: the rejects of one reply share it. Else empty."""

    @classmethod
    def of(cls, reject: Reject) -> "RejectRow":
        return cls(**vars(reject))


@dataclass(frozen=True)
class KeyedExample:
    """An example of a task, with the key by which records and decisions name it."""

    key: str
    """Digest of task, input and output, as in a record's `query_id` and `demo_ids`."""
    input: str
    output: str
    rationale: str | None
    mode: str
    """How it was written: gold, or a synthesis mode."""
    verified_by: str
    """What confirmed its output."""
    teacher: str | None
    """Who wrote it; null without a teacher."""
    attributes: dict[str, str]
    """What the teacher was asked to give it: topic, length, level, style, writer."""


class TaskExamples(_Row):
    """A line of examples.jsonl: an example-based task with all its examples, before a person's decisions."""

    id: str
    """The task."""
    family: str
    """Its family."""
    mode: str
    """handwritten, or the synthesis mode that made it."""
    instruction: str
    """Its first description."""
    labels: tuple[str, ...]
    """All its outputs; empty where answers are open."""
    allow_empty_outputs: bool
    """Whether nothing may be the right answer."""
    examples: tuple[KeyedExample, ...]
    """Gold ones and those that the teacher made."""

    @classmethod
    def of(cls, task: Task) -> "TaskExamples":
        return cls(
            id=task.id,
            family=task.family,
            mode=task.mode,
            instruction=task.descriptions[0],
            labels=task.labels,
            allow_empty_outputs=task.allow_empty_outputs,
            examples=tuple(
                KeyedExample(
                    key=digest(task.id, example.input, example.output),
                    **{**vars(example), "attributes": dict(example.attributes)},
                )
                for example in task.examples
            ),
        )


class Decision(_Row):
    """A line of decisions.jsonl: what a person decided on an example. The last line of a key counts, and it alone."""

    key: str
    """Digest of `task`, `input` and `output`."""
    task: str
    """The task, as in a record's `meta.task`."""
    what: DecisionKind
    """accept: keep it, whatever a later check says; refuse: use it nowhere; edit: use the edited form; note: the
    note alone; undo: as if there were no decision."""
    input: str
    """The example's input as it was made."""
    output: str
    """Its output as it was made."""
    edited_input: str | None = None
    """Of an edit: the input to use; else null."""
    edited_output: str | None = None
    """Of an edit: the output to use; else null."""
    note: str = ""
    """What the person wrote about it."""
    time: str
    """When, in UTC (ISO 8601)."""

    @model_validator(mode="after")
    def _check(self) -> "Decision":
        if self.key != digest(self.task, self.input, self.output):
            raise ValueError("key is not that of task, input and output")
        has_edit = self.edited_input is not None and self.edited_output is not None
        if has_edit != (self.what == "edit") or (self.edited_input is None) != (self.edited_output is None):
            raise ValueError("edited_input and edited_output belong to an edit, both")
        if self.edited_input is not None and not self.edited_input.strip():
            raise ValueError("edited_input is empty")
        return self

    @property
    def is_effective(self) -> bool:
        """Whether it changes the data."""
        return self.what in ("accept", "refuse", "edit")


@dataclass(frozen=True)
class TextMatch:
    """Text that a training candidate shares with a suite."""

    candidate_part: CandidatePart
    """Where the candidate contains it."""
    suite: str
    task: str
    suite_part: SuiteText | Literal["instruction"]
    """Where the suite's task contains it."""
    span: str
    """All shared words in a row, lower case, joined by single spaces; an instruction in its own spelling."""


class ContaminationRow(_Row):
    """A line of contamination.jsonl: text that a candidate shares with a held-out suite."""

    kind: Literal["match"] = "match"
    """Distinguishes the two kinds of lines."""
    reject: str
    """The id of the reject in rejects.jsonl."""
    source: str
    """The task source of the candidate."""
    match: TextMatch
    """The shared text, and where candidate and suite contain it."""


class NearestRow(_Row):
    """A line of contamination.jsonl: the held-out task that is most similar to a training family."""

    kind: Literal["nearest"] = "nearest"
    """Distinguishes the two kinds of lines."""
    family: str
    """The training family."""
    suite: str
    """The suite of the held-out task."""
    task: str
    """The held-out task."""
    similarity: Annotated[float, Field(ge=0, le=1)]
    """Cosine of TF-IDF weighted character n-grams: 0 without a common n-gram, 1 for the same words."""
    description: str
    """The family's most similar description."""
    instruction: str
    """The held-out task's instruction."""


class RecordCounts(FileModel):
    """Numbers of records by several properties, each sorted by name."""

    family: Counts
    """By task family."""
    category: Counts
    """By category of families."""
    mode: Counts
    """By who worded the instruction."""
    k: Counts
    """By number of demonstrations."""
    form: Counts
    """By zero_shot, few_shot and demos_only."""
    kind: Counts
    """By zsl, fsl and cot."""
    template: Counts
    """By prompt template."""
    origin: Counts
    """By programmatic, examples, and packages that draw examples."""


class ModeCounts(FileModel):
    """The candidates of one mode: `candidates` equals `accepted` plus all of `rejected`."""

    candidates: int
    """Candidates checked."""
    accepted: int
    """Candidates that passed."""
    rejected: Counts
    """Rejects by reason, the most frequent first."""


class TextDiversity(FileModel):
    """How diverse some inputs are: means over samples of one size, see `TaskDiversity.sampled`."""

    texts: int
    """Inputs that there are."""
    distinct_1: float
    """Distinct words over all words."""
    distinct_2: float
    """Distinct word pairs over all word pairs."""
    near_copies: float
    """Fraction of the inputs with another one at a TF-IDF cosine of 0.7 or more."""
    embedding_distance: float | None
    """Mean cosine distance to the nearest other input, by the config's encoder; null without one."""


class TaskDiversity(FileModel):
    """The inputs that the teacher wrote for a task beside the gold ones."""

    sampled: int
    """Size of the samples that both are compared on."""
    gold: TextDiversity
    """The gold inputs."""
    new: TextDiversity
    """The accepted inputs of the teacher."""
    attributes: dict[str, Counts]
    """By attribute that examples were asked to have: accepted examples by value."""


class NearestTask(FileModel):
    """The held-out task most similar to a training family."""

    suite: str
    """Its suite."""
    task: str
    """Its name."""
    similarity: float
    """See `NearestRow`."""


class GenerateSettings(FileModel):
    """The settings that shaped the data."""

    seed: Seed
    """The config's seed."""
    generate: GenerateConfig
    """The config's generate section."""


class GenerateManifest(FileModel):
    """manifest.json, written last: it marks a finished data set."""

    key: str
    """Digest of the settings, component versions and input files; another key means other data."""
    seed: int
    """The config's seed."""
    records: int
    """Records in train.jsonl."""
    filled: bool
    """Whether `--fill-to` asked for this number of records, in several synthesis rounds."""
    counts: RecordCounts
    """Records by family, category and other properties."""
    tasks: Counts
    """Distinct tasks by family: draws of its parameters among the records."""
    lengths: dict[str, dict[str, Counts]]
    """By part of a record and unit of length (characters, words): values at the percentiles p5 to p100."""
    labels: dict[str, Counts]
    """By family with labels: records by label; `label 1` is the first of a drawn label space."""
    modes: dict[str, ModeCounts]
    """By mode: candidates, accepted ones and rejects."""
    diversity: dict[str, TaskDiversity]
    """By task to which the teacher added examples: how diverse their inputs are."""
    teacher: str | None
    """The teacher's name; null where the stage sent no request."""
    decontaminated_against: list[str]
    """Suites whose text no record contains."""
    decisions: Counts
    """A person's decisions that these data honour, by kind; `missing` are on examples that no longer exist."""
    nearest: dict[str, NearestTask]
    """By family, the most similar held-out task; both texts are in contamination.jsonl."""
    components: dict[str, int]
    """Versions of the components that shape records."""
    versions: dict[str, str]
    """Versions of installed packages."""
    files: dict[str, str]
    """SHA-256 of each file, in hexadecimal."""
    config: GenerateSettings
    """The settings that shaped the data."""


FILES: dict[str, type[FileModel]] = {
    "record": RecordRow,
    "reject": RejectRow,
    "removed_text": ContaminationRow,
    "nearest_task": NearestRow,
    "examples": TaskExamples,
    "decision": Decision,
    "generate_manifest": GenerateManifest,
}
"""Every file of the stage by the name of its schema; a .jsonl file holds a row a line."""
