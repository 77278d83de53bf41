"""Pushing a data set to the hub."""

from pathlib import Path
from typing import Any

import pytest

from kshot.core.errors import RunError
from kshot.generate.dataset.hub import push_dataset
from tests.unit.composing import generate_into


class Hub:
    """Stands for huggingface_hub.HfApi, the edge of our code."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []

    def create_repo(self, repo_id: str, **options: Any) -> str:
        self.calls.append((repo_id, options))
        return f"https://huggingface.co/datasets/{repo_id}"

    def upload_folder(self, repo_id: str, **options: Any) -> None:
        self.calls.append((repo_id, options))


def test_push_dataset_pushes_data_and_card_without_the_manifest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = generate_into(tmp_path, families=["morphology"], records=20)
    hub = Hub()
    monkeypatch.setattr("huggingface_hub.HfApi", lambda: hub)
    assert push_dataset(folder, "me/set") == "https://huggingface.co/datasets/me/set"
    (_, made), (_, sent) = hub.calls
    assert made == {"repo_type": "dataset", "private": True, "exist_ok": True}
    assert sent["folder_path"] == folder
    assert {"train.jsonl", "README.md"} <= set(sent["allow_patterns"])
    assert "manifest.json" not in sent["allow_patterns"]


def test_push_dataset_reports_a_failure_in_one_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RunError, match="no finished data set"):
        push_dataset(tmp_path, "me/set")
    folder = generate_into(tmp_path, families=["morphology"], records=20)

    def refuse(*_: object, **__: object) -> None:
        raise ConnectionError("no route\nto host")

    hub = Hub()
    monkeypatch.setattr(hub, "upload_folder", refuse)
    monkeypatch.setattr("huggingface_hub.HfApi", lambda: hub)
    with pytest.raises(RunError, match="me/set: the hub refused the data: no route to host"):
        push_dataset(folder, "me/set")
