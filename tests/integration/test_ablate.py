"""`kshot ablate` on a tiny student: killed and rerun, with what trials share made once; enlarged; a failed trial."""

import json
from pathlib import Path
from typing import Any

import pytest

from kshot.cli.app import app, guarded
from kshot.core.runs import Run
from kshot.generate.stage import run_generate
from kshot.generate.synthesis.pipeline import inherit_replies
from kshot.sweep.grid import load_grid
from kshot.sweep.run import Stages, Sweep, run_sweep
from tests.conftest import write_config
from tests.integration.test_pipeline import kill_when, kshot, lines
from tests.integration.test_teacher import Endpoint, endpoint

__all__ = ["endpoint"]

GRID = ("--grid", "generate.shots=[[1],[2]]", "--seeds", "3,4", "--set", "generate.records=16")
LABELS = ["shots=1_seed=3", "shots=1_seed=4", "shots=2_seed=3", "shots=2_seed=4"]


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory, tiny_student: Path) -> Path:
    """A folder with tiny.yaml and an ablation `grid`, which was killed with SIGKILL after its first training."""
    folder = tmp_path_factory.mktemp("ablate")
    config = write_config(folder, tiny_student)
    trained = folder / "runs" / "grid" / "trials" / LABELS[0] / "train" / "manifest.json"
    kill_when(trained.exists, "ablate", config, "--run", "grid", *GRID)
    before = trained.stat().st_mtime_ns
    done = kshot("ablate", config, "--run", "grid", *GRID)
    assert trained.stat().st_mtime_ns == before
    (folder / "stdout.txt").write_text(done.stdout)
    return folder


def ablated(work: Path, run: str = "grid") -> dict[str, Any]:
    report: dict[str, Any] = json.loads((work / "runs" / run / "ablate" / "ablate.json").read_text())
    return report


def ablate(*arguments: object) -> int:
    """The command in this process, which has imported torch and TRL once and for all; its exit code."""
    return guarded(lambda: app(["ablate", *map(str, arguments)], standalone_mode=False))


def times(run: Path) -> dict[str, int]:
    """When the sets, trainings and measurements of a run were finished."""
    done = [*run.glob("data/*/generate/manifest.json"), *run.glob("trials/*/train/manifest.json")]
    done += run.glob("ablate/measurements/*/*/measurement.json")
    return {str(path.relative_to(run)): path.stat().st_mtime_ns for path in done}


def test_ablate_prints_the_trials_first_and_makes_all(work: Path) -> None:
    output = (work / "stdout.txt").read_text().splitlines()
    assert output[:5] == ["ablate: 4 trials, 2 data sets", *(f"  {label}" for label in LABELS)]
    run = work / "runs" / "grid"
    assert sorted(path.name for path in (run / "trials").iterdir()) == LABELS
    assert [(trial["label"], trial["state"]) for trial in ablated(work)["trials"]] == [
        (name, "done") for name in LABELS
    ]
    for label in LABELS:
        assert (run / "trials" / label / "train" / "merged" / "config.json").exists()


def test_ablate_generates_data_once_for_trials_that_differ_in_their_training_seed(work: Path) -> None:
    run = work / "runs" / "grid"
    assert len(list((run / "data").iterdir())) == 2
    links = [(run / "trials" / label / "generate").readlink() for label in LABELS]
    assert links[0] == links[1] != links[2] == links[3]
    assert {row["meta"]["k"] for row in lines(run / "trials" / LABELS[2] / "generate" / "train.jsonl")} <= {0, 2}
    adapters = {
        (run / "trials" / label / "train" / "adapter" / "adapter_model.safetensors").read_bytes() for label in LABELS
    }
    assert len(adapters) == 4
    manifests = [json.loads((run / "trials" / label / "train" / "manifest.json").read_text()) for label in LABELS]
    assert [(report["seed"], report["training_seed"]) for report in manifests] == [(3, 3), (3, 4)] * 2
    assert manifests[0]["data"] == manifests[1]["data"]
    # A probe for each trial might separate them.
    assert len({json.dumps(report["device"]) for report in manifests}) == 1


def test_ablate_measures_the_base_once(work: Path) -> None:
    folders = [path.name for path in (work / "runs/grid/ablate/measurements/tinysuite").iterdir()]
    assert len(folders) == 5 * 3
    assert len([name for name in folders if not name.startswith("shots-")]) == 3


def test_ablate_writes_gains_ranking_and_heat_map(work: Path, tiny_student: Path) -> None:
    report = ablated(work)
    rows = report["gains"]
    assert [(row["score"], row["k"], row["setting"]) for row in rows] == [
        (score, k, setting)
        for score in ("exact_match", "loglikelihood") for k in (0, 1, 4) for setting in ("shots=1", "shots=2")
    ]  # fmt: skip
    for row in rows:
        assert row["values"] == {"generate.shots": [int(row["setting"][-1])]}
        assert row["seeds"] == [3, 4]
        assert row["gain"] == pytest.approx(row["student"] - row["base"])
        assert row["items_low"] <= row["gain"] <= row["items_high"]
        assert row["seed_low"] <= row["gain"] <= row["seed_high"]
        assert row["p"] <= row["p_holm"]
    assert [(row["score"], row["rank"]) for row in report["ranking"]] == [
        ("exact_match", 1), ("exact_match", 2), ("loglikelihood", 1), ("loglikelihood", 2),
    ]  # fmt: skip
    folder = work / "runs" / "grid" / "ablate"
    text = (folder / "ablate.md").read_text()
    assert "![Gain by setting and number of demonstrations](heatmap.png)" in text
    assert "| tinysuite | exact match | 1 | shots=" in text
    assert "| inconclusive |" in text
    assert "| tinysuite | log-likelihood choice | 4 | shots=2 |" in text
    assert "## Label bias" in text
    assert [(row["k"], row["model"]) for row in report["label_bias"]["means"]] == [
        (k, name) for k in (0, 1, 4) for name in (tiny_student.name, "shots=1", "shots=2")
    ]
    picture = (folder / "heatmap.svg").read_text()
    assert "tinysuite: log-likelihood choice" in picture
    assert all(f">k={k}<" in picture for k in (0, 1, 4))
    assert (folder / "heatmap.png").read_bytes().startswith(b"\x89PNG")
    assert not (folder / "curve.png").exists()
    assert "inconclusive" in (work / "stdout.txt").read_text()


def test_ablate_rerun_makes_nothing_and_a_new_value_only_its_own_trials(
    work: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = work / "runs" / "grid"
    before, report = times(run), ablated(work)
    assert len(before) == 2 + 4 + 15
    assert ablate(work / "tiny.yaml", "--run", "grid", *GRID) == 0
    assert times(run) == before
    assert ablated(work) == report
    more = ("--grid", "generate.shots=[[1],[2],[1,2]]", "--seeds", "3", *GRID[4:])
    assert ablate(work / "tiny.yaml", "--run", "grid", *more) == 0
    after = times(run)
    assert {name: after[name] for name in before} == before
    assert len(after) == len(before) + 1 + 1 + 3
    assert "trials/shots=1,2_seed=3/train/manifest.json" in after
    assert "ablate: 3 trials, 3 data sets" in capsys.readouterr().out
    assert {row["setting"] for row in ablated(work)["gains"]} == {"shots=1", "shots=2", "shots=1,2"}


def test_ablate_goes_on_after_a_failed_trial_and_removes_merged_weights(
    work: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """All records are longer than 16 tokens."""
    bad = ("--grid", "train.max_length=[16,700]", "--set", "generate.records=16", "--set", "ablate.keep_merged=false")
    command = (work / "tiny.yaml", "--run", "partly", *bad)
    assert ablate(*command) == 2
    output = capsys.readouterr()
    errors = [line for line in output.err.splitlines() if line.startswith("error: ")]
    assert errors[0].startswith("error: max_length=16_seed=3: all 16 records are longer than train.max_length=16")
    assert errors[-1].startswith("error: ablate: 1 of 2 trials failed (max_length=16_seed=3)")
    assert "failed" in output.out
    run = work / "runs" / "partly"
    report = ablated(work, "partly")
    assert {row["setting"] for row in report["gains"]} == {"max_length=700"}
    assert [trial["state"] for trial in report["trials"]] == ["failed", "done"]
    text = (run / "ablate" / "ablate.md").read_text()
    assert "| max_length=16 seed=3 |  |  | failed |" in text
    assert "failed: all 16 records are longer" in text
    assert "failed" in (run / "ablate" / "heatmap.svg").read_text()
    train = run / "trials" / "max_length=700_seed=3" / "train"
    assert (train / "adapter" / "adapter_model.safetensors").exists()
    assert not (train / "merged").exists()
    before = times(run)
    assert ablate(*command) == 2
    assert times(run) == before


@pytest.mark.parametrize(
    ("grid", "error"),
    [
        ("generate.shts=[[1],[2]]", "--grid generate.shts: generate.shts: unknown key; did you mean 'shots'?"),
        ("generate.shots=[[1],[a]]", "--grid generate.shots: generate.shots.0: Input should be a valid integer"),
        (
            "train.sft.learning_rat=[1.0e-3,2.0e-3]",
            "train.sft.learning_rat: unknown key; did you mean 'learning_rate'?",
        ),
    ],
)
def test_ablate_reports_a_bad_key_or_value_before_anything_is_made(
    work: Path, capsys: pytest.CaptureFixture[str], grid: str, error: str
) -> None:
    assert ablate(work / "tiny.yaml", "--run", "never", "--grid", grid) == 2
    printed = capsys.readouterr().err
    assert printed.startswith(f"error: {error}"), printed
    assert printed.count("\n") == 1
    assert not (work / "runs" / "never").exists()


def test_ablate_buys_no_reply_of_the_teacher_twice(tmp_path: Path, tiny_student: Path, endpoint: Endpoint) -> None:
    """The second data set sends the requests of the first, the third one paraphrase a task more."""
    config = write_config(tmp_path, tiny_student)
    teacher = f"generate.teacher={{endpoint: '{endpoint.url}', model: m}}"
    overrides = [
        "generate.paraphrase.modes=[rephrase]",
        "generate.paraphrase.validate_inputs=0",
        "generate.families=[arithmetic]",
        "generate.records=8",
        teacher,
    ]

    def nothing(*_: object) -> None:
        pass

    def count_requests(*grid: str) -> int:
        before = len(endpoint.asked)
        run_sweep(Sweep(load_grid(config, overrides, grid), Run(tmp_path / "run"), stages))
        return len(endpoint.asked) - before

    stages = Stages(inherit_replies, run_generate, nothing, nothing, lambda _: True, nothing)
    families = count_requests("generate.shots=[[1],[2]]")
    assert families > 0
    assert len(list((tmp_path / "run" / "data").iterdir())) == 2
    assert count_requests("generate.paraphrase.per_mode=[2]") == families
