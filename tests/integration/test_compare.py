"""`kshot compare` on tiny checkpoints: a run, its adapter, a model folder; and what cannot be compared."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from kshot.core.files import write_jsonl
from kshot.evaluate.compare import compare_rows
from kshot.evaluate.measure.measurement import Measurement
from kshot.suites.loading import load_suite
from tests.conftest import write_config, write_panel
from tests.integration.test_pipeline import kshot, lines

JSON = Path("compare.json")


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory, tiny_student: Path) -> Path:
    """A folder with tiny.yaml and a run `whole` that went through all stages."""
    folder = tmp_path_factory.mktemp("compare")
    kshot("run", write_config(folder, tiny_student), "--run", "whole")
    return folder


def compare(work: Path, *arguments: object, out: str = "out") -> dict[str, Any]:
    kshot("compare", *arguments, "--config", work / "tiny.yaml", "--out", work / out)
    found: dict[str, Any] = json.loads((work / out / JSON).read_text())
    return found


def refused(work: Path, *arguments: object) -> str:
    """What the command says, in one line, before it loads or writes anything."""
    out = work / "refused"
    done = kshot("compare", *arguments, "--config", work / "tiny.yaml", "--out", out, check=False)
    assert done.returncode == 2, done.stdout + done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    assert not out.exists()
    return done.stderr


def test_a_run_against_its_base_measures_nothing_and_says_what_evaluate_said(work: Path) -> None:
    found = compare(work, "whole", out="reused")
    evaluated = json.loads((work / "runs" / "whole" / "evaluate" / "gains.json").read_text())
    both = zip(found["gains"], evaluated, strict=True)
    for ours, theirs in both:
        assert (ours["panel"], ours["measure"], ours["k"]) == (theirs["panel"], theirs["score"], theirs["k"])
        for name, other in (("baseline", "base"), ("score", "student"), ("gain", "gain"), ("low", "low"), ("p", "p")):
            assert ours[name] == theirs[other]
    assert not (work / "reused" / "cells").exists()
    told = json.loads((work / "runs" / "whole" / "evaluate" / "label_bias.json").read_text())["tasks"]
    ours, theirs = ({(r["k"], r["separation"], r["lean"]) for r in rows} for rows in (found["leaning"]["tasks"], told))
    assert ours == theirs
    assert {row["model"] for row in found["leaning"]["means"]} == {found["baseline"], "whole"}
    text = (work / "reused" / "compare.md").read_text()
    assert "## Knowing and leaning" in text
    assert "| tinypanel | exact match | 0 | whole |" in text
    assert "<svg" in (work / "reused" / "compare.svg").read_text()


def test_a_run_its_adapter_and_its_weights_are_the_same_model(work: Path) -> None:
    train = work / "runs" / "whole" / "train"
    copy = work / "copy"
    shutil.copytree(train / "merged", copy, dirs_exist_ok=True)
    found = compare(work, train / "adapter", copy, "--baseline", "whole")
    assert found["baseline"] == "whole"
    assert [model["label"] for model in found["models"]] == ["whole", "whole-adapter", "copy"]
    assert {row["gain"] for row in found["gains"]} == {0.0}
    assert len(found["gains"]) == 2 * 6
    # The copy has the run's fingerprint, so its cells serve; only the adapter is measured, and once.
    cells = list((work / "out" / "cells" / "tinypanel").iterdir())
    assert {cell.name.rsplit("-k", 1)[0].rsplit("-", 1)[0] for cell in cells} == {"whole-adapter"}
    scores = {
        name: [row["log_probs"] for row in lines(path) if "log_probs" in row]
        for name, path in {
            "adapter": next(cell for cell in cells if cell.name.endswith("-k4")) / "samples.jsonl",
            "student": work / "runs/whole/evaluate/cells/tinypanel/student-k4/samples.jsonl",
            "base": work / "runs/whole/evaluate/cells/tinypanel/base-k4/samples.jsonl",
        }.items()
    }
    near = [pytest.approx(row, abs=1e-3) for row in scores["student"]]
    assert scores["adapter"] == near
    assert scores["base"] != near
    times = {cell: (cell / "measurement.json").stat().st_mtime_ns for cell in cells}
    again = compare(work, train / "adapter", copy, "--baseline", "whole")
    assert again == found
    assert {cell: (cell / "measurement.json").stat().st_mtime_ns for cell in cells} == times


def test_a_prompt_longer_than_the_context_is_told_and_counted(work: Path, tmp_path: Path, tiny_student: Path) -> None:
    panel = write_panel(tmp_path / "longpanel")
    rows = (panel / "echo.jsonl").read_text().splitlines()
    rows[5] = json.dumps({"input": "zulu " * 3000, "output": ["zulu"]})
    (panel / "echo.jsonl").write_text("\n".join(rows))
    done = kshot(
        "compare", "whole", "--config", work / "tiny.yaml", "--set", "evaluate.suites=[]", "--suite", panel,
        "--set", "evaluate.shots=[0]", "--out", work / "long",
    )  # fmt: skip
    assert "k=0 whole" in done.stdout + done.stderr
    assert (done.stdout + done.stderr).count(
        ": prompts longer than the model's context, which were cut on the left: 1"
    ) == 2
    cut = f"cut on the left: 1 in longpanel k=0 {tiny_student.name}, 1 in longpanel k=0 whole."
    assert cut in (work / "long" / "compare.md").read_text()


def test_gains_are_paired_by_item_over_all_demo_seeds(tmp_path: Path, panel: Path) -> None:
    """Of four items of each task the first is right for both, the second for one, the others for none."""
    loaded = load_suite(str(panel))
    cells: dict[str, list[Measurement]] = {"one": [], "other": []}
    for name, right in (("one", (1, 0, 0, 0)), ("other", (1, 1, 0, 0))):
        for seed in (0, 5):
            cell = Measurement(name, loaded, 4, tmp_path / f"{name}-{seed}", "key", seed)
            rows = [
                {"task": task, "score": "exact_match", "item": item, "right": bool(value)}
                for task in ("echo", "sky") for item, value in enumerate(right)
            ]  # fmt: skip
            write_jsonl(cell.folder / "samples.jsonl", rows)
            cells[name].append(cell)
    (row,) = compare_rows(cells["one"], cells["other"], "other", 200, 7)
    assert (row["baseline"], row["score"], row["gain"]) == (0.25, 0.5, 0.25)
    assert (row["seeds"], row["tasks"], row["items"]) == (2, 2, 8)
    assert row["low"] <= 0.25 <= row["high"]


def test_unknown_names_are_refused_with_what_is_there(work: Path) -> None:
    assert "did you mean 'whole'?" in refused(work, "whol")
    assert "no such folder" in refused(work, "whole", "./nothing/here")
    assert "no such folder" in refused(work, "whole", "--baseline", "/no/where")


def test_a_run_without_a_student_and_an_empty_folder_are_refused(work: Path) -> None:
    (work / "runs" / "begun" / "generate").mkdir(parents=True, exist_ok=True)
    assert "run `kshot train`" in refused(work, "begun")
    (work / "empty").mkdir(exist_ok=True)
    assert "neither a run" in refused(work, work / "empty")


def test_a_model_without_a_chat_template_is_refused(work: Path) -> None:
    bare = work / "bare"
    shutil.copytree(work / "runs" / "whole" / "train" / "merged", bare, dirs_exist_ok=True)
    (bare / "chat_template.jinja").unlink()
    assert "no chat template" in refused(work, bare)


def test_an_adapter_of_another_base_is_refused(work: Path, tiny_student: Path) -> None:
    """Its base is a folder of another machine, and the config's student is wider."""
    from transformers import LlamaConfig, LlamaForCausalLM

    other = work / "wider"
    shutil.copytree(tiny_student, other, dirs_exist_ok=True)
    settings = LlamaConfig.from_pretrained(tiny_student)
    settings.hidden_size, settings.head_dim = 64, 16
    LlamaForCausalLM(settings).save_pretrained(other)
    adapter = work / "moved"
    shutil.copytree(work / "runs" / "whole" / "train" / "adapter", adapter, dirs_exist_ok=True)
    path = adapter / "adapter_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"base_model_name_or_path": "/another/machine"}))
    said = refused(work, adapter, "--baseline", "whole", "--set", f"student={other}")
    assert "made for another base" in said
    assert "takes 32 inputs" in said
    (adapter / "adapter_model.safetensors").unlink()
    assert "needs adapter_model.safetensors" in refused(work, adapter)


@pytest.mark.parametrize("command", ["compare", "ablate"])
def test_another_backend_is_refused_where_adapters_are_asked(work: Path, command: str) -> None:
    config = work / "tiny.yaml"
    asked = ("whole", "--config", config) if command == "compare" else (config, "--seeds", "7,8")
    done = kshot(command, *asked, "--set", "evaluate.backend=hf", check=False)
    assert done.returncode == 2
    assert "only `kshot evaluate` takes hf" in done.stderr


def test_only_the_baseline_is_nothing_to_compare(work: Path) -> None:
    assert "at least one model beside the baseline" in refused(work, "whole", "--baseline", "whole")
