"""`kshot push RUN OWNER/NAME --what ...`."""

from pathlib import Path
from typing import Annotated

import typer

from kshot.core.console import say


def push(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run's folder, e.g. runs/quickstart.")],
    repo: Annotated[str, typer.Argument(metavar="OWNER/NAME", help="The repository on the hub.")],
    what: Annotated[str, typer.Option(metavar="PART", help="data, adapter, merged, gguf or report.")] = "data",
    public: Annotated[
        bool, typer.Option("--public", help="Create a public repository; by default it is private.")
    ] = False,
    license_id: Annotated[
        str, typer.Option("--license", metavar="ID", help="The licence that the card states, e.g. apache-2.0.")
    ] = "",
    folder: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="The export to send, where the run has several.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="List the files and their sizes; send nothing.")] = False,
) -> None:
    """Push a run's data, student or report to the Hugging Face hub, with a card, in one commit.

    data becomes a dataset, adapter, merged and gguf a model (what `kshot export` wrote, else what `kshot train` wrote),
    report a static Space. The token is the one that `hf auth login` stored, or $HF_TOKEN.
    """
    from kshot.api import push as push_run

    lines = push_run(run, repo, what, private=not public, license_id=license_id, folder=folder, dry_run=dry_run)
    for line in lines:
        say(line)
