"""Panels: what cannot be used is named with its file and line."""

import json
from pathlib import Path

import pytest

from kshot.core.errors import SuiteError
from kshot.evaluate.measure.requests import check_shots, render_item
from kshot.suites.loading import load_suite


def test_the_own_panel_loads_and_is_large_enough() -> None:
    panel = load_suite("kshot")
    assert panel.name == "kshot"
    assert len(panel.tasks) >= 12
    assert all(len(task.demos) >= 4 and len(task.items) >= 25 for task in panel.tasks)


def put(panel: Path, line: int, row: object) -> None:
    path = panel / "sky.jsonl"
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
def test_a_bad_row_is_named(panel: Path, row: object, fault: str) -> None:
    put(panel, 3, row)
    with pytest.raises(Exception, match=fault):
        load_suite(str(panel))


@pytest.mark.parametrize("line", [2, 6])
def test_an_item_that_repeats_another_or_a_demonstration_is_refused(panel: Path, line: int) -> None:
    rows = [json.loads(row) for row in (panel / "sky.jsonl").read_text().splitlines()]
    twin = rows[line - 1]
    put(panel, 8, {**twin, "input": f" {twin['input']}", "options": twin["options"][::-1]})
    with pytest.raises(SuiteError, match=rf"sky\.jsonl:8: the same input and options as in line {line}; .*take one"):
        load_suite(str(panel))


def test_the_same_question_with_other_options_is_another_item(panel: Path) -> None:
    twin = json.loads((panel / "sky.jsonl").read_text().splitlines()[1])
    put(panel, 8, {**twin, "options": [*twin["options"], "dusk"]})
    assert len(load_suite(str(panel)).tasks[0].items) == 4


def test_a_missing_file_a_missing_folder_and_an_empty_index(panel: Path, tmp_path: Path) -> None:
    with pytest.raises(SuiteError, match="no such file; a panel is a folder"):
        load_suite(str(tmp_path / "none"))
    (panel / "sky.jsonl").unlink()
    with pytest.raises(Exception, match=r"sky\.jsonl: no such file"):
        load_suite(str(panel))
    (panel / "panel.yaml").write_text("tasks: []")
    with pytest.raises(SuiteError, match="at least one task"):
        load_suite(str(panel))


def test_a_task_with_demonstrations_only_has_no_items(panel: Path) -> None:
    path = panel / "sky.jsonl"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:4]))
    with pytest.raises(SuiteError, match="no item is left"):
        load_suite(str(panel))


def test_more_shots_than_demonstrations_are_refused(panel: Path) -> None:
    loaded = load_suite(str(panel))
    check_shots(loaded, [0, 4])
    with pytest.raises(SuiteError, match=r"fewer demonstrations than k=5: sky \(4\), echo \(4\)"):
        check_shots(loaded, [5])


def test_demonstrations_are_fixed_and_nested_across_shots(panel: Path) -> None:
    task = load_suite(str(panel)).tasks[1]
    shown = [render_item(task, task.items[0], k) for k in range(5)]
    for k in range(1, 5):
        assert [f"quux{n}" in shown[k] for n in range(4)] == [n < k for n in range(4)]
        assert shown[k].startswith("Say the word again.\n\nInput: quux0\nOutput: quux0")
    assert all(text.endswith("Input: quux4\nOutput:") for text in shown)


def test_options_are_shown_only_where_they_change(panel: Path) -> None:
    task = load_suite(str(panel)).tasks[0]
    assert "Options" not in render_item(task, task.items[0], 1)
    index = json.loads((panel / "panel.yaml").read_text())
    index["tasks"][0]["options_fixed"] = False
    (panel / "panel.yaml").write_text(json.dumps(index))
    task = load_suite(str(panel)).tasks[0]
    assert render_item(task, task.items[0], 0).endswith("Input: zulu hour 4\nOptions:\n- day\n- night\nOutput:")


def test_labels_that_the_instruction_leaves_out_follow_it_once(panel: Path) -> None:
    index = json.loads((panel / "panel.yaml").read_text())
    index["tasks"][0]["instruction"] = "Is it light outside, as in the daytime, or night?"
    (panel / "panel.yaml").write_text(json.dumps(index))
    task = load_suite(str(panel)).tasks[0]
    told = "Is it light outside, as in the daytime, or night?\nOptions:\n- day\n- night\n\nInput: "
    for k in (0, 2):
        assert render_item(task, task.items[0], k).startswith(told)
        assert render_item(task, task.items[0], k).count("Options") == 1
