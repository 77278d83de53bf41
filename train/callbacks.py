"""Callbacks of a training: a row a step in metrics.jsonl, a progress bar, and the loss curve."""

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from kshot.core.console import Ticker
from kshot.core.files import atomic_file, read_log, write_jsonl
from kshot.train.checkpoints import mark_complete
from kshot.train.parallel.group import wait_for_all

if TYPE_CHECKING:
    from transformers import TrainerCallback

KEPT = ("loss", "eval_loss", "learning_rate", "grad_norm", "mean_token_accuracy", "epoch", "num_tokens")


def truncate_metrics(path: Path, step: int) -> None:
    """Remove the rows after `step`, so that a resumed run logs each step once."""
    rows = [row for row in read_log(path) if row["step"] <= step]
    write_jsonl(path, rows)


def make_callback(path: Path, tick: Ticker) -> "TrainerCallback":
    """A callback that logs each step to `path`, moves the bar, and marks checkpoints as complete."""
    from transformers import TrainerCallback

    class Recorder(TrainerCallback):  # type: ignore[misc,unused-ignore]
        began = time.monotonic()

        def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            losses = [row["loss"] for row in state.log_history[-10:] if "loss" in row]
            tick(1, f"loss {sum(losses) / len(losses):.3f}" if losses else "")

        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any) -> None:
            row = {key: logs[key] for key in KEPT if key in (logs or {})}
            if not state.is_world_process_zero:
                return
            if "loss" not in row and "eval_loss" not in row:
                return
            row["seconds"] = round(time.monotonic() - self.began, 3)
            with path.open("ab") as handle:
                handle.write(orjson.dumps({"step": state.global_step, **row}, option=orjson.OPT_APPEND_NEWLINE))

        def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            wait_for_all()  # Each process writes files of its own.
            if not state.is_world_process_zero:
                return
            with path.open("ab") as handle:
                os.fsync(handle.fileno())
            mark_complete(Path(args.output_dir) / f"checkpoint-{state.global_step}")

    return Recorder()


def draw_loss_curve(metrics: Path, picture: Path) -> None:
    """Draw training loss (thin: each step, thick: running mean of 10) and validation loss."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    rows = read_log(metrics)
    train = [(row["step"], row["loss"]) for row in rows if "loss" in row]
    held = [(row["step"], row["eval_loss"]) for row in rows if "eval_loss" in row]
    figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
    steps = [step for step, _ in train]
    means = [sum(loss for _, loss in train[max(0, i - 9) : i + 1]) / min(i + 1, 10) for i in range(len(train))]
    axes.plot(steps, [loss for _, loss in train], color="tab:blue", alpha=0.3, linewidth=0.8)
    axes.plot(steps, means, color="tab:blue", label="training (mean of 10 steps)")
    if held:
        axes.plot(*zip(*held, strict=True), "o-", color="tab:orange", label="validation")
    axes.set(xlabel="step", ylabel="loss per answer token", title="Loss on the answers")
    axes.legend()
    with atomic_file(picture) as temporary:
        figure.savefig(temporary, format="png", dpi=120)
    plt.close(figure)
