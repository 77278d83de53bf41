"""The log of decisions: reads the last line of each example, and appends."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import orjson
from pydantic import ValidationError

from kshot.core.errors import DataError
from kshot.core.files import read_numbered_log
from kshot.core.seeding import digest
from kshot.generate.run_files import Decision


@dataclass(frozen=True)
class Decisions:
    """The decisions that count, by key, and where each stands."""

    path: Path = Path()
    by_key: Mapping[str, Decision] = field(default_factory=dict)
    lines: Mapping[str, int] = field(default_factory=dict)

    def locate(self, key: str) -> str:
        """FILE:LINE of the decision on an example."""
        return f"{self.path}:{self.lines[key]}"

    @property
    def effective(self) -> dict[str, Decision]:
        """Those that change the data."""
        return {key: decision for key, decision in self.by_key.items() if decision.is_effective}

    def fingerprint(self) -> list[str]:
        """What goes into the data's cache key, without notes and times; empty where no decision changes the data."""
        changes = (
            digest(key, decision.what, decision.edited_input, decision.edited_output)
            for key, decision in self.effective.items()
        )
        return sorted(changes)


def read_decisions(path: Path) -> Decisions:
    """Read the log. An absent file holds none, and a last line torn by a kill is skipped.

    Raises:
        DataError: a line that is no decision; names the file and the line.
    """
    by_key: dict[str, Decision] = {}
    lines: dict[str, int] = {}
    for number, row in read_numbered_log(path):
        try:
            decision = Decision.model_validate(row)
        except ValidationError as error:
            detail = error.errors(include_url=False)[0]
            name = ".".join(map(str, detail["loc"]))
            reason = detail["msg"].removeprefix("Value error, ")
            raise DataError(
                f"{path}:{number}: no decision: {f'{name}: ' if name else ''}{reason}; repair or delete this line"
            ) from None
        by_key[decision.key], lines[decision.key] = decision, number
    undone = [key for key, decision in by_key.items() if decision.what == "undo"]
    for key in undone:
        del by_key[key]
    return Decisions(path, by_key, lines)


def append_decisions(path: Path, decisions: Sequence[Decision]) -> None:
    """Append, and flush to the disk. A torn last line is cut off first: with a line after it, it would be a fault."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab+") as handle:
        _repair_end(handle.fileno(), path)
        handle.write(b"".join(decision.to_line() for decision in decisions))
        handle.flush()
        os.fsync(handle.fileno())


def _repair_end(handle: int, path: Path) -> None:
    content = path.read_bytes()
    tail = content[content.rfind(b"\n") + 1 :]
    if not tail.strip():
        return
    try:
        orjson.loads(tail)
    except orjson.JSONDecodeError:
        os.ftruncate(handle, len(content) - len(tail))
    else:
        os.write(handle, b"\n")
