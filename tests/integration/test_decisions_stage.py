"""The curation loop: task files of what the teacher made, and a person's decisions on it, without asking again."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kshot.config import Config, ParaphraseConfig, SynthesisConfig
from kshot.core.runs import Run
from kshot.generate.run_files import TaskExamples
from kshot.generate.stage import run_generate
from kshot.tasks.reader import load_tasks
from tests.scripted import SKILLS, TASK_ROWS, Script, serving
from tests.unit.composing import read_lines
from tests.unit.deciding import decide, logged

CAPITALS, _, _, LENGTH, *_ = SKILLS
MODES = {"demonstrate": {"per_task": 4}, "augment": {"per_example": 1}, "vary": 1, "invert": {"ask": True}}


@pytest.fixture
def config(script: Script, tmp_path: Path) -> Iterator[Config]:
    (tmp_path / "tasks.yaml").write_text(json.dumps(TASK_ROWS))
    with serving(script) as url:
        settings = {
            "records": 80, "families": ["none"], "tasks": [tmp_path / "tasks.yaml"], "decontaminate": [],
            "max_records_per_example": 3, "paraphrase": {"per_mode": 1, "validate_inputs": 1},
            "teacher": {"endpoint": url, "model": "m"}, "synthesis": MODES,
        }  # fmt: skip
        yield Config.model_validate({"generate": settings})


@pytest.fixture
def run(config: Config, tmp_path: Path) -> Run:
    made = Run(tmp_path / "run")
    run_generate(config, made)
    return made


def examples_of(run: Run, task: str) -> list[dict[str, Any]]:
    rows = {row["id"]: row for row in read_lines(run.folder / "generate" / "examples.jsonl")}
    examples: list[dict[str, Any]] = rows[task]["examples"]
    return examples


def manifest_of(run: Run) -> dict[str, Any]:
    manifest: dict[str, Any] = json.loads((run.folder / "generate" / "manifest.json").read_text())
    return manifest


def test_task_files_hold_what_the_teacher_made_and_are_read_as_made(run: Run, config: Config, tmp_path: Path) -> None:
    files = {path.stem: path for path in (run.folder / "generate" / "tasks").glob("*.yaml")}
    assert {"capitals", "length", "capitals_inverse"} < set(files)
    assert {task.mode for path in files.values() for task in load_tasks(path)} == {"handwritten", "vary", "invert"}
    (task,) = load_tasks(files["capitals"])
    assert [e.mode for e in task.examples].count("gold") == 3
    made = [example for example in task.examples if example.mode == "demonstrate"]
    assert len(made) == 4
    assert {(example.verified_by, example.teacher) for example in made} == {("self-consistency", "m")}
    settings = {"tasks": list(files.values()), "families": "none", "teacher": None, "synthesis": {}, "records": 60}
    again = config.model_copy(update={"generate": config.generate.model_validate(
        {**config.generate.model_dump(), **settings, "families": ["none"]}
    )})  # fmt: skip
    run_generate(again, Run(tmp_path / "again"))
    modes = {row["meta"]["example_mode"] for row in read_lines(tmp_path / "again" / "generate" / "train.jsonl")}
    assert {"gold", "demonstrate", "vary", "invert"} <= modes
    assert not (tmp_path / "again" / "generate" / "tasks").exists(), "no teacher made anything here"


def test_examples_file_names_every_example_by_its_key(run: Run) -> None:
    rows = [TaskExamples.model_validate(row) for row in read_lines(run.folder / "generate" / "examples.jsonl")]
    keys = {example.key for row in rows for example in row.examples}
    records = [row["meta"] for row in read_lines(run.folder / "generate" / "train.jsonl")]
    own = [meta for meta in records if meta["origin"] == "examples"]
    assert own
    assert {key for meta in own for key in (meta["query_id"], *meta["demo_ids"])} <= keys


def test_a_decision_composes_again_and_asks_the_teacher_nothing(run: Run, config: Config, script: Script) -> None:
    folder = run.folder / "generate"
    asked, before = len(script.asked), manifest_of(run)
    refused, edited = [row for row in examples_of(run, "capitals") if row["mode"] == "demonstrate"][:2]
    gold = examples_of(run, "length")[0]
    decisions = [
        decide("refuse", "capitals", refused["input"], refused["output"]),
        decide("edit", "capitals", edited["input"], edited["output"], ("my words", "MY WORDS")),
        decide("refuse", "length", gold["input"], gold["output"], note="not mine"),
    ]
    logged(folder, *decisions)
    run_generate(config, run)
    assert len(script.asked) == asked
    after = manifest_of(run)
    assert after["key"] != before["key"]
    assert after["decisions"] == {"edit": 1, "missing": 0, "refuse": 2}
    shown = json.dumps([row["meta"] for row in read_lines(folder / "train.jsonl")])
    assert decisions[0].key not in shown
    assert decisions[2].key not in shown
    assert f'"input": "{edited["input"]}"' not in shown
    mine = [row["meta"] for row in read_lines(folder / "train.jsonl") if row["meta"]["query"]["input"] == "my words"]
    assert {(meta["example_mode"], meta["verified_by"]) for meta in mine} == {("demonstrate", "person")}
    for row in after["modes"].values():
        assert row["candidates"] == row["accepted"] + sum(row["rejected"].values())
    assert after["modes"]["demonstrate"]["candidates"] == before["modes"]["demonstrate"]["candidates"]
    assert after["modes"]["demonstrate"]["rejected"]["refused by a person"] == 1
    assert "refused by a person" in (folder / "README.md").read_text()
    assert {row["key"] for row in examples_of(run, "capitals")} > {decisions[0].key}, "examples.jsonl still names it"
    (task,) = load_tasks(folder / "tasks" / "capitals.yaml")
    assert "my words" in {example.input for example in task.examples}
    assert refused["input"] not in {example.input for example in task.examples}


def test_undoing_every_decision_gives_the_same_data_again(run: Run, config: Config) -> None:
    folder = run.folder / "generate"
    before = (folder / "train.jsonl").read_bytes(), manifest_of(run)["key"]
    row = examples_of(run, "capitals")[0]
    for what in ("refuse", "undo"):
        logged(folder, decide(what, "capitals", row["input"], row["output"]))  # type: ignore[arg-type]
        run_generate(config, run)
        assert ((folder / "train.jsonl").read_bytes() == before[0]) == (what == "undo")
    assert manifest_of(run)["key"] == before[1]


def test_a_note_composes_nothing(run: Run, config: Config, capsys: pytest.CaptureFixture[str]) -> None:
    row = examples_of(run, "capitals")[0]
    logged(run.folder / "generate", decide("note", "capitals", row["input"], row["output"], note="fine"))
    run_generate(config, run)
    assert "nothing to do" in capsys.readouterr().out


def test_an_accepted_reject_is_trained_on(config: Config, script: Script, tmp_path: Path) -> None:
    script.ruin = lambda prompt, reply: "no" if prompt.endswith("Output:") and CAPITALS in prompt else reply
    run = Run(tmp_path / "rejects")
    run_generate(config, run)
    folder = run.folder / "generate"
    reject = next(
        row for row in read_lines(folder / "rejects.jsonl") if (row["mode"], row["task"]) == ("demonstrate", "capitals")
    )
    example = json.loads(reject["candidate"])
    before, asked = manifest_of(run)["modes"]["demonstrate"], len(script.asked)
    logged(folder, decide("accept", "capitals", example["input"], example["output"]))
    run_generate(config, run)
    assert len(script.asked) == asked
    after = manifest_of(run)["modes"]["demonstrate"]
    assert (after["accepted"], after["candidates"]) == (before["accepted"] + 1, before["candidates"])
    assert example["input"] in {row["meta"]["query"]["input"] for row in read_lines(folder / "train.jsonl")}


def test_acceptance_does_not_override_decontamination(config: Config, run: Run, suite: Path) -> None:
    example = next(row for row in examples_of(run, "capitals") if row["mode"] == "demonstrate")
    row = {"input": example["input"], "output": ["x"]}
    (suite / "echo.jsonl").write_text(
        "".join(json.dumps(row if n == 5 else {**row, "input": f"q{n}"}) + "\n" for n in range(8))
    )
    logged(run.folder / "generate", decide("accept", "capitals", example["input"], example["output"]))
    strict = config.generate.model_copy(update={"decontaminate": [str(suite)]})
    run_generate(config.model_copy(update={"generate": strict}), run)
    trained = {row["meta"]["query"]["input"] for row in read_lines(run.folder / "generate" / "train.jsonl")}
    assert trained
    assert example["input"] not in trained


def test_a_person_s_edit_of_a_task_file_stays_and_is_named(
    run: Run, config: Config, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = run.folder / "generate" / "tasks"
    edited = folder / "capitals.yaml"
    edited.write_text(edited.read_text().replace(CAPITALS, "Shout it."))
    (folder / "length.yaml").unlink()
    mine = edited.read_text()
    run_generate(config.model_copy(update={"seed": 8}), run)
    assert edited.read_text() == mine
    assert (folder / "length.yaml").exists()
    assert f"{edited} was edited by hand and stays; to use it, name it in generate.tasks" in capsys.readouterr().out
    without_modes = config.generate.model_copy(update={"synthesis": SynthesisConfig()})
    run_generate(config.model_copy(update={"generate": without_modes}), run)
    (length,) = load_tasks(folder / "length.yaml")
    assert len(length.descriptions) > 1, "paraphrases stand in the file"
    no_teacher = without_modes.model_copy(update={"paraphrase": ParaphraseConfig(modes=[])})
    run_generate(config.model_copy(update={"generate": no_teacher}), run)
    assert [path.name for path in folder.glob("*.yaml")] == ["capitals.yaml"], "what is no longer made goes"


def test_a_decision_on_what_is_gone_is_said_in_one_line(
    run: Run, config: Config, capsys: pytest.CaptureFixture[str]
) -> None:
    logged(run.folder / "generate", decide("refuse", "no_task", "x", "y"))
    run_generate(config, run)
    said = capsys.readouterr().out
    assert said.count("1 of the decisions in") == 1
    assert "are on examples that no longer exist" in said


def test_a_refused_example_of_a_family_is_in_no_record(tmp_path: Path) -> None:
    config = Config.model_validate(
        {"generate": {"families": ["plural_form"], "records": 40, "teacher": None, "decontaminate": [],
                      "symbol_tuning_fraction": 0.5}}
    )  # fmt: skip
    run = Run(tmp_path / "family")
    run_generate(config, run)
    folder = run.folder / "generate"
    meta = next(row["meta"] for row in read_lines(folder / "train.jsonl") if not row["meta"]["symbol_tuned"])
    logged(folder, decide("refuse", meta["task"], meta["query"]["input"], meta["query"]["output"]))
    run_generate(config, run)
    assert meta["query_id"] not in (folder / "train.jsonl").read_text()
    assert manifest_of(run)["modes"]["compose"]["rejected"]["refused by a person"] >= 1
