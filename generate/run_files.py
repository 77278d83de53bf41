"""The files of runs/<run>/generate, one frozen model for each: what a line or a manifest contains."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from kshot.config import GenerateConfig
from kshot.config.section import Seed
from kshot.core.run_files import FileModel
from kshot.core.types import Record, RecordMeta, Reject

VERSION = 2
"""Raise it with every change of a file's fields; the data's cache key contains it."""
TRAIN, REJECTS, CONTAMINATION = "train.jsonl", "rejects.jsonl", "contamination.jsonl"
CARD, PARQUET = "README.md", "train.parquet"
Counts = dict[str, int]
CandidatePart = Literal["input", "output", "description"]
SuiteText = Literal["input", "option", "output"]


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
    "generate_manifest": GenerateManifest,
}
"""Every file of the stage by the name of its schema; train, rejects and contamination.jsonl hold a row each."""
