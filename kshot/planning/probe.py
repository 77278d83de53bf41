"""A measured probe: some training steps of the config on its own records, in a folder that is removed."""

from collections.abc import Sequence
from dataclasses import dataclass
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


@dataclass(frozen=True)
class CountedRecord:
    """A record and the rows that it gives: a chat has one for each answer, without those that are too long."""

    record: dict[str, Any]
    rows: list[TrainRow]
    dropped: int

    @property
    def tokens(self) -> int:
        return sum(row.tokens for row in self.rows)


def probe_seconds_per_token(config: Config, counted: Sequence[CountedRecord], step_rows: int) -> float:
    """Train some steps and return the seconds a token, in one process on this machine.

    Args:
        counted: the run's records, or a sample.
        step_rows: rows of a step.

    Raises:
        KshotError: as `kshot train` raises.
    """
    from kshot.train.stage import run_train

    # Records of middle length: a few steps shall cost what most of them do.
    whole = sorted((each for each in counted if each.rows and not each.dropped), key=lambda each: each.tokens)
    whole = whole or [each for each in counted if each.rows]
    needed = PROBE_STEPS * step_rows
    start = max(0, (len(whole) - needed) // 2)
    chosen = whole[start : start + needed]
    sft = {name: value for name, value in config.train.sft.items() if not name.startswith(UNUSED)}
    sft["max_steps"] = PROBE_STEPS
    update = {"data": None, "sft": sft, "max_train_tokens": None, "validation_fraction": 0.0, "processes": 1}
    own = config.model_copy(update={"train": config.train.model_copy(update=update)})
    say(f"plan: training {PROBE_STEPS} steps to measure their time")
    with TemporaryDirectory(prefix="kshot-plan-") as folder, say_on_stderr():
        run = Run(Path(folder) / "probe")
        write_jsonl(run.stage("generate") / "train.jsonl", (each.record for each in chosen))
        run_train(own, run, needed="merged" if config.train.method == "full" else "adapter")
        seconds = {row["step"]: row["seconds"] for row in read_log(run.folder / "train" / "metrics.jsonl")}
    steps = sorted(seconds)
    first = steps[min(WARM_UP_STEPS, len(steps) - 1) - 1] if len(steps) > 1 else 0
    a_step = step_rows * sum(each.tokens for each in chosen) / sum(len(each.rows) for each in chosen)
    return float((seconds[steps[-1]] - seconds.get(first, 0.0)) / (a_step * max(steps[-1] - first, 1)))
