"""Checkpoints of a training and its log: only what is whole is resumed from."""

import json
from pathlib import Path

from kshot.train.callbacks import truncate_metrics
from kshot.train.checkpoints import is_complete, last_complete, mark_complete


def make_checkpoint(folder: Path, step: int) -> Path:
    path = folder / f"checkpoint-{step}"
    path.mkdir(parents=True)
    (path / "adapter.safetensors").write_bytes(b"x" * 100)
    (path / "trainer_state.json").write_text("{}")
    mark_complete(path)
    return path


def test_last_complete_is_a_whole_checkpoint(tmp_path: Path) -> None:
    nine, ten, hundred = make_checkpoint(tmp_path, 9), make_checkpoint(tmp_path, 10), make_checkpoint(tmp_path, 100)
    assert last_complete(tmp_path) == hundred
    (hundred / "adapter.safetensors").write_bytes(b"x" * 99)
    (tmp_path / "checkpoint-200").mkdir()
    assert last_complete(tmp_path) == ten
    assert not hundred.exists()
    assert is_complete(nine)
    (ten / "trainer_state.json").unlink()
    assert last_complete(tmp_path) == nine


def test_truncate_metrics_rewinds_the_log_to_a_step(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_text("".join(json.dumps({"step": n, "loss": 1.0}) + "\n" for n in range(1, 6)) + '{"st')
    truncate_metrics(path, 3)
    assert [json.loads(line)["step"] for line in path.read_text().splitlines()] == [1, 2, 3]
