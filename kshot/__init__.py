"""kshot: synthetic instruction data, a fine-tuned student, and a paired measurement of the gain.

The public API is `__all__`; each name is imported when it is first used, so `import kshot` loads no heavy library.
`kshot.generate`, `kshot.train`, `kshot.evaluate` and `kshot.chat` are also packages, and calling one does its work.
"""

import importlib
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

from kshot.core.version import __version__ as __version__

if TYPE_CHECKING:
    from kshot.api import chat, compare, evaluate, export, generate, push, serve, train
    from kshot.config import Config
    from kshot.config.loader import load_config
    from kshot.core.errors import (
        ConfigError,
        DataError,
        KshotError,
        RunError,
        SuiteError,
        TeacherError,
        WeightsError,
    )
    from kshot.core.types import Example, Record, Task
    from kshot.suites.format import Suite
    from kshot.suites.loading import load_suite
    from kshot.tasks.family import Family, Params, Problem
    from kshot.tasks.registry import register_family

__all__ = [
    "Config",
    "ConfigError",
    "DataError",
    "Example",
    "Family",
    "KshotError",
    "Params",
    "Problem",
    "Record",
    "RunError",
    "Suite",
    "SuiteError",
    "Task",
    "TeacherError",
    "WeightsError",
    "chat",
    "compare",
    "evaluate",
    "export",
    "generate",
    "load_config",
    "load_suite",
    "push",
    "register_family",
    "serve",
    "train",
]

_MODULES = {
    "kshot.api": ("compare", "export", "push", "serve"),
    "kshot.config": ("Config",),
    "kshot.config.loader": ("load_config",),
    "kshot.core.errors": (
        "ConfigError", "DataError", "KshotError", "RunError", "SuiteError", "TeacherError", "WeightsError",
    ),
    "kshot.core.types": ("Example", "Record", "Task"),
    "kshot.suites.format": ("Suite",),
    "kshot.suites.loading": ("load_suite",),
    "kshot.tasks.family": ("Family", "Params", "Problem"),
    "kshot.tasks.registry": ("register_family",),
}  # fmt: skip
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}


class _CallablePackage(ModuleType):
    """A package that is also the function of its name: calling a stage runs it."""

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        api = importlib.import_module("kshot.api")
        return getattr(api, self.__name__.rpartition(".")[2])(*arguments, **options)


def __getattr__(name: str) -> Any:
    if name in _MODULE_OF:
        return getattr(importlib.import_module(_MODULE_OF[name]), name)
    raise AttributeError(f"module 'kshot' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


for _name in ("generate", "train", "evaluate", "chat"):
    # The packages hold no code of their own, so importing them costs nothing.
    importlib.import_module(f"kshot.{_name}")
    sys.modules[f"kshot.{_name}"].__class__ = _CallablePackage
