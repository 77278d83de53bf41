"""What other runs have measured of the same base: taken over, with its device settings, instead of made again.

A comparison is paired: base and student are asked in one arithmetic (device type, dtype, attention). So a run that has
no settings of its own takes those under which its base was measured, before it probes any. What cannot change a score
beyond rounding (threads, batch sizes) is no part of a measurement's key.
"""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from kshot.core.console import say
from kshot.core.errors import DataError
from kshot.core.files import atomic_folder, read_json
from kshot.evaluate.measure.measurement import Measurement
from kshot.runtime.device import Device, available_devices

SETTINGS = "settings.json"


def other_evaluations(folder: Path) -> list[Path]:
    """The evaluate folders of the other runs beside this one's, by name."""
    found = folder.parent.parent.glob(f"*/evaluate/{SETTINGS}")
    return [path.parent for path in sorted(found) if path.parent != folder]


def read_settings(folder: Path, dtype: str) -> Device | None:
    """The device settings that an evaluation has kept, if this machine would compute there and `dtype` allows them."""
    try:
        device = Device(**read_json(folder / SETTINGS)["device"])
    except (DataError, KeyError, TypeError):
        return None
    allowed = device.type == available_devices()[0] and dtype in ("auto", device.dtype)
    return replace(device, seconds={}) if allowed else None


def find_settings(
    others: Sequence[Path], dtype: str, plan: Callable[[Path, Device], Sequence[Measurement]]
) -> Device | None:
    """The settings of the other evaluation that has the most measurements of the base; None if none has any.

    Args:
        plan: the measurements of the base in a folder under these settings, finished or not.
    """
    counts: dict[int, Device] = {}
    for other in others:
        if device := read_settings(other, dtype):
            counts.setdefault(sum(measurement.is_done for measurement in plan(other, device)), device)
    return counts[max(counts)] if max(counts, default=0) else None


def take_finished(measurements: Sequence[Measurement], folder: Path, others: Sequence[Path]) -> None:
    """Copy missing measurements of a base from other evaluations that have them under the same key."""
    runs: dict[str, int] = {}
    for measurement in measurements:
        for other in others if not measurement.is_done else ():
            place = replace(measurement, folder=other / measurement.folder.relative_to(folder))
            if place.is_done and _copy(place.folder, measurement.folder):
                runs[other.parent.name] = runs.get(other.parent.name, 0) + 1
                break
    for name, count in runs.items():
        say(f"base: {count} of {len(measurements)} measurements are those of the run {name}")


def _copy(source: Path, target: Path) -> bool:
    """Whether it could be copied whole: another process may be measuring there again."""
    try:
        with atomic_folder(target) as folder:
            shutil.copytree(source, folder, dirs_exist_ok=True)
    except OSError:
        return False
    return True
