"""lm-eval's own tasks as panels: `lm_eval:TASK` is a task, group or tag, `lm_eval:TASK@FOLDER` one of the user's YAMLs.

lm-eval words the questions, draws the demonstrations (`num_fewshot`, a fixed seed) and scores the answers item by item;
the models are asked as on any other panel, in one message under their chat template.
"""

import inspect
import math
import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from kshot.config.loader import suggest
from kshot.core.errors import SuiteError
from kshot.core.seeding import digest
from kshot.runtime.logging import quiet
from kshot.suites.format import LmEvalSource, Suite, SuiteRow, SuiteTask, SuiteTaskSpec

PREFIX = "lm_eval:"
SEED = 1234
"""lm-eval's own default for drawing demonstrations; a demo seed is added to it."""
OFFLINE = ("Couldn't reach", "Offline mode", "Connection error", "Max retries", "Name or service not known")
Sample = dict[str, Any]


def load_lm_eval_suite(name: str, path: str, items: int | None) -> Suite:
    """The panel that `name` (with its prefix) stands for, with the items that will be asked.

    Args:
        path: a folder of the user's task YAMLs, where the name has none; empty for lm-eval's tasks only.

    Raises:
        PanelError: an unknown task, data that cannot be had, a task that is not text or would run code.
    """
    task, _, own = name.removeprefix(PREFIX).partition("@")
    return _loaded(task, own or path, items)


def task_manager(name: str, path: str) -> Any:
    """lm-eval's TaskManager that knows the task: that of the user's folder alone if it can, else that of all tasks."""
    if path:
        own = _manager(path, False)
        if name in own.all_subtasks:
            return own
    return _manager(path, True)


@lru_cache
def _manager(path: str, defaults: bool) -> Any:
    from lm_eval.tasks import TaskManager

    if path and not Path(path).is_dir():
        raise SuiteError(f"{path}: no such folder of lm-eval tasks; see evaluate.lm_eval_path")
    try:
        with quiet():
            return TaskManager(include_path=path or None, include_defaults=defaults)
    except Exception as error:
        raise SuiteError(f"{path}: lm-eval cannot read these tasks: {_cause(error)}") from None


@lru_cache
def _loaded(name: str, path: str, items: int | None) -> Suite:
    known = task_manager(name, path)
    if name not in known.all_tasks:
        near = suggest(name, known.all_tasks, "`lm-eval ls tasks` lists them")
        where = f" or in {path}" if path else ""
        raise SuiteError(f"{PREFIX}{name}: no such task in lm-eval {version('lm_eval')}{where}; {near}")
    try:
        with quiet():
            tasks: dict[str, Any] = known.load([name])["tasks"]
            return _panel(name, path, tasks, items)
    except SuiteError:
        raise
    except Exception as error:
        cause = _cause(error)
        if isinstance(error, ConnectionError) or any(sign in cause for sign in OFFLINE):
            raise SuiteError(
                f"{PREFIX}{name}: its data cannot be fetched, for there is no way to the hub ({cause}); go online, or "
                "name a task of yours with local data (evaluate.lm_eval_path)"
            ) from None
        raise SuiteError(f"{PREFIX}{name}: lm-eval cannot load it: {cause}") from None


def _cause(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:300]


def _panel(name: str, path: str, tasks: dict[str, Any], items: int | None) -> Suite:
    if unsafe := [task for task, found in tasks.items() if getattr(found, "UNSAFE_CODE", False)]:
        raise SuiteError(f"{PREFIX}{name}: {unsafe[0]} runs code that a model wrote, which kshot does not do")
    if other := [task for task, found in tasks.items() if getattr(found, "MULTIMODAL", False)]:
        raise SuiteError(f"{PREFIX}{name}: {other[0]} is not about text alone")
    made = tuple(_task(task, found, items) for task, found in tasks.items())
    pools = {task: _pool(found) for task, found in tasks.items()}
    content = [(task, found.dump_config(), _hash(found.fewshot_docs())) for task, found in tasks.items()]
    harness = LmEvalSource(
        task=name,
        path=path,
        key=digest(version("lm_eval"), _described(content), [(task.name, task.items) for task in made]),
        pool=min(pools.values()),
        scores={task: _scores(found) for task, found in tasks.items()},
        zero_shot=all(found.get_config("num_fewshot") == 0 for found in tasks.values()),
    )
    return Suite(re.sub(r"[^A-Za-z0-9_.-]+", "-", name), made, harness)


def _task(name: str, task: Any, items: int | None) -> SuiteTask:
    choice = task.OUTPUT_TYPE == "multiple_choice"
    docs = [doc for doc, _ in zip(task.eval_docs, range(items) if items else iter(int, 1), strict=False)]
    if not docs:
        raise SuiteError(f"{PREFIX}{name}: no item in its data")
    entry = SuiteTaskSpec.model_construct(
        task=name, instruction=str(task.get_config("description") or ""), options_fixed=False, demos=0, family="",
        kind="multiple_choice" if choice else "generation", scores=["exact_match"],
    )  # fmt: skip
    return SuiteTask(entry, (), tuple(_row(task, doc, choice) for doc in docs))


def _row(task: Any, doc: Any, choice: bool) -> SuiteRow:
    options = [str(option) for option in task.doc_to_choice(doc)] if choice else []
    text, target = task.doc_to_text(doc), task.doc_to_target(doc)
    targets = list(target) if isinstance(target, list | tuple) else [target]
    if getattr(task, "multiple_input", False):
        # The options are beginnings, the target their common end.
        return SuiteRow(input=" / ".join(options), output=[str(one) for one in targets] or [""], options=options)
    accepted = [options[one] if choice and isinstance(one, int) and one < len(options) else str(one) for one in targets]
    return SuiteRow(input=str(text), output=accepted or [""], options=options)


def _scores(task: Any) -> tuple[str, ...]:
    """Metrics whose value over all items is the mean of the items' own, more being better."""
    from lm_eval.api.metrics import mean

    better = task.higher_is_better()
    return tuple(name for name, how in task.aggregation().items() if how is mean and better.get(name, True))


def _pool(task: Any) -> int:
    """Demonstrations to choose from; an item is none of its own."""
    docs = task.fewshot_docs()
    same = getattr(task.config, "fewshot_split", None) in (None, getattr(task.config, "test_split", None))
    return (len(docs) if docs is not None else 0) - bool(same and not task.has_training_docs())


def _described(config: Any) -> str:
    """A config in words that are the same in every process: a function as its source, nothing by its address."""

    def told(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: told(item) for name, item in value.items()}
        if isinstance(value, list | tuple):
            return [told(item) for item in value]
        try:
            return inspect.getsource(value) if callable(value) else value
        except (OSError, TypeError):
            return value

    return re.sub(r" at 0x[0-9a-fA-F]+", "", repr(told(config)))


def _hash(docs: Iterable[Any] | None) -> str:
    return digest(*(repr(doc) for doc in docs or ()))


def check_lm_eval_shots(panel: Suite, harness: LmEvalSource, shots: Iterable[int]) -> None:
    """There must be as many demonstrations as the largest k, and k = 0 where a task never shows any.

    Raises:
        PanelError: there are not.
    """
    if harness.zero_shot:
        if 0 not in shots:
            raise SuiteError(f"{PREFIX}{panel.name}: always asked without demonstrations; add 0 to evaluate.shots")
    elif harness.pool < max(shots, default=0):
        raise SuiteError(
            f"{PREFIX}{panel.name}: {harness.pool} demonstrations to choose from, fewer than k={max(shots)}; "
            "lower evaluate.shots"
        )


def evaluate_arguments(harness: LmEvalSource, k: int, items: int | None, seed: int) -> dict[str, Any]:
    """What lm-eval's simple_evaluate is given for a cell."""
    return {
        "tasks": [harness.task],
        "task_manager": task_manager(harness.task, harness.path),
        "num_fewshot": k,
        "limit": items,
        "fewshot_random_seed": SEED + seed,
        "fewshot_as_multiturn": False,
    }


def count_lm_eval_requests(panel: Suite, items: int | None) -> int:
    """How many options and answers are asked for, about."""
    return sum(max(1, len(row.options)) for task in panel.tasks for row in task.items[:items])


def collect_samples(
    harness: LmEvalSource, panel: Suite, found: dict[str, list[Sample]], facts: Sample, cut: Callable[[str], bool]
) -> list[Sample]:
    """A row an item and score, sorted by task, score and item, paired by lm-eval's doc_id.

    Args:
        found: lm-eval's samples by task.
        facts: what is the same in all rows: panel, k, seed, model.
        cut: whether a prompt is longer than the model's context.
    """
    rows = []
    for task in panel.tasks:
        samples = found[task.name]
        filters = {str(sample["filter"]) for sample in samples}
        for score in _whole_scores(samples, harness.scores[task.name]):
            for sample in samples:
                name = score if len(filters) == 1 else f"{score} ({sample['filter']})"
                own, right = task.items[sample["doc_id"]], float(sample[score])
                prompt = str(sample["arguments"][0][0])
                row = {**facts, "task": task.name, "score": name, "item": sample["doc_id"], "prompt": prompt}
                row |= {"input": own.input, "accepted": own.output, "truncated": cut(prompt)}
                row["right"] = bool(right) if right in (0.0, 1.0) else right
                rows.append(row | _answer(task, sample, score))
    return sorted(rows, key=lambda row: (row["task"], row["score"], row["item"]))


def _whole_scores(samples: list[Sample], names: Iterable[str]) -> list[str]:
    """Those that every item has, from 0 to 1; others are reported as lm-eval gives them, and not compared."""
    return [name for name in names if all(_share(sample.get(name)) for sample in samples)]


def _share(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value) and 0 <= value <= 1


def _answer(task: SuiteTask, sample: Sample, score: str) -> Sample:
    replies = sample["filtered_resps"]
    if not task.multiple_choice:
        return {"answer": str(replies[0])}
    options = task.items[sample["doc_id"]].options
    log_probs = [float(reply[0]) for reply in replies][: len(options)]
    sizes = [len(option) or 1 if score == "acc_norm" else 1 for option in options]
    place = max(range(len(log_probs)), key=lambda n: log_probs[n] / sizes[n])
    return {"answer": options[place], "options": options, "log_probs": log_probs}


def other_metrics(results: dict[str, dict[str, Any]], rows: list[Sample]) -> dict[str, dict[str, float]]:
    """By task, the values of lm-eval's metrics that are no mean over items, such as a perplexity."""
    kept = {(row["task"], row["score"].partition(" (")[0]) for row in rows}
    found: dict[str, dict[str, float]] = {}
    for task, values in results.items():
        for name, value in values.items():
            metric, _, filter_ = name.partition(",")
            if "_stderr" in metric or (task, metric) in kept or not filter_ or not isinstance(value, int | float):
                continue
            label = metric if filter_ == "none" else f"{metric} ({filter_})"
            found.setdefault(task, {})[label] = float(value)
    return found
