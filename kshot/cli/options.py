"""Arguments and options that several commands share, and what they stand for."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kshot.core.errors import ConfigError

if TYPE_CHECKING:
    from kshot.config import Config
    from kshot.core.runs import Run

ConfigPath = Annotated[
    Path, typer.Argument(metavar="CONFIG", help="A recipe's name (`kshot recipes list`) or a YAML file.")
]
RunName = Annotated[str, typer.Option("--run", help="The run's name; by default the config's file name.")]
Overrides = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Override a key, e.g. --set train.sft.max_steps=50. Repeatable."),
]
Suites = Annotated[
    list[str] | None,
    typer.Option("--suite", help="A suite to measure on as well: a name, or a folder of held-out tasks. Repeatable."),
]
Executors = Annotated[
    str, typer.Option("--executor", metavar="NAME", help="Work in shards, for the same result: local, slurm, ray.")
]
Shards = Annotated[
    int | None,
    typer.Option(
        metavar="N", min=1, help="Number of shards; for local by default one a core, or a GPU where it trains."
    ),
]
Slurm = Annotated[
    list[str] | None,
    typer.Option(metavar="KEY=VALUE", help="For slurm: partition, time, or any of sbatch's options. Repeatable."),
]
Cpus = Annotated[int, typer.Option("--cpus", metavar="N", min=0, help="For ray: the cores that a shard asks for.")]
Gpus = Annotated[int, typer.Option("--gpus", metavar="N", min=0, help="For ray: the GPUs that a shard asks for.")]
TaskName = Annotated[str, typer.Argument(metavar="TASK", help="The task's id, see `kshot tasks list`.")]
TaskFiles = Annotated[
    list[Path] | None,
    typer.Option("--file", help="A YAML file of example-based tasks, or a Python file of families. Repeatable."),
]
AnsweringModel = Annotated[
    str,
    typer.Argument(
        metavar="RUN|MODEL", help="A run's name or folder, a model's folder, an adapter, a GGUF file or a hub id."
    ),
]
Dtype = Annotated[
    str, typer.Option(metavar="DTYPE", help="auto (float32 on a CPU, bfloat16 on a GPU), float32, bfloat16, float16.")
]


def parse_pairs(option: str, pairs: list[str]) -> dict[str, str]:
    """Options of the form KEY=VALUE.

    Raises:
        ConfigError: one is of another form.
    """
    if wrong := [pair for pair in pairs if not all(pair.partition("="))]:
        raise ConfigError([f"{option} {pair}: expected KEY=VALUE" for pair in wrong])
    return {key: value for key, _, value in (pair.partition("=") for pair in pairs)}


def load(config: Path, run: str, overrides: list[str] | None) -> "tuple[Config, Run]":
    """The config and the run that the arguments name."""
    from kshot.config.loader import load_config

    settings = load_config(config, overrides)
    return settings, open_run(settings, config, run)


def open_run(settings: "Config", config: Path, run: str) -> "Run":
    """The run's folder, named by the config's file if not by an option.

    Raises:
        ConfigError: a name that is no folder's.
    """
    from kshot.core.runs import Run

    name = run or config.stem
    if not name.replace("-", "").replace("_", "").replace(".", "").isalnum():
        raise ConfigError([f"--run {name!r}: a run's name has letters, digits, '-', '_' and '.' only"])
    return Run(settings.runs / name)
