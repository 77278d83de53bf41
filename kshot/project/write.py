"""Writes a project: a config, a task, a suite of held-out rows and a README, which no hand needs to touch."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import orjson
import yaml

from kshot.core.errors import DataError
from kshot.core.files import atomic_folder
from kshot.project.examples import Kind, LabelledRow, Survey
from kshot.project.split import choose_pool

SCORES: dict[Kind, list[str]] = {
    "classification": ["exact_match", "normalized_match"],
    "extraction": ["exact_match", "normalized_match"],
    "text": ["rouge_l", "normalized_match"],
}
OWN_SHARE = 0.6
"""Fraction of the records that the own task gives; the general bank gives the rest, so that other skills stay."""
RECORDS_PER_EXAMPLE = 8
RECORDS_PER_NEW_EXAMPLE = 2
MIN_RECORDS, MAX_RECORDS = 600, 4000
MADE_PER_LABEL, MADE_PER_TASK = 15, 200
"""Examples to ask a teacher for."""
MAX_SHOTS = 4
MAX_SHOT_TOKENS = 1024
"""Demonstrations that together are longer leave no room: then one is shown."""
MIN_LENGTH, MAX_LENGTH = 384, 2048
LATIN_END = "\u0250"


def make_task_id(name: str) -> str:
    """Return the name as a task's id: lower case, digits and underscores."""
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_") or "own_task"


def default_instruction(survey: Survey) -> str:
    """An instruction that says all that the table shows: the labels are listed with it, the keys stand in it."""
    if survey.kind == "classification":
        return "Which label fits the input? Answer with the label only."
    if survey.kind == "extraction":
        keys = ", ".join(survey.keys) or "that the input names"
        return f"Extract what the input says as a JSON object. Keys: {keys}; leave out what it does not say."
    return "Write the output for the input."


@dataclass(frozen=True)
class Project:
    """What a project is made of."""

    name: str
    """Of the folder; the task's id is made of it."""
    source: str
    instruction: str
    survey: Survey
    facts: Sequence[str]
    """What the table holds, a line each."""
    train: Sequence[LabelledRow]
    test: Sequence[LabelledRow]
    student: str
    teacher: dict[str, str]
    """`endpoint` and `model`; empty for none."""
    seed: int = 7
    made_by: tuple[str, str] | None = None
    """Who wrote the rows, and in which mode; None for a person."""

    @property
    def task_id(self) -> str:
        return make_task_id(self.name)

    @property
    def records(self) -> int:
        """Records to compose: so many for each example, those of a teacher included, the general ones beside them."""
        own = RECORDS_PER_EXAMPLE * len(self.train)
        if self.asks_teacher:
            own = max(own, RECORDS_PER_NEW_EXAMPLE * (len(self.train) + self.examples_to_ask))
        return min(MAX_RECORDS, max(MIN_RECORDS, round(own / OWN_SHARE)))

    @property
    def asks_teacher(self) -> bool:
        """Whether the teacher writes more examples; those of documents are written already."""
        return bool(self.teacher) and self.made_by is None

    @property
    def examples_to_ask(self) -> int:
        """New examples that a teacher is asked for."""
        labels = len(self.survey.labels)
        return MADE_PER_LABEL * labels if labels else MADE_PER_TASK

    @property
    def max_shots(self) -> int:
        """Demonstrations in a record, at most."""
        sizes = sorted(map(estimate_tokens, self._texts))
        return MAX_SHOTS if MAX_SHOTS * sizes[len(sizes) // 2] <= MAX_SHOT_TOKENS else 1

    @property
    def max_length(self) -> int:
        """Tokens of a row: the longest example at `max_shots` demonstrations of the middle length, and the labels."""
        sizes = sorted(map(estimate_tokens, self._texts))
        labels = sum(estimate_tokens(label) + 2 for label in self.survey.labels)
        tokens = sizes[-1] + self.max_shots * sizes[len(sizes) // 2] + labels + estimate_tokens(self.instruction)
        return min(MAX_LENGTH, max(MIN_LENGTH, -(-tokens // 64) * 64))

    @property
    def too_long(self) -> int:
        """Training rows that alone fill a row of `max_length`: training leaves them out."""
        most = self.max_length
        return sum(estimate_tokens(text) > most for text in self._texts)

    @property
    def _texts(self) -> list[str]:
        return [f"{row.input} {row.output}" for row in self.train]


def estimate_tokens(text: str) -> int:
    """Estimate a text's tokens, rather too many: a small vocabulary spells other scripts than Latin in bytes."""
    latin = sum(character < LATIN_END for character in text)
    return latin // 3 + 2 * (len(text) - latin) + 1


def write_project(folder: Path, project: Project, further: Mapping[str, str] = MappingProxyType({})) -> list[Path]:
    """Write the project into a new folder. Return the files.

    Args:
        further: files beside it, by name.

    Raises:
        DataError: the folder exists.
    """
    if folder.exists():
        raise DataError(f"{folder}: exists already; name another folder, or remove it")
    files = {
        f"{project.task_id}.yaml": _config(project),
        "task.yaml": _task(project),
        "suite/suite.yaml": _suite(project),
        f"suite/{project.task_id}.jsonl": _suite_rows(project),
        "README.md": _readme(project),
        **further,
    }
    with atomic_folder(folder) as target:
        for name, text in files.items():
            path = target / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    return [folder / name for name in files]


def _dump(value: object) -> str:
    return yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=120)


def _config(project: Project) -> str:
    own, per_task = project.task_id, project.examples_to_ask
    if project.made_by:
        teacher = "  teacher: null                        # the questions are written; nothing more is asked\n"
    elif project.teacher:
        teacher = f"""  teacher: {_inline(project.teacher)}
  synthesis:
    demonstrate: {{per_task: {per_task}}}     # new examples to ask the teacher for; `--dry-run` shows the price
"""
    else:
        teacher = f"""  teacher: null                        # your examples only; with a teacher, in place of this:
  # teacher: {{endpoint: openai, model: NAME, budget: {{requests: 5000}}}}
  # synthesis: {{demonstrate: {{per_task: {per_task}}}}}
"""
    return f"""# {project.name}: made by `kshot init` from {Path(project.source).name}.
#
#     kshot run {own}.yaml

seed: {project.seed}
student: {project.student}

generate:
  tasks: [task.yaml]
  shares: {{{own}: {OWN_SHARE}}}               # of the records; general tasks give the rest, so that other skills stay
  records: {project.records}
  shots: {[k for k in (1, 2, MAX_SHOTS) if k <= project.max_shots]}
{teacher}  decontaminate: [suite]               # no record may hold text of the held-out rows

train:
  max_length: {project.max_length}
  lora: {{r: 16, lora_alpha: 32, target_modules: all-linear}}
  sft: {{learning_rate: 8.0e-4, per_device_train_batch_size: 4, num_train_epochs: 1}}

evaluate:
  suites: [suite]                      # the held-out rows
  shots: [0, {project.max_shots}]
"""


def _inline(values: dict[str, str]) -> str:
    return yaml.safe_dump(values, default_flow_style=True, width=1000).strip()


def _task(project: Project) -> str:
    survey = project.survey
    task: dict[str, object] = {"id": project.task_id, "category": "own", "descriptions": [project.instruction]}
    if survey.labels:
        task["labels"] = list(survey.labels)
    origin = {}
    if project.made_by:
        origin = {"mode": project.made_by[1], "verified_by": "self-consistency", "teacher": project.made_by[0]}
    task["examples"] = [{"input": row.input, "output": row.output, **origin} for row in project.train]
    head = (
        f"# The task, with {len(project.train)} of the examples of {Path(project.source).name}. Add wordings to\n"
        "# `descriptions`; a teacher reworded none of them.\n"
    )
    return head + _dump([task])


def _suite(project: Project) -> str:
    labels = bool(project.survey.labels)
    entry: dict[str, object] = {
        "task": project.task_id,
        "instruction": project.instruction,
        "kind": "multiple_choice" if labels else "generation",
        "options_fixed": labels,
        "demos": len(choose_pool(project.train)),
        "scores": SCORES[project.survey.kind],
        "trained": True,
    }
    source = Path(project.source).name
    head = f"# {len(project.test)} held-out rows of {source}; the demonstrations before them are training rows.\n"
    return head + _dump({"tasks": [entry]})


def _suite_rows(project: Project) -> str:
    options = {"options": list(project.survey.labels)} if project.survey.labels else {}
    rows = [
        {"input": row.input, "output": row.outputs, **options} for row in (*choose_pool(project.train), *project.test)
    ]
    return "".join(orjson.dumps(row).decode() + "\n" for row in rows)


def _readme(project: Project) -> str:
    facts = "".join(f"- {line}\n" for line in project.facts)
    own = project.task_id
    return f"""# {project.name}

Made by `kshot init` from `{Path(project.source).name}`:

{facts}- {len(project.train)} rows train, {len(project.test)} rows are held out

```console
$ kshot generate {own}.yaml --dry-run    # what a teacher would be asked, and its price
$ kshot run {own}.yaml                   # generate, train, evaluate
```

| file | what it holds |
|---|---|
| `{own}.yaml` | the config: student, teacher, records |
| `task.yaml` | the instruction, the labels and the training examples; edit it freely |
| `suite/` | the held-out rows; never train on them |
"""
