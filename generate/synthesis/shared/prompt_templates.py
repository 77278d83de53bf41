"""The teacher's prompts: sandboxed Jinja2 templates, each of which a user's folder may replace."""

import json
from pathlib import Path
from typing import Any

from jinja2 import StrictUndefined, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from kshot.core.errors import ConfigError
from kshot.core.files import read_text

VERSION = 5
"""Raise when a template in `prompts/` renders other text."""

SHIPPED = Path(__file__).parent / "prompts"


class PromptTemplates:
    """Renders `<name>.j2` from the user's folder if it is there, else the shipped one. Values are never templates.

    Args:
        folder: the user's templates, or None.

    Raises:
        ConfigError: the folder is missing, or a template in it replaces none; names the file.
    """

    def __init__(self, folder: Path | None) -> None:
        if folder is not None and not folder.is_dir():
            raise ConfigError([f"generate.prompts: {folder} is not a folder; create it, or omit the setting"])
        self._folder = folder
        shipped = {path.stem for path in SHIPPED.glob("*.j2")}
        unknown = sorted({path.stem for path in folder.glob("*.j2")} - shipped) if folder else []
        if unknown:
            raise ConfigError(
                [f"generate.prompts: {folder}/{unknown[0]}.j2 replaces none of {', '.join(sorted(shipped))}"]
            )
        self._environment = ImmutableSandboxedEnvironment(autoescape=False, undefined=StrictUndefined, trim_blocks=True)
        # Jinja's own filter escapes for HTML and ASCII, which costs a teacher six characters a letter.
        self._environment.filters["tojson"] = _to_json

    def render(self, name: str, **values: Any) -> str:
        """Render a template.

        Raises:
            ConfigError: the template fails; names the file.
        """
        path = SHIPPED / f"{name}.j2"
        if self._folder and (self._folder / path.name).exists():
            path = self._folder / path.name
        try:
            return self._environment.from_string(read_text(path)).render(**values).strip()
        # A template may call its values with anything, so any of these errors is the template's.
        except (TemplateError, ArithmeticError, LookupError, TypeError, ValueError, AttributeError) as error:
            raise ConfigError([f"{path}: {' '.join(str(error).split())}"]) from None


def _to_json(value: object, indent: int | None = None) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, indent=indent)
