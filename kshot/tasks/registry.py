"""Registers programmatic families: those that ship, a user's own Python files, and installed packages.

A family file defines its families and registers them:

    register_family(Family(id="consignment_class", ...))

A package does the same behind an entry point of the group `kshot.families`: a Family, an iterable of them, a function
that registers or returns them, or a module that registers them.
"""

import re
import sys
import traceback
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from hashlib import sha256
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from random import Random
from types import ModuleType

from kshot.core.errors import ConfigError
from kshot.core.seeding import stream
from kshot.tasks.family import Family

GROUP = "kshot.families"
MIN_DESCRIPTIONS = 3
PROBE_DRAWS = 5
"""Problems drawn from a user's family before it is used."""
_ID = re.compile(r"[a-z][a-z0-9_]*")
_registered: dict[str, Family] = {}
_file_families: ContextVar[dict[str, Family] | None] = ContextVar("file_families", default=None)
"""The families of the file that is being loaded. They belong to the configs that name the file, not to all."""
_loaded_files: dict[tuple[Path, str], tuple[Family, ...]] = {}
_loaded_entry_points: dict[str, set[str]] = {}


def register_family(family: Family, held_out: Collection[str] = ()) -> Family:
    """Add a family to the sources of training data, and return it.

    Args:
        held_out: ids of held-out families, which training must not use.

    Raises:
        ConfigError: the id is taken or held out, or the family is incomplete.
    """
    _check_family(family)
    file_families = _file_families.get()
    if family.id in _registered or (file_families and family.id in file_families):
        raise ConfigError([f"family {family.id!r}: the id is registered already; choose another one"])
    if family.id in held_out:
        raise ConfigError(
            [f"family {family.id!r}: the id of a held-out family; never train on one, choose another task"]
        )
    (_registered if file_families is None else file_families)[family.id] = family
    return family


def register_shipped(families: Iterable[Family]) -> dict[str, Family]:
    """Register kshot's own families, also while a family file that imports them is loaded; return them by id."""
    by_id = {family.id: family for family in families}
    for family in by_id.values():
        _check_family(family)
        if _registered.setdefault(family.id, family) is not family:
            raise ConfigError([f"family {family.id!r}: kshot ships a family of this id; choose another one"])
    return by_id


def registered_families() -> tuple[Family, ...]:
    """All families registered so far, in the order of their registration; those of family files are not among them."""
    return tuple(_registered.values())


def load_family_file(path: Path, held_out: Collection[str] = ()) -> tuple[Family, ...]:
    """Run a Python file and return the families that it registers. The same content runs once a process.

    Raises:
        ConfigError: the file is missing, raises an error (named with its line), registers no family, or one that is
            incomplete, registered already or held out.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ConfigError([f"{path}: cannot read this file of families: {error.strerror}"]) from None
    key = (path.resolve(), sha256(content).hexdigest())
    if key not in _loaded_files:
        with _collecting() as families:
            _execute(path, content, f"kshot_family_file_{key[1][:16]}")
        if not families:
            raise ConfigError([f"{path}: it registers no family; call register_family(Family(...)) in it"])
        for family in families.values():
            _probe_family(family, path)
        _loaded_files[key] = tuple(families.values())
    for family in _loaded_files[key]:
        if family.id in held_out:
            raise ConfigError([f"{path}: family {family.id!r} is held out; never train on it, choose another task"])
    return _loaded_files[key]


def load_entry_points(held_out: Collection[str] = ()) -> None:
    """Register the families of installed packages, once a process.

    Raises:
        ConfigError: names the package whose entry point fails or registers a held-out family.
    """
    for entry in entry_points(group=GROUP):
        label = f"{entry.value} (entry point {entry.name!r} of {package_of(entry)})"
        if label not in _loaded_entry_points:
            _loaded_entry_points[label] = _load_entry_point(entry, label)
        if forbidden := sorted(_loaded_entry_points[label] & set(held_out)):
            raise ConfigError([f"{label}: family {name!r} is held out; uninstall the package" for name in forbidden])


def _load_entry_point(entry: EntryPoint, label: str) -> set[str]:
    """Register an entry point's families and return their ids; register none where one fails."""
    before = dict(_registered)
    try:
        _register_all(entry.load())
        new = _registered.keys() - before.keys()
        for name in new:
            _probe_family(_registered[name])
    except Exception as error:
        _registered.clear()
        _registered.update(before)
        faults = error.faults if isinstance(error, ConfigError) else [describe_error(error)]
        raise ConfigError([f"{label}: {fault}; fix or uninstall the package" for fault in faults]) from None
    return set(new)


def entry_point_versions() -> dict[str, str]:
    """By package with an entry point, its version: a part of the data's cache key."""
    return {package_of(entry): entry.dist.version if entry.dist else "" for entry in entry_points(group=GROUP)}


def package_of(entry: EntryPoint) -> str:
    """The distribution of an entry point."""
    return entry.dist.name if entry.dist else "an unknown package"


def describe_error(error: BaseException, path: Path | None = None) -> str:
    """Describe an exception in one line: file, line, type and message.

    Args:
        path: the file whose line matters; by default the innermost one.
    """
    message = error.msg if isinstance(error, SyntaxError) else str(error)
    text = " ".join(f"{type(error).__name__}: {message}".split()).removesuffix(":")
    location = _location(error, path)
    return f"{location}: {text}" if location else text


def _location(error: BaseException, path: Path | None) -> str:
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}:{error.lineno}"
    frames = traceback.extract_tb(error.__traceback__)
    inside = [frame for frame in frames if path is None or frame.filename == str(path)]
    if inside:
        return f"{inside[-1].filename}:{inside[-1].lineno}"
    return str(path) if path else ""


def _register_all(value: object) -> None:
    if isinstance(value, Family):
        if _registered.get(value.id) is not value:
            register_family(value)
    elif isinstance(value, Iterable) and not isinstance(value, str):
        for family in value:
            _register_all(family)
    elif callable(value):
        _register_all(value())
    elif value is not None and not isinstance(value, ModuleType):
        raise ConfigError([f"expected a Family, an iterable of them, a function or a module, found {value!r:.80}"])


@contextmanager
def _collecting() -> Iterator[dict[str, Family]]:
    families: dict[str, Family] = {}
    token = _file_families.set(families)
    try:
        yield families
    finally:
        _file_families.reset(token)


def _execute(path: Path, content: bytes, name: str) -> None:
    """Run a file's code as a module of a private name, under which its classes find it."""
    module = ModuleType(name)
    module.__file__ = str(path)
    sys.modules[name] = module
    try:
        exec(compile(content, str(path), "exec"), vars(module))  # noqa: S102 - the user's own file, named in the config
    except ConfigError as error:
        del sys.modules[name]
        raise ConfigError([f"{_location(error, path)}: {fault}" for fault in error.faults]) from None
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        raise ConfigError([describe_error(error, path)]) from None


def _check_family(family: object) -> None:
    if not isinstance(family, Family):
        raise ConfigError([f"expected a Family, found {family!r:.80}"])
    reasons: list[str] = []
    if not _ID.fullmatch(family.id):
        reasons.append("the id must be snake_case: lower-case letters, digits and '_'")
    if not family.category.strip():
        reasons.append("the category is empty")
    if isinstance(family.descriptions, str) or len(set(family.descriptions)) < MIN_DESCRIPTIONS:
        reasons.append(f"it needs at least {MIN_DESCRIPTIONS} different descriptions")
    if reasons:
        raise ConfigError([f"family {family.id!r}: {reason}" for reason in reasons])


def _probe_family(family: Family, path: Path | None = None) -> None:
    """Draw a few problems, so that a broken family stops the command before it generates data.

    Raises:
        ConfigError: a function of the family raises an error or returns something else than text.
    """
    prefix = f"{path}: " if path else ""
    for number in range(PROBE_DRAWS):
        try:
            reason = _probe_draw(family, stream(number, "probe", family.id))
        except Exception as error:
            raise ConfigError([f"{describe_error(error, path)} (drawing from family {family.id!r})"]) from None
        if reason:
            raise ConfigError([f"{prefix}family {family.id!r}: {reason}"])


def _probe_draw(family: Family, rng: Random) -> str | None:
    params = family.params(rng)
    for text in (*family.descriptions, *family.no_label_instructions):
        text.format(**params)
    problem = family.sample(rng, params)
    output = family.solve(problem.facts, params)
    if not isinstance(problem.text, str) or not problem.text.strip():
        return f"sample must return a Problem with a text, found {problem.text!r:.80}"
    if not isinstance(output, str) or not output.strip():
        return f"solve must return a text that is not empty, found {output!r:.80}"
    if family.labels and output not in family.labels(params):
        return f"solve returned {output!r:.80}, which is none of its labels {family.labels(params)!r:.200}"
    return None
