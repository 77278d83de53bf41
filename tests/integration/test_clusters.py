"""Shards on Slurm, by a queue that runs its jobs at once, and on a local Ray cluster of two workers."""

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from kshot.config import Config
from kshot.core.errors import ConfigError, RunError
from kshot.core.runs import Run
from kshot.generate.compose import blocks
from kshot.generate.scale import sharded_teacher
from kshot.generate.stage import run_generate
from kshot.runtime.shards.clusters import make_executor
from tests.integration.test_shards import SteadyScript, config, generate, prompts, replies, with_teacher
from tests.scripted import serving

SLURM = {"partition": "cpu", "time": "1:00:00", "account": "lab"}
SBATCH = """#!{python}
import os, re, subprocess, sys
script = open(sys.argv[-1]).read()
open("{folder}/scripts", "a").write(script)
last = int(re.search(r"--array=0-(\\d+)", script)[1])
offset = re.search(r"RUN_OFFSET=(\\d+)", " ".join(sys.argv))[1]
codes = []
for task in range(last + 1):
    job = {{"SLURM_ARRAY_TASK_ID": str(task), "RUN_OFFSET": offset, "SLURM_NODELIST": "here", "SLURM_JOB_ID": "7"}}
    codes.append(subprocess.run(["bash", sys.argv[-1]], env={{**os.environ, **job}}, capture_output=True).returncode)
print("Submitted batch job 7")
sys.exit(max(codes))
"""
SRUN = """#!/bin/bash
while [[ $1 == -* ]]; do [[ $1 == -n ]] && shift; shift; done
[[ -e "$FAKE_SLURM/preempt" && $SLURM_ARRAY_TASK_ID == 1 ]] && exit 143
exec "$@"
"""


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "MAX_UNDIVIDED_RECORDS", 80)
    monkeypatch.setattr(blocks, "MAX_BLOCK_RECORDS", 60)
    monkeypatch.setattr(sharded_teacher, "MIN_SHARD_REQUESTS", 5)


@pytest.fixture
def queue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a queue whose jobs run at once, with their scripts."""
    pytest.importorskip("datatrove")
    folder = tmp_path / "queue"
    folder.mkdir()
    commands = {
        "sbatch": SBATCH.format(python=sys.executable, folder=folder),
        "srun": SRUN,
        "scontrol": "#!/bin/bash\necho here\n",
    }
    for name, text in commands.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    monkeypatch.setenv("FAKE_SLURM", str(folder))
    return folder


def test_slurm_gives_the_set_of_one_process_and_asks_for_what_was_said(queue: Path, tmp_path: Path) -> None:
    slurm = make_executor("slurm", 2, SLURM)
    assert generate(tmp_path / "slurm", config(), slurm) == generate(tmp_path / "alone", config())
    lines = (queue / "scripts").read_text().splitlines()
    wanted = ["--partition=cpu", "--time=1:00:00", "--account=lab", "--wait", "--requeue", "--array=0-1"]
    assert [option for option in wanted if f"#SBATCH {option}" not in lines] == []
    assert any(line.startswith("srun") and "launch_pickled_pipeline" in line for line in lines)


def test_a_slurm_job_that_ends_early_is_one_line_and_a_rerun_does_the_rest(queue: Path, tmp_path: Path) -> None:
    (queue / "preempt").touch()
    with pytest.raises(RunError, match=r"parts are missing.*rerun continues"):
        generate(tmp_path / "slurm", config(), make_executor("slurm", 2, SLURM))
    done = {path.name for path in (tmp_path / "slurm" / "generate" / ".blocks").glob("0*.jsonl")}
    (queue / "preempt").unlink()
    assert len(done) > 1
    again = generate(tmp_path / "slurm", config(), make_executor("slurm", 2, SLURM))
    assert again == generate(tmp_path / "alone", config())


def test_slurm_asks_in_shards(queue: Path, tmp_path: Path) -> None:
    script = SteadyScript()
    with serving(script) as url:
        files = generate(tmp_path / "slurm", with_teacher(url), make_executor("slurm", 2, SLURM))
        sent = prompts(script)
        assert files == generate(tmp_path / "alone", with_teacher(url))
    assert max(sent.values()) == 1
    assert "#SBATCH --job-name=kshot-ask\n" in (queue / "scripts").read_text()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"partition": "cpu"}, "give --slurm time="),
        ({**SLURM, "mem_per_cpu_gb": "two"}, "a whole number is needed"),
    ],
)
def test_slurm_options_are_checked_before_anything_is_asked(options: dict[str, str], words: str) -> None:
    pytest.importorskip("datatrove")
    with pytest.raises(ConfigError, match=words):
        make_executor("slurm", 2, options)


def test_a_machine_without_sbatch_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("datatrove")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigError, match="no sbatch here"):
        generate(tmp_path, config(), make_executor("slurm", 2, SLURM))


@pytest.fixture
def cluster() -> Iterator[None]:
    """A Ray cluster of two workers on this machine."""
    ray = pytest.importorskip("ray")
    ray.init(num_cpus=2, log_to_driver=False, include_dashboard=False, logging_level="error")
    yield
    ray.shutdown()


def kill_one_worker(folder: Path, pattern: str, killed: list[int]) -> threading.Thread:
    """Kill a worker of Ray that runs a shard by SIGKILL, as soon as there is a file of the pattern."""

    def kill() -> None:
        while not any(folder.glob(pattern)):
            time.sleep(0.01)
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                title = path.read_bytes()
            except OSError:
                continue
            if title.startswith(b"ray::run_shard"):
                os.kill(int(path.parent.name), signal.SIGKILL)
                killed.append(int(path.parent.name))
                return

    thread = threading.Thread(target=kill, daemon=True)
    thread.start()
    return thread


@pytest.mark.slow
@pytest.mark.usefixtures("cluster")
def test_ray_gives_the_set_of_one_process_though_a_worker_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blocks, "MAX_BLOCK_RECORDS", 600)
    settings: Config = config(records=9000, max_records_per_example=64, dedup={})
    killed: list[int] = []
    thread = kill_one_worker(tmp_path / "ray" / "generate" / ".blocks", "00001.jsonl", killed)
    files = generate(tmp_path / "ray", settings, make_executor("ray", 2, {}))
    thread.join(5)
    assert len(killed) == 1
    assert files == generate(tmp_path / "alone", settings)


@pytest.mark.slow
@pytest.mark.usefixtures("cluster")
def test_a_ray_worker_killed_while_it_asks_buys_no_reply_twice(tmp_path: Path) -> None:
    script = SteadyScript()

    def answer_slowly(prompt: str, reply: str) -> str:
        time.sleep(0.2)
        return reply

    script.ruin = answer_slowly
    killed: list[int] = []
    with serving(script) as url:
        settings = with_teacher(url, concurrency=4)
        thread = kill_one_worker(tmp_path / "ray" / "generate" / ".shards", "*/1/replies.sqlite", killed)
        files = generate(tmp_path / "ray", settings, make_executor("ray", 2, {}))
        thread.join(5)
        sent = prompts(script)
        assert files == generate(tmp_path / "alone", settings)
    in_flight = 2
    assert len(killed) == 1
    assert sent.total() - len(sent) <= in_flight
    assert replies(tmp_path / "ray") == len(sent)


def test_the_set_of_a_run_without_shards_is_not_made_again_with_them(tmp_path: Path) -> None:
    run_generate(config(), Run(tmp_path))
    before = (tmp_path / "generate" / "manifest.json").stat().st_mtime_ns
    run_generate(config(), Run(tmp_path), executor=make_executor("local", 2, {}))
    assert (tmp_path / "generate" / "manifest.json").stat().st_mtime_ns == before
