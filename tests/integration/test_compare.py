"""`kshot compare` on tiny checkpoints: a run, its adapter, a model folder; and what cannot be compared."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from kshot.core.files import write_jsonl
from kshot.core.run_files import write_model
from kshot.evaluate.compare import compare_rows, list_other_metrics, markdown
from kshot.evaluate.measure.measurement import Measurement
from kshot.evaluate.run_files import CompareFile, LabelBiasFile, MeasurementFile
from kshot.suites.format import Suite
from kshot.suites.loading import load_suite
from tests.conftest import write_config, write_suite
from tests.integration.test_pipeline import kshot, lines
from tests.unit.evaluation_rows import make_sample

JSON = Path("compare.json")
FAKE_VLLM = Path(__file__).parents[1] / "fake_vllm"


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory, tiny_student: Path) -> Path:
    """A folder with tiny.yaml and a run `whole` that went through all stages."""
    folder = tmp_path_factory.mktemp("compare")
    kshot("run", write_config(folder, tiny_student), "--run", "whole")
    return folder


def compare(work: Path, *arguments: object, out: str = "out") -> dict[str, Any]:
    kshot("compare", *arguments, "--config", work / "tiny.yaml", "--out", work / out)
    report: dict[str, Any] = json.loads((work / out / JSON).read_text())
    return report


def refused(work: Path, *arguments: object) -> str:
    """The error, in one line, before it loads or writes anything."""
    out = work / "refused"
    done = kshot("compare", *arguments, "--config", work / "tiny.yaml", "--out", out, check=False)
    assert done.returncode == 2, done.stdout + done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    assert not out.exists()
    return done.stderr


def test_compare_of_a_run_with_its_base_measures_nothing_and_agrees_with_evaluate(work: Path) -> None:
    report = compare(work, "whole", out="reused")
    evaluated = json.loads((work / "runs" / "whole" / "evaluate" / "gains.json").read_text())
    both = zip(report["gains"], evaluated, strict=True)
    for ours, theirs in both:
        assert (ours["suite"], ours["score"], ours["k"]) == (theirs["suite"], theirs["score"], theirs["k"])
        for name, other in (("baseline", "base"), *((same, same) for same in ("student", "gain", "low", "high", "p"))):
            assert ours[name] == theirs[other]
    assert not (work / "reused" / "measurements").exists()
    tasks = json.loads((work / "runs" / "whole" / "evaluate" / "label_bias.json").read_text())["tasks"]
    ours, theirs = (
        {(row["k"], row["pairwise_auroc"], row["majority_prediction_rate"]) for row in rows}
        for rows in (report["label_bias"]["tasks"], tasks)
    )
    assert ours == theirs
    assert {row["model"] for row in report["label_bias"]["means"]} == {report["baseline"], "whole"}
    text = (work / "reused" / "compare.md").read_text()
    assert "## Label bias" in text
    assert "| tinysuite | exact match | 0 | whole |" in text
    assert "<svg" in (work / "reused" / "compare.svg").read_text()
    assert (work / "reused" / "compare.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
def test_compare_scores_a_run_its_adapter_and_its_weights_alike(work: Path) -> None:
    train = work / "runs" / "whole" / "train"
    copy = work / "copy"
    shutil.copytree(train / "merged", copy, dirs_exist_ok=True)
    report = compare(work, train / "adapter", copy, "--baseline", "whole")
    assert report["baseline"] == "whole"
    assert [model["label"] for model in report["models"]] == ["whole", "whole-adapter", "copy"]
    assert {row["gain"] for row in report["gains"]} == {0.0}
    assert len(report["gains"]) == 2 * 6
    # The copy has the run's fingerprint, so its measurements serve; only the adapter is measured, and once.
    folders = list((work / "out" / "measurements" / "tinysuite").iterdir())
    assert {folder.name.rsplit("-k", 1)[0].rsplit("-", 1)[0] for folder in folders} == {"whole-adapter"}
    scores = {
        name: [row["log_probs"] for row in lines(path) if "log_probs" in row]
        for name, path in {
            "adapter": next(folder for folder in folders if folder.name.endswith("-k4")) / "samples.jsonl",
            "student": work / "runs/whole/evaluate/measurements/tinysuite/student-k4/samples.jsonl",
            "base": work / "runs/whole/evaluate/measurements/tinysuite/base-k4/samples.jsonl",
        }.items()
    }
    near = [pytest.approx(row, abs=1e-3) for row in scores["student"]]
    assert scores["adapter"] == near
    assert scores["base"] != near
    times = {folder: (folder / "measurement.json").stat().st_mtime_ns for folder in folders}
    again = compare(work, train / "adapter", copy, "--baseline", "whole")
    assert again == report
    assert {folder: (folder / "measurement.json").stat().st_mtime_ns for folder in folders} == times


@pytest.mark.slow
def test_compare_reports_prompts_longer_than_the_context(work: Path, tmp_path: Path, tiny_student: Path) -> None:
    suite = write_suite(tmp_path / "longsuite")
    rows = (suite / "echo.jsonl").read_text().splitlines()
    rows[5] = json.dumps({"input": "zulu " * 3000, "output": ["zulu"]})
    (suite / "echo.jsonl").write_text("\n".join(rows))
    done = kshot(
        "compare", "whole", "--config", work / "tiny.yaml", "--set", "evaluate.suites=[]", "--suite", suite,
        "--set", "evaluate.shots=[0]", "--out", work / "long",
    )  # fmt: skip
    assert "k=0 whole" in done.stdout + done.stderr
    assert (done.stdout + done.stderr).count("context and cut on the left: 1 items of echo") == 2
    names = (tiny_student.name, "whole")
    cut = f"cut on the left: {', '.join(f'1 items in longsuite k=0 {name} echo' for name in names)}."
    assert cut in (work / "long" / "compare.md").read_text()


def test_compare_rows_pair_by_item_over_all_fewshot_seeds(tmp_path: Path, suite: Path) -> None:
    """Of four items of each task the first is right for both, the second for one, the others for none."""
    loaded = load_suite(str(suite))
    measurements: dict[str, list[Measurement]] = {"one": [], "other": []}
    for name, right in (("one", (1, 0, 0, 0)), ("other", (1, 1, 0, 0))):
        for seed in (0, 5):
            measurement = Measurement(name, loaded, 4, tmp_path / f"{name}-{seed}", "key", seed)
            samples = [
                make_sample(task=task, item=item, k=4, seed=seed, right=bool(value))
                for task in ("echo", "sky") for item, value in enumerate(right)
            ]  # fmt: skip
            write_jsonl(measurement.folder / "samples.jsonl", (sample.model_dump() for sample in samples))
            measurements[name].append(measurement)
    (row,) = compare_rows(measurements["one"], [("other", measurements["other"])], 200, 7)
    assert (row.model, row.baseline, row.student, row.gain) == ("other", 0.25, 0.5, 0.25)
    assert (row.seeds, row.tasks, row.items) == (2, 2, 8)
    assert row.low <= 0.25 <= row.high


def test_compare_refuses_unknown_names(work: Path) -> None:
    assert "did you mean 'whole'?" in refused(work, "whol")
    assert "no such folder" in refused(work, "whole", "./nothing/here")
    assert "no such folder" in refused(work, "whole", "--baseline", "/no/where")


def test_compare_refuses_a_run_without_a_student_and_an_empty_folder(work: Path) -> None:
    (work / "runs" / "begun" / "generate").mkdir(parents=True, exist_ok=True)
    assert "run `kshot train`" in refused(work, "begun")
    (work / "empty").mkdir(exist_ok=True)
    assert "neither a run" in refused(work, work / "empty")


def test_compare_refuses_a_model_without_a_chat_template(work: Path) -> None:
    bare = work / "bare"
    shutil.copytree(work / "runs" / "whole" / "train" / "merged", bare, dirs_exist_ok=True)
    (bare / "chat_template.jinja").unlink()
    assert "no chat template" in refused(work, bare)


@pytest.mark.slow
def test_compare_refuses_an_adapter_of_another_base_or_of_none(work: Path, tiny_student: Path) -> None:
    from safetensors.torch import load_file, save_file
    from transformers import LlamaConfig, LlamaForCausalLM

    other = work / "wider"
    shutil.copytree(tiny_student, other, dirs_exist_ok=True)
    settings = LlamaConfig.from_pretrained(tiny_student)
    settings.hidden_size, settings.head_dim = 64, 16
    LlamaForCausalLM(settings).save_pretrained(other)
    adapter = work / "moved"
    shutil.copytree(work / "runs" / "whole" / "train" / "adapter", adapter, dirs_exist_ok=True)
    path = adapter / "adapter_config.json"
    whole = json.loads(path.read_text())

    def refuse_base(base: object) -> str:
        path.write_text(json.dumps(whole | {"base_model_name_or_path": base}))
        return refused(work, adapter, "--baseline", "whole")

    error = refuse_base(str(other))
    assert "made for another base" in error
    assert "and is 64 x 64 there" in error
    assert "its base '/another/machine' is not here; put it there" in refuse_base("/another/machine")
    assert "names no base" in refuse_base(None)
    weights = adapter / "adapter_model.safetensors"
    tensors = load_file(weights)
    outer = next(name for name in tensors if ".lora_B." in name)
    save_file(tensors | {outer: tensors[outer][:5].clone()}, weights)
    assert "gives 5 outputs" in refuse_base(str(tiny_student))
    save_file({name: tensor for name, tensor in tensors.items() if name != outer}, weights)
    assert "has no lora_B beside it" in refuse_base(str(tiny_student))
    save_file({"other": tensors[outer]}, weights)
    assert "holds no LoRA matrix" in refuse_base(str(tiny_student))
    weights.unlink()
    assert "needs adapter_model.safetensors" in refuse_base(str(tiny_student))


def test_compare_takes_the_students_folder_for_an_adapter_of_a_run_that_was_trained_from_it(
    work: Path, tiny_student: Path
) -> None:
    from kshot.config.loader import load_config
    from kshot.models.checkpoints import find_checkpoints

    moved = work / "moved-run"
    shutil.copytree(work / "runs" / "whole" / "train", moved, dirs_exist_ok=True)
    path = moved / "adapter" / "adapter_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"base_model_name_or_path": "/another/machine"}))
    (found,) = find_checkpoints([str(moved / "adapter")], load_config(work / "tiny.yaml"))
    assert found.folder == str(tiny_student.resolve())


def test_compare_lists_metrics_that_are_no_means_over_items(tmp_path: Path) -> None:
    measurements = []
    for model, values in (("one", {"word_perplexity": 12.5, "bleu": 31.0}), ("other", {"word_perplexity": 9.75})):
        measurements.append(Measurement(model, Suite("p", (), None), 2, tmp_path / model, ""))
        content = MeasurementFile(key="", truncated=0, other_metrics={"t": values})
        write_model(tmp_path / model / "measurement.json", content)
    rows = list_other_metrics(measurements)
    assert [(row.model, row.metric, row.value) for row in rows] == [
        ("one", "word_perplexity", 12.5), ("one", "bleu", 31.0), ("other", "word_perplexity", 9.75)
    ]  # fmt: skip
    bias = LabelBiasFile(means=[], tasks=[], gains=[])
    report = CompareFile(
        baseline="one", models=[], gains=[], other_metrics=rows, label_bias=bias, seed=1, bootstrap_resamples=9,
        limit=None, device=None, versions={}, truncated={},
    )  # fmt: skip
    text = markdown(report)
    assert "| p | t | word_perplexity | 2 | 0 | other | 9.75 |" in text
    assert "| p | t | bleu | 2 | 0 | one | 31 |" in text


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["hf", "vllm"])
def test_another_backend_scores_an_adapter_as_our_own_does(
    work: Path, backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if backend == "vllm":
        monkeypatch.setenv("PYTHONPATH", str(FAKE_VLLM))
    adapter = work / "runs" / "whole" / "train" / "adapter"
    own = compare(work, adapter, out="by-own")
    other = compare(work, adapter, "--set", f"evaluate.backend={backend}", out=f"by-{backend}")
    assert other["gains"]
    for ours, theirs in zip(own["gains"], other["gains"], strict=True):
        assert (ours["score"], ours["k"], ours["student"]) == (theirs["score"], theirs["k"], theirs["student"])
    measured = {path.name for path in (work / f"by-{backend}" / "measurements" / "tinysuite").iterdir()}
    assert len(measured) == 6, "its measurements are its own"
    assert not list((work / f"by-{backend}").glob(".merged-*"))


@pytest.mark.parametrize("backend", ["own", pytest.param("hf", marks=pytest.mark.slow)])
def test_shards_measure_what_one_process_measures(work: Path, backend: str) -> None:
    """Also where a backend needs merged weights, which each part makes for itself."""
    adapter = work / "runs" / "whole" / "train" / "adapter"
    options = (adapter, "--set", f"evaluate.backend={backend}", "--set", "train.threads=1")
    own = compare(work, *options, out=f"alone-{backend}")
    out = f"shards-{backend}"
    sharded = compare(work, *options, "--shards", 2, out=out)
    assert sharded["gains"] == own["gains"]
    assert len(sharded["gains"]) > 2
    measured = [path.parent for path in (work / out / "measurements").rglob("measurement.json")]
    assert len(measured) >= 3
    assert not (work / out / ".shards").exists()


def test_compare_needs_a_model_beside_the_baseline(work: Path) -> None:
    assert "at least one model beside the baseline" in refused(work, "whole", "--baseline", "whole")
