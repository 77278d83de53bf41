"""Reads a config file, applies `--set`, and reports every fault at once with its file, line and key."""

import json
from collections.abc import Iterable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from kshot.config.config import Config
from kshot.config.tables import TableConfig, TableSuiteConfig
from kshot.core.errors import ConfigError, DataError
from kshot.core.safe_yaml import describe_fault, read_yaml
from kshot.core.shipped import COLLECTION, COLLECTION_FILE, RECIPES, recipe_names, suite_names

KeyPath = tuple[str, ...]
MAX_QUOTED_CHARS = 200


@dataclass(frozen=True)
class RawConfig:
    """A config that is read and not yet validated: its keys and values, and where each key stands."""

    path: Path
    tree: dict[str, Any]
    places: dict[KeyPath, str]

    def copy(self) -> "RawConfig":
        """An independent copy."""
        return RawConfig(self.path, deepcopy(self.tree), dict(self.places))

    def set(self, steps: KeyPath, value: Any, place: str) -> None:
        """Set the key at `steps`; `place` says in a fault where its value was given.

        Raises:
            ConfigError: a key on the way holds something else than keys.
        """
        section = self.tree
        for depth, step in enumerate(steps[:-1], 1):
            inner = section.setdefault(step, {})
            if not isinstance(inner, dict):
                raise ConfigError([f"{place}: {'.'.join(steps[:depth])} is {inner!r} and has no keys inside"])
            section = inner
        section[steps[-1]] = value
        for depth in range(1, len(steps) + 1):
            self.places[steps[:depth]] = place

    def validate(self) -> Config:
        """The config; relative paths of suites, tasks and prompts start at its file's folder.

        Raises:
            ConfigError: with all faults that can be seen without loading a model.
        """
        try:
            config = Config.model_validate_json(_to_json(self.tree))
        except ValidationError as error:
            details = error.errors(include_url=False)
            raise ConfigError([_describe_fault(self.path, self.places, detail) for detail in details]) from None
        return _resolve_paths(config, self.path.resolve().parent)


def find_config(name: Path) -> Path:
    """The file of a config: a path, or the name of a recipe that ships with kshot."""
    if name.exists() or name.is_absolute() or name.suffix:
        return name
    return RECIPES / f"{name}.yaml" if name.as_posix() in recipe_names() else name


def load_config(path: Path | str, overrides: list[str] | None = None) -> Config:
    """Load the config in `path` with `overrides` ("key.path=value", the value in YAML) on top.

    Args:
        path: a YAML file, or the name of a recipe that ships with kshot.

    Raises:
        ConfigError: with all faults that can be seen without loading a model.
    """
    return read_raw_config(Path(path), overrides).validate()


def read_raw_config(path: Path, overrides: list[str] | None = None) -> RawConfig:
    """Read the config in `path` with `overrides` on top, without validating it.

    Raises:
        ConfigError: it is no YAML of keys and values, or an override cannot be read.
    """
    path = find_config(path)
    places: dict[KeyPath, str] = {}
    raw = RawConfig(path, _read(path, places), places)
    for override in overrides or []:
        steps, value = parse_override(override, "--set", "train.sft.max_steps=50")
        raw.set(steps, value, f"--set {'.'.join(steps)}")
    return raw


def _read(path: Path, places: dict[KeyPath, str]) -> dict[str, Any]:
    try:
        node, tree = read_yaml(path)
    except FileNotFoundError:
        near = suggest(str(path), recipe_names(), f"recipes: {', '.join(recipe_names())}")
        raise ConfigError([f"{path}: no such config and no recipe of that name; {near}"]) from None
    except DataError as error:
        raise ConfigError([str(error)]) from None
    if tree is None:
        return {}
    if not isinstance(tree, dict):
        raise ConfigError([f"{path}: expected keys and values, found {type(tree).__name__}"])
    if repeated := _note_lines(path, node, (), places):
        raise ConfigError(repeated)
    return tree


def _note_lines(path: Path, node: Any, at: KeyPath, places: dict[KeyPath, str]) -> list[str]:
    """Note the line of every key; return a fault for each key that stands twice."""
    faults: list[str] = []
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            steps = (*at, str(key.value))
            line = f"{path}:{key.start_mark.line + 1}"
            if steps in places:
                faults.append(f"{line}: {'.'.join(steps)}: stands twice (first {places[steps]}); keep one")
            places[steps] = line
            faults += _note_lines(path, value, steps, places)
    return faults


def parse_override(given: str, option: str, example: str) -> tuple[KeyPath, Any]:
    """The steps of the key and the value, in YAML, of an option such as `--set key.path=value`.

    Raises:
        ConfigError: it is not of this form.
    """
    key, equals, text = given.partition("=")
    steps = tuple(key.strip().split("."))
    if not equals or not all(steps):
        raise ConfigError([f"{option} {given!r}: expected key.path=value, e.g. {option} {example}"])
    try:
        return steps, yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError):
        raise ConfigError([f"{option} {given[:MAX_QUOTED_CHARS]!r}: the value is not YAML"]) from None


def _to_json(tree: dict[str, Any]) -> str:
    """JSON, since strict validation of it lets a path be a string and a tuple a list, as a file has to."""
    try:
        return json.dumps(tree)
    except TypeError as error:
        raise ConfigError([f"config: {error}; put dates and the like in quotes"]) from None


def _describe_fault(path: Path, places: dict[KeyPath, str], detail: ErrorDetails) -> str:
    location = tuple(str(part) for part in detail["loc"])
    place = next((places[location[:n]] for n in range(len(location), 0, -1) if location[:n] in places), str(path))
    key = ".".join(location)
    if detail["type"] == "extra_forbidden":
        known = _known_keys(location[:-1])
        near = suggest(location[-1], known, f"known here: {', '.join(known)}")
        return f"{place}: {key}: unknown key; {near}"
    if detail["type"] == "string_type":
        return f"{place}: {key}: {describe_fault(detail)}"
    return f"{place}: {key}: {detail['msg']}, found {detail['input']!r}"


def suggest(name: str, known: Iterable[str], otherwise: str) -> str:
    """Which valid name a misspelt one most likely means, or `otherwise` where none is like it."""
    near = next(iter(get_close_matches(name, list(known), n=1, cutoff=0.5)), None)
    return f"did you mean {near!r}?" if near else otherwise


def _known_keys(location: KeyPath) -> list[str]:
    """The valid keys of the section at `location`."""
    model: type[BaseModel] = Config
    for step in location:
        field = model.model_fields.get(step)
        options = [] if field is None else list(_parts_of(field.annotation))
        model = next((o for o in options if isinstance(o, type) and issubclass(o, BaseModel)), model)
    return list(model.model_fields)


def _parts_of(annotation: Any) -> Iterator[Any]:
    """The annotation and everything inside it."""
    yield annotation
    for part in get_args(annotation):
        yield from _parts_of(part)


def _resolve_paths(config: Config, base: Path) -> Config:
    shipped = suite_names()

    def suite(name: str | TableSuiteConfig) -> str | TableSuiteConfig:
        if isinstance(name, TableSuiteConfig):
            demos = table(name.demos) if isinstance(name.demos, str) else name.demos
            return name.model_copy(update={"file": table(name.file), "demos": demos})
        if name.startswith("lm_eval:"):
            task, at, folder = name.partition("@")
            return f"{task}@{_from(base, Path(folder))}" if at else name
        return name if name in shipped else str(_from(base, Path(name)))

    def table(name: str) -> str:
        path = _from(base, Path(name))
        return str(path) if path.exists() or path.suffix else name

    def family(name: str) -> str:
        return str(_from(base, Path(name))) if name.endswith(".py") else name

    def tasks_at(task: Path | TableConfig) -> list[Path | TableConfig]:
        if isinstance(task, TableConfig):
            return [task.model_copy(update={"file": table(task.file)})]
        path = COLLECTION_FILE if str(task) == COLLECTION else _from(base, task)
        # A folder of task files, such as a run's generate/tasks; an empty one is an error of whoever reads it.
        return [*sorted(path.glob("*.yaml"))] or [path] if path.is_dir() else [path]

    teacher = config.generate.teacher
    if teacher and teacher.replies:
        teacher = teacher.model_copy(update={"replies": _from(base, teacher.replies)})
    generate = config.generate.model_copy(
        update={
            "families": [family(name) for name in config.generate.families],
            "tasks": [file for task in config.generate.tasks for file in tasks_at(task)],
            "decontaminate": [suite(name) for name in config.generate.decontaminate],
            "teacher": teacher,
            "prompts": config.generate.prompts and _from(base, config.generate.prompts),
        }
    )
    evaluate = config.evaluate.model_copy(
        update={
            "suites": [suite(name) for name in config.evaluate.suites],
            "lm_eval_path": config.evaluate.lm_eval_path and _from(base, config.evaluate.lm_eval_path),
        }
    )
    data = config.train.data and _from(base, config.train.data)
    train = config.train.model_copy(update={"data": data})
    return config.model_copy(update={"generate": generate, "train": train, "evaluate": evaluate})


def _from(base: Path, path: Path) -> Path:
    return path if path.is_absolute() else base / path
