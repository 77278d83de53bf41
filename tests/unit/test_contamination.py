"""Novelty: training records come apart as they were made, copied items are found, near tasks are named."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kshot.evaluate.contamination.records import read_taught

from kshot.config import Config
from kshot.core.errors import RunError, SuiteError
from kshot.core.files import read_json, write_jsonl
from kshot.core.prompting import TEMPLATES, can_show, render_prompt
from kshot.core.text import SimilarityIndex, TfIdfSimilarity, jaccard, shingles
from kshot.core.types import Example
from kshot.evaluate.contamination.overlap import (
    contaminated_items,
    find_contamination,
    load_or_find_contamination,
    refuse_contaminated,
)
from kshot.evaluate.report.contamination import _nearest_table, clean_gains, markdown, section, summary
from kshot.suites.format import Suite, SuiteRow, SuiteTask, SuiteTaskSpec

LONG = "the old mill beside the river was sold last spring to a baker from the next town over"
OTHER = "every second morning the postman leaves two parcels and a letter at the yellow house behind the church"


def record(shown: str, output: str, **meta: Any) -> dict[str, Any]:
    made = render_prompt("plain", "Name the place.", [], shown)
    kept = {"id": "r1", "task": "places", "family": "places", "category": "facts", "form": "zero_shot", "k": 0}
    return {"instruction": made.text, "output": output, "meta": kept | {"template": "plain"} | meta}


def task(name: str, *inputs: str, instruction: str = "Where is it?", answer: str = "here") -> SuiteTask:
    entry = SuiteTaskSpec(task=name, instruction=instruction, kind="generation", demos=0)
    return SuiteTask(entry, (), tuple(SuiteRow(input=text, output=[answer]) for text in inputs))


def found_in(tmp_path: Path, panel: Suite, *rows: dict[str, Any], items: int | None = None) -> dict[str, Any]:
    path = tmp_path / "train.jsonl"
    write_jsonl(path, rows)
    return find_contamination([panel], path, items)


TEXT = (
    st.text(st.sampled_from("ab .\n"), min_size=1, max_size=12)
    .map(lambda text: f"x{text.strip()}x")
    .filter(lambda text: "\n\n" not in text)
)


@given(st.sampled_from(sorted(TEMPLATES)), st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=4), st.booleans())
def test_a_record_comes_apart_as_it_was_rendered(
    tmp_path_factory: pytest.TempPathFactory, name: str, pairs: list[tuple[str, str]], told: bool
) -> None:
    if name == "bare":
        # Only there a line break is all that parts an input from its output.
        pairs = [(shown, output.replace("\n", " ")) for shown, output in pairs]
    if not can_show(name, [text for pair in pairs for text in pair]):
        return
    demos = [Example(*pair) for pair in pairs[:-1]]
    made = render_prompt(name, "Do it well." if told else None, demos, pairs[-1][0])
    meta = {"template": name, "k": len(demos), "form": "few_shot" if told else "demos_only", "task": "t"}
    path = tmp_path_factory.mktemp("taught") / "train.jsonl"
    write_jsonl(path, [{"instruction": made.text, "output": pairs[-1][1], "meta": meta}])
    (taught,) = read_taught(path)
    assert taught.instruction == ("Do it well." if told else "")
    assert list(taught.pairs) == pairs


def test_a_record_of_another_make_is_one_input(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "t.jsonl", [{"instruction": "a b", "output": "c"}, {"instruction": "d", "output": "e",
                "meta": {"template": "mine", "source": "programmatic", "family": "f", "task": "f-1"}}])  # fmt: skip
    one, other = read_taught(tmp_path / "t.jsonl")
    assert (one.id, one.task, one.pairs) == ("line 1", "(no task named)", (("a b", "c"),))
    assert (other.task, other.pairs) == ("f", (("d", "e"),))


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
    made = render_prompt("plain", None, [Example(LONG, "a"), Example("b", "c")], "d")
    row = {"instruction": made.text, "output": "e", "meta": {"template": "plain", "form": "demos_only", "k": 2}}
    assert [each["item"] for each in found_in(tmp_path, panel, row)["contaminated"]] == [1]
    found = found_in(tmp_path, panel, row, items=1)
    assert (found["contaminated"], found["items"]) == ([], 1)


def test_the_nearest_task_by_name_by_words_and_by_wording(tmp_path: Path) -> None:
    panel = Suite("p", (task("river_names", "It flows past the mill.", instruction="Name the river of the text."),))
    found = found_in(
        tmp_path, panel,
        record("x y z", "a", task="names_of_rivers", family="geography"),
        record("Then it flows past the mill.", "a", task="copying"),
        {"instruction": "Name the text's river.\n\nInput: q\nOutput:", "output": "a",
         "meta": {"task": "waters", "template": "plain", "form": "zero_shot", "k": 0}},
    )  # fmt: skip
    (row,) = found["near"]
    assert [row[way]["task"] for way in ("name", "words", "wording")] == ["names_of_rivers", "copying", "waters"]
    assert row["wording"]["instruction"] == "Name the text's river."
    assert (row["instruction"], row["input"]) == ("Name the river of the text.", "It flows past the mill.")
    # Of eight distinct runs of instruction, input and answer three are shared: flows past the, past the mill, it flows.
    assert row["words"]["similarity"] == pytest.approx(3 / 8, abs=1e-4)
    assert _nearest_table(found)[0][:2] == ["p", "river_names"]


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


def test_what_is_alike() -> None:
    targets = SimilarityIndex(TfIdfSimilarity(["count the words", "name a river"]), ["count the words", "name a river"])
    assert targets.nearest("count the words")[0] == pytest.approx(1)
    assert targets.nearest("counting of words")[1] == 0
    assert targets.cosines("zzz") == [0, 0]
    targets.add("zzz")
    assert targets.nearest("zzz")[1] == 2
