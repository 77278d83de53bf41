"""A measured probe: some training steps of the config on its own records, in a folder that is removed."""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from kshot.config import Config
from kshot.core.console import say, say_on_stderr
from kshot.core.files import read_log, write_jsonl
from kshot.core.runs import Run
from kshot.train.data import TrainRow

PROBE_STEPS = 8
WARM_UP_STEPS = 2
"""The first steps allocate; they are not counted."""
UNUSED = ("eval_", "num_train_epochs", "load_best_model", "metric_for_best_model", "greater_is_better")
"""Settings of TRL without effect in some steps without validation."""


def probe_seconds_per_token(
    config: Config, records: Sequence[dict[str, Any]], rows: Sequence[TrainRow], step_rows: int
) -> float:
    """Train some steps and return the seconds a token, in one process on this machine.

    Args:
        records: those of the run, or a sample.
        rows: the same, tokenized.
        step_rows: rows of a step.

    Raises:
        KshotError: as `kshot train` raises.
    """
    from kshot.train.stage import run_train

    # Rows of middle length: a few steps shall cost what most of them do.
    needed = PROBE_STEPS * step_rows
    start = max(0, (len(rows) - needed) // 2)
    order = sorted(range(len(rows)), key=lambda index: rows[index].tokens)[start : start + needed]
    sft = {name: value for name, value in config.train.sft.items() if not name.startswith(UNUSED)}
    sft["max_steps"] = PROBE_STEPS
    update = {"data": None, "sft": sft, "max_train_tokens": None, "validation_fraction": 0.0, "processes": 1}
    own = config.model_copy(update={"train": config.train.model_copy(update=update)})
    say(f"plan: training {PROBE_STEPS} steps to measure their time")
    with TemporaryDirectory(prefix="kshot-plan-") as folder, say_on_stderr():
        run = Run(Path(folder) / "probe")
        write_jsonl(run.stage("generate") / "train.jsonl", (records[index] for index in order))
        run_train(own, run, needed="adapter")
        seconds = {row["step"]: row["seconds"] for row in read_log(run.folder / "train" / "metrics.jsonl")}
    steps = sorted(seconds)
    first = steps[min(WARM_UP_STEPS, len(steps) - 1) - 1] if len(steps) > 1 else 0
    tokens = step_rows * sum(rows[index].tokens for index in order) / max(len(order), 1)
    return float((seconds[steps[-1]] - seconds.get(first, 0.0)) / (tokens * max(steps[-1] - first, 1)))
