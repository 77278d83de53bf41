"""Training records by their parts, read from the structure in `meta`."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kshot.core.files import read_jsonl, write_jsonl
from kshot.core.prompting import TEMPLATES, render_prompt
from kshot.core.records import read_record_parts
from kshot.core.types import Example
from tests.unit.composing import composed


def render_row(pairs: list[tuple[str, str]], instruction: str, template: str = "plain", **meta: Any) -> dict[str, Any]:
    """A line of train.jsonl with the structure of these demonstrations and, last, the query."""
    *demos, (query, output) = pairs
    prompt = render_prompt(template, instruction or None, [Example(*pair) for pair in demos], query)
    structure = {
        "task_instruction": instruction,
        "demonstrations": [{"input": shown, "output": answer} for shown, answer in demos],
        "query": {"input": query, "output": output},
    }
    return {"instruction": prompt.text, "output": output, "meta": structure | meta}


TEXT = st.text(st.sampled_from("ab .\n"), min_size=1, max_size=12).map(lambda text: f"x{text.strip()}x")


@given(st.sampled_from(sorted(TEMPLATES)), st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=4), st.booleans())
def test_read_record_parts_returns_the_structure_that_was_render_row(
    name: str, pairs: list[tuple[str, str]], has_instruction: bool
) -> None:
    row = render_row(pairs, "Do it well." if has_instruction else "", template=name, task="t")
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
    row = render_row([("a", "b"), ("d", "c")], "Do it.", task="t")
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
