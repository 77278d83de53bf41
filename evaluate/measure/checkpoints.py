"""The measurements of several checkpoints: which there are, where finished ones lie, under which device settings."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from kshot.config import Config
from kshot.core.seeding import digest
from kshot.evaluate.lm.backends import backend_of, make_backend, remove_leftovers
from kshot.evaluate.measure.measurement import Measurement, make_measurement, measure_missing
from kshot.evaluate.measure.plan import plan_measurements
from kshot.evaluate.measure.shared import SETTINGS, read_settings
from kshot.models.checkpoints import Checkpoint, load_checkpoint
from kshot.runtime.device import Device, load_or_probe_device, probe_device, use_threads
from kshot.suites.format import Suite

Measurements = dict[str, list[Measurement]]
"""By label: one for each suite, number of shots and few-shot seed, in the same order for all."""


def measure_checkpoint(
    measurements: Sequence[Measurement], checkpoint: Checkpoint, device: Device, config: Config, folder: Path
) -> None:
    """Make the measurements of a checkpoint that are missing, by the config's backend.

    Args:
        folder: where merged weights may lie meanwhile; no other process works there.
    """
    if all(measurement.is_done for measurement in measurements):
        return
    remove_leftovers(folder)
    with backend_of(checkpoint, config.evaluate, folder) as backend:
        measure_missing(measurements, partial(load_checkpoint, checkpoint), device, config.evaluate.limit, backend)


def plan_checkpoints(
    config: Config, checkpoints: Sequence[Checkpoint], suites: Sequence[Suite], folder: Path
) -> tuple[Measurements, Device]:
    """The measurements of each checkpoint, finished or not, and the device settings that all share."""
    device = _choose_device(config, checkpoints, folder)
    plan = {c.label: _plan_one(c, checkpoints, suites, config, folder, device) for c in checkpoints}
    return plan, device


def _choose_device(config: Config, checkpoints: Sequence[Checkpoint], folder: Path) -> Device:
    """The settings under which a run was measured, so that its measurements serve; else those kept here or probed."""
    dtype, threads = config.evaluate.dtype, config.train.threads
    runs = [run / "evaluate" for checkpoint in checkpoints for run in checkpoint.runs]
    kept = next((device for run in runs if (device := read_settings(run, dtype))), None)

    def probe() -> Device:
        model, _ = load_checkpoint(checkpoints[0])
        return probe_device(model, dtype, threads, backward=False)

    return use_threads(kept or load_or_probe_device(folder / SETTINGS, digest(dtype), probe), threads)


def _plan_one(
    checkpoint: Checkpoint, checkpoints: Sequence[Checkpoint], suites: Sequence[Suite], config: Config, folder: Path,
    device: Device,
) -> list[Measurement]:  # fmt: skip
    """Measurements of a run where they are finished under the same key, else our own."""
    runs = dict.fromkeys(run for other in checkpoints for run in other.runs)
    places = [(run / "evaluate" / "measurements", model) for run in runs for model in ("base", "student")]
    places.append((folder / "measurements", checkpoint.measurement_name))
    measurements = []
    backend = make_backend(config.evaluate, checkpoint.folder)
    for suite, k, seed in plan_measurements(suites, config.evaluate):
        names = (suite, k, config.evaluate.limit, device, seed)
        options = [
            make_measurement(root, model, checkpoint.fingerprint, *names, backend=backend) for root, model in places
        ]
        measurements.append(next((option for option in options if option.is_done), options[-1]))
    return measurements
