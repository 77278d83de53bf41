"""The generate stage with a teacher that answers well: all modes in one run, `--fill-to`, budgets, the dry run."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kshot.config import Config
from kshot.core.errors import ConfigError, TeacherError
from kshot.core.runs import Run
from kshot.generate.stage import dry_run, preview, run_generate
from tests.scripted import SKILLS, TASK_ROWS, Script, serving

CAPITALS, _, _, LENGTH, *_ = SKILLS


@pytest.fixture
def settings(script: Script, tmp_path: Path) -> Iterator[dict[str, Any]]:
    path = tmp_path / "tasks.yaml"
    path.write_text(json.dumps(TASK_ROWS))
    with serving(script) as url:
        yield {
            "records": 40,
            "families": ["plural_form"],
            "tasks": [path],
            "max_records_per_example": 1,
            "paraphrase": {"modes": []},
            "cot_fraction": 0.5,
            "decontaminate": [],
            "teacher": {"endpoint": url, "model": "m"},
        }


def config_of(settings: dict[str, Any], **more: Any) -> Config:
    return Config.model_validate({"generate": {**settings, **more}})


def rows(run: Run) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run.folder / "generate" / "train.jsonl").read_text().splitlines()]


ALL_MODES = {
    "vary": 1, "invent": {"rounds": 1, "per_round": 4}, "demonstrate": {"per_task": 3}, "augment": {"per_example": 1},
    "reason": {"per_task": 3}, "invert": {"ask": True},
}  # fmt: skip


def test_every_mode_contributes_records(settings: dict[str, Any], tmp_path: Path, script: Script) -> None:
    run = Run(tmp_path / "all")
    run_generate(config_of(settings, records=120, synthesis=ALL_MODES, max_records_per_example=3), run)
    manifest = json.loads((run.folder / "generate" / "manifest.json").read_text())
    rejects = (run.folder / "generate" / "rejects.jsonl").read_text().splitlines()
    assert {"vary", "invent", "demonstrate", "augment", "reason", "invert", "compose"} <= set(manifest["modes"])
    assert sum(sum(row["rejected"].values()) for row in manifest["modes"].values()) == len(rejects)
    for row in manifest["modes"].values():
        assert row["candidates"] == row["accepted"] + sum(row["rejected"].values())
    records = rows(run)
    modes = Counter(record["meta"]["example_mode"] for record in records)
    assert {"programmatic", "gold", "demonstrate", "augment", "invent", "vary", "invert"} <= set(modes)
    assert {r["meta"]["verified_by"] for r in records if r["meta"]["example_mode"] == "demonstrate"} == {
        "self-consistency"
    }
    asked = len(script.asked)
    run_generate(config_of(settings, records=121, synthesis=ALL_MODES, max_records_per_example=3), run)
    assert len(script.asked) == asked, "another record count sends nothing again"


def test_a_record_with_a_rationale_has_a_twin_that_answers_directly(settings: dict[str, Any], tmp_path: Path) -> None:
    run = Run(tmp_path / "twins")
    run_generate(
        config_of(
            settings, records=60, cot_fraction=1.0, synthesis={"reason": {"per_task": 3}}, max_records_per_example=20
        ),
        run,
    )
    records = rows(run)
    reasoned = [r for r in records if r["meta"]["kind"] == "cot"]
    direct = {(r["meta"]["query_id"], tuple(r["meta"]["demo_ids"])) for r in records if r["meta"]["kind"] != "cot"}
    assert reasoned
    assert {r["output"].splitlines()[-1].split(":")[0] for r in reasoned} == {"Answer"}
    twins = [r for r in reasoned if (r["meta"]["query_id"], tuple(r["meta"]["demo_ids"])) in direct]
    assert len(twins) >= 0.8 * len(reasoned)


def test_rationales_that_no_record_shows_are_warned_of(
    settings: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for fraction, is_warned in ((0.0, True), (0.1, False)):
        dry_run(
            config_of(settings, cot_fraction=fraction, synthesis={"reason": {"per_task": 3}}),
            Run(tmp_path / str(fraction)),
        )
        assert ("no record will show the rationales" in "".join(capsys.readouterr())) == is_warned


def test_labels_become_symbols_that_only_the_demonstrations_explain(settings: dict[str, Any], tmp_path: Path) -> None:
    run = Run(tmp_path / "symbols")
    more = {
        "families": [],
        "tasks": [],
        "teacher": None,
        "records": 300,
        "symbol_tuning_fraction": 1.0,
        "cot_fraction": 0.0,
    }
    run_generate(config_of(settings, **more), run)
    remapped = [r for r in rows(run) if r["meta"]["symbol_tuned"]]
    assert len(remapped) > 20
    for record in remapped:
        assert record["meta"]["k"] > 1
        shown = [record["instruction"][a:b] for a, b in record["meta"]["loss_spans"]]
        assert all(answer.isalpha() for answer in [record["output"], *shown])
    few_shot = [r for r in remapped if r["meta"]["form"] == "few_shot"]
    without_labels = [r for r in few_shot if r["meta"]["mode"] == "no_labels"]
    assert 0 < len(without_labels) < len(few_shot)
    for record in few_shot:
        named = record["output"] in record["instruction"].split("\n\n")[0]
        assert named != (record in without_labels), "an instruction names the symbols unless it has no labels"


def test_fill_to_repeats_synthesis_until_the_records_are_there(
    settings: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = Run(tmp_path / "exactly")
    more = {"families": ["plural_form"], "synthesis": {"demonstrate": {"per_task": 4}}}
    only = config_of({**settings, "families": ["plural_form"], "max_records_per_example": 1}, **more)
    run_generate(only, run, fill_to=30)
    assert len(rows(run)) == 30
    assert "exactly 30 records" in capsys.readouterr().out
    # A set that came short does not count as made for one who wants so many; one that did its best does.
    short = Run(tmp_path / "short")
    few = config_of(settings, exclude=["plural_form"], records=30, teacher=None)
    run_generate(few, short)
    for said in ("of 30 records", "is finished"):
        capsys.readouterr()
        run_generate(few, short, fill_to=30)
        assert said in capsys.readouterr().out


def test_a_spent_budget_ends_synthesis_and_keeps_the_replies(
    settings: dict[str, Any], tmp_path: Path, script: Script, capsys: pytest.CaptureFixture[str]
) -> None:
    run = Run(tmp_path / "budget")
    teacher = {**settings["teacher"], "budget": {"requests": 5}, "concurrency": 1}
    run_generate(config_of(settings, teacher=teacher, synthesis={"demonstrate": {"per_task": 10}}), run)
    assert len(script.asked) == 5
    assert len(rows(run)) == 40
    assert "budget" in capsys.readouterr().out


def test_a_dry_run_sends_nothing_and_counts(
    settings: dict[str, Any], tmp_path: Path, script: Script, capsys: pytest.CaptureFixture[str]
) -> None:
    dry_run(config_of(settings, synthesis=ALL_MODES), Run(tmp_path / "dry"))
    said = capsys.readouterr().out
    assert not script.asked
    assert "writing examples: 6 requests" in said
    assert "would compose 40 records" in said
    dry_run(config_of(settings), Run(tmp_path / "dry"), fill_to=70)
    assert "would compose 70 records" in capsys.readouterr().out
    assert not (tmp_path / "dry" / "generate" / "train.jsonl").exists()


def test_a_preview_asks_a_few_of_each_mode_and_shows_their_verdicts(
    settings: dict[str, Any], tmp_path: Path, script: Script, capsys: pytest.CaptureFixture[str]
) -> None:
    config, run = config_of(settings, synthesis=ALL_MODES), Run(tmp_path / "preview")
    preview(config, run, 1)
    said = capsys.readouterr().out
    asked = [body["messages"][0]["content"] for body in script.asked]
    assert sum(prompt.startswith("Write one new") for prompt in asked) == 1
    for mode in ("writing examples", "paraphrasing inputs", "writing rationales", "inventing tasks", "varying tasks"):
        assert said.count(f"] {mode}: ") == 1, mode
    assert "accepted\n  prompt:\n    Write one new" in said
    assert "still to ask for all of it" in said
    assert not (tmp_path / "preview" / "generate" / "train.jsonl").exists()
    before = len(script.asked)
    run_generate(config, run)
    again = [body["messages"][0]["content"] for body in script.asked[before:]]
    assert not set(again) & {prompt for prompt in asked if prompt.startswith("Write one new")}, "bought twice"


def test_modes_without_a_teacher_are_left_out_and_named(
    settings: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = Run(tmp_path / "none")
    # Its task may be of a file that this run leaves out.
    run_generate(config_of(settings, teacher=None, synthesis={"vary": 1, "tasks": ["elsewhere"]}), run)
    assert "generate.teacher is null, so nothing of generate.synthesis is asked for" in capsys.readouterr().out
    assert (run.folder / "generate" / "train.jsonl").exists()


def test_an_unusable_filter_is_a_config_error(settings: dict[str, Any], tmp_path: Path) -> None:
    for stage in (run_generate, dry_run):
        with pytest.raises(ConfigError, match="'english' is not one of"):
            stage(config_of(settings, filters={"language": "english"}), Run(tmp_path / "none"))


@pytest.mark.parametrize(
    ("ruin", "reason"),
    [
        (lambda prompt, reply: "I would rather talk about the weather.", "malformed: no JSON object"),
        (lambda prompt, reply: "", "malformed: no JSON object"),
        (lambda prompt, reply: "no" if "JSON" not in prompt else reply, "judged wrong"),
    ],
)
def test_a_teacher_that_gives_nothing_usable_ends_the_run_with_the_reason(
    settings: dict[str, Any], script: Script, tmp_path: Path, ruin: Any, reason: str
) -> None:
    script.ruin = ruin
    run = Run(tmp_path / "unusable")
    config = config_of(settings, synthesis={"demonstrate": {"per_task": 3}, "verify": {"judge": True}})
    for _ in range(2):
        with pytest.raises(TeacherError, match=r"none of [68] replies could be used; most frequent reason") as raised:
            run_generate(config, run)
        assert reason in str(raised.value)
        assert "\n" not in str(raised.value)
    assert rows(run), "what needs no teacher is kept"
    assert not (run.folder / "generate" / "manifest.json").exists()
    rejects = (run.folder / "generate" / "rejects.jsonl").read_text().splitlines()
    assert sum('"mode":"demonstrate"' in line for line in rejects) == 6
    script.ruin = lambda prompt, reply: reply
    run_generate(config_of(settings, synthesis={"demonstrate": {"per_task": 4}}), run)
    assert (run.folder / "generate" / "manifest.json").exists()


def test_paraphrases_may_all_fail_their_checks_but_not_all_be_empty(
    settings: dict[str, Any], script: Script, tmp_path: Path
) -> None:
    paraphrase = {"modes": ["rephrase"], "per_mode": 1}
    script.ruin = lambda prompt, reply: "As an AI I cannot do that."
    run_generate(config_of(settings, paraphrase=paraphrase), Run(tmp_path / "weak"))
    script.ruin = lambda prompt, reply: ""
    with pytest.raises(TeacherError, match=r"none of \d+ replies could be used"):
        run_generate(config_of(settings, paraphrase={**paraphrase, "per_mode": 2}), Run(tmp_path / "mute"))


def test_given_inversions_are_nothing_that_the_teacher_wrote(
    settings: dict[str, Any], script: Script, tmp_path: Path
) -> None:
    tasks = json.loads(settings["tasks"][0].read_text())
    tasks[0]["inverse"] = ["Write the text in small letters."]
    settings["tasks"][0].write_text(json.dumps(tasks))
    script.ruin = lambda prompt, reply: "nothing"
    with pytest.raises(TeacherError, match=r"none of \d+ replies could be used"):
        run_generate(config_of(settings, synthesis={"demonstrate": {"per_task": 2}}), Run(tmp_path / "given"))
