"""`kshot generate|train|evaluate|run CONFIG`."""

from typing import Annotated

import typer

from kshot.cli.options import (
    ConfigPath,
    Executors,
    Overrides,
    RunName,
    Shards,
    Slurm,
    Suites,
    load,
    parse_pairs,
)
from kshot.core.console import say
from kshot.core.errors import ConfigError


def generate(
    config: ConfigPath,
    run: RunName = "",
    overrides: Overrides = None,
    fill_to: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, help="Generate exactly N records (up to 8 synthesis rounds)."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the planned requests and their cost only.")] = False,
    preview: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, max=50, help="Ask for N of each mode only, and show replies and verdicts."),
    ] = None,
    batch: Annotated[bool, typer.Option("--batch", help="Send the requests to the endpoint's batch API.")] = False,
    executor: Executors = "",
    shards: Shards = None,
    slurm: Slurm = None,
) -> None:
    """Make the data: runs/RUN/generate/train.jsonl, with its rejects, manifest and card.

    With `generate.teacher: null` only hand-written descriptions are used; `generate.teacher.endpoint` takes any
    OpenAI-compatible URL, or `local` to start the student's base as a teacher on this machine.
    """
    from kshot.generate import stage
    from kshot.runtime.shards.clusters import make_executor

    pool = make_executor(executor, shards, parse_pairs("--slurm", slurm or []))
    if pool and (dry_run or preview or batch):
        raise ConfigError(["--executor and --shards do not go with --dry-run, --preview or --batch; leave one out"])
    settings, folder = load(config, run, overrides)
    if dry_run:
        stage.dry_run(settings, folder, fill_to)
    elif preview:
        stage.preview(settings, folder, preview)
    else:
        stage.run_generate(settings, folder, fill_to, batch, pool)


def train(config: ConfigPath, run: RunName = "", overrides: Overrides = None) -> None:
    """Fine-tune the student on the run's data, or on `train.data`: runs/RUN/train/adapter and merged.

    `train.sft` takes TRL's SFTConfig fields, `train.lora` PEFT's LoraConfig fields, by their own names.
    """
    from kshot.train.stage import run_train

    run_train(*load(config, run, overrides))


def evaluate(
    config: ConfigPath,
    run: RunName = "",
    overrides: Overrides = None,
    suite: Suites = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Refuse a suite that shares text with the training data.")
    ] = False,
) -> None:
    """Measure student against base on held-out tasks: runs/RUN/evaluate/report.html and gains.json.

    The report also names the training task nearest to each held-out one, and the items that share text with the
    training data; gains are given without these as well.
    """
    from kshot.evaluate.stage import run_evaluate
    from kshot.generate.teacher.answering import make_answering

    settings, folder = load(config, run, overrides)
    run_evaluate(settings, folder, suites=suite or (), strict=strict, ask=make_answering(settings, folder))


def run_all(config: ConfigPath, run: RunName = "", overrides: Overrides = None, suite: Suites = None) -> None:
    """Run the three stages in turn; without generate where `train.data` names a training set."""
    from kshot.evaluate.lm.backends import check_backend
    from kshot.evaluate.measure.plan import load_suites
    from kshot.evaluate.stage import check_teacher
    from kshot.generate.teacher.answering import make_answering
    from kshot.models.loading import load_chat_format
    from kshot.models.references import parse_reference
    from kshot.models.resolve import resolve_model
    from kshot.train.trainer_config import check_trainer_config

    # What only a later stage would notice is noticed before the first.
    settings, folder = load(config, run, overrides)
    parse_reference(settings.student)
    check_backend(settings.evaluate)
    suites = load_suites(settings.evaluate, suite or ())
    check_teacher(settings.evaluate, suites, make_answering(settings, folder))
    if faults := check_trainer_config(settings.train):
        raise ConfigError(faults)
    load_chat_format(resolve_model(settings.student))
    if settings.train.data:
        say(f"generate: left out, since train.data names {settings.train.data}")
    else:
        generate(config, run, overrides)
    train(config, run, overrides)
    evaluate(config, run, overrides, suite)
    place = folder.folder
    say(f"next: `kshot chat {place}` to talk to the student, `kshot export {place} --to ollama` to take it away")
