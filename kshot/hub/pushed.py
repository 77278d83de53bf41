"""hub.json of a run: where its parts were pushed, so that one card can name the other."""

from pathlib import Path

from kshot.core.files import read_json, write_json

HUB = "hub.json"


def read_pushed(run: Path) -> dict[str, str]:
    """What was pushed -> the repository's name; empty before the first push."""
    path = run / HUB
    return {str(what): str(repo) for what, repo in read_json(path).items()} if path.is_file() else {}


def record_push(run: Path, what: str, repo_id: str) -> None:
    """Remember where a part of the run was pushed."""
    write_json(run / HUB, read_pushed(run) | {what: repo_id})
