"""Every reply a teacher gave, in SQLite: bought once, found again after any crash."""

import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

from kshot.errors import DataError
from kshot.seeding import digest


class ReplyStore:
    """Replies by the key of all that shaped them; each is on disk before it is used.

    Write-ahead logging makes a committed reply survive the death of the process (https://sqlite.org/wal.html).
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._db = sqlite3.connect(path)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("CREATE TABLE IF NOT EXISTS replies (key TEXT PRIMARY KEY, request TEXT, reply TEXT)")
        except sqlite3.DatabaseError as error:
            raise DataError(f"{path}: not a usable store of replies ({error}); move it away to begin anew") from None

    @staticmethod
    def key(request: Mapping[str, Any]) -> str:
        """The request's identity: model, messages, parameters and sample index."""
        return digest(orjson.dumps(request, option=orjson.OPT_SORT_KEYS).decode(), size=32)

    def get(self, key: str) -> str | None:
        found = self._db.execute("SELECT reply FROM replies WHERE key = ?", (key,)).fetchone()
        return None if found is None else str(found[0])

    def put(self, key: str, request: Mapping[str, Any], reply: str) -> None:
        # SQLite text cannot hold lone surrogates, which a broken endpoint may send.
        clean = reply.encode("utf-8", "replace").decode("utf-8")
        with self._db:
            self._db.execute(
                "INSERT OR IGNORE INTO replies VALUES (?, ?, ?)", (key, orjson.dumps(request).decode(), clean)
            )

    def __len__(self) -> int:
        return int(self._db.execute("SELECT count(*) FROM replies").fetchone()[0])

    def close(self) -> None:
        self._db.close()
