"""Every reply a teacher gave, in SQLite: bought once, found again after any crash."""

import errno
import os
import shutil
import sqlite3
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from kshot.core.errors import DataError
from kshot.core.seeding import digest
from kshot.generate.teacher.budget import Cost
from kshot.generate.teacher.messages import Reply, replace_surrogates, to_json

TABLES = """
CREATE TABLE IF NOT EXISTS replies (key TEXT PRIMARY KEY, request TEXT, reply TEXT);
CREATE TABLE IF NOT EXISTS failures (key TEXT, request TEXT, fault TEXT, endpoint TEXT, at REAL);
CREATE TABLE IF NOT EXISTS batches (mark TEXT PRIMARY KEY, id TEXT, endpoint TEXT, requests TEXT, state TEXT);
"""
ADDED = {
    "finish_reason": "TEXT NOT NULL DEFAULT ''",
    "prompt_tokens": "INTEGER NOT NULL DEFAULT 0",
    "completion_tokens": "INTEGER NOT NULL DEFAULT 0",
    "endpoint": "TEXT NOT NULL DEFAULT ''",
    "model": "TEXT NOT NULL DEFAULT ''",
    "cost": "REAL NOT NULL DEFAULT 0",
    "at": "REAL NOT NULL DEFAULT 0",
}
"""Columns that stores of kshot's first version lack."""
FOUND = "reply, finish_reason, prompt_tokens, completion_tokens, endpoint, model, cost"
AT_ONCE = 500
LEAST_ROOM = 1 << 16
"""Bytes without which SQLite cannot begin."""

Row = tuple[str, Mapping[str, Any], Reply]


class ReplyCache:
    """Replies by the key of all that shaped them; each is on disk before it is used.

    Write-ahead logging makes a committed reply survive the death of the process (https://sqlite.org/wal.html). One
    connection reads and one writes, so the two may be in different threads, and what is read was committed.
    """

    def __init__(self, path: Path) -> None:
        try:
            self._db = sqlite3.connect(path, timeout=60)
            self._writer = sqlite3.connect(path, timeout=60, check_same_thread=False)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.executescript(TABLES)
            there = {row[1] for row in self._db.execute("PRAGMA table_info(replies)")}
            for name, kind in ADDED.items():
                if name not in there:
                    self._db.execute(f"ALTER TABLE replies ADD COLUMN {name} {kind}")
        except sqlite3.DatabaseError as error:
            # SQLite says "disk I/O error" where its shared memory finds no room.
            if shutil.disk_usage(path.parent).free < LEAST_ROOM:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path)) from None
            raise DataError(f"{path}: not a usable store of replies ({error}); move it away to begin anew") from None

    @staticmethod
    def key(request: Mapping[str, Any]) -> str:
        """The request's identity: model, messages, parameters, form of the reply and sample index."""
        return digest(to_json(request).decode(), size=32)

    def get(self, key: str) -> str | None:
        found = self.find([key])
        return found[key].text if found else None

    def find(self, keys: Sequence[str]) -> dict[str, Reply]:
        """The replies that there are, by key."""
        found: dict[str, Reply] = {}
        for start in range(0, len(keys), AT_ONCE):
            some = keys[start : start + AT_ONCE]
            places = ",".join("?" * len(some))
            rows = self._db.execute(f"SELECT key, {FOUND} FROM replies WHERE key IN ({places})", some)  # noqa: S608
            found.update((row[0], Reply(*row[1:])) for row in rows)
        return found

    def put(self, key: str, request: Mapping[str, Any], reply: str) -> None:
        self.put_all([(key, request, Reply(reply))])

    def put_all(self, rows: Iterable[Row]) -> None:
        """Commit these together; a key that is there keeps its first reply. Those with a fault are set apart."""
        now = time.time()
        replies, failures = [], []
        for key, request, reply in rows:
            asked = to_json(request).decode()
            if reply.error:
                failures.append((key, asked, replace_surrogates(reply.error), reply.endpoint, now))
            else:
                usage = (replace_surrogates(reply.finish_reason), reply.prompt_tokens, reply.completion_tokens)
                source = (reply.endpoint, reply.model, reply.cost)
                replies.append((key, asked, replace_surrogates(reply.text), *usage, *source, now))
        with self._writer:
            self._writer.executemany(
                f"INSERT OR IGNORE INTO replies (key, request, {FOUND}, at) VALUES (?,?,?,?,?,?,?,?,?,?)",  # noqa: S608
                replies,
            )
            self._writer.executemany("INSERT INTO failures VALUES (?,?,?,?,?)", failures)

    def total(self) -> Cost:
        """What all replies here cost."""
        row = self._db.execute(
            "SELECT count(*), total(prompt_tokens), total(completion_tokens), total(cost) FROM replies"
        ).fetchone()
        return Cost(int(row[0]), int(row[1]), int(row[2]), float(row[3]))

    def failures(self) -> int:
        """How often a request failed for good."""
        return int(self._db.execute("SELECT count(*) FROM failures").fetchone()[0])

    def take(self, other: Path) -> int:
        """Take over the replies of another store that are not here, so that they are not bought twice; how many."""
        before = len(self)
        self._writer.execute("ATTACH ? AS other", (str(other),))
        try:
            with self._writer:
                names = f"key, request, {FOUND}, at"
                self._writer.execute(f"INSERT OR IGNORE INTO replies ({names}) SELECT {names} FROM other.replies")  # noqa: S608
        finally:
            self._writer.execute("DETACH other")
        return len(self) - before

    def set_batch(self, mark: str, id: str, endpoint: str, requests: str, state: str) -> None:
        """Note a batch by our own mark; its id is empty until the endpoint has given one."""
        with self._writer:
            row = (mark, id, endpoint, requests, state)
            self._writer.execute("INSERT OR REPLACE INTO batches VALUES (?,?,?,?,?)", row)

    def open_batches(self) -> list[tuple[str, str, str, str]]:
        """(mark, id, endpoint, requests) of the batches whose results are not collected, oldest first."""
        return list(
            self._db.execute("SELECT mark, id, endpoint, requests FROM batches WHERE state = 'open' ORDER BY rowid")
        )

    def __len__(self) -> int:
        return int(self._db.execute("SELECT count(*) FROM replies").fetchone()[0])

    def close(self) -> None:
        self._db.close()
        self._writer.close()
