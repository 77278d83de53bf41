"""The data set's files: whole or absent, in agreement with manifest and card."""

import json
import tracemalloc
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from kshot.config import GenerateConfig
from kshot.core.errors import ConfigError
from kshot.generate.compose.composer import AcceptedRecord, stream_records
from kshot.generate.curation.decontaminate import Decontaminator
from kshot.generate.dataset.writer import write_dataset
from kshot.generate.sources import select_sources
from tests.unit.composing import SEEDS, generate_into, read_lines, small_record


def test_files_manifest_and_card_agree(tmp_path: Path, suite: Path) -> None:
    filters, suites = {"scope": "all", "max_words": 80}, ["kshot", str(suite)]
    folder = generate_into(
        tmp_path, tasks=[SEEDS / "decisions.yaml"], records=400, filters=filters, decontaminate=suites
    )
    (folder / "manifest.json").unlink()
    (folder / "train.parquet").write_text("of an earlier run")
    assert folder == generate_into(
        tmp_path, tasks=[SEEDS / "decisions.yaml"], records=400, filters=filters, decontaminate=suites
    )
    assert not (folder / "train.parquet").exists()
    manifest = json.loads((folder / "manifest.json").read_text())
    records, rejects = read_lines(folder / "train.jsonl"), read_lines(folder / "rejects.jsonl")
    assert manifest["records"] == len(records) == 400
    assert rejects
    assert manifest["modes"]["compose"]["candidates"] == 400 + len(rejects)
    assert sum(manifest["modes"]["compose"]["rejected"].values()) == len(rejects)
    for key in ("family", "k", "form", "kind", "origin"):
        assert manifest["counts"][key] == dict(sorted(Counter(str(r["meta"][key]) for r in records).items()))
    by_family: dict[str, set[str]] = {}
    for row in records:
        by_family.setdefault(row["meta"]["family"], set()).add(row["meta"]["task"])
    assert manifest["tasks"] == {name: len(tasks) for name, tasks in sorted(by_family.items())}
    assert sum(manifest["labels"]["fact_or_opinion"].values()) == manifest["counts"]["family"]["fact_or_opinion"]
    near = [row for row in read_lines(folder / "contamination.jsonl") if row["kind"] == "nearest"]
    assert {row["family"] for row in near} == set(manifest["nearest"])
    card = (folder / "README.md").read_text()
    shown = card.split("## Records drawn at random")[1]
    assert sum(f"````text\n{row['instruction']}\n````\n\n````text\n{row['output']}\n" in shown for row in records) == 20
    assert f"Decontaminated against: kshot, {suite.name}. No record" in card, "no local path"
    assert f"| {near[0]['family']} | {manifest['counts']['family'][near[0]['family']]} |" in card


def test_the_same_command_writes_the_same_bytes_and_parquet_the_same_rows(tmp_path: Path) -> None:
    one, other = (generate_into(tmp_path / name, families=["morphology"], parquet=True) for name in ("a", "b"))
    for name in ("train.jsonl", "rejects.jsonl", "contamination.jsonl", "README.md"):
        assert (one / name).read_bytes().replace(b"# b:", b"# a:") == (other / name).read_bytes().replace(
            b"# b:", b"# a:"
        )
    import pyarrow.parquet as pq

    assert pq.read_table(one / "train.parquet").to_pylist() == read_lines(one / "train.jsonl")


def test_write_dataset_writes_nothing_when_no_record_is_accepted(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no record passed \(more words than 1: 60\); widen tasks"):
        generate_into(tmp_path, families=["plural_form"], records=3, filters={"scope": "all", "max_words": 1})
    assert [path.name for path in (tmp_path / "generate").iterdir()] == [".lock"]


def test_write_dataset_leaves_no_file_when_interrupted_and_removes_leftovers(tmp_path: Path) -> None:
    def breaks() -> Iterator[AcceptedRecord]:
        yield AcceptedRecord(small_record(1), None)
        raise KeyboardInterrupt

    (tmp_path / ".shuffle.old").mkdir()
    (tmp_path / ".train.jsonl.1.part").write_text("torn")
    with pytest.raises(KeyboardInterrupt):
        write_dataset(tmp_path, [], breaks(), 5, 1)
    assert list(tmp_path.iterdir()) == []


def test_memory_does_not_grow_with_the_records(tmp_path: Path) -> None:
    sources = select_sources([], [])

    def peak(records: int) -> int:
        options = GenerateConfig(records=records)
        events = stream_records(sources, {}, options, Decontaminator([]), 1, lambda done=1, note="": None)
        tracemalloc.reset_peak()
        start = tracemalloc.get_traced_memory()[0]
        write_dataset(tmp_path / str(records), [], events, 10**6, 1)
        return tracemalloc.get_traced_memory()[1] - start

    for records in (10, 120, 720):
        (tmp_path / str(records)).mkdir()
    tracemalloc.start()
    try:
        peak(10)
        small, large = peak(120), peak(720)
    finally:
        tracemalloc.stop()
    assert (tmp_path / "720" / "train.jsonl").stat().st_size > 400_000
    assert large < 1.3 * small
