"""Executors past one machine: an array of Slurm jobs, submitted by datatrove, or tasks of a Ray cluster.

All machines see the run's folder under the same path, and have kshot installed. Ray gets tasks of its own kind:
datatrove's Ray executor never ends after the process that works was killed (docs/decisions/0024).
"""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kshot.core.console import say
from kshot.core.errors import ConfigError, summarize_error
from kshot.runtime.device import MAX_CORES, count_cores, visible_gpus
from kshot.runtime.shards.executors import LOGS, MAX_RESTARTS, SECONDS_BETWEEN_POLLS, Executor, LocalExecutor, Poll
from kshot.runtime.shards.work import find_work
from kshot.runtime.shards.worker import run_shard

EXECUTORS = ("local", "slurm", "ray")
SLURM_REQUIRED = ("partition", "time")
SLURM_NUMBERS = ("cpus_per_task", "mem_per_cpu_gb")


class ShardStep:
    """A step of a datatrove pipeline that runs the shard of its rank."""

    def __init__(self, work: str, folder: Path) -> None:
        self.work, self.folder = work, folder

    def __call__(self, data: object, rank: int, world_size: int) -> None:
        run_shard(self.work, self.folder, rank, world_size)


class SlurmExecutor:
    """Shards as an array of Slurm jobs; this process waits for them (`sbatch --wait`).

    Args:
        options: partition, time, cpus_per_task, mem_per_cpu_gb, qos; all others go to sbatch as they are.

    Raises:
        ConfigError: an option is missing or wrong, datatrove is not installed, or this is itself a job of an array.
    """

    name = "slurm"
    restarts = False

    def __init__(self, shards: int, options: Mapping[str, str]) -> None:
        self.shards = shards
        self._options = options
        _require("slurm", "datatrove")
        if missing := [name for name in SLURM_REQUIRED if not options.get(name)]:
            raise ConfigError([f"--executor slurm: give --slurm {name}=..." for name in missing])
        if wrong := [name for name in SLURM_NUMBERS if not options.get(name, "1").isdecimal()]:
            raise ConfigError([f"--slurm {name}={options[name]}: a whole number is needed" for name in wrong])
        if "SLURM_ARRAY_TASK_ID" in os.environ:
            raise ConfigError(["--executor slurm: this is a job of an array already; submit from a login node"])

    def launch(self, work: str, folder: Path, shards: int, poll: Poll) -> None:
        executor = self.build(work, folder, shards)
        try:
            executor.run()
        except FileNotFoundError:
            raise ConfigError(["--executor slurm: there is no sbatch here; start kshot on a login node"]) from None
        except subprocess.CalledProcessError as error:
            say(f"{find_work(work).name}: sbatch ended with {error.returncode}; see {folder / LOGS}")

    def build(self, work: str, folder: Path, shards: int) -> Any:
        """The datatrove executor that submits the shards."""
        from datatrove.executor import SlurmPipelineExecutor
        from loguru import logger

        logger.disable("datatrove")
        own = {*SLURM_REQUIRED, *SLURM_NUMBERS, "qos"}
        executor = SlurmPipelineExecutor(
            [ShardStep(work, folder)],
            tasks=shards,
            time=self._options["time"],
            partition=self._options["partition"],
            cpus_per_task=int(self._options.get("cpus_per_task", "1")),
            mem_per_cpu_gb=int(self._options.get("mem_per_cpu_gb", "2")),
            qos=self._options.get("qos", ""),
            job_name=f"kshot-{find_work(work).name}",
            env_command=f"export PATH={Path(sys.executable).parent}:$PATH",
            sbatch_args={"wait": "", **{name: value for name, value in self._options.items() if name not in own}},
            logging_dir=str(folder / LOGS),
            skip_completed=False,
        )
        # The statistics of datatrove's steps are of no use here, and would be a job of their own.
        executor.launch_merge_stats = _do_nothing
        return executor


class RayExecutor:
    """Shards as tasks of a Ray cluster: the one of RAY_ADDRESS or of this machine, else a new one here.

    Ray starts a task again whose worker or machine died.

    Args:
        cpus, gpus: what a shard asks for.

    Raises:
        ConfigError: ray is not installed.
    """

    name = "ray"
    restarts = True

    def __init__(self, shards: int, cpus: int = 1, gpus: int = 0) -> None:
        self.shards = shards
        self._cpus, self._gpus = cpus, gpus
        _require("ray", "ray")

    def launch(self, work: str, folder: Path, shards: int, poll: Poll) -> None:
        import ray

        if not ray.is_initialized():
            ray.init(log_to_driver=False, include_dashboard=False, logging_level="error")
        task = ray.remote(run_shard).options(
            num_cpus=self._cpus,
            num_gpus=self._gpus,
            max_retries=MAX_RESTARTS,
            runtime_env={"env_vars": {MAX_CORES: str(self._cpus)}},
        )
        waiting = [task.remote(work, folder, rank, shards) for rank in range(shards)]
        while waiting:
            ended, waiting = ray.wait(waiting, timeout=SECONDS_BETWEEN_POLLS)
            poll()
            for result in ended:
                try:
                    ray.get(result)
                except ray.exceptions.RayError as error:
                    say(f"{find_work(work).name}: a task of Ray failed: {summarize_error(error)}")


def make_executor(
    name: str, shards: int | None, slurm: Mapping[str, str], cpus: int = 0, gpus: int = 0, whole: bool = False
) -> Executor | None:
    """Make the executor that the options name; None where they name none.

    Args:
        cpus, gpus: what a task of Ray asks for; 0 for one core and no GPU.
        whole: shards train or measure, see `LocalExecutor`.

    Raises:
        ConfigError: options that do not belong together, or of a package that is not installed.
    """
    if not name and shards is None and not slurm and not cpus and not gpus:
        return None
    name = name or "local"
    if name not in EXECUTORS:
        raise ConfigError([f"--executor {name}: no such executor; use {', '.join(EXECUTORS)}"])
    if slurm and name != "slurm":
        raise ConfigError([f"--slurm is for --executor slurm, and this is --executor {name}; leave one out"])
    if (cpus or gpus) and name != "ray":
        raise ConfigError([f"--cpus and --gpus are what a task of Ray asks for, and this is --executor {name}"])
    if name == "local":
        return LocalExecutor(shards or (max(1, len(visible_gpus())) if whole else count_cores()), whole)
    if shards is None:
        raise ConfigError([f"--executor {name}: say how many shards, e.g. --shards 8"])
    return SlurmExecutor(shards, slurm) if name == "slurm" else RayExecutor(shards, cpus or 1, gpus)


def _require(executor: str, package: str) -> None:
    """Raise where a package cannot be imported."""
    try:
        __import__(package)
    except ImportError:
        raise ConfigError(
            [f"--executor {executor} needs {package}, which is not installed; pip install 'kshot[scale]'"]
        ) from None


def _do_nothing() -> None:
    pass
