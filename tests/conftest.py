"""Fixtures: a tiny random student with a chat template, small suites, and a config that runs in seconds."""

import json
from pathlib import Path

import pytest
from hypothesis import settings

from kshot.runtime import process_setup  # noqa: F401 - sets what the libraries read when they are imported
from tests.students import save_tiny_student

# A slow device is no fault of the code.
settings.register_profile("kshot", deadline=None)
settings.load_profile("kshot")


@pytest.fixture(scope="session")
def tiny_student(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """See `save_tiny_student`."""
    return save_tiny_student(tmp_path_factory.mktemp("tiny"))


def write_suite(folder: Path, items: int = 4) -> Path:
    """A suite of one multiple-choice and one generation task."""
    folder.mkdir(parents=True, exist_ok=True)
    tasks = [
        {"task": "sky", "instruction": "Is it day or night?", "kind": "multiple_choice", "options_fixed": True,
         "demos": 4, "items": items},
        {"task": "echo", "instruction": "Say the word again.", "kind": "generation", "options_fixed": False,
         "demos": 4, "items": items},
    ]  # fmt: skip
    (folder / "suite.yaml").write_text(json.dumps({"tasks": tasks}))
    sky = [
        {"input": f"zulu hour {n}", "options": ["day", "night"], "output": [["day", "night"][n % 2]]}
        for n in range(4 + items)
    ]
    echo = [{"input": f"quux{n}", "output": [f"quux{n}"]} for n in range(4 + items)]
    for name, rows in (("sky", sky), ("echo", echo)):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    return write_suite(tmp_path / "tinysuite")


def write_config(folder: Path, student: Path) -> Path:
    """A whole run on the tiny student: no teacher, a few families, twelve steps, a suite beside it."""
    suite = write_suite(folder / "tinysuite")
    path = folder / "tiny.yaml"
    path.write_text(f"""
seed: 3
student: {student}
runs: {folder / "runs"}
generate:
  families: [morphology, arithmetic]
  records: 52
  teacher: null
  decontaminate: [{suite}]
train:
  max_length: 700
  validation_fraction: 0.08
  dtype: float32
  sft: {{per_device_train_batch_size: 4, save_steps: 3, learning_rate: 1.0e-3}}
evaluate:
  suites: [{suite}]
  shots: [0, 1, 4]
  dtype: float32
  bootstrap_resamples: 200
""")
    return path


@pytest.fixture
def config_file(tmp_path: Path, tiny_student: Path) -> Path:
    return write_config(tmp_path, tiny_student)
