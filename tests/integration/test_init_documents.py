"""`kshot init --docs`: from a folder of documents, through a real server, to a project that generates."""

import json
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest
import yaml
from typer.testing import CliRunner

from kshot.cli.app import app
from kshot.config.loader import load_config
from kshot.suites.loading import load_suite
from kshot.tasks.reader import load_tasks
from tests.scripted import Script, serving

RULES = ("parking", "leave", "travel", "visitors", "keys", "phones", "lunch", "printing")


def _write_documents(folder: Path) -> None:
    folder.mkdir()
    for number, rule in enumerate(RULES):
        sentences = [
            f"Under rule {part} on {rule} the desk in room {10 * number + part} must agree to {rule} in writing."
            for part in range(1, 4)
        ]
        (folder / f"{rule}.md").write_text(f"# On {rule}\n\n{' '.join(sentences)}\n")


class _Asking(Script):
    """Asks for the room of each rule, and answers from the passage."""

    def _answer(self, prompt: str, number: int) -> str:
        passage = prompt.split("Passage:\n")[-1] if prompt.startswith("Write ") else prompt
        rooms = [part.split(" ")[0] for part in passage.split("in room ")[1:]]
        rule = passage.split(" on ")[1].split(" ")[0]
        if prompt.startswith("Write "):
            items = [
                {"question": f"For {rule}, whose room agrees by rule {part}?", "answer": f"room {room}",
                 "evidence": f"the desk in room {room} must agree"}
                for part, room in enumerate(rooms, 1)
            ]  # fmt: skip
            return orjson.dumps({"examples": items}).decode()
        part = int(prompt.rsplit("by rule ", 1)[1].split("?")[0])
        return f"room {rooms[-3:][part - 1]}"


@pytest.fixture
def endpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, Script]]:
    monkeypatch.chdir(tmp_path)
    _write_documents(tmp_path / "docs")
    script = _Asking()
    with serving(script) as url:
        yield url, script


def _init(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["init", "house", "--docs", "docs", *arguments])
    return result.exit_code, result.output if result.exception is None else f"{result.output}{result.exception}"


def test_documents_become_a_project_whose_questions_quote_them(endpoint: tuple[str, Script]) -> None:
    url, script = endpoint
    code, said = _init("--teacher", url, "--model", "m")
    assert code == 0, said
    assert "8 passages of 48 to 48 words, half of them up to 48, in 8 documents" in said
    questions = [json.loads(line) for line in Path("house/documents/questions.jsonl").read_text().splitlines()]
    assert len(questions) == 24
    assert all(row["evidence"] in row["passage"] for row in questions)
    (task,) = load_tasks(Path("house/task.yaml"))
    assert {(example.mode, example.teacher, example.verified_by) for example in task.examples} == {
        ("questions", "m", "self-consistency")
    }
    assert len(task.examples) == 18
    held_out = {row["passage"] for row in questions} - {
        example.input.split("\n\nQuestion")[0] for example in task.examples
    }
    assert len(held_out) == 2, "whole documents are held out"
    suite = load_suite("house/suite")
    assert {item.input.split("\n\nQuestion")[0] for item in suite.tasks[0].items} == held_out
    config = load_config("house/house.yaml")
    assert config.generate.teacher is None
    assert yaml.safe_load(Path("house/house.yaml").read_text())["generate"]["shots"] in ([1, 2, 4], [1])
    asked = len(script.asked)
    assert CliRunner().invoke(app, ["generate", "house/house.yaml", "--set", "generate.records=60"]).exit_code == 0
    assert len(script.asked) == asked
    records = [json.loads(line) for line in Path("runs/house/generate/train.jsonl").read_text().splitlines()]
    assert not [row for row in records if any(passage in row["instruction"] for passage in held_out)]
    assert sum(row["meta"]["task"] == "house" for row in records) >= 30


def test_a_second_try_pays_for_no_question_again(endpoint: tuple[str, Script]) -> None:
    url, script = endpoint
    script.ruin = lambda prompt, reply: "no" if prompt.endswith("Output:") else reply
    code, said = _init("--teacher", url, "--model", "m")
    assert code != 0
    assert "0 questions to train on" in said
    written = sum(body["messages"][-1]["content"].startswith("Write ") for body in script.asked)
    assert written == 8
    _init("--teacher", url, "--model", "m")
    assert sum(body["messages"][-1]["content"].startswith("Write ") for body in script.asked) == written


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ((), "--docs needs --teacher and --model"),
        (("--from", "a.csv"), "one of them"),
        (("--input", "text", "--teacher", "vllm", "--model", "m"), "are of a table"),
        (("--teacher", "vllm"), "belong together"),
    ],
)
def test_options_that_do_not_go_together_are_refused(
    endpoint: tuple[str, Script], arguments: tuple[str, ...], error: str
) -> None:
    code, said = _init(*arguments)
    assert code != 0
    assert error in said
    assert not Path("house").exists()
