"""Scores of finished measurements as they are read back, and the keys of measurements."""

import json
from pathlib import Path

import pytest

from kshot.core.errors import DataError, RunError
from kshot.core.files import write_jsonl
from kshot.evaluate.measure.measurement import Measurement, make_measurement
from kshot.evaluate.measure.results import read_sample_file, read_scores, read_seed_scores
from kshot.runtime.device import Device
from kshot.suites.format import Suite
from kshot.suites.prompts import Labels
from tests.unit.evaluation_rows import choice_task, make_sample


def write_samples(measurement: Measurement, right: list[bool | None]) -> None:
    """The answers of a measurement."""
    samples = [make_sample(item=n, right=value) for n, value in enumerate(right)]
    write_jsonl(measurement.folder / "samples.jsonl", (sample.model_dump() for sample in samples))


def make_one(folder: Path, seed: int = 0, labels: Labels = "gold") -> Measurement:
    device = Device("cpu", 1, "float32", "sdpa", {})
    return make_measurement(folder, "base", "x", Suite("p", (choice_task("rb", "r"),)), 1, None, device, seed, labels)


def test_make_measurement_names_and_keys_by_seed_and_labels(tmp_path: Path) -> None:
    measurements = [
        make_one(tmp_path),
        make_one(tmp_path, 2),
        make_one(tmp_path, 2, "random"),
        make_one(tmp_path, 0, "random"),
    ]
    assert [m.folder.name for m in measurements] == ["base-k1", "base-k1-s2", "base-k1-s2-random", "base-k1-random"]
    assert len({m.key for m in measurements}) == 4


def test_read_sample_file_replaces_a_lone_surrogate(tmp_path: Path) -> None:
    path = tmp_path / "samples.jsonl"
    path.write_text(json.dumps(make_sample(answer="lone").model_dump()).replace("lone", "lone \\ud800, \\ud83d\\ude00"))
    assert [sample.answer for _, sample in read_sample_file(path)] == ["lone \ufffd, \U0001f600"]


def test_read_seed_scores_stacks_the_rows_of_seeds(tmp_path: Path) -> None:
    measurements = [make_one(tmp_path), make_one(tmp_path, 1)]
    write_samples(measurements[0], [True, False])
    write_samples(measurements[1], [False, False])
    assert read_scores(measurements[0]) == {"exact_match": {"t": [1.0, 0.0]}}
    assert read_seed_scores(measurements) == {"exact_match": {"t": [[1.0, 0.0], [0.0, 0.0]]}}


def test_read_scores_refuses_a_missing_score(tmp_path: Path) -> None:
    for seed, right in enumerate([[True, None], [True], [True, True]]):
        write_samples(make_one(tmp_path, seed), right)
    with pytest.raises(RunError, match=r"samples.jsonl:2: a score is missing; delete"):
        read_scores(make_one(tmp_path, 0))
    with pytest.raises(RunError, match="other items"):
        read_seed_scores([make_one(tmp_path, 2), make_one(tmp_path, 1)])


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ('{"suite": "p"}\n', r"samples.jsonl:1: task: Field required; evaluate again"),
        ('\n{"suite":\n', r"samples.jsonl:2: broken JSON"),
    ],
)
def test_read_sample_file_names_a_line_that_is_no_sample(tmp_path: Path, text: str, error: str) -> None:
    path = tmp_path / "samples.jsonl"
    path.write_text(text)
    with pytest.raises(DataError, match=error):
        list(read_sample_file(path))
    with pytest.raises(DataError, match=r"none.jsonl: no such file; run `kshot evaluate`"):
        list(read_sample_file(tmp_path / "none.jsonl"))
