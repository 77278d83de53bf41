"""The grid of `kshot ablate`: its trials, each with a config and a name.

A trial is one combination of the values, or one value alone, with one training seed. All of them are checked before
anything is made.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, product
from pathlib import Path
from typing import Any

from kshot.config import Config
from kshot.config.loader import RawConfig, parse_override, read_raw_config
from kshot.core.errors import ConfigError
from kshot.core.seeding import digest

MAX_LABEL_CHARS = 100
"""Characters of a label, which is also the name of a folder."""
REFUSED = {
    "ablate": "the grid cannot vary itself",
    "evaluate": "all trials are measured alike; its shots are the columns, and other suites are named with --suite",
    "runs": "all trials are kept in one run",
    "train.seed": "name training seeds under ablate.seeds or with --seeds",
}
AS_CONFIGURED = "as configured"
"""The setting in which no key is varied."""
EXAMPLE = "generate.shots=[[1],[1,2,4]]"


@dataclass(frozen=True)
class Trial:
    """One run of the grid: `values` holds what is varied, by key; `setting` is its name without the seed."""

    setting: str
    label: str
    values: Mapping[str, Any]
    seed: int
    config: Config

    @property
    def data_key(self) -> str:
        """The name of its data set: trials that share it have the same tasks, settings, student and data seed."""
        return digest(self.config.model_dump_json(include={"seed", "student", "generate"}), size=12)


@dataclass(frozen=True)
class Grid:
    """The config itself, and the trials: those of one setting follow one another, a training seed each."""

    config: Config
    trials: tuple[Trial, ...]

    def describe(self) -> list[str]:
        """The number of trials and data sets, and the trials, a line each."""
        sets = len({trial.data_key for trial in self.trials})
        trials = f"{len(self.trials)} {'trial' if len(self.trials) == 1 else 'trials'}"
        first = f"ablate: {trials}, {sets} data {'set' if sets == 1 else 'sets'}"
        return [first, *(f"  {trial.label}" for trial in self.trials)]


def load_grid(
    path: Path,
    overrides: Sequence[str] | None = None,
    values: Sequence[str] | None = None,
    seeds: str = "",
    resample_data: bool = False,
    one_at_a_time: bool = False,
) -> Grid:
    """The grid of a config.

    Args:
        values: "key.path=[value, value]", each replaces an entry of `ablate.grid` or adds one.
        seeds: training seeds, e.g. "7,8".
        resample_data: true sets `ablate.resample_data`.
        one_at_a_time: true sets `ablate.one_at_a_time`.

    Raises:
        ConfigError: with all faults of the config, or else with all faults of all trials.
    """
    raw = read_raw_config(path, list(overrides or []))
    for given in values or []:
        steps, options = parse_override(given, "--grid", EXAMPLE)
        raw.set(("ablate", "grid", ".".join(steps)), options, f"--grid {'.'.join(steps)}")
    if seeds:
        _, numbers = parse_override(f"seeds=[{seeds}]", "--seeds", "7,8,9")
        raw.set(("ablate", "seeds"), numbers, "--seeds")
    for name, is_set in (("resample_data", resample_data), ("one_at_a_time", one_at_a_time)):
        if is_set:
            raw.set(("ablate", name), True, f"--{name.replace('_', '-')}")
    config = raw.validate()
    grid, training_seeds = config.ablate.grid, list(dict.fromkeys(config.ablate.seeds))
    if not grid and len(training_seeds) < 2:
        raise ConfigError(
            [f"{raw.path}: nothing varies; name keys with values under ablate.grid or with --grid, or several seeds"]
        )
    if faults := _find_refused(grid, raw, config.ablate.resample_data):
        raise ConfigError(faults)
    seed_keys = ("seed", "train.seed") if config.ablate.resample_data else ("train.seed",)
    combinations = _combine(grid, config.ablate.one_at_a_time)
    return Grid(config, _make_trials(raw, grid, combinations, training_seeds, seed_keys))


def _combine(grid: Mapping[str, Sequence[Any]], one_at_a_time: bool) -> Iterator[dict[str, Any]]:
    if not one_at_a_time:
        return (dict(zip(grid, values, strict=True)) for values in product(*grid.values()))
    return chain([{}], ({key: value} for key, values in grid.items() for value in values))


def _find_refused(grid: Mapping[str, Any], raw: RawConfig, resample_data: bool) -> list[str]:
    """A fault for each key that cannot be varied."""
    faults = []
    refused = REFUSED | ({"seed": "with ablate.resample_data the seeds set it"} if resample_data else {})
    for key in grid:
        place = _place(raw, key)
        if why := next((why for name, why in refused.items() if f"{key}.".startswith(f"{name}.")), None):
            faults.append(f"{place}: {key} cannot be varied: {why}")
        if inner := next((other for other in grid if other.startswith(f"{key}.")), None):
            faults.append(f"{place}: {key} and {inner} are both varied, and one holds the other; keep one")
    return faults


def _place(raw: RawConfig, key: str) -> str:
    return raw.places.get(("ablate", "grid", key), str(raw.path))


def _make_trials(
    raw: RawConfig, keys: Iterable[str], combinations: Iterable[Mapping[str, Any]], seeds: Sequence[int],
    seed_keys: Sequence[str],
) -> tuple[Trial, ...]:  # fmt: skip
    """The trials, each once.

    Args:
        keys: all that are varied in some trial.
        seed_keys: the keys that take the seed.
    """
    faults: list[str] = []
    configs: dict[str, tuple[Mapping[str, Any], Config]] = {}
    for values in combinations:
        for seed in seeds or (None,):
            trial = raw.copy()
            try:
                for key, value in values.items():
                    trial.set(tuple(key.split(".")), value, _place(raw, key))
                for key in seed_keys if seed is not None else ():
                    trial.set(tuple(key.split(".")), seed, "ablate.seeds")
                config = trial.validate()
            except ConfigError as error:
                faults += error.faults
            else:
                # A value that stands twice, also as 1 and 1.0, makes no second trial.
                configs.setdefault(config.model_dump_json(), (values, config))
    if faults:
        raise ConfigError(list(dict.fromkeys(faults)))
    short = short_names(["train.seed", *keys])
    settings = name_settings([{short[key]: value for key, value in values.items()} for values, _ in configs.values()])
    trials = []
    for name, (values, config) in zip(settings, configs.values(), strict=True):
        label = f"{name} {short['train.seed']}={config.training_seed}".strip().replace(" ", "_")
        trials.append(Trial(name or AS_CONFIGURED, label, values, config.training_seed, config))
    return tuple(trials)


def short_names(keys: Sequence[str]) -> dict[str, str]:
    """The last step of each key, or as many as distinguish it from the others."""
    names: dict[str, str] = {}
    for key in keys:
        steps = key.split(".")
        for n in range(1, len(steps) + 1):
            names[key] = ".".join(steps[-n:])
            if sum(f".{other}".endswith(f".{names[key]}") for other in keys) == 1:
                break
    return names


def name_settings(settings: Sequence[Mapping[str, Any]]) -> list[str]:
    """Names for these values, e.g. `shots=1,2,4 learning_rate=0.0003`; but for the spaces they are safe for a folder.

    A name that had to be changed or cut, or that would stand for other values as well, ends in a hash of its values.
    """
    contents = [json.dumps(values) for values in settings]
    parts_of = [tuple(f"{name}={_spell(value)}" for name, value in values.items()) for values in settings]
    # Some file systems take a and A for the same name.
    counts = Counter(" ".join(parts).lower() for parts, _ in dict.fromkeys(zip(parts_of, contents, strict=True)))
    names = []
    for parts, content in zip(parts_of, contents, strict=True):
        name = " ".join(parts)
        safe = " ".join(re.sub(r"[^A-Za-z0-9_.,=+-]+", "-", part) for part in parts)
        if safe != name or len(safe) > MAX_LABEL_CHARS or counts[name.lower()] > 1:
            mark = digest(content, size=6)
            safe = f"{safe[: MAX_LABEL_CHARS - len(mark) - 1]}-{mark}"
        names.append(safe)
    return names


def _spell(value: Any) -> str:
    if value == []:
        return "none"
    if isinstance(value, list) and not any(isinstance(item, (list, dict)) for item in value):
        return ",".join(map(_spell, value))
    if isinstance(value, dict) and not any(isinstance(item, (list, dict)) for item in value.values()):
        return "+".join(f"{key}={_spell(item)}" for key, item in value.items())
    return value if isinstance(value, str) else json.dumps(value)
