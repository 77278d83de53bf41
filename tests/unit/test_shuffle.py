"""Lines shuffled on disk."""

import json
from pathlib import Path
from typing import Any

import pytest

from kshot.generate.dataset.shuffle import BUCKETS, MAX_LINES_IN_ONE_BUCKET, DiskShuffle


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.mark.parametrize("expected", [200, MAX_LINES_IN_ONE_BUCKET + 1])
def test_disk_shuffle_returns_all_lines_in_an_order_of_the_seed(tmp_path: Path, expected: int) -> None:
    def order(seed: int) -> list[bytes]:
        with DiskShuffle(tmp_path, expected, seed) as shuffle:
            for n in range(1000):
                shuffle.add(b"%d\n" % n)
            return list(shuffle.lines())

    straight = [b"%d\n" % n for n in range(1000)]
    assert sorted(order(1)) == sorted(straight)
    assert order(1) == order(1) != order(2)
    assert order(1) != straight
    assert list(tmp_path.iterdir()) == []


def test_disk_shuffle_spreads_many_lines_over_buckets(tmp_path: Path) -> None:
    with DiskShuffle(tmp_path, MAX_LINES_IN_ONE_BUCKET + 1, 1) as shuffle:
        for _ in range(100 * BUCKETS):
            shuffle.add(b"x" * 400 + b"\n")
        sizes = [path.stat().st_size for path in tmp_path.rglob("*") if path.is_file()]
    assert len(sizes) == BUCKETS
    assert min(sizes) > 0


def test_disk_shuffle_leaves_no_trace_of_the_original_position(tmp_path: Path) -> None:
    """The mean place of the first hundred of a thousand lines, over many seeds, is the middle."""
    places = []
    for seed in range(40):
        with DiskShuffle(tmp_path, MAX_LINES_IN_ONE_BUCKET + 1, seed) as shuffle:
            for n in range(1000):
                shuffle.add(b"%d\n" % n)
            places += [place for place, line in enumerate(shuffle.lines()) if int(line) < 100]
    assert abs(sum(places) / len(places) - 499.5) < 20
