"""The teacher's prompts: Jinja2 files, sandboxed, each of which a user's own folder may replace."""

from pathlib import Path
from typing import Any

from jinja2 import StrictUndefined, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from kshot.core.errors import ConfigError

OWN = Path(__file__).parent / "prompts"


class PromptTemplates:
    """Renders `<name>.j2` from the user's folder if it is there, else ours. Values are data: they are never templates.

    Raises:
        ConfigError: the user's folder or a template in it is at fault; names the file.
    """

    def __init__(self, folder: Path | None) -> None:
        if folder is not None and not folder.is_dir():
            raise ConfigError([f"generate.prompts: {folder} is no folder; leave it out, or make it"])
        self._folder = folder
        known = {path.stem for path in OWN.glob("*.j2")}
        strange = sorted({path.stem for path in folder.glob("*.j2")} - known) if folder else []
        if strange:
            raise ConfigError(
                [f"generate.prompts: {folder}/{strange[0]}.j2 replaces none of {', '.join(sorted(known))}"]
            )
        self._environment = ImmutableSandboxedEnvironment(autoescape=False, undefined=StrictUndefined, trim_blocks=True)

    def render(self, name: str, **values: Any) -> str:
        path = OWN / f"{name}.j2"
        if self._folder and (self._folder / path.name).exists():
            path = self._folder / path.name
        try:
            return self._environment.from_string(path.read_text(encoding="utf-8")).render(**values).strip()
        # A template may call what it is given with anything; whatever comes of that is the template's fault.
        except (TemplateError, ArithmeticError, LookupError, TypeError, ValueError, AttributeError) as error:
            raise ConfigError([f"{path}: {' '.join(str(error).split())}"]) from None
