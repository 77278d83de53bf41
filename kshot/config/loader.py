"""Reads a config file, applies `--set`, and reports every fault at once with its file, line and key."""

from collections.abc import Iterable
from copy import deepcopy
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from kshot.config import Config
from kshot.core.errors import ConfigError, DataError
from kshot.core.safe_yaml import read_yaml
from kshot.suites.format import is_shipped

Lines = dict[tuple[str, ...], str]


@dataclass(frozen=True)
class RawConfig:
    """A config that is read and not yet checked: its keys and values, and where each key stands."""

    path: Path
    tree: dict[str, Any]
    places: Lines

    def copy(self) -> "RawConfig":
        return RawConfig(self.path, deepcopy(self.tree), dict(self.places))

    def put(self, steps: tuple[str, ...], value: Any, place: str) -> None:
        """Set the key at `steps`; `place` says in a fault where its value was given.

        Raises:
            ConfigError: a key on the way holds something else than keys.
        """
        here = self.tree
        for depth, step in enumerate(steps[:-1], 1):
            inner = here.setdefault(step, {})
            if not isinstance(inner, dict):
                raise ConfigError([f"{place}: {'.'.join(steps[:depth])} is {inner!r} and has no keys inside"])
            here = inner
        here[steps[-1]] = value
        for depth in range(1, len(steps) + 1):
            self.places[steps[:depth]] = place

    def settled(self) -> Config:
        """The config; relative panel and task paths are taken from its file's folder.

        Raises:
            ConfigError: with all faults that can be seen without loading a model.
        """
        try:
            config = Config.model_validate_json(_to_json(self.tree))
        except ValidationError as error:
            details = error.errors(include_url=False)
            raise ConfigError([_fault(self.path, self.places, detail) for detail in details]) from None
        return _anchored(config, self.path.resolve().parent)


def load_config(path: Path, overrides: list[str] | None = None) -> Config:
    """The config in `path` with `overrides` ("key.path=value", the value in YAML) on top.

    Relative panel and task paths are taken from the config's folder.

    Raises:
        ConfigError: with all faults that can be seen without loading a model.
    """
    return read_raw_config(path, overrides).settled()


def read_raw_config(path: Path, overrides: list[str] | None = None) -> RawConfig:
    """The config in `path` with `overrides` on top, before it is checked.

    Raises:
        ConfigError: it is no YAML of keys and values, or an override cannot be read.
    """
    places: Lines = {}
    draft = RawConfig(path, _read(path, places), places)
    for override in overrides or []:
        steps, value = parse_override(override, "--set", "train.sft.max_steps=50")
        draft.put(steps, value, f"--set {'.'.join(steps)}")
    return draft


def _read(path: Path, places: Lines) -> dict[str, Any]:
    try:
        node, tree = read_yaml(path)
    except FileNotFoundError:
        raise ConfigError([f"{path}: no such config; configs/quickstart.yaml is one to start from"]) from None
    except DataError as error:
        raise ConfigError([str(error)]) from None
    if tree is None:
        return {}
    if not isinstance(tree, dict):
        raise ConfigError([f"{path}: expected keys and values, found {type(tree).__name__}"])
    doubled = _walk(path, node, (), places)
    if doubled:
        raise ConfigError(doubled)
    return tree


def _walk(path: Path, node: Any, at: tuple[str, ...], places: Lines) -> list[str]:
    """Note the line of every key; return the keys that stand twice."""
    doubled: list[str] = []
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            where = (*at, str(key.value))
            line = f"{path}:{key.start_mark.line + 1}"
            if where in places:
                doubled.append(f"{line}: {'.'.join(where)}: stands twice (first {places[where]}); keep one")
            places[where] = line
            doubled += _walk(path, value, where, places)
    return doubled


def parse_override(given: str, option: str, example: str) -> tuple[tuple[str, ...], Any]:
    """The steps of the key and the value, in YAML, of an option such as `--set key.path=value`.

    Raises:
        ConfigError: it is not of this form.
    """
    key, found, text = given.partition("=")
    steps = tuple(key.strip().split("."))
    if not found or not all(steps):
        raise ConfigError([f"{option} {given!r}: expected key.path=value, e.g. {option} {example}"])
    try:
        return steps, yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError):
        raise ConfigError([f"{option} {given[:200]!r}: the value is not YAML"]) from None


def _to_json(tree: dict[str, Any]) -> str:
    """JSON, since strict validation of it lets a path be a string and a tuple a list, as a file has to."""
    import json

    try:
        return json.dumps(tree)
    except TypeError as error:
        raise ConfigError([f"config: {error}; put dates and the like in quotes"]) from None


def _fault(path: Path, places: Lines, detail: ErrorDetails) -> str:
    location = tuple(str(part) for part in detail["loc"])
    place = next((places[location[:n]] for n in range(len(location), 0, -1) if location[:n] in places), str(path))
    key = ".".join(location)
    if detail["type"] == "extra_forbidden":
        known = _names(location[:-1])
        near = suggest(location[-1], known, f"known here: {', '.join(known)}")
        return f"{place}: {key}: unknown key; {near}"
    return f"{place}: {key}: {detail['msg']}, found {detail['input']!r}"


def suggest(name: str, known: Iterable[str], otherwise: str) -> str:
    """Which valid name a misspelt one most likely meant, or what to say where none is like it."""
    near = next(iter(get_close_matches(name, list(known), n=1, cutoff=0.5)), None)
    return f"did you mean {near!r}?" if near else otherwise


def _names(location: tuple[str, ...]) -> list[str]:
    """The valid keys of the section at `location`."""
    model: type[BaseModel] = Config
    for step in location:
        field = model.model_fields.get(step)
        options = [] if field is None else [field.annotation, *get_args(field.annotation)]
        model = next((o for o in options if isinstance(o, type) and issubclass(o, BaseModel)), model)
    return list(model.model_fields)


def _anchored(config: Config, base: Path) -> Config:
    def suite(name: str) -> str:
        if name.startswith("lm_eval:"):
            task, at, folder = name.partition("@")
            return f"{task}@{_from(base, Path(folder))}" if at else name
        return name if is_shipped(name) else str(_from(base, Path(name)))

    generate = config.generate.model_copy(
        update={
            "families": [_family(base, name) for name in config.generate.families],
            "tasks": [_from(base, task) for task in config.generate.tasks],
            "decontaminate": [suite(name) for name in config.generate.decontaminate],
            "prompts": config.generate.prompts and _from(base, config.generate.prompts),
        }
    )
    evaluate = config.evaluate.model_copy(
        update={
            "suites": [suite(name) for name in config.evaluate.suites],
            "lm_eval_path": config.evaluate.lm_eval_path and _from(base, config.evaluate.lm_eval_path),
        }
    )
    return config.model_copy(update={"generate": generate, "evaluate": evaluate})


def _family(base: Path, name: str) -> str:
    """A Python file of families is relative to the config; other names are ids and categories."""
    return str(_from(base, Path(name))) if name.endswith(".py") else name


def _from(base: Path, path: Path) -> Path:
    return path if path.is_absolute() else base / path
