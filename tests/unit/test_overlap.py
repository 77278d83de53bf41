"""Contamination: the parts of training records, copied items, and the nearest training tasks."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kshot.config import Config
from kshot.core.errors import RunError, SuiteError
from kshot.core.files import read_json, read_jsonl, write_jsonl
from kshot.core.prompting import TEMPLATES, render_prompt
from kshot.core.records import read_record_parts
from kshot.core.text import jaccard, shingles
from kshot.core.types import Example
from kshot.evaluate.contamination.overlap import (
    contaminated_items,
    find_contamination,
    load_or_find_contamination,
    refuse_contaminated,
)
from kshot.evaluate.report.contamination import clean_gains, markdown, nearest_lines, section, summary
from kshot.suites.format import Suite, SuiteRow, SuiteTask, SuiteTaskSpec
from tests.unit.composing import composed

LONG = "the old mill beside the river was sold last spring to a baker from the next town over"
OTHER = "every second morning the postman leaves two parcels and a letter at the yellow house behind the church"


def rendered(pairs: list[tuple[str, str]], instruction: str, template: str = "plain", **meta: Any) -> dict[str, Any]:
    """A line of train.jsonl with the structure of these demonstrations and, last, the query."""
    *demos, (query, output) = pairs
    prompt = render_prompt(template, instruction or None, [Example(*pair) for pair in demos], query)
    structure = {
        "task_instruction": instruction,
        "demonstrations": [{"input": shown, "output": answer} for shown, answer in demos],
        "query": {"input": query, "output": output},
    }
    return {"instruction": prompt.text, "output": output, "meta": structure | meta}


def record(shown: str, output: str, **meta: Any) -> dict[str, Any]:
    names = {"id": "r1", "task": "places", "family": "places", "category": "facts"}
    return rendered([(shown, output)], "Name the place.", **(names | meta))


def task(name: str, *inputs: str, instruction: str = "Where is it?", answer: str = "here") -> SuiteTask:
    entry = SuiteTaskSpec(task=name, instruction=instruction, kind="generation", demos=0)
    return SuiteTask(entry, (), tuple(SuiteRow(input=text, output=[answer]) for text in inputs))


def found_in(tmp_path: Path, panel: Suite, *rows: dict[str, Any], items: int | None = None) -> dict[str, Any]:
    path = tmp_path / "train.jsonl"
    write_jsonl(path, rows)
    return find_contamination([panel], path, items)


TEXT = st.text(st.sampled_from("ab .\n"), min_size=1, max_size=12).map(lambda text: f"x{text.strip()}x")


@given(st.sampled_from(sorted(TEMPLATES)), st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=4), st.booleans())
def test_read_record_parts_returns_the_structure_that_was_rendered(
    name: str, pairs: list[tuple[str, str]], has_instruction: bool
) -> None:
    row = rendered(pairs, "Do it well." if has_instruction else "", template=name, task="t")
    parts = read_record_parts(row)
    assert parts.instruction == ("Do it well." if has_instruction else "")
    assert list(parts.pairs) == pairs


def test_read_record_parts_of_a_composed_record_are_those_of_its_sample(tmp_path: Path) -> None:
    """Also of records that reason, whose outputs hold their steps."""
    records, _ = composed(records=120, cot_fraction=0.5, wrapped_fraction=0.5)
    write_jsonl(tmp_path / "t.jsonl", records)
    shown = {record.meta.id: record for record in records}
    for _, row in read_jsonl(tmp_path / "t.jsonl"):
        parts = read_record_parts(row)
        record = shown[parts.id]
        assert parts.pairs[-1] == (record.meta.query.input, record.output)
        assert len(parts.pairs) == record.meta.k + 1
        assert record.instruction.startswith(parts.instruction)
        assert bool(parts.instruction) == (record.meta.form != "demos_only")
    assert {record.meta.kind for record in records} == {"zsl", "fsl", "cot"}


def test_read_record_parts_takes_a_record_of_another_make_as_one_input() -> None:
    plain = read_record_parts({"instruction": "a b", "output": "c"})
    assert (plain.id, plain.task, plain.pairs) == ("", "(no task named)", (("a b", "c"),))
    meta = {"template": "mine", "origin": "programmatic", "family": "f", "task": "f-1"}
    named = read_record_parts({"instruction": "d", "output": "e", "meta": meta})
    assert (named.task, named.instruction, named.pairs) == ("f", "", (("d", "e"),))


@pytest.mark.parametrize(
    "changes",
    [
        {"demonstrations": "none"},
        {"demonstrations": [["a", "b"]]},
        {"demonstrations": [{"input": "a", "output": 1}]},
        {"query": None},
        {"query": {"input": "another text than the prompt's", "output": "c"}},
        {"query": {"input": "d", "output": "edited"}},
        {"task_instruction": 3},
        {"task": ["t"], "id": 7},
    ],
)
def test_read_record_parts_treats_malformed_meta_as_absent(changes: dict[str, Any]) -> None:
    row = rendered([("a", "b"), ("d", "c")], "Do it.", task="t")
    assert len(read_record_parts(row).pairs) == 2
    row["meta"] |= changes
    parts = read_record_parts(row)
    if "task" in changes:
        assert (parts.id, parts.task) == ("", "(no task named)")
    else:
        assert parts.pairs == ((row["instruction"], "c"),)
        assert parts.instruction == ""


@pytest.mark.parametrize("meta", [None, "x", 3, []])
def test_read_record_parts_takes_any_meta(meta: object) -> None:
    assert read_record_parts({"instruction": "a", "output": "b", "meta": meta}).pairs == (("a", "b"),)


def test_thirteen_words_in_a_row_are_found_and_twelve_are_not(tmp_path: Path) -> None:
    own = LONG.split()
    panel = Suite("p", (task("mills", OTHER, LONG),))
    for count, expected in ((13, 1), (12, 0)):
        text = f"before {' '.join(own[:count])} after that nothing more"
        found = found_in(tmp_path, panel, record(text, "x"))
        assert len(found["contaminated"]) == expected
    (row,) = found_in(tmp_path, panel, record(f"Say: {LONG.upper()}!", "x"))["contaminated"]
    assert row == {
        "panel": "p", "task": "mills", "item": 1, "how": "13 words in a row", "span": LONG, "record": "r1",
        "training_task": "places",
    }  # fmt: skip


def test_input_and_answer_together_are_found_across_the_template(tmp_path: Path) -> None:
    """Twelve words of input and one of answer, which the record shows with `Output:` between."""
    text = " ".join(LONG.split()[:12])
    panel = Suite("p", (task("mills", text, answer="Utrecht"),))
    assert len(found_in(tmp_path, panel, record(f"well {text}", "Utrecht"))["contaminated"]) == 1
    assert len(found_in(tmp_path, panel, record(f"well {text}", "Gouda"))["contaminated"]) == 0


def test_the_same_short_input_is_found_from_three_words_on(tmp_path: Path) -> None:
    panel = Suite("p", (task("t", "seven green boats", "seven boats"),))
    found = found_in(tmp_path, panel, record("Seven  green boats.", "x"), record("seven boats", "x", id="r2"))
    assert [(row["item"], row["how"]) for row in found["contaminated"]] == [(0, "the same input")]


def test_a_near_duplicate_is_found_by_its_shingles(tmp_path: Path) -> None:
    """Two sentences of twelve words change places: no 13 words in a row are the same, 20 of 24 shingles are."""
    one, other = (" ".join(text.split()[:12]) for text in (LONG, OTHER))
    panel = Suite("p", (task("t", f"{one}. {other}."),))
    (row,) = found_in(tmp_path, panel, record(f"{other}. {one}.", "x"))["contaminated"]
    assert row["how"] == "near-duplicate (0.83)"
    # One word more that differs, and the threshold of 0.8 is missed.
    changed = one.replace("river", "brook")
    assert jaccard(shingles(f"{one} {other}"), shingles(f"{other} {changed}")) < 0.8
    assert found_in(tmp_path, panel, record(f"{other}. {changed}.", "x"))["contaminated"] == []


def test_only_measured_items_count_and_demonstrations_do(tmp_path: Path) -> None:
    panel = Suite("p", (task("t", OTHER, LONG),))
    row = rendered([(LONG, "a"), ("b", "c"), ("d", "e")], "")
    assert [each["item"] for each in found_in(tmp_path, panel, row)["contaminated"]] == [1]
    found = found_in(tmp_path, panel, row, items=1)
    assert (found["contaminated"], found["items"]) == ([], 1)


def test_the_nearest_task_by_name_by_words_and_by_wording(tmp_path: Path) -> None:
    panel = Suite("p", (task("river_names", "It flows past the mill.", instruction="Name the river of the text."),))
    found = found_in(
        tmp_path, panel,
        record("x y z", "a", task="names_of_rivers", family="geography"),
        record("Then it flows past the mill.", "a", task="copying"),
        rendered([("q", "a")], "Name the text's river.", task="waters"),
    )  # fmt: skip
    (row,) = found["near"]
    assert [row[way]["task"] for way in ("name", "words", "wording")] == ["names_of_rivers", "copying", "waters"]
    assert row["wording"]["instruction"] == "Name the text's river."
    assert (row["instruction"], row["input"]) == ("Name the river of the text.", "It flows past the mill.")
    # Of eight distinct runs of instruction, input and answer three are shared: flows past the, past the mill, it flows.
    assert row["words"]["similarity"] == pytest.approx(3 / 8, abs=1e-4)
    assert nearest_lines(found)[0][:2] == ["p", "river_names"]


def test_without_training_data_it_says_so_and_strict_refuses(tmp_path: Path) -> None:
    found = load_or_find_contamination([Suite("p", (task("t", LONG),))], tmp_path / "run", None, tmp_path)
    assert found["records"] is None
    assert "no training data" in summary(found)
    assert "No training data" in markdown(found, [])
    assert section(found, [])["tables"] == []
    with pytest.raises(RunError, match="no training data here"):
        refuse_contaminated(found)


def test_it_is_looked_for_again_only_when_something_changed(tmp_path: Path) -> None:
    panel = Suite("p", (task("t", LONG),))
    train = tmp_path / "run" / "generate" / "train.jsonl"
    write_jsonl(train, [record("nothing like it", "x")])
    assert load_or_find_contamination([panel], tmp_path / "run", None, tmp_path)["contaminated"] == []
    path = tmp_path / "contamination.json"
    before = path.stat().st_mtime_ns
    load_or_find_contamination([panel], tmp_path / "run", None, tmp_path)
    assert path.stat().st_mtime_ns == before
    write_jsonl(train, [record(LONG, "x")])
    found = load_or_find_contamination([panel], tmp_path / "run", None, tmp_path)
    assert found == read_json(path)
    with pytest.raises(SuiteError, match=r"1 of 1 items share text .*: p/t item 0;"):
        refuse_contaminated(found)


def test_gains_without_contaminated_items() -> None:
    """Of four items of task a the student gained the first, which was trained on; of task b nothing is left."""
    contaminated = [{"panel": "p", "task": t, "item": n} for t, n in (("a", 0), ("b", 0))]
    base = {("p", 0): {"exact_match": {"a": [[0.0, 0, 1, 1]], "b": [[0.0]]}, "other": {"b": [[0.0]]}}}
    student = {("p", 0): {"exact_match": {"a": [[1.0, 0, 1, 1]], "b": [[1.0]]}, "other": {"b": [[1.0]]}}}
    untouched = {("q", 0): {"exact_match": {"a": [[0.0, 1.0]]}}}
    found = clean_gains({"base": base | untouched, "student": student | untouched},
                        contaminated_items({"contaminated": contaminated}), {}, Config())  # fmt: skip
    assert set(found) == {("p", "exact_match", 0)}
    row = found["p", "exact_match", 0]
    assert (row["base"], row["student"], row["gain"]) == (pytest.approx(2 / 3), pytest.approx(2 / 3), 0)
    assert (row["tasks"], row["items"], row["left_out"]) == (1, 3, 2)
