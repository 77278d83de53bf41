"""A kind of work in parts, named so that another process or machine finds it: `package.module:NAME`."""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple


class Work(NamedTuple):
    """A kind of work in parts."""

    name: str
    """What messages and logs call it."""
    run: Callable[[Path, int], None]
    """Does the part of this number; the folder holds the job."""
    done: Callable[[Path, int], Path]
    """The file that is there when the part is done."""


def find_function(reference: str) -> Any:
    """What a module holds under a name, `package.module:NAME`."""
    module, _, name = reference.partition(":")
    return getattr(import_module(module), name)


def find_work(reference: str) -> Work:
    """The work of a reference."""
    work = find_function(reference)
    if not isinstance(work, Work):
        raise TypeError(f"{reference} is no Work")
    return work
