"""`kshot plan CONFIG`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kshot.cli.options import ConfigPath, Overrides, RunName, load
from kshot.core.console import say

if TYPE_CHECKING:
    from kshot.planning.run_files import PlanFile


def plan(
    config: ConfigPath,
    run: RunName = "",
    overrides: Overrides = None,
    hardware: Annotated[
        str, typer.Option(metavar="here|NxNAME", help="This machine, or accelerators such as 8xH100.")
    ] = "here",
    no_probe: Annotated[
        bool, typer.Option("--no-probe", help="Measure no training step; there is then no time for this machine.")
    ] = False,
    json: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the plan as JSON too.")] = None,
) -> None:
    """Say what a run will take: tokens, steps, memory, time, and the teacher's price. Nothing is bought or kept.

    Tokens are counted on a sample of the run's records, or of records composed without a teacher. Time on this machine
    is measured by a few training steps; on named accelerators it is assumed from their peak.
    """
    from kshot.core.run_files import write_model
    from kshot.planning.hardware import parse_hardware
    from kshot.planning.plan import make_plan

    wanted = parse_hardware(hardware)
    made = make_plan(*load(config, run, overrides), wanted, not no_probe)
    for line in describe_plan(made):
        say(line)
    if json:
        write_model(json, made)
        say(f"plan: wrote {json}")


def describe_plan(plan: "PlanFile") -> list[str]:
    """The plan in lines."""
    parts = ", ".join(f"{name} {_gigabytes(size)}" for name, size in plan.memory.items())
    fits = "fits" if plan.memory_total <= plan.memory_available else "does not fit: lower the batch or max_length"
    lines = [
        f"data: {plan.records:,} records of {plan.tokens_per_row:.0f} tokens ({plan.sampled} counted), "
        f"{plan.dropped_fraction:.1%} longer than train.max_length",
        f"train: {plan.rows:,} rows, {plan.tokens:,} tokens, {plan.steps:,} steps of {plan.step_rows} rows "
        f"on {plan.hardware}",
        f"memory: {_gigabytes(plan.memory_total)} of {_gigabytes(plan.memory_available)} a process, {fits} ({parts})",
        f"training time: {_duration(plan.seconds)} ({plan.seconds_from})",
        f"evaluate: {plan.answers:,} answers and {plan.choices:,} options of base and student",
    ]
    return lines + [f"teacher: {line}" for line in plan.teacher or ["no request"]]


def _gigabytes(size: int) -> str:
    return f"{size / 1e9:.1f} GB"


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return "unknown"
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
