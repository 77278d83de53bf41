"""`kshot recipes list|show|copy`: the configs that ship with kshot."""

from pathlib import Path
from typing import Annotated

import typer

from kshot.core.console import say
from kshot.core.errors import ConfigError

group = typer.Typer(no_args_is_help=True, help="List, show and copy the recipes that ship with kshot.")
Name = Annotated[str, typer.Argument(metavar="NAME", help="A recipe's name, e.g. quickstart or teachers/openai.")]


@group.command("list")
def list_all() -> None:
    """List the recipes, each with the first line of its file."""
    from kshot.core.shipped import recipe_names

    for name in recipe_names():
        say(f"{name:20} {_first_line(_read(name))}")


@group.command()
def show(name: Name) -> None:
    """Print a recipe."""
    say(_read(name).rstrip())


@group.command()
def copy(
    name: Name,
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where to write it.")] = Path(),
) -> None:
    """Copy a recipe, and the task files and recorded replies that it names, into a folder of your own."""
    import shutil

    from kshot.config.loader import load_config
    from kshot.core.shipped import RECIPES

    text = _read(name)
    target = folder / f"{Path(name).name}.yaml"
    files = [target]
    if not name.startswith("teachers/"):
        generate = load_config(name).generate
        named = [*generate.task_files, *([generate.teacher.replies] if generate.teacher else [])]
        shipped = [path for path in named if path and path.is_relative_to(RECIPES.resolve())]
        files += [folder / path.relative_to(RECIPES.resolve()) for path in shipped]
    if existing := [path for path in files if path.exists()]:
        raise ConfigError([f"{existing[0]}: exists already; name another folder"])
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8")
    for path in files[1:]:
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(RECIPES / path.relative_to(folder), path)
    for path in files:
        say(f"wrote {path}")


def _read(name: str) -> str:
    from kshot.config.loader import suggest
    from kshot.core.shipped import RECIPES, recipe_names

    known = recipe_names()
    if name not in known:
        raise ConfigError([f"no recipe {name!r}; {suggest(name, known, f'known: {chr(44).join(known)}')}"])
    return (RECIPES / f"{name}.yaml").read_text(encoding="utf-8")


def _first_line(text: str) -> str:
    return text.splitlines()[0].lstrip("# ") if text.startswith("#") else ""
