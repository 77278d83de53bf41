"""Reading a suite's folder: what cannot be used is named with its file and line."""

import json
from pathlib import Path

import pytest

from kshot.core.errors import DataError, SuiteError
from kshot.suites.loading import load_suite


def test_load_suite_reads_the_shipped_suite_with_enough_tasks_and_items() -> None:
    suite = load_suite("kshot")
    assert suite.name == "kshot"
    assert len(suite.tasks) >= 12
    assert all(len(task.demos) >= 4 and len(task.items) >= 25 for task in suite.tasks)


def replace_row(suite: Path, line: int, row: object) -> None:
    path = suite / "sky.jsonl"
    lines = path.read_text().splitlines()
    lines[line - 1] = row if isinstance(row, str) else json.dumps(row)
    path.write_text("\n".join(lines) + "\n")


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        ({"input": "x", "options": ["day"]}, r"sky\.jsonl:3: output: Field required"),
        ({"input": "x", "output": []}, r"sky\.jsonl:3: output: "),
        (
            {"input": "x", "output": ["dusk"], "options": ["day", "night"]},
            r"sky\.jsonl:3: none of the answers \['dusk'\]",
        ),
        ({"input": 3, "output": ["day"], "options": ["day"]}, r"sky\.jsonl:3: input: "),
        ('{"input": "x", ', r"sky\.jsonl:3: broken JSON"),
    ],
)
def test_load_suite_names_a_bad_row(suite: Path, row: object, fault: str) -> None:
    replace_row(suite, 3, row)
    with pytest.raises(Exception, match=fault):
        load_suite(str(suite))


@pytest.mark.parametrize("line", [2, 6])
def test_load_suite_refuses_an_item_that_repeats_another_or_a_demonstration(suite: Path, line: int) -> None:
    rows = [json.loads(row) for row in (suite / "sky.jsonl").read_text().splitlines()]
    twin = rows[line - 1]
    replace_row(suite, 8, {**twin, "input": f" {twin['input']}", "options": twin["options"][::-1]})
    with pytest.raises(
        SuiteError, match=rf"sky\.jsonl:8: the same input and options as in line {line}; .*remove one of the two"
    ):
        load_suite(str(suite))


def test_load_suite_takes_the_same_input_with_other_options_for_another_item(suite: Path) -> None:
    twin = json.loads((suite / "sky.jsonl").read_text().splitlines()[1])
    replace_row(suite, 8, {**twin, "options": [*twin["options"], "dusk"]})
    index = json.loads((suite / "suite.yaml").read_text())
    index["tasks"][0]["options_fixed"] = False
    (suite / "suite.yaml").write_text(json.dumps(index))
    assert len(load_suite(str(suite)).tasks[0].items) == 4


def test_load_suite_names_a_missing_folder_a_missing_file_and_an_empty_index(suite: Path, tmp_path: Path) -> None:
    with pytest.raises(SuiteError, match="no such file; a suite is a folder"):
        load_suite(str(tmp_path / "none"))
    (suite / "sky.jsonl").unlink()
    with pytest.raises(Exception, match=r"sky\.jsonl: no such file"):
        load_suite(str(suite))
    (suite / "suite.yaml").write_text("tasks: []")
    with pytest.raises(SuiteError, match="at least one task"):
        load_suite(str(suite))


def test_load_suite_refuses_a_task_with_demonstrations_only(suite: Path) -> None:
    path = suite / "sky.jsonl"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:4]))
    with pytest.raises(SuiteError, match="no item is left"):
        load_suite(str(suite))


def name_scores(suite: Path, scores: list[str]) -> Path:
    index = json.loads((suite / "suite.yaml").read_text())
    index["tasks"][1]["scores"] = scores
    (suite / "suite.yaml").write_text(json.dumps(index))
    return suite


def test_load_suite_reads_the_scores_of_a_task_and_refuses_unknown_ones(suite: Path) -> None:
    assert load_suite(str(suite)).tasks[1].spec.scores == ["exact_match"]
    assert load_suite(str(name_scores(suite, ["contains", "rouge_l"]))).tasks[1].spec.scores == ["contains", "rouge_l"]
    for wrong in (["bleu"], []):
        with pytest.raises(SuiteError, match="scores"):
            load_suite(str(name_scores(suite, wrong)))


def test_load_suite_refuses_an_answer_without_a_number_where_numbers_are_scored(suite: Path) -> None:
    path = suite / "echo.jsonl"
    numbers = [{"input": f"x{number}", "output": [f"{number} m", "1/2"]} for number in range(8)]
    for wrong in ("seven", "H2O"):
        rows = [*numbers, {"input": "x", "output": ["7", wrong]}]
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        with pytest.raises(SuiteError, match=rf"echo\.jsonl:9: scored by its number, and '{wrong}' has no number"):
            load_suite(str(name_scores(suite, ["numeric"])))


def test_load_suite_reads_numbers_and_flags_as_written(suite: Path) -> None:
    (suite / "suite.yaml").write_text(
        "tasks:\n- {task: sky, kind: multiple_choice, demos: 4, instruction: 42, options_fixed: no}\n"
    )
    (task,) = load_suite(str(suite)).tasks
    assert (task.spec.instruction, task.spec.options_fixed, len(task.demos)) == ("42", False, 4)
    (suite / "suite.yaml").write_text("tasks:\n- task: sky\n  kind: generation\n  demos: .nan\n  instruction: x\n")
    with pytest.raises(SuiteError, match=r"suite\.yaml:4: tasks\[0\]: demos: "):
        load_suite(str(suite))


def test_load_suite_reads_files_with_marks_and_an_array(suite: Path) -> None:
    before = load_suite(str(suite))
    rows = [json.loads(line) for line in (suite / "sky.jsonl").read_text().splitlines()]
    (suite / "sky.jsonl").write_text(json.dumps(rows, indent=1), encoding="utf-16")
    (suite / "suite.yaml").write_text((suite / "suite.yaml").read_text(), encoding="utf-8-sig")
    assert load_suite(str(suite)) == before


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        ({"output": ["x"], "options": ["x", "x", "y"]}, "options 'x' and 'x' are one answer"),
        ({"output": ["x"], "options": ["Yes", "x", "yes."]}, r"options 'Yes' and 'yes\.' are one answer"),
        ({"output": ["x"], "options": ["x"]}, "one option, 'x', is no choice"),
        ({"output": ["x", "y"], "options": ["x", "y"]}, "all options are accepted"),
        ('{"input": "q", "input": "r", "output": ["x"], "options": ["x", "y"]}', "the key 'input' stands twice"),
    ],
)
def test_load_suite_refuses_a_row_whose_choice_shows_nothing(suite: Path, row: object, fault: str) -> None:
    replace_row(suite, 3, {"input": "q", **row} if isinstance(row, dict) else row)
    with pytest.raises(DataError, match=rf"sky\.jsonl:3: {fault}"):
        load_suite(str(suite))


def test_load_suite_refuses_differing_options_that_are_said_to_be_fixed(suite: Path) -> None:
    index = json.loads((suite / "suite.yaml").read_text())
    index["tasks"][0]["options_fixed"] = True
    (suite / "suite.yaml").write_text(json.dumps(index))
    rows = [json.loads(line) for line in (suite / "sky.jsonl").read_text().splitlines()]
    for number, row in enumerate(rows):
        row["options"] = ["day", "night"] if number < 6 else [*row["options"], "dusk"]
        row["output"] = row["options"][:1]
    (suite / "sky.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    with pytest.raises(SuiteError, match=r"sky\.jsonl:7: other options than the first row, .*options_fixed: false"):
        load_suite(str(suite))


def test_load_suite_refuses_unknown_keys_and_keys_that_stand_twice(suite: Path) -> None:
    index = json.loads((suite / "suite.yaml").read_text())
    index["tasks"][1]["scors"] = ["numeric"]
    (suite / "suite.yaml").write_text(json.dumps(index))
    with pytest.raises(SuiteError, match=r"suite\.yaml:1: tasks\[1\]: scors: unknown key; did you mean 'scores'"):
        load_suite(str(suite))
    (suite / "suite.yaml").write_text("tasks: []\ntaskes: []\n")
    with pytest.raises(SuiteError, match="at least one task"):
        load_suite(str(suite))
    (suite / "suite.yaml").write_text("tasks:\n- {task: sky}\ntaskes: []\n")
    with pytest.raises(SuiteError, match=r"suite\.yaml:3: taskes: unknown key; did you mean 'tasks'"):
        load_suite(str(suite))
    (suite / "suite.yaml").write_text("tasks:\n- task: sky\n  demos: 4\n  demos: 2\n")
    with pytest.raises(SuiteError, match=r"suite\.yaml:4: the key 'demos' stands in line 3 too"):
        load_suite(str(suite))


def test_load_suite_refuses_a_score_that_stands_twice(suite: Path) -> None:
    with pytest.raises(SuiteError, match=r"tasks\[1\]: scores: contains stands twice"):
        load_suite(str(name_scores(suite, ["contains", "exact_match", "contains"])))


def test_load_suite_refuses_an_answer_of_several_lines_where_the_first_line_alone_is_read(suite: Path) -> None:
    index = json.loads((suite / "suite.yaml").read_text())
    index["tasks"][1]["first_line_only"] = True
    (suite / "suite.yaml").write_text(json.dumps(index))
    assert load_suite(str(suite)).tasks[1].spec.first_line_only
    rows = (suite / "echo.jsonl").read_text().splitlines()
    rows[5] = json.dumps({"input": "quux1", "output": ["two\nlines"]})
    (suite / "echo.jsonl").write_text("\n".join(rows))
    with pytest.raises(SuiteError, match=r"echo\.jsonl:6: an answer of several lines"):
        load_suite(str(suite))
