"""Generation in shards: the set of one process, whatever the number of shards and whoever is killed on the way."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest

from kshot.config import BudgetConfig, Config, TeacherConfig
from kshot.core.errors import ConfigError, RunError
from kshot.core.runs import Run
from kshot.generate.compose import blocks
from kshot.generate.scale import sharded_teacher
from kshot.generate.scale.ask_shards import shard_lock
from kshot.generate.scale.sharded_teacher import ShardedTeacher, divide_teacher
from kshot.generate.stage import run_generate
from kshot.runtime.shards import executors
from kshot.runtime.shards.clusters import make_executor
from kshot.runtime.shards.executors import LocalExecutor
from kshot.runtime.shards.worker import run_shard
from tests.killing import KillingExecutor
from tests.scripted import Script, serving
from tests.unit.composing import SEEDS

FILES = ("train.jsonl", "rejects.jsonl", "contamination.jsonl", "examples.jsonl", "manifest.json")
SMALL = "from kshot.generate.compose import blocks; blocks.MAX_UNDIVIDED_RECORDS, blocks.MAX_BLOCK_RECORDS = 80, 60\n"


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "MAX_UNDIVIDED_RECORDS", 80)
    monkeypatch.setattr(blocks, "MAX_BLOCK_RECORDS", 60)
    monkeypatch.setattr(sharded_teacher, "MIN_SHARD_REQUESTS", 5)


def config(**options: Any) -> Config:
    """Records of words of one syllable and a task file: they repeat, and their labels take turns."""
    defaults = {
        "records": 400,
        "teacher": None,
        "families": ["morphology", "classification"],
        "tasks": [SEEDS / "everyday.yaml"],
        "shots": [1, 2],
        "mixture": {"zero_shot": 0.6, "few_shot": 0.2, "demos_only": 0.2},
        "max_records_per_example": 8,
        "dedup": {"near": 0.7},
    }
    return Config.model_validate({"generate": {**defaults, **options}})


def generate(folder: Path, settings: Config, executor: executors.Executor | None = None) -> dict[str, bytes]:
    """Run the stage; return its files."""
    run_generate(settings, Run(folder), executor=executor)
    return {name: (folder / "generate" / name).read_bytes() for name in FILES}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, bytes]]:
    """The set of one process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "MAX_UNDIVIDED_RECORDS", 80)
        patch.setattr(blocks, "MAX_BLOCK_RECORDS", 60)
        yield generate(tmp_path_factory.mktemp("whole"), config())


@pytest.mark.parametrize("shards", [1, 2, 4])
def test_shards_give_the_set_of_one_process_byte_for_byte(shards: int, whole: dict[str, bytes], tmp_path: Path) -> None:
    assert generate(tmp_path, config(), LocalExecutor(shards)) == whole
    assert not (tmp_path / "generate" / ".blocks").exists()
    reasons = Counter(json.loads(line)["reason"] for line in whole["rejects.jsonl"].splitlines())
    assert reasons["duplicate"] > 10
    assert json.loads(whole["manifest.json"])["labels"]


def test_a_killed_shard_is_started_again_and_the_set_stays(
    whole: dict[str, bytes], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    executor = KillingExecutor(2, "00001.jsonl")
    assert generate(tmp_path, config(), executor) == whole
    assert executor.killed == [-signal.SIGKILL]
    assert "a shard ended early" in capsys.readouterr().out


def test_a_killed_run_takes_its_shards_along_and_a_rerun_keeps_their_blocks(
    whole: dict[str, bytes], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "config.json").write_text(config().model_dump_json())
    code = SMALL + (
        "from pathlib import Path; import sys; from kshot.config import Config; from kshot.core.runs import Run\n"
        "from kshot.runtime.shards.executors import LocalExecutor; from kshot.generate.stage import run_generate\n"
        "folder = Path(sys.argv[1])\n"
        "settings = Config.model_validate_json((folder / 'config.json').read_text())\n"
        "run_generate(settings, Run(folder), executor=LocalExecutor(2))\n"
    )
    driver = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.DEVNULL)
    target = tmp_path / "generate" / ".blocks"
    while not any(target.glob("0*.jsonl")) and driver.poll() is None:
        time.sleep(0.002)
    shards = children(driver.pid)
    driver.kill()
    assert driver.wait() == -signal.SIGKILL
    assert len(shards) == 2
    for shard in shards:
        wait_for_end(shard)
    finished = {path.name: path.stat().st_mtime_ns for path in target.glob("0*.jsonl")}
    assert len(finished) > 0
    assert generate(tmp_path, config(), LocalExecutor(3)) == whole
    assert f"{len(finished)} are done" in capsys.readouterr().out


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def wait_for_end(pid: int) -> None:
    for _ in range(500):
        try:
            if Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z":
                return
        except FileNotFoundError:
            return
        time.sleep(0.02)
    raise AssertionError(f"process {pid} goes on")


def test_blocks_of_other_settings_are_not_taken(tmp_path: Path, whole: dict[str, bytes]) -> None:
    target = tmp_path / "generate" / ".blocks"
    target.mkdir(parents=True)
    (target / "job.json").write_text("{}")
    (target / "00000.jsonl").write_text('["rejected", {}]\n')
    assert generate(tmp_path, config(), LocalExecutor(2)) == whole


def test_a_fault_of_a_shard_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "mine.py"
    path.write_text("import os\nif os.environ.get('NO_FAMILY'):\n    raise ValueError('not here')\n" + FAMILY)
    settings = config(families=[str(path)], tasks=[])
    monkeypatch.setattr(
        LocalExecutor, "_start", lambda self, *arguments: start_with({"NO_FAMILY": "1"}, monkeypatch, self, *arguments)
    )
    with pytest.raises(RunError, match="not here") as caught:
        generate(tmp_path, settings, LocalExecutor(2))
    assert "\n" not in str(caught.value)


START = LocalExecutor._start
FAMILY = (
    "from kshot import Family, Problem, register_family\n"
    "register_family(Family(id='doubles', category='c', descriptions=('Double it.', 'Times two.', 'Two times it.'),\n"
    "  anchors=(('doubl', 'two'),), sample=lambda rng, params: Problem(str(n := rng.randrange(100000)), n),\n"
    "  solve=lambda facts, params: str(2 * facts)))\n"
)


def start_with(more: dict[str, str], patch: pytest.MonkeyPatch, *arguments: Any) -> "subprocess.Popen[bytes]":
    with patch.context() as inner:
        for name, value in more.items():
            inner.setenv(name, value)
        return START(*arguments)


class SteadyScript(Script):
    """Replies that follow from the prompt alone, in whatever order requests come."""

    def _answer(self, prompt: str, number: int) -> str:
        return super()._answer(prompt, crc32(prompt.encode()) % 10_000)


@pytest.fixture
def script() -> SteadyScript:
    return SteadyScript()


def with_teacher(url: str, **teacher: Any) -> Config:
    return config(
        records=60,
        tasks=[SEEDS / "everyday.yaml"],
        paraphrase={"modes": ["rephrase", "abstract"], "validate_inputs": 0},
        teacher={"endpoint": url, "model": "m", **teacher},
        dedup={},
    )


def prompts(script: Script) -> Counter[str]:
    return Counter(body["messages"][-1]["content"] for body in script.asked)


def replies(folder: Path) -> int:
    with sqlite3.connect(folder / "generate" / "replies.sqlite") as database:
        return int(database.execute("SELECT count(*) FROM replies").fetchone()[0])


def test_requests_in_shards_are_asked_once_and_give_the_set_of_one_process(
    script: SteadyScript, tmp_path: Path
) -> None:
    with serving(script) as url:
        alone = generate(tmp_path / "alone", with_teacher(url))
        asked = prompts(script)
        script.asked.clear()
        assert generate(tmp_path / "shards", with_teacher(url), LocalExecutor(3)) == alone
    assert prompts(script) == asked
    assert asked.total() > 40
    assert not (tmp_path / "shards" / "generate" / ".shards").exists()


def test_a_shard_killed_while_it_asks_buys_no_reply_twice(script: SteadyScript, tmp_path: Path) -> None:
    bought: list[int] = []

    class KillAmidReplies(KillingExecutor):
        def is_ready(self, folder: Path) -> bool:
            cache = folder / "1" / "replies.sqlite"
            if not cache.exists():
                return False
            try:
                with sqlite3.connect(f"file:{cache}?mode=ro", uri=True) as database:
                    bought[:] = database.execute("SELECT count(*) FROM replies").fetchone()
            except sqlite3.OperationalError:
                return False
            return bought[0] > 3

    def answer_slowly(prompt: str, reply: str) -> str:
        time.sleep(0.1)
        return reply

    script.ruin = answer_slowly
    executor = KillAmidReplies(2, "")
    with serving(script) as url:
        settings = with_teacher(url, concurrency=4)
        files = generate(tmp_path / "shards", settings, executor)
        sent = prompts(script)
        alone = generate(tmp_path / "alone", settings)
    assert executor.killed == [-signal.SIGKILL]
    assert bought[0] > 3
    in_flight = 2
    assert sent.total() - len(sent) <= in_flight
    assert replies(tmp_path / "shards") == replies(tmp_path / "alone") == len(sent)
    assert files == alone


class DyingExecutor(LocalExecutor):
    """Asks the first shard, after which kshot dies."""

    def launch(self, work: str, folder: Path, shards: int, poll: executors.Poll) -> None:
        run_shard(work, folder, 0, shards)
        raise KeyboardInterrupt


def test_a_rerun_takes_over_the_replies_of_a_killed_run(
    script: SteadyScript, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(script) as url:
        with monkeypatch.context() as killed, pytest.raises(KeyboardInterrupt):
            killed.setattr(ShardedTeacher, "_take_replies", lambda self: None)
            generate(tmp_path, with_teacher(url), DyingExecutor(2))
        bought = len(script.asked)
        assert bought > 5
        generate(tmp_path, with_teacher(url), LocalExecutor(3))
    assert max(prompts(script).values()) == 1
    assert len(script.asked) > bought


@pytest.mark.parametrize("limit", [7, 30])
def test_a_budget_holds_over_all_shards(limit: int, script: SteadyScript, tmp_path: Path) -> None:
    with serving(script) as url:
        generate(tmp_path, with_teacher(url, budget={"requests": limit}), LocalExecutor(3))
    assert len(script.asked) == replies(tmp_path) == limit


def test_the_shards_of_a_wave_divide_budget_and_concurrency() -> None:
    settings = TeacherConfig.model_validate(
        {
            "endpoints": [{"url": "http://a", "concurrency": 9}, {"url": "http://b"}],
            "concurrency": 20,
            "input_price_per_mtok": 1.0,
        }
    )
    budget = BudgetConfig(requests=10, tokens=999, money=2.0)
    shard = divide_teacher(settings, budget, 0.25, 4)
    assert (shard.budget.requests, shard.budget.tokens, shard.budget.money) == (2, 249, 0.5)
    assert shard.concurrency == 5
    assert [endpoint.concurrency for endpoint in shard.endpoints] == [2, None]


def test_shards_of_an_earlier_run_that_still_ask_are_waited_for(script: SteadyScript, tmp_path: Path) -> None:
    folder = tmp_path / "generate" / ".shards" / "wave" / "0"
    folder.mkdir(parents=True)
    (folder / "requests.jsonl").touch()
    with serving(script) as url, shard_lock(folder, timeout=0), pytest.raises(RunError, match="still asks"):
        generate(tmp_path, with_teacher(url), LocalExecutor(2))
    assert not script.asked


@pytest.mark.parametrize(
    ("name", "shards", "slurm", "words"),
    [
        ("dask", 2, {}, "no such executor; use local, slurm, ray"),
        ("local", 2, {"partition": "cpu"}, "--slurm is for --executor slurm"),
        ("ray", None, {}, "say how many shards"),
        ("slurm", None, {}, "say how many shards"),
    ],
)
def test_options_that_do_not_fit_are_refused(name: str, shards: int | None, slurm: dict[str, str], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        make_executor(name, shards, slurm)


def test_a_missing_package_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    for package in ("ray", "datatrove"):
        monkeypatch.setitem(sys.modules, package, None)
    for name, package in {"ray": "ray", "slurm": "datatrove"}.items():
        with pytest.raises(ConfigError, match=rf"--executor {name} needs {package}.*kshot\[scale\]"):
            make_executor(name, 2, {"partition": "cpu", "time": "1:00:00"} if name == "slurm" else {})


@pytest.mark.parametrize("option", [["--dry-run"], ["--batch"], ["--preview", "2"]])
def test_options_that_shards_cannot_honour_are_refused(option: list[str], tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "kshot.cli", "generate", "quickstart", "--shards", "2", *option],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env={**os.environ},
    )
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "do not go with" in done.stderr
