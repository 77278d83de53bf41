"""A suite that was trained on in part: listed, left out of a second table of gains, and refused by `--strict`."""

from pathlib import Path

import pytest

from tests.integration.ready import evaluated, read, ready_run
from tests.integration.test_pipeline import kshot, lines

QUICK = ("evaluate.shots=[0, 1]",)
ROWS = [
    {"instruction": "Say it once more.\n\nInput: zulu hour 5\nOutput:", "output": "five",
     "meta": {"id": "abc", "task": "say_again", "task_instruction": "Say it once more.", "demonstrations": [],
              "query": {"input": "zulu hour 5", "output": "five"}, "k": 0}},
    {"instruction": "Name the hour.\n\nInput: noon\nOutput:", "output": "twelve", "meta": {"task": "hours", "k": 0}},
]  # fmt: skip


def test_evaluate_lists_contaminated_items_and_gains_without_them(
    config_file: Path, tiny_student: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = ready_run(config_file, tiny_student, ROWS)
    assert evaluated(config_file, *QUICK) == 0
    printed = capsys.readouterr().out
    report = read(run / "evaluate" / "contamination.json")
    # The pool of demonstrations is zulu hours 0 to 3, so item 1 is hour 5.
    (row,) = report["contaminated"]
    assert (row["suite"], row["task"], row["item"], row["record"]) == ("tinysuite", "sky", 1, "abc")
    assert (report["records"], report["tasks"], report["items"]) == (2, 2, 8)
    assert [each["wording"]["task"] for each in report["nearest"] if each["task"] == "echo"] == ["say_again"]
    gains = read(run / "evaluate" / "gains.json")
    assert all(each["clean"]["items"] == each["items"] - 1 for each in gains)
    rights = {
        model: [row["right"] for row in lines(run / "evaluate" / "samples.jsonl")
                if (row["model"], row["k"], row["score"]) == (model, 1, "loglikelihood") and row["item"] != 1]
        for model in ("base", "student")
    }  # fmt: skip
    choice = next(each for each in gains if (each["score"], each["k"]) == ("loglikelihood", 1))
    assert choice["clean"]["base"] == pytest.approx(sum(rights["base"]) / 3)
    assert choice["clean"]["student"] == pytest.approx(sum(rights["student"]) / 3)
    assert "1 of 8 items share text with the training data" in printed
    assert "without the contaminated items" in printed
    text = (run / "evaluate" / "report.md").read_text()
    assert "## Contamination" in text
    assert "| tinysuite | sky | 1 | the same input | zulu hour 5 | abc | say_again |" in text
    page = (run / "evaluate" / "report.html").read_text()
    assert '<section id="contamination"' in page
    assert "Say it once more." in page


def test_evaluate_strict_refuses_before_a_model_is_loaded(config_file: Path, tiny_student: Path) -> None:
    run = ready_run(config_file, tiny_student, ROWS)
    for file in (run / "train" / "merged").glob("*.safetensors"):
        file.write_bytes(b"no weights")
    done = kshot("evaluate", config_file, "--strict", check=False)
    assert done.returncode == 2
    assert done.stderr.startswith(
        "error: --strict: 1 of 8 items share text with the training data: tinysuite/sky item 1;"
    )
    assert done.stderr.count("\n") == 1
    assert not (run / "evaluate" / "measurements").exists()


def test_evaluate_measures_a_run_without_its_data_and_strict_refuses(
    config_file: Path, tiny_student: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = ready_run(config_file, tiny_student)
    assert evaluated(config_file, *QUICK, strict=True) == 2
    assert "no training data here" in capsys.readouterr().err
    assert evaluated(config_file, *QUICK) == 0
    assert "contamination: no training data at" in capsys.readouterr().out
    assert {row["clean"] for row in read(run / "evaluate" / "gains.json")} == {None}
    assert "## Contamination\n\nNo training data" in (run / "evaluate" / "report.md").read_text()
