"""Starts a training in several processes through accelerate's launcher, and says in one error why it failed."""

import logging
import signal
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from dataclasses import asdict
from os import devnull
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal, NoReturn

from kshot.config import Config
from kshot.core import errors
from kshot.core.console import say
from kshot.core.errors import ConfigError, DataError, KshotError, RunError
from kshot.core.files import read_json, write_json
from kshot.core.shipped import RECIPES
from kshot.runtime.device import Device, available_devices, count_cores
from kshot.runtime.processes import process_count

LAUNCH_CONFIG = RECIPES / "accelerate" / "ddp.yaml"
WORKER = "kshot.train.worker"
SPEC, FAILURE = "spec.json", "failure.json"


def choose_process_count(wanted: int | Literal["auto"]) -> int:
    """Number of processes to train in: those that were launched already, else `train.processes`.

    Raises:
        ConfigError: this machine has no place for so many, or others were launched.
    """
    launched = process_count()
    if launched > 1:
        if wanted not in (1, "auto", launched):
            raise ConfigError(
                [f"train.processes: {wanted}, and {launched} processes were launched; leave one of the two out"]
            )
        return launched
    if wanted == 1:
        return 1
    import torch

    kind = available_devices()[0]
    places = {"cuda": torch.cuda.device_count(), "cpu": count_cores()}.get(kind, 1)
    if wanted == "auto":
        # On a CPU the threads of one process share out the rows of a batch.
        return places if kind == "cuda" else 1
    if wanted > places:
        name = {"cuda": "GPUs", "cpu": "cores"}.get(kind, "device")
        raise ConfigError([f"train.processes: this machine has {places} {name}, found {wanted}; auto takes what fits"])
    return wanted


def launch_training(config: Config, folder: Path, needed: str, device: Device | None, count: int) -> None:
    """Run the training of a run's folder in so many processes; returns when all are done.

    Raises:
        KshotError: what the first process to fail raised.
        OSError: the same, an error of the system.
        RunError: a process was killed, or its traceback stands above.
    """
    from accelerate.commands.launch import launch_command, launch_command_parser
    from torch.distributed.elastic.multiprocessing.api import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError

    say(f"train: starting {count} processes")
    with TemporaryDirectory(prefix="kshot-") as name:
        scratch = Path(name)
        spec = {
            "config": config.model_dump_json(),
            "folder": str(folder),
            "needed": needed,
            "device": asdict(device) if device else None,
        }
        write_json(scratch / SPEC, spec)
        options = ["--config_file", str(LAUNCH_CONFIG), "--num_processes", str(count), "--main_process_port", "0"]
        given = launch_command_parser().parse_args([*options, "-m", WORKER, str(scratch)])
        try:
            with _hush():
                launch_command(given)
        except ChildFailedError as failed:
            _raise_failure(scratch, failed)
        except SignalException as stopped:
            if stopped.sigval == signal.SIGINT:
                raise KeyboardInterrupt from None
            raise SystemExit(128 + stopped.sigval) from None


@contextmanager
def _hush() -> Iterator[None]:
    """Inside, the launcher's own log is not shown; the processes write to the screen as before."""
    logging.disable(logging.CRITICAL)
    try:
        with Path(devnull).open("w", encoding="utf-8") as nowhere, redirect_stderr(nowhere):
            yield
    finally:
        logging.disable(logging.NOTSET)


def _raise_failure(scratch: Path, failed: Any) -> NoReturn:
    try:
        failure = read_json(scratch / FAILURE)
    except DataError:
        rank, first = failed.get_first_failure()
        for other, each in failed.failures.items():
            # The others leave with an exit code when one is gone.
            if each.exitcode < 0:
                name = signal.Signals(-each.exitcode).name
                raise RunError(
                    f"train: process {other} was killed ({name}); rerun to go on from the last complete checkpoint"
                ) from None
        raise RunError(
            f"train: process {rank} failed with exit code {first.exitcode}; its error stands above"
        ) from None
    raise decode_error(failure) from None


def encode_error(error: Exception) -> dict[str, Any]:
    """An error as JSON, for the process that started this one."""
    if isinstance(error, ConfigError):
        return {"kind": "ConfigError", "faults": error.faults}
    if isinstance(error, OSError):
        return {"kind": "OSError", "errno": error.errno, "text": error.strerror, "file": error.filename}
    return {"kind": type(error).__name__, "text": str(error)}


def decode_error(failure: dict[str, Any]) -> Exception:
    """The error that `encode_error` wrote."""
    if failure["kind"] == "OSError":
        return OSError(failure["errno"], failure["text"], failure["file"])
    kind = getattr(errors, failure["kind"], None)
    if kind is ConfigError:
        return ConfigError(failure["faults"])
    if isinstance(kind, type) and issubclass(kind, KshotError):
        return kind(failure["text"])
    return RuntimeError(f"{failure['kind']}: {failure['text']}")
