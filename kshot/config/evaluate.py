"""`evaluate`: on which suites, with how many demonstrations, and what the scores are set beside."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from kshot.config.section import Section, Shots
from kshot.config.tables import SuiteEntries


class EvaluateConfig(Section):
    """The measurement."""

    suites: SuiteEntries = ["kshot"]
    """Suites of held-out tasks. `kshot`: our own tasks. `kshot-uneven`: labelled tasks where three demonstrations and
    items in four share a label. `kshot-long`: instructions of a paragraph. Or folders in the suite format, relative to
    the config; or `lm_eval:TASK`, a task, group or tag of lm-eval; or `lm_eval:TASK@FOLDER`, with task YAMLs of your
    own; or tables of held-out rows: {file: test.csv, instruction: ..., demos: examples.csv}."""
    lm_eval_path: Path | None = None
    """A folder of task YAMLs for every `lm_eval:TASK` that names none."""
    fewshot_as_multiturn: bool | None = None
    """Demonstrations as turns of the conversation (true), or all in one message (false). null: turns for lm-eval's
    tasks, as `lm_eval` sends them, and one message for suites of kshot's format."""
    system_instruction: str | None = None
    """A system text in front of each task's own: lm-eval's description, or the `system` of a suite's task."""
    shots: list[Shots] = [0, 1, 4]
    """Numbers of demonstrations."""
    fewshot_seeds: Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=1)] = [0]
    """Seeds of the demonstrations. 0 shows the first ones of a task's pool, in order; others draw and order them."""
    baselines: list[Literal["random_labels"]] = []
    """Baselines that need the models. random_labels: demonstrations with labels drawn at random. Trivial baselines
    that need none (majority class, random choice, a copied demonstration) are always computed."""
    limit: Annotated[int, Field(ge=1)] | None = None
    """Maximum items of each task, the first ones; null for all."""
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    """Weights and arithmetic of both models; auto as in training."""
    bootstrap_resamples: Annotated[int, Field(ge=100)] = 10_000
    """Draws of the bootstrap."""
    teacher: bool = False
    """Let the teacher of `generate.teacher` answer the items of trained tasks too, as one more way to answer: through
    the same client, cache and budget. It reads the held-out inputs, without their right answers."""
    forgetting: bool = False
    """Measure bits per byte on English text and answers to plain questions too. Takes a quarter more time on the
    quickstart. Tasks that lost accuracy are always reported."""
    backend: Literal["own", "hf", "vllm"] = "own"
    """Which model class answers: kshot's, which shares prefixes, or lm-eval's class of that name."""
    backend_args: dict[str, Any] = {}
    """Further arguments of lm-eval's class, e.g. {batch_size: 16} or {gpu_memory_utilization: 0.8}."""
