"""The teacher in an evaluation: as a way to answer, and as the judge, through the real client, cache and budget."""

import csv
from collections.abc import Iterator
from pathlib import Path

import pytest

from kshot.generate.teacher.servers.loopback import JsonHandler, serve_on_loopback
from tests.integration.ready import evaluated, read, ready_run

RIGHT = {True: "long", False: "short"}


class Endpoint:
    """A teacher that knows the task, and prefers the longer answer; counts its requests."""

    def __init__(self) -> None:
        self.url = ""
        self.prompts: list[str] = []

    def reply(self, prompt: str) -> str:
        self.prompts.append(prompt)
        if "Two models answered one request" not in prompt:
            return RIGHT[len(prompt.rsplit("Input: ", 1)[1].split("\n")[0].split()) > 3]
        first, second = (prompt.split(f"Answer {letter}:\n<<<\n")[1].split("\n>>>")[0] for letter in "AB")
        return "T" if len(first) == len(second) else "A" if len(first) > len(second) else "B"


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    teacher = Endpoint()

    class Handler(JsonHandler):
        def do_POST(self) -> None:  # noqa: N802 - as http.server calls it
            usage = {"prompt_tokens": 100, "completion_tokens": 2, "total_tokens": 102}
            self.send_reply(teacher.reply(self.read_json()["messages"][-1]["content"]), usage=usage)

    with serve_on_loopback(Handler) as url:
        teacher.url = url
        yield teacher


def _config(tmp_path: Path, tiny_student: Path, url: str, budget: str = "") -> Path:
    with (tmp_path / "test.csv").open("w", newline="") as file:
        rows = [(f"{'word ' * n}{m}".strip(), RIGHT[n >= 3]) for n in (1, 2, 4, 5) for m in range(4)]
        csv.writer(file).writerows([("text", "label"), *rows])
    path = tmp_path / "own.yaml"
    teacher = f"{{endpoint: '{url}', model: big, input_price_per_mtok: 10.0, output_price_per_mtok: 10.0{budget}}}"
    path.write_text(f"""student: {tiny_student}
runs: {tmp_path / "runs"}
generate: {{teacher: {teacher}}}
evaluate:
  teacher: true
  shots: [0, 1]
  baselines: [random_labels]
  bootstrap_resamples: 100
  suites:
    - {{file: test.csv, name: length, instruction: "Is the text long or short?", rubric: It says more., demos: 4,
       scores: [normalized_match, judge, calibrated_choice]}}
""")
    return path


def _ready(config: Path, base: Path) -> Path:
    """A run whose student says something else than its base."""
    from transformers import LlamaForCausalLM

    run = ready_run(config, base, ROWS)
    merged = run / "train" / "merged"
    model = LlamaForCausalLM.from_pretrained(merged)
    model.lm_head.weight.data = model.lm_head.weight.data.roll(7, 0)
    model.save_pretrained(merged)
    return run


def _row(text: str, label: str) -> dict[str, object]:
    query = {"input": text, "output": label}
    meta = {"task": "length", "family": "length", "query": query, "example_mode": "gold"}
    return {"instruction": f"Is it long? {text}", "output": label, "meta": meta}


ROWS = [_row(f"{'noun ' * n}x{m}", RIGHT[n >= 3]) for n in (1, 5) for m in range(4)]


def test_the_teacher_answers_judges_and_is_asked_nothing_twice(
    tmp_path: Path, tiny_student: Path, endpoint: Endpoint, capsys: pytest.CaptureFixture[str]
) -> None:
    config = _config(tmp_path, tiny_student, endpoint.url)
    run = _ready(config, tiny_student)
    assert evaluated(config) == 0
    folder = run / "evaluate"
    alternatives = read(folder / "alternatives.json")
    teachers = [row for row in alternatives["rows"] if row["method"] == "teacher"]
    assert [(row["k"], row["mean"], row["model"]) for row in teachers] == [(0, 1.0, "big"), (1, 1.0, "big")]
    assert teachers[0]["cost"] == pytest.approx(1000 * 102 * 10 / 1e6)
    assert all(row["seconds"] > 0 for row in alternatives["rows"] if row["method"] != "majority")
    judged = read(folder / "judge.json")
    assert judged["model"] == "big"
    assert [row["items"] for row in judged["rows"]] == [12, 12]
    assert all(row["asked"] for row in judged["rows"])
    scores = {row["score"] for row in read(folder / "gains.json")}
    assert scores == {"normalized_match", "judge", "calibrated_choice", "loglikelihood"}
    priors = read(folder / "label_priors.json")
    assert [(row["k"], sorted(row["labels"])) for row in priors] == [(0, ["long", "short"]), (1, ["long", "short"])]
    page = (folder / "report.html").read_text()
    assert 0 < page.index("What to ship</h2>") < page.index("Gains</h2>")
    assert "The judge</h2>" in page
    out = capsys.readouterr().out
    assert "the teacher big (k=0) is right on 100% (McNemar's p" in " ".join(out.split())
    assert "a thousand of its answers cost 1.02" in " ".join(out.split())
    asked = len(endpoint.prompts)
    assert asked == len(set(endpoint.prompts))
    assert evaluated(config) == 0
    assert len(endpoint.prompts) == asked
    assert read(folder / "alternatives.json")["rows"][-1]["seconds"] == teachers[-1]["seconds"]


def test_a_spent_budget_leaves_teacher_and_judge_out_and_keeps_the_report(
    tmp_path: Path, tiny_student: Path, endpoint: Endpoint, capsys: pytest.CaptureFixture[str]
) -> None:
    config = _config(tmp_path, tiny_student, endpoint.url, ", budget: {requests: 5}")
    run = _ready(config, tiny_student)
    assert evaluated(config) == 0
    assert len(endpoint.prompts) == 5
    out = " ".join(capsys.readouterr().out.split())
    assert "verdicts are missing, so there is no score of the judge" in out
    assert "of 12 answers to length at k=0, so it is not compared there" in out
    assert (run / "evaluate" / "report.html").exists()
    assert not (run / "evaluate" / "judge.json").exists()


def test_a_teacher_that_nobody_names_is_one_line_before_a_model_is_loaded(
    tmp_path: Path, tiny_student: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = _config(tmp_path, tiny_student, "http://127.0.0.1:9/v1")
    run = ready_run(config, tiny_student, ROWS)
    assert evaluated(config, "generate.teacher=null") == 2
    assert "evaluate.teacher: generate.teacher names no teacher to ask" in capsys.readouterr().err
    assert evaluated(config, "generate.teacher=null", "evaluate.teacher=false") == 2
    assert "the score `judge`: generate.teacher names no teacher" in capsys.readouterr().err
    assert not (run / "evaluate" / "measurements").exists()


def test_a_teacher_with_nothing_to_compare_it_on_is_refused(
    tmp_path: Path, tiny_student: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = _config(tmp_path, tiny_student, "http://127.0.0.1:9/v1")
    ready_run(config, tiny_student, ROWS)
    assert evaluated(config, "evaluate.suites=[kshot]") == 2
    assert "no suite has a task with `trained: true`" in capsys.readouterr().err
