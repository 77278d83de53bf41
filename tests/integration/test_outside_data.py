"""`train.data`: a run on a training set made elsewhere needs no generate stage."""

import json
from pathlib import Path

import pytest

from kshot.cli.app import app
from kshot.core.files import read_json


def _run(*arguments: str) -> None:
    app(list(arguments), standalone_mode=False)


def test_run_trains_and_measures_on_a_set_made_elsewhere(
    config_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    talks = [
        [{"role": "user", "content": f"say {n}"}, {"role": "assistant", "content": f"it is {n}"},
         {"role": "user", "content": f"zulu hour {n} is over" if n else "zulu hour 5"},
         {"role": "assistant", "content": "night"}]
        for n in range(12)
    ]  # fmt: skip
    data = tmp_path / "talks.jsonl"
    data.write_text("".join(json.dumps({"messages": talk, "id": 1}) + "\n" for talk in talks))
    config_file.write_text(config_file.read_text().replace("train:\n", "train:\n  data: talks.jsonl\n"))
    _run("run", str(config_file))
    said = capsys.readouterr().out
    assert "generate: left out, since train.data names" in said
    assert "talks.jsonl, read as messages; not used: id" in said
    run = tmp_path / "runs" / "tiny"
    assert not (run / "generate").exists()
    manifest = read_json(run / "train" / "manifest.json")
    assert (manifest["origin"], manifest["rows"], manifest["validation_rows"]) == ("talks.jsonl (messages)", 22, 1)
    assert "22 rows of talks.jsonl (messages), a set made elsewhere" in (run / "train/merged/README.md").read_text()
    contamination = read_json(run / "evaluate" / "contamination.json")
    assert contamination["records"] == 12
    assert [(row["task"], row["item"]) for row in contamination["contaminated"]] == [("sky", 1)]

    _run("train", str(config_file))
    assert "is up to date" in capsys.readouterr().out
    data.write_text(data.read_text().replace("it is 3", "it is three"))
    _run("train", str(config_file), "--set", "train.sft.max_steps=1")
    assert read_json(run / "train" / "manifest.json")["data"] != manifest["data"]
    assert "three" in (run / "train" / "data.jsonl").read_text()


def test_a_run_that_returns_to_its_own_data_forgets_the_set_made_elsewhere(config_file: Path, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(
        "".join(json.dumps({"prompt": f"say {n}", "completion": f"it is {n}"}) + "\n" for n in range(8))
    )
    few = ("--set", "train.sft.max_steps=1")
    _run("train", str(config_file), "--set", f"train.data={tmp_path / 'a.jsonl'}", *few)
    kept = tmp_path / "runs" / "tiny" / "train" / "data.jsonl"
    assert kept.exists()
    _run("generate", str(config_file))
    _run("train", str(config_file), *few)
    assert not kept.exists()
