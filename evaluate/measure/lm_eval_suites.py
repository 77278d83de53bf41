"""lm-eval's own tasks as suites: `lm_eval:TASK` is a task, group or tag, `lm_eval:TASK@FOLDER` one of the user's YAMLs.

lm-eval words the prompts, draws the demonstrations (`num_fewshot`, a fixed seed) and scores the answers item by item;
the models are asked under their chat template, with the demonstrations as turns or in one message, as lm_eval asks.
Its numbers are those of the `lm_eval` command with the same flags; where they may differ, the measurement says why.
"""

import inspect
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from kshot.config import EvaluateConfig
from kshot.config.loader import suggest
from kshot.core.errors import SuiteError
from kshot.core.seeding import digest
from kshot.evaluate.run_files import Sample
from kshot.runtime.logging import quiet
from kshot.suites.format import LmEvalSource, Suite, SuiteRow, SuiteTask, SuiteTaskSpec

VERSION = 2
PREFIX = "lm_eval:"
SEED = 1234
"""lm-eval's own default for drawing demonstrations; a few-shot seed is added to it."""
OFFLINE = ("Couldn't reach", "Offline mode", "Connection error", "Max retries", "Name or service not known")
MAX_CAUSE_CHARS = 300
COUNTS = {"acc", "acc_norm", "acc_bytes", "acc_mutual_info", "exact_match", "f1", "mcc"}
"""Metrics that count options and answers."""


def load_lm_eval_suite(name: str, settings: EvaluateConfig) -> Suite:
    """The suite that `name` (with its prefix) stands for, with the items that will be asked.

    Raises:
        SuiteError: an unknown task, data that cannot be fetched, a task that is not text or would run code.
    """
    task, _, folder = name.removeprefix(PREFIX).partition("@")
    suite = _load(task, folder or str(settings.lm_eval_path or ""), settings.limit)
    assert suite.lm_eval  # noqa: S101 - for mypy
    asked = settings.fewshot_as_multiturn is not False, settings.system_instruction
    source = replace(suite.lm_eval, multiturn=asked[0], system=asked[1], key=digest(suite.lm_eval.key, *asked))
    return replace(suite, lm_eval=source)


def task_manager(name: str, path: str) -> Any:
    """lm-eval's TaskManager that knows the task: that of the user's folder alone if it can, else that of all tasks."""
    if path:
        manager = _make_manager(path, False)
        if name in manager.all_subtasks:
            return manager
    return _make_manager(path, True)


@lru_cache
def _make_manager(path: str, defaults: bool) -> Any:
    from lm_eval.tasks import TaskManager

    if path and not Path(path).is_dir():
        raise SuiteError(f"{path}: no such folder of lm-eval tasks; see evaluate.lm_eval_path")
    try:
        with quiet():
            return TaskManager(include_path=path or None, include_defaults=defaults)
    except Exception as error:
        raise SuiteError(f"{path}: lm-eval cannot read these tasks: {_summarize(error)}") from None


@lru_cache
def _load(name: str, path: str, limit: int | None) -> Suite:
    manager = task_manager(name, path)
    if name not in manager.all_tasks:
        hint = suggest(name, manager.all_tasks, "`lm-eval ls tasks` lists them")
        where = f" or in {path}" if path else ""
        raise SuiteError(f"{PREFIX}{name}: no such task in lm-eval {version('lm_eval')}{where}; {hint}")
    try:
        with quiet():
            return _build_suite(name, path, manager.load([name])["tasks"], limit)
    except SuiteError:
        raise
    except Exception as error:
        cause = _summarize(error)
        if isinstance(error, ConnectionError) or any(sign in cause for sign in OFFLINE):
            raise SuiteError(
                f"{PREFIX}{name}: its data cannot be fetched, the hub is not reachable ({cause}); go online, or "
                "name a task of yours with local data (evaluate.lm_eval_path)"
            ) from None
        raise SuiteError(f"{PREFIX}{name}: lm-eval cannot load it: {cause}") from None


def _summarize(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:MAX_CAUSE_CHARS]


def _build_suite(name: str, path: str, tasks: Mapping[str, Any], limit: int | None) -> Suite:
    if unsafe := [task for task, loaded in tasks.items() if getattr(loaded, "UNSAFE_CODE", False)]:
        raise SuiteError(f"{PREFIX}{name}: {unsafe[0]} runs code that a model wrote, which kshot does not do")
    if other := [task for task, loaded in tasks.items() if getattr(loaded, "MULTIMODAL", False)]:
        raise SuiteError(f"{PREFIX}{name}: {other[0]} is not about text alone")
    suite_tasks = tuple(_build_task(task, loaded, limit) for task, loaded in tasks.items())
    content = [(task, loaded.dump_config(), _hash_docs(loaded.fewshot_docs())) for task, loaded in tasks.items()]
    source = LmEvalSource(
        task=name,
        path=path,
        key=digest(version("lm_eval"), _describe_config(content), [(task.name, task.items) for task in suite_tasks]),
        pool=min(_count_pool(loaded) for loaded in tasks.values()),
        scores={task: _mean_metrics(loaded) for task, loaded in tasks.items()},
        zero_shot_only=all(loaded.get_config("num_fewshot") == 0 for loaded in tasks.values()),
        is_continuous=any(map(_is_continuous, tasks.values())),
        multiturn=True,
        system=None,
    )
    return Suite(re.sub(r"[^A-Za-z0-9_.-]+", "-", name), suite_tasks, source)


def _build_task(name: str, task: Any, limit: int | None) -> SuiteTask:
    is_choice = task.OUTPUT_TYPE == "multiple_choice"
    docs = [doc for doc, _ in zip(task.eval_docs, range(limit) if limit else iter(int, 1), strict=False)]
    if not docs:
        raise SuiteError(f"{PREFIX}{name}: no item in its data")
    spec = SuiteTaskSpec.model_construct(
        task=name, instruction=str(task.get_config("description") or ""), options_fixed=False, demos=0, family="",
        kind="multiple_choice" if is_choice else "generation", scores=["exact_match"],
    )  # fmt: skip
    return SuiteTask(spec, (), tuple(_build_row(task, doc, is_choice) for doc in docs))


def _build_row(task: Any, doc: Any, is_choice: bool) -> SuiteRow:
    options = [str(option) for option in task.doc_to_choice(doc)] if is_choice else []
    text, target = task.doc_to_text(doc), task.doc_to_target(doc)
    targets = list(target) if isinstance(target, list | tuple) else [target]
    if getattr(task, "multiple_input", False):
        # The options are beginnings, the target their common end.
        return SuiteRow(input=" / ".join(options), output=[str(end) for end in targets] or [""], options=options)
    accepted = [options[t] if is_choice and isinstance(t, int) and t < len(options) else str(t) for t in targets]
    return SuiteRow(input=str(text), output=accepted or [""], options=options)


def _mean_metrics(task: Any) -> tuple[str, ...]:
    """Metrics whose value over all items is the mean of the items' own, more being better."""
    from lm_eval.api.metrics import mean

    better = task.higher_is_better()
    return tuple(name for name, how in task.aggregation().items() if how is mean and better.get(name, True))


def _is_continuous(task: Any) -> bool:
    """Whether log-probabilities go into a metric by more than their order."""
    if task.OUTPUT_TYPE == "generate_until":
        return False
    own = callable(task.get_config("process_results"))
    return own or task.OUTPUT_TYPE == "loglikelihood_rolling" or not set(task.aggregation()) <= COUNTS


def _count_pool(task: Any) -> int:
    """Demonstrations to choose from; an item does not demonstrate itself."""
    docs = task.fewshot_docs()
    same = getattr(task.config, "fewshot_split", None) in (None, getattr(task.config, "test_split", None))
    return (len(docs) if docs is not None else 0) - bool(same and not task.has_training_docs())


def _describe_config(config: Any) -> str:
    """A config as text that is the same in every process: a function as its source, nothing by its address."""

    def describe(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: describe(item) for name, item in value.items()}
        if isinstance(value, list | tuple):
            return [describe(item) for item in value]
        try:
            return inspect.getsource(value) if callable(value) else value
        except (OSError, TypeError):
            return value

    return re.sub(r" at 0x[0-9a-fA-F]+", "", repr(describe(config)))


def _hash_docs(docs: Iterable[Any] | None) -> str:
    return digest(*(repr(doc) for doc in docs or ()))


def check_lm_eval_shots(suite: Suite, source: LmEvalSource, shots: Iterable[int]) -> None:
    """There must be as many demonstrations as the largest k, and k = 0 where no task takes any.

    Raises:
        SuiteError: there are not.
    """
    if source.zero_shot_only:
        if 0 not in shots:
            raise SuiteError(f"{PREFIX}{suite.name}: always asked without demonstrations; add 0 to evaluate.shots")
    elif source.pool < max(shots, default=0):
        raise SuiteError(
            f"{PREFIX}{suite.name}: {source.pool} demonstrations to choose from, fewer than k={max(shots)}; "
            "lower evaluate.shots"
        )


def evaluate_arguments(source: LmEvalSource, k: int, limit: int | None, seed: int) -> dict[str, Any]:
    """The arguments of lm-eval's simple_evaluate for a measurement."""
    return {
        "tasks": [source.task],
        "task_manager": task_manager(source.task, source.path),
        "num_fewshot": k,
        "limit": limit,
        "fewshot_random_seed": SEED + seed,
        "fewshot_as_multiturn": source.multiturn,
        "system_instruction": source.system,
    }


def count_lm_eval_requests(suite: Suite, limit: int | None) -> int:
    """How many options and answers are asked for, about."""
    return sum(max(1, len(row.options)) for task in suite.tasks for row in task.items[:limit])


def other_metrics(results: Mapping[str, Mapping[str, Any]], rows: Sequence[Sample]) -> dict[str, dict[str, float]]:
    """By task, the values of lm-eval's metrics that are no mean over items, such as a perplexity."""
    scored = {(row.task, row.score.partition(" (")[0]) for row in rows}
    metrics: dict[str, dict[str, float]] = {}
    for task, values in results.items():
        for name, value in values.items():
            metric, _, filter_ = name.partition(",")
            if "_stderr" in metric or (task, metric) in scored or not filter_ or not isinstance(value, int | float):
                continue
            label = metric if filter_ == "none" else f"{metric} ({filter_})"
            metrics.setdefault(task, {})[label] = float(value)
    return metrics
