"""`kshot view RUN`."""

import os
import sys
import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from kshot.core.console import say


def view(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run's folder, e.g. runs/quickstart, or its name.")],
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port on this machine; by default a free one.")] = 0,
    no_open: Annotated[bool, typer.Option("--no-open", help="Print the address only; open no browser.")] = False,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the page as one file to send on, and serve nothing.")
    ] = None,
) -> None:
    """Look at a run's records, examples and rejects in the browser; accept, refuse, correct and note examples.

    Decisions are kept in runs/RUN/generate/decisions.jsonl. The next `kshot generate` composes the data with them, and
    asks the teacher nothing again. The page is served on this machine alone and needs no network.
    """
    from kshot.view.contents import load_contents
    from kshot.view.page import write_page
    from kshot.view.server import ViewServer

    folder = run if run.is_dir() or (run.is_absolute() or len(run.parts) > 1) else Path("runs") / run
    if html:
        rows = write_page(html, load_contents(folder))
        say(f"view: wrote {html}: {', '.join(f'{count} {kind}' for kind, count in rows.items())}")
        return
    with ViewServer(folder, port) as server:
        say(f"view: {server.url}")
        say("view: Ctrl-C ends it")
        if not no_open and _has_display():
            webbrowser.open(server.url)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            say(_summary(server.decided, folder))


def _summary(decided: int, folder: Path) -> str:
    if not decided:
        return "view: nothing decided"
    return f"view: {decided} decisions; `kshot generate CONFIG --run {folder.name}` composes the data again with them"


def _has_display() -> bool:
    """Whether a browser with windows can open; one in the terminal would take it over."""
    return sys.platform in ("darwin", "win32") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
