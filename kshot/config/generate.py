"""`generate`: which tasks, how many records, in which forms, and what keeps them clean."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from kshot.config.section import Fraction, Names, Section
from kshot.config.synthesis import ParaphraseConfig, SynthesisConfig
from kshot.config.tables import SuiteEntries, TableConfig, TaskEntry
from kshot.config.teacher import TeacherConfig


class MixtureConfig(Section):
    """Relative weights of what a prompt holds."""

    zero_shot: Annotated[float, Field(ge=0)] = 0.4
    """The instruction only."""
    few_shot: Annotated[float, Field(ge=0)] = 0.45
    """The instruction and demonstrations."""
    demos_only: Annotated[float, Field(ge=0)] = 0.15
    """Demonstrations only."""
    turns: Fraction = 0.0
    """Fraction of the records with demonstrations that show them as turns of a chat; the others are one message. The
    loss is then on the last answer. `evaluate.fewshot_as_multiturn` measures it."""

    @model_validator(mode="after")
    def _check(self) -> "MixtureConfig":
        if self.zero_shot + self.few_shot + self.demos_only <= 0:
            raise ValueError("all weights are zero; give at least one of them a positive weight")
        return self


class DedupConfig(Section):
    """Which records are duplicates. Records of different families, or of different example-based tasks, never are."""

    exact: bool = True
    """Drop records equal up to case, white space and Unicode form. false: only records equal byte for byte."""
    near: Annotated[float, Field(ge=0.5, le=1)] | None = None
    """Drop records whose demonstrations, query and output reach this Jaccard similarity of word trigrams. Texts of
    fewer than 12 trigrams are compared exactly only. null: keep near-duplicates."""


class FilterConfig(Section):
    """Plain filters; each reject names the filter."""

    scope: Literal["teacher", "all"] = "teacher"
    """teacher: filter what a teacher wrote. all: filter every record too (whole text; refusals by output)."""
    min_characters: Annotated[int, Field(ge=0)] = 0
    """Minimum length in characters."""
    max_characters: Annotated[int, Field(ge=1)] | None = None
    """Maximum length in characters."""
    min_words: Annotated[int, Field(ge=0)] = 0
    """Minimum length in words."""
    max_words: Annotated[int, Field(ge=1)] | None = None
    """Maximum length in words."""
    language: str | None = None
    """Keep texts in this language, e.g. `en` (py3langid); shorter than six words always pass. null: any language."""
    refusals: bool = True
    """Drop a model's refusals ("I can't help with that"), in fifteen languages. A person's "I can't log in" stays."""


class GenerateConfig(Section):
    """The data: which tasks, how many records, in which forms."""

    families: Names = []
    """Ids or categories of programmatic families, or Python files of your own (`./my_families.py`); empty: all that
    ship, and those that installed packages register (`kshot tasks list`). `none`: no family."""
    tasks: list[TaskEntry] = []
    """YAML or JSONL files of example-based tasks, or folders of them, relative to the config; tables, {file: x.csv};
    and `collection`, the tasks that ship (`kshot tasks list`)."""
    exclude: list[str] = []
    """Ids, families or categories to leave out."""
    max_families: Annotated[int, Field(ge=1)] | None = None
    """Number of families to draw by the seed; a larger draw contains a smaller one. null: all."""
    reasoning_gym: Names = []
    """Data sets of reasoning-gym by name, or `all`; needs `pip install 'kshot[gym]'`."""
    records: Annotated[int, Field(ge=1)] = 1000
    """Records to compose."""
    shares: dict[str, Fraction] = {}
    """By the id of a task, or the name of a family or category: its fraction of the records, e.g. {my_task: 0.6}. All
    others divide the rest. No cap bounds what has a share."""
    max_records_per_example: Annotated[int, Field(ge=1)] = 2
    """Maximum records for each gold example of an example-based task."""
    mixture: MixtureConfig = MixtureConfig()
    shots: list[Annotated[int, Field(ge=1, le=64)]] = [1, 2, 4]
    """Numbers of demonstrations, drawn evenly for each few-shot record."""
    cot_fraction: Fraction = 0.0
    """Fraction of the draws from families with a rationale that reason before the answer. Each comes with a twin that
    answers at once, so c gives c / (1 + c) of the records."""
    label_imbalance_fraction: Fraction = 0.5
    """Fraction of labelled records, from three demonstrations on, with imbalanced labels."""
    classification_fraction: Fraction | None = None
    """Fraction of all records that tasks with labels give. null: every task gives as many as any other."""
    symbol_tuning_fraction: Fraction = 0.0
    """Fraction of labelled records, from two demonstrations on, whose labels become made-up words
    (symbol tuning, arXiv:2305.08298)."""
    no_label_fraction: Fraction = 0.5
    """Fraction of the records of tasks with `no_label_instructions` whose instruction leaves the labels to a list or
    to the demonstrations."""
    wrapped_fraction: Fraction = 0.0
    """Fraction of the records with an instruction that get an instruction wrapper: a lead, a list of the labels, rules
    for the answer."""
    eval_template_fraction: Fraction = 0.5
    """Fraction of the records in the evaluation's template; the others draw another one."""
    paraphrase: ParaphraseConfig = ParaphraseConfig()
    synthesis: SynthesisConfig = SynthesisConfig()
    prompts: Path | None = None
    """A folder whose .j2 files replace the prompts of the same name, relative to the config."""
    teacher: TeacherConfig | None = TeacherConfig()
    """null: no teacher, hand-written descriptions only."""
    decontaminate: SuiteEntries = ["kshot", "kshot-uneven", "kshot-long"]
    """Suites whose text no record may contain: shipped ones by name, folders relative to the config, or tables as in
    `evaluate.suites`."""
    dedup: DedupConfig = DedupConfig()
    filters: FilterConfig = FilterConfig()
    parquet: bool = False
    """Write train.parquet beside train.jsonl."""

    @property
    def task_files(self) -> list[Path]:
        """The files of tasks and tables that are here; a dataset of the hub is none."""
        paths = [Path(task.file) if isinstance(task, TableConfig) else task for task in self.tasks]
        return [path for path, task in zip(paths, self.tasks, strict=True) if isinstance(task, Path) or path.exists()]

    @model_validator(mode="after")
    def _check_shares(self) -> "GenerateConfig":
        if sum(self.shares.values()) > 1 + 1e-9:
            raise ValueError(f"the shares add up to {sum(self.shares.values()):g}; they are fractions of all records")
        return self
