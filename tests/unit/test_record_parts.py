"""Training records come apart as they were rendered."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kshot.core.prompting import TEMPLATES, can_show, render_prompt
from kshot.core.record_parts import UNNAMED_TASK, read_record_parts
from kshot.core.types import Example

TEXT = st.text(st.sampled_from("ab .\n"), min_size=1, max_size=12).map(lambda text: f"x{text.strip()}x")


@given(st.sampled_from(sorted(TEMPLATES)), st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=4), st.booleans())
def test_read_record_parts_inverts_render_prompt(
    template: str, pairs: list[tuple[str, str]], has_instruction: bool
) -> None:
    if not can_show(template, [text for pair in pairs for text in pair]):
        return
    instruction = "Do it well." if has_instruction else None
    prompt = render_prompt(template, instruction, [Example(*pair) for pair in pairs[:-1]], pairs[-1][0])
    demos = [{"input": shown, "output": output} for shown, output in pairs[:-1]]
    query = {"input": pairs[-1][0], "output": pairs[-1][1]}
    meta = {"task": "t", "task_instruction": instruction or "", "demonstrations": demos, "query": query}
    parts = read_record_parts({"instruction": prompt.text, "output": pairs[-1][1], "meta": meta})
    assert (parts.instruction, list(parts.pairs)) == (instruction or "", pairs)


@pytest.mark.parametrize(
    "changed",
    [
        {"instruction": "Other words."},
        {"output": "another answer"},
        {"meta": None},
        {"meta": {"task": "t"}},
        {"meta": {"task_instruction": "Do.", "demonstrations": [1], "query": {"input": "a", "output": "b"}}},
        {"meta": {"task_instruction": "Do.", "demonstrations": [], "query": {"input": 3, "output": "b"}}},
    ],
)
def test_an_edited_or_foreign_record_counts_as_one_input(changed: dict[str, object]) -> None:
    query = {"input": "a", "output": "b"}
    row = {
        "instruction": "Do.\n\na",
        "output": "b",
        "meta": {"task_instruction": "Do.", "demonstrations": [], "query": query},
    }
    assert read_record_parts(row).pairs == (("a", "b"),)
    row = {**row, **changed}
    assert read_record_parts(row).pairs == ((row["instruction"], row["output"]),)


def test_a_programmatic_task_counts_by_its_family() -> None:
    row = {"instruction": "d", "output": "e"}
    assert read_record_parts(row).task == UNNAMED_TASK
    assert read_record_parts({**row, "meta": {"origin": "programmatic", "family": "f", "task": "f-1"}}).task == "f"
    assert read_record_parts({**row, "meta": {"origin": "shipped", "family": "f", "task": "f-1"}}).task == "f-1"
