"""Contamination: training records come apart as they were rendered, copied items and the nearest tasks are found."""

from pathlib import Path
from typing import Any

import pytest

from kshot.core.errors import RunError, SuiteError
from kshot.core.files import write_jsonl
from kshot.core.prompting import render_prompt
from kshot.core.run_files import read_model
from kshot.core.text import jaccard, shingles
from kshot.core.types import Example
from kshot.evaluate.contamination.overlap import (
    contaminated_items,
    find_contamination,
    load_or_find_contamination,
    refuse_contaminated,
)
from kshot.evaluate.report.contamination import clean_gains, contamination_section, summarize
from kshot.evaluate.run_files import ContaminatedItem, ContaminationFile
from kshot.suites.format import Suite, SuiteTask
from tests.unit.evaluation_rows import generation_task, make_contamination

LONG = "the old mill beside the river was sold last spring to a baker from the next town over"
OTHER = "every second morning the postman leaves two parcels and a letter at the yellow house behind the church"


def record(shown: str, output: str, **meta: Any) -> dict[str, Any]:
    prompt = render_prompt("plain", "Name the place.", [], shown)
    facts: dict[str, Any] = {"id": "r1", "task": "places", "family": "places", "category": "facts", "k": 0}
    return {
        "instruction": prompt.text,
        "output": output,
        "meta": facts | parts("Name the place.", (shown, output)) | meta,
    }


def parts(instruction: str, *pairs: tuple[str, str]) -> dict[str, Any]:
    """The structure of a record, in its `meta`: the last pair is the query."""
    *demos, query = ({"input": shown, "output": output} for shown, output in pairs)
    return {"task_instruction": instruction, "demonstrations": demos, "query": query}


def task(name: str, *inputs: str, instruction: str = "Where is it?", answer: str = "here") -> SuiteTask:
    return generation_task(name, [], [(text, answer) for text in inputs], instruction)


def find(folder: Path, suite: Suite, *rows: dict[str, Any], limit: int | None = None) -> ContaminationFile:
    path = folder / "train.jsonl"
    write_jsonl(path, rows)
    return find_contamination([suite], path, limit)


def test_find_contamination_finds_thirteen_words_in_a_row_and_not_twelve(tmp_path: Path) -> None:
    words = LONG.split()
    suite = Suite("p", (task("mills", OTHER, LONG),))
    for count, expected in ((13, 1), (12, 0)):
        text = f"before {' '.join(words[:count])} after that nothing more"
        report = find(tmp_path, suite, record(text, "x"))
        assert len(report.contaminated) == expected
    (row,) = find(tmp_path, suite, record(f"Say: {LONG.upper()}!", "x")).contaminated
    assert row == ContaminatedItem(
        suite="p", task="mills", item=1, how="13 words in a row", span=LONG, record="r1", training_task="places"
    )


def test_find_contamination_joins_input_and_answer_across_the_template(tmp_path: Path) -> None:
    """Twelve words of input and one of answer, which the record shows with `Output:` between."""
    text = " ".join(LONG.split()[:12])
    suite = Suite("p", (task("mills", text, answer="Utrecht"),))
    assert len(find(tmp_path, suite, record(f"well {text}", "Utrecht")).contaminated) == 1
    assert len(find(tmp_path, suite, record(f"well {text}", "Gouda")).contaminated) == 0


def test_find_contamination_finds_the_same_input_from_three_words_on(tmp_path: Path) -> None:
    suite = Suite("p", (task("t", "seven green boats", "seven boats"),))
    report = find(tmp_path, suite, record("Seven  green boats.", "x"), record("seven boats", "x", id="r2"))
    assert [(row.item, row.how) for row in report.contaminated] == [(0, "the same input")]


def test_find_contamination_finds_the_same_chinese_sentence(tmp_path: Path) -> None:
    sentence = "今天的天气非常好，我们去公园散步。"
    suite = Suite("p", (task("t", sentence, "明天会下雨吗？"),))
    report = find(tmp_path, suite, record(sentence, "x"), record(f"请分类：{sentence}谢谢", "x", id="r2"))
    assert [row.item for row in report.contaminated] == [0]
    report = find(tmp_path, suite, record(f"请分类：{sentence}谢谢", "x"))
    assert [(row.item, row.how) for row in report.contaminated] == [(0, "13 words in a row")]


def test_find_contamination_finds_a_near_duplicate_by_its_shingles(tmp_path: Path) -> None:
    """Two sentences of twelve words change places: no 13 words in a row are the same, 20 of 24 shingles are."""
    first, second = (" ".join(text.split()[:12]) for text in (LONG, OTHER))
    suite = Suite("p", (task("t", f"{first}. {second}."),))
    (row,) = find(tmp_path, suite, record(f"{second}. {first}.", "x")).contaminated
    assert row.how == "near-duplicate (0.83)"
    # One word more that differs, and the threshold of 0.8 is missed.
    changed = first.replace("river", "brook")
    assert jaccard(shingles(f"{first} {second}"), shingles(f"{second} {changed}")) < 0.8
    assert find(tmp_path, suite, record(f"{second}. {changed}.", "x")).contaminated == []


def test_find_contamination_looks_into_demonstrations_and_at_measured_items_only(tmp_path: Path) -> None:
    suite = Suite("p", (task("t", OTHER, LONG),))
    prompt = render_prompt("plain", None, [Example(LONG, "a"), Example("b", "c")], "d")
    row = {"instruction": prompt.text, "output": "e", "meta": parts("", (LONG, "a"), ("b", "c"), ("d", "e"))}
    assert [item.item for item in find(tmp_path, suite, row).contaminated] == [1]
    report = find(tmp_path, suite, row, limit=1)
    assert (report.contaminated, report.items) == ([], 1)


def test_find_contamination_names_the_nearest_task_by_name_by_trigrams_and_by_wording(tmp_path: Path) -> None:
    suite = Suite("p", (task("river_names", "It flows past the mill.", instruction="Name the river of the text."),))
    report = find(
        tmp_path, suite,
        record("x y z", "a", task="names_of_rivers", family="geography"),
        record("Then it flows past the mill.", "a", task="copying"),
        {"instruction": "Name the text's river.\n\nInput: q\nOutput:", "output": "a",
         "meta": {"task": "waters", "k": 0, **parts("Name the text's river.", ("q", "a"))}},
    )  # fmt: skip
    (row,) = report.nearest
    assert [side.task for side in (row.name, row.trigrams, row.wording)] == ["names_of_rivers", "copying", "waters"]
    assert row.wording.instruction == "Name the text's river."
    assert (row.instruction, row.input) == ("Name the river of the text.", "It flows past the mill.")
    # Three of eight distinct trigrams are shared: flows past the, past the mill, it flows past.
    assert row.trigrams.similarity == pytest.approx(3 / 8, abs=1e-4)
    section = contamination_section(report, [])
    (table,) = section.tables
    assert table.title == "Nearest training tasks"
    assert table.rows[0][:2] == ("p", "river_names")
    assert [side.title.partition(":")[0] for side in section.comparisons[0].sides] == [
        "held out", "by name", "by trigrams", "by wording",
    ]  # fmt: skip


def test_load_or_find_contamination_without_training_data_says_so_and_strict_refuses(tmp_path: Path) -> None:
    report = load_or_find_contamination([Suite("p", (task("t", LONG),))], tmp_path / "run", None, tmp_path)
    assert report.records is None
    assert "no training data" in summarize(report)
    section = contamination_section(report, [])
    assert "No training data" in section.about[0]
    assert section.tables == ()
    with pytest.raises(RunError, match="no training data here"):
        refuse_contaminated(report)


def test_load_or_find_contamination_searches_again_only_when_something_changed(tmp_path: Path) -> None:
    suite = Suite("p", (task("t", LONG),))
    train = tmp_path / "run" / "generate" / "train.jsonl"
    write_jsonl(train, [record("nothing like it", "x")])
    assert load_or_find_contamination([suite], tmp_path / "run", None, tmp_path).contaminated == []
    path = tmp_path / "contamination.json"
    before = path.stat().st_mtime_ns
    load_or_find_contamination([suite], tmp_path / "run", None, tmp_path)
    assert path.stat().st_mtime_ns == before
    write_jsonl(train, [record(LONG, "x")])
    report = load_or_find_contamination([suite], tmp_path / "run", None, tmp_path)
    assert report == read_model(path, ContaminationFile)
    with pytest.raises(SuiteError, match=r"1 of 1 items share text .*: p/t item 0;"):
        refuse_contaminated(report)


def test_clean_gains_leave_out_contaminated_items() -> None:
    """Of four items of task a the student gained the first, which was trained on; of task b nothing is left."""
    rows = [
        ContaminatedItem(suite="p", task=name, item=0, how="", span="", record="", training_task="") for name in "ab"
    ]
    base = {("p", 0): {"exact_match": {"a": [[0.0, 0, 1, 1]], "b": [[0.0]]}, "other": {"b": [[0.0]]}}}
    student = {("p", 0): {"exact_match": {"a": [[1.0, 0, 1, 1]], "b": [[1.0]]}, "other": {"b": [[1.0]]}}}
    untouched = {("q", 0): {"exact_match": {"a": [[0.0, 1.0]]}}}
    items = contaminated_items(make_contamination(contaminated=rows))
    gains = clean_gains({"base": base | untouched, "student": student | untouched}, items, {}, 200, 7)
    assert set(gains) == {("p", "exact_match", 0)}
    gain = gains["p", "exact_match", 0]
    assert (gain.base, gain.student, gain.gain) == (pytest.approx(2 / 3), pytest.approx(2 / 3), 0)
    assert (gain.tasks, gain.items, gain.left_out) == (1, 3, 2)
