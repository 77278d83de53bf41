"""Files that ship in the package: suites of held-out tasks, and recipes with their tasks and teachers."""

from pathlib import Path

PACKAGE = Path(__file__).parents[1]
SUITES = PACKAGE / "suites" / "shipped"
"""Each folder in it is a suite, named by the folder."""
RECIPES = PACKAGE / "configs"
"""Recipes (`NAME.yaml`), `tasks/` and `teachers/`."""

COLLECTION = "collection"
"""The name of the shipped collection of tasks in `generate.tasks`."""
COLLECTION_FILE = RECIPES / "tasks" / "collection.jsonl"


def suite_names() -> list[str]:
    """The suites that ship with kshot."""
    return sorted(folder.name for folder in SUITES.iterdir() if folder.is_dir())


def recipe_names() -> list[str]:
    """The recipes that ship with kshot, those of teachers as `teachers/NAME`."""
    paths = [*RECIPES.glob("*.yaml"), *RECIPES.glob("teachers/*.yaml")]
    return sorted(path.relative_to(RECIPES).with_suffix("").as_posix() for path in paths)
