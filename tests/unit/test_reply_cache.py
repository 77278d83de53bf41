"""The cache of a teacher's replies."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from kshot.core.errors import DataError
from kshot.generate.teacher.cache import ReplyCache


def test_reply_cache_keeps_the_first_reply(tmp_path: Path) -> None:
    store = ReplyCache(tmp_path / "r.sqlite")
    body = {"model": "m", "messages": [], "sample": 0}
    key = store.compute_key(body)
    assert store.compute_key({**body, "sample": 1}) != key
    store.put(key, body, "first \ud800")
    store.put(key, body, "second")
    store.close()
    again = ReplyCache(tmp_path / "r.sqlite")
    assert again.get(key) == "first ?"
    assert len(again) == 1


def test_a_broken_reply_cache_is_one_error(tmp_path: Path) -> None:
    (tmp_path / "r.sqlite").write_bytes(b"not a database, not at all" * 100)
    with pytest.raises(DataError, match="not a usable reply cache"):
        ReplyCache(tmp_path / "r.sqlite")


def test_a_reply_cache_without_space_is_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "r.sqlite").write_bytes(b"begun and cut off by a full disk" * 100)
    monkeypatch.setattr("shutil.disk_usage", lambda path: SimpleNamespace(free=4096))
    with pytest.raises(OSError, match="No space left"):
        ReplyCache(tmp_path / "r.sqlite")
