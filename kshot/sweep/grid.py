"""The grid of `kshot ablate`: which cells there are, what each one's config is, and how each is called.

A cell is one combination of the values, or one value alone, with one training seed. All of them are checked before
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
    "evaluate": "all cells are measured alike; its shots are the columns, and other panels are named with --suite",
    "runs": "all cells are kept in one run",
    "train.seed": "name training seeds under ablate.seeds or with --seeds",
}
AS_IT_IS = "as configured"
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
        """The name of its generated set: cells that share it have the same tasks, settings, student and data seed."""
        return digest(self.config.model_dump_json(include={"seed", "student", "generate"}), size=12)


@dataclass(frozen=True)
class Grid:
    """The config itself, and the cells: those of one setting follow one another, a training seed each."""

    config: Config
    trials: tuple[Trial, ...]

    def lines(self) -> list[str]:
        """What a person reads first: how many cells there are, and which."""
        sets = len({cell.data_key for cell in self.trials})
        cells = f"{len(self.trials)} {'cell' if len(self.trials) == 1 else 'cells'}"
        first = f"ablate: {cells}, {sets} {'set' if sets == 1 else 'sets'} of data"
        return [first, *(f"  {cell.label}" for cell in self.trials)]


def load_grid(
    path: Path,
    overrides: Sequence[str] | None = None,
    vary: Sequence[str] | None = None,
    seeds: str = "",
    resample_data: bool = False,
    one_at_a_time: bool = False,
) -> Grid:
    """The grid of a config, of `vary` ("key.path=[value, value]", in place of or beside its own) and `seeds` ("7,8").

    Args:
        new_data: true sets `ablate.resample_data`.
        one_at_a_time: true sets `ablate.one_at_a_time`.

    Raises:
        ConfigError: with all faults of the config, or else with all faults of all cells.
    """
    draft = read_raw_config(path, list(overrides or []))
    for given in vary or []:
        steps, values = parse_override(given, "--grid", EXAMPLE)
        draft.put(("ablate", "grid", ".".join(steps)), values, f"--grid {'.'.join(steps)}")
    if seeds:
        _, numbers = parse_override(f"seeds=[{seeds}]", "--seeds", "7,8,9")
        draft.put(("ablate", "seeds"), numbers, "--seeds")
    for name, wanted in (("resample_data", resample_data), ("one_at_a_time", one_at_a_time)):
        if wanted:
            draft.put(("ablate", name), True, f"--{name.replace('_', '-')}")
    config = draft.settled()
    grid, numbers = config.ablate.grid, list(dict.fromkeys(config.ablate.seeds))
    if not grid and len(numbers) < 2:
        raise ConfigError(
            [f"{path}: nothing varies; name keys with values under ablate.grid or with --grid, or several seeds"]
        )
    if faults := _refused(grid, draft, config.ablate.resample_data):
        raise ConfigError(faults)
    seeded = ("seed", "train.seed") if config.ablate.resample_data else ("train.seed",)
    return Grid(config, _cells(draft, grid, _combinations(grid, config.ablate.one_at_a_time), numbers, seeded))


def _combinations(grid: Mapping[str, Sequence[Any]], one_at_a_time: bool) -> Iterator[dict[str, Any]]:
    if not one_at_a_time:
        return (dict(zip(grid, values, strict=True)) for values in product(*grid.values()))
    return chain([{}], ({key: value} for key, values in grid.items() for value in values))


def _refused(grid: Mapping[str, Any], draft: RawConfig, new_data: bool) -> list[str]:
    faults = []
    refused = REFUSED | ({"seed": "with ablate.resample_data the seeds set it"} if new_data else {})
    for key in grid:
        place = _place(draft, key)
        if why := next((why for name, why in refused.items() if f"{key}.".startswith(f"{name}.")), None):
            faults.append(f"{place}: {key} cannot be varied: {why}")
        if inner := next((other for other in grid if other.startswith(f"{key}.")), None):
            faults.append(f"{place}: {key} and {inner} are both varied, and one holds the other; keep one")
    return faults


def _place(draft: RawConfig, key: str) -> str:
    return draft.places.get(("ablate", "grid", key), str(draft.path))


def _cells(
    draft: RawConfig, keys: Iterable[str], combinations: Iterable[Mapping[str, Any]], seeds: Sequence[int],
    seeded: Sequence[str],
) -> tuple[Trial, ...]:  # fmt: skip
    """Args: keys: all that are varied in some cell. seeded: those that a seed is put under."""
    faults: list[str] = []
    found: dict[str, tuple[Mapping[str, Any], Config]] = {}
    for values in combinations:
        for seed in seeds or (None,):
            own = draft.copy()
            try:
                for key, value in values.items():
                    own.put(tuple(key.split(".")), value, _place(draft, key))
                for key in seeded if seed is not None else ():
                    own.put(tuple(key.split(".")), seed, "ablate.seeds")
                config = own.settled()
            except ConfigError as error:
                faults += error.faults
            else:
                # A value that stands twice, also as 1 and 1.0, makes no second cell.
                found.setdefault(config.model_dump_json(), (values, config))
    if faults:
        raise ConfigError(list(dict.fromkeys(faults)))
    short = short_names(["train.seed", *keys])
    settings = trial_names([{short[key]: value for key, value in values.items()} for values, _ in found.values()])
    made = []
    for name, (values, config) in zip(settings, found.values(), strict=True):
        label = f"{name} {short['train.seed']}={config.training_seed}".strip().replace(" ", "_")
        made.append(Trial(name or AS_IT_IS, label, values, config.training_seed, config))
    return tuple(made)


def short_names(keys: Sequence[str]) -> dict[str, str]:
    """The last step of each key, or as many as tell it from the others."""
    taken: dict[str, str] = {}
    for key in keys:
        steps = key.split(".")
        for n in range(1, len(steps) + 1):
            taken[key] = ".".join(steps[-n:])
            if sum(f".{other}".endswith(f".{taken[key]}") for other in keys) == 1:
                break
    return taken


def trial_names(settings: Sequence[Mapping[str, Any]]) -> list[str]:
    """Names for these values, e.g. `shots=1,2,4 learning_rate=0.0003`; but for the spaces they are safe for a folder.

    One that had to be mended or cut, or that would stand for other values as well, ends in a hash of its values.
    """
    texts = [json.dumps(values) for values in settings]
    plain = [tuple(f"{name}={_said(value)}" for name, value in values.items()) for values in settings]
    # Some file systems take a and A for the same name.
    said = Counter(" ".join(parts).lower() for parts, _ in dict.fromkeys(zip(plain, texts, strict=True)))
    made = []
    for parts, text in zip(plain, texts, strict=True):
        name = " ".join(parts)
        safe = " ".join(re.sub(r"[^A-Za-z0-9_.,=+-]+", "-", part) for part in parts)
        if safe != name or len(safe) > MAX_LABEL_CHARS or said[name.lower()] > 1:
            mark = digest(text, size=6)
            safe = f"{safe[: MAX_LABEL_CHARS - len(mark) - 1]}-{mark}"
        made.append(safe)
    return made


def _said(value: Any) -> str:
    if value == []:
        return "none"
    if isinstance(value, list) and not any(isinstance(each, (list, dict)) for each in value):
        return ",".join(map(_said, value))
    if isinstance(value, dict) and not any(isinstance(each, (list, dict)) for each in value.values()):
        return "+".join(f"{key}={_said(each)}" for key, each in value.items())
    return value if isinstance(value, str) else json.dumps(value)
