"""Decisions made by hand, as the page would append them."""

from pathlib import Path

from kshot.core.seeding import digest
from kshot.generate.curation.decisions.log import Decisions, append_decisions, read_decisions
from kshot.generate.run_files import Decision, DecisionKind


def decide(
    what: DecisionKind, task: str, input: str, output: str, edit: tuple[str, str] | None = None, note: str = ""
) -> Decision:
    return Decision(
        key=digest(task, input, output), task=task, what=what, input=input, output=output, note=note,
        edited_input=edit and edit[0], edited_output=edit and edit[1], time="2026-01-01T00:00:00Z",
    )  # fmt: skip


def logged(folder: Path, *decisions: Decision) -> Decisions:
    """The decisions as read from a log in the folder."""
    path = folder / "decisions.jsonl"
    append_decisions(path, decisions)
    return read_decisions(path)
