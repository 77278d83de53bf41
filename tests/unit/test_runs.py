"""Run folders and named random streams."""

from pathlib import Path

import pytest

from kshot.core.errors import RunError
from kshot.core.runs import Run, read_finished, write_manifest
from kshot.core.seeding import digest, stream


def test_read_finished_needs_the_key(tmp_path: Path) -> None:
    assert read_finished(tmp_path, "k") is None
    write_manifest(tmp_path, {"key": "k"})
    assert read_finished(tmp_path, "k") == {"key": "k"}
    assert read_finished(tmp_path, "other") is None


def test_held_refuses_a_second_process(tmp_path: Path) -> None:
    run = Run(tmp_path / "r")
    with run.held("train"), pytest.raises(RunError, match="another kshot"), run.held("train"):
        pass
    with run.held("train"):
        assert (tmp_path / "r" / "train").is_dir()


def test_stream_depends_on_its_name_alone() -> None:
    first = stream(7, "a", 1).random()
    stream(7, "b").random()
    assert stream(7, "a", 1).random() == first
    assert stream(7, "a1").random() != first
    assert digest("ab", "c") != digest("a", "bc")
