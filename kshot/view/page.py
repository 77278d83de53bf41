"""The page as HTML: served, where a person decides, or one file to send on, which holds its rows.

What a teacher wrote is hostile text: the template escapes every value, rows are JSON set with `textContent` only, and a
Content-Security-Policy lets no script run but ours, which it knows by its hash.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from markupsafe import Markup

from kshot.core.files import write_text
from kshot.core.pages.safe import dump_for_script, make_visible, page_environment, read_assets
from kshot.core.version import __version__
from kshot.generate.curation.decisions.log import read_decisions
from kshot.generate.run_files import Decision
from kshot.view.contents import RunContents

HERE = Path(__file__).parent
KINDS = ("examples", "records", "rejects")
SCRIPTS = ("state", "cards", "list", "overview", "view")
"""One script, in parts."""
MAX_FILE_BYTES = 6_000_000
"""Bytes of each kind of rows in a file to send on."""


def render_page(contents: RunContents, token: str) -> str:
    """The page as it is served: it fetches its rows, and sends decisions with the token."""
    return _render(contents, {}, token)


def write_page(path: Path, contents: RunContents) -> dict[str, int]:
    """Write the page as one file that asks the network for nothing, and on which nobody can decide.

    Returns:
        The number of rows of each kind in it.
    """
    rows = {kind: _take(contents.rows(kind)) for kind in KINDS}
    write_text(path, _render(contents, rows, ""))
    return {kind: len(chosen) for kind, chosen in rows.items()}


def show_decision(decision: Decision) -> dict[str, Any]:
    """A decision as the page reads it."""
    return decision.model_dump(include={"what", "edited_input", "edited_output", "note"})


def _take(rows: Sequence[Any]) -> list[dict[str, Any]]:
    """As many of the rows as a file may hold."""
    chosen, size = [], 0
    for row in map(asdict, rows):
        size += len(dump_for_script(row)) + 1
        if size > MAX_FILE_BYTES:
            break
        chosen.append(row)
    return chosen


def _render(contents: RunContents, rows: Mapping[str, list[dict[str, Any]]], token: str) -> str:
    start = {
        "token": token,
        "run": contents.folder.name,
        "totals": contents.totals,
        "counts": {kind: len(contents.rows(kind)) for kind in KINDS},
        "tasks": {
            task.id: {"labels": task.labels, "empty": task.allow_empty_outputs, "instruction": task.instruction}
            for task in contents.tasks.values()
        },
        "decisions": {
            key: show_decision(decision) for key, decision in read_decisions(contents.decisions_path).by_key.items()
        },
        "rows": rows,
    }
    return page_environment(HERE).get_template("view.html.j2").render(
        run=make_visible(contents.folder.name),
        version=__version__,
        is_live=bool(token),
        decisions_path=make_visible(str(contents.decisions_path)),
        start=Markup(dump_for_script(start).decode()),  # noqa: S704 - escaped by dump_for_script
        **read_assets(HERE / "view.css", *(HERE / f"{name}.js" for name in SCRIPTS)),
    )  # fmt: skip
