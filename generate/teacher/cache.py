"""The reply cache: every reply of a teacher, in SQLite. No reply is bought twice, also after a crash."""

import errno
import os
import shutil
import sqlite3
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from kshot.core.errors import DataError
from kshot.core.seeding import digest
from kshot.generate.teacher.budget import Cost
from kshot.generate.teacher.messages import Reply, replace_surrogates, to_json

REPLIES_FILE = "replies.sqlite"
TABLES = """
CREATE TABLE IF NOT EXISTS replies (
    key TEXT PRIMARY KEY, request TEXT NOT NULL, reply TEXT NOT NULL, finish_reason TEXT NOT NULL,
    prompt_tokens INTEGER NOT NULL, completion_tokens INTEGER NOT NULL,
    endpoint TEXT NOT NULL, model TEXT NOT NULL, cost REAL NOT NULL, at REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS failures (key TEXT, request TEXT, error TEXT, endpoint TEXT, at REAL);
CREATE TABLE IF NOT EXISTS batches (tag TEXT PRIMARY KEY, id TEXT, endpoint TEXT, requests TEXT, state TEXT);
"""
REPLY_COLUMNS = "reply, finish_reason, prompt_tokens, completion_tokens, endpoint, model, cost"
MAX_KEYS_PER_QUERY = 500
MIN_FREE_BYTES = 1 << 16
"""Below this SQLite cannot open a database."""

Row = tuple[str, Mapping[str, Any], Reply]
"""Key, request and reply."""


class ReplyCache:
    """Replies by the key of everything that shaped them. A reply is on disk before anyone uses it.

    With write-ahead logging a committed reply survives the death of the process (https://sqlite.org/wal.html). One
    connection reads and another writes, so that both may be in different threads. The reader sees committed rows only.

    Raises:
        DataError: the file is no usable cache.
        OSError: the disk is full.
    """

    def __init__(self, path: Path) -> None:
        try:
            self._reader = sqlite3.connect(path, timeout=60)
            self._writer = sqlite3.connect(path, timeout=60, check_same_thread=False)
            self._reader.execute("PRAGMA journal_mode=WAL")
            self._reader.executescript(TABLES)
        except sqlite3.DatabaseError as error:
            # SQLite says "disk I/O error" where its shared memory finds no room.
            if shutil.disk_usage(path.parent).free < MIN_FREE_BYTES:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path)) from None
            raise DataError(f"{path}: not a usable reply cache ({error}); move it away to start a new one") from None

    @staticmethod
    def compute_key(request: Mapping[str, Any]) -> str:
        """Return the request's identity: a digest of model, messages, parameters, reply format and sample index."""
        return digest(to_json(request).decode(), size=32)

    def get(self, key: str) -> str | None:
        replies = self.find([key])
        return replies[key].content if replies else None

    def find(self, keys: Sequence[str]) -> dict[str, Reply]:
        """Return the cached replies among these keys."""
        replies: dict[str, Reply] = {}
        for start in range(0, len(keys), MAX_KEYS_PER_QUERY):
            chunk = keys[start : start + MAX_KEYS_PER_QUERY]
            marks = ",".join("?" * len(chunk))
            query = f"SELECT key, {REPLY_COLUMNS} FROM replies WHERE key IN ({marks})"  # noqa: S608
            replies.update((row[0], Reply(*row[1:])) for row in self._reader.execute(query, chunk))
        return replies

    def put(self, key: str, request: Mapping[str, Any], reply: str) -> None:
        self.put_all([(key, request, Reply(reply))])

    def put_all(self, rows: Iterable[Row]) -> None:
        """Commit these rows together. A known key keeps its first reply; replies with an error go to `failures`."""
        now = time.time()
        replies, failures = [], []
        for key, request, reply in rows:
            body = to_json(request).decode()
            if reply.error:
                failures.append((key, body, replace_surrogates(reply.error), reply.endpoint, now))
            else:
                usage = (replace_surrogates(reply.finish_reason), reply.prompt_tokens, reply.completion_tokens)
                source = (reply.endpoint, reply.model, reply.cost)
                replies.append((key, body, replace_surrogates(reply.content), *usage, *source, now))
        with self._writer:
            columns = f"key, request, {REPLY_COLUMNS}, at"
            insert = f"INSERT OR IGNORE INTO replies ({columns}) VALUES (?,?,?,?,?,?,?,?,?,?)"  # noqa: S608
            self._writer.executemany(insert, replies)
            self._writer.executemany("INSERT INTO failures VALUES (?,?,?,?,?)", failures)

    def sum_costs(self) -> Cost:
        """Return the cost of all cached replies."""
        row = self._reader.execute(
            "SELECT count(*), total(prompt_tokens), total(completion_tokens), total(cost) FROM replies"
        ).fetchone()
        return Cost(int(row[0]), int(row[1]), int(row[2]), float(row[3]))

    def count_failures(self) -> int:
        """Return how many requests failed for good."""
        return int(self._reader.execute("SELECT count(*) FROM failures").fetchone()[0])

    def merge(self, other: Path) -> int:
        """Copy the replies of another cache that are missing here; return their number."""
        before = len(self)
        self._writer.execute("ATTACH ? AS other", (str(other),))
        try:
            with self._writer:
                columns = f"key, request, {REPLY_COLUMNS}, at"
                insert = f"INSERT OR IGNORE INTO replies ({columns}) SELECT {columns} FROM other.replies"  # noqa: S608
                self._writer.execute(insert)
        finally:
            self._writer.execute("DETACH other")
        return len(self) - before

    def set_batch(self, tag: str, id: str, endpoint: str, requests: str, state: str) -> None:
        """Record a batch under our own tag; `id` is empty until the endpoint has given one."""
        with self._writer:
            row = (tag, id, endpoint, requests, state)
            self._writer.execute("INSERT OR REPLACE INTO batches VALUES (?,?,?,?,?)", row)

    def list_open_batches(self) -> list[tuple[str, str, str, str]]:
        """Return (tag, id, endpoint, requests) of the batches without collected results, oldest first."""
        query = "SELECT tag, id, endpoint, requests FROM batches WHERE state = 'open' ORDER BY rowid"
        return list(self._reader.execute(query))

    def __len__(self) -> int:
        return int(self._reader.execute("SELECT count(*) FROM replies").fetchone()[0])

    def close(self) -> None:
        self._reader.close()
        self._writer.close()


def copy_replies(sources: Sequence[Path], folder: Path) -> int:
    """Copy the cached replies of the folders `sources` into the cache of `folder`; return how many are new."""
    folder.mkdir(parents=True, exist_ok=True)
    with closing(ReplyCache(folder / REPLIES_FILE)) as cache:
        return sum(cache.merge(source / REPLIES_FILE) for source in sources)
