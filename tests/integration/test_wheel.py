"""The built wheel, installed in a fresh environment and used in an empty folder outside the repository."""

import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TINY = (
    "generate.records=40", "generate.teacher=null", "train.sft.max_steps=2", "evaluate.limit=2", "evaluate.shots=[0,1]",
    "evaluate.bootstrap_resamples=100",
)  # fmt: skip


@pytest.fixture(scope="module")
def kshot(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command of a fresh environment that holds the wheel and its dependencies from PyPI."""
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "wheel", "--no-deps", "--wheel-dir", str(folder), str(ROOT)], check=True)
    (wheel,) = folder.glob("kshot-*.whl")
    venv.create(folder / "env", with_pip=True)
    python = folder / "env" / "bin" / "python"
    install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*install, "--constraint", str(ROOT / "constraints.txt"), str(wheel)], check=True, timeout=1200)
    return folder / "env" / "bin" / "kshot"


def run(kshot: Path, folder: Path, *arguments: str) -> str:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run([str(kshot), *arguments], cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_wheel_works_whole_in_an_empty_folder(kshot: Path, tiny_student: Path, tmp_path: Path) -> None:
    assert "quickstart" in run(kshot, tmp_path, "recipes", "list")
    assert "records: 1050" in run(kshot, tmp_path, "recipes", "show", "quickstart")
    run(kshot, tmp_path, "recipes", "copy", "quickstart", "mine")
    assert (tmp_path / "mine" / "tasks" / "everyday.yaml").is_file()
    assert "arithmetic" in run(kshot, tmp_path, "tasks", "list")
    settings = [part for value in (*TINY, f"student={tiny_student}") for part in ("--set", value)]
    run(kshot, tmp_path, "run", "quickstart", *settings)
    run(kshot, tmp_path, "run", "mine/quickstart.yaml", "--run", "copied", *settings)
    for name in ("quickstart", "copied"):
        assert (tmp_path / "runs" / name / "evaluate" / "report.html").is_file()
    run(kshot, tmp_path, "view", "quickstart", "--html", "view.html")
    assert "kshot view: run quickstart" in (tmp_path / "view.html").read_text()
    records = [
        (tmp_path / "runs" / name / "generate" / "train.jsonl").read_bytes() for name in ("quickstart", "copied")
    ]
    assert records[0] == records[1]
    run(kshot, tmp_path, "compare", "quickstart", *settings)
    assert (tmp_path / "runs" / "compare" / "compare.png").is_file()
