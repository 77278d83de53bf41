"""Training records come apart as they were rendered."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kshot.core.files import write_jsonl
from kshot.core.prompting import TEMPLATES, can_show, render_prompt
from kshot.core.types import Example
from kshot.evaluate.contamination.records import read_taught

TEXT = (
    st.text(st.sampled_from("ab .\n"), min_size=1, max_size=12)
    .map(lambda text: f"x{text.strip()}x")
    .filter(lambda text: "\n\n" not in text)
)


@given(st.sampled_from(sorted(TEMPLATES)), st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=4), st.booleans())
def test_read_taught_inverts_render_prompt(
    tmp_path_factory: pytest.TempPathFactory, name: str, pairs: list[tuple[str, str]], has_instruction: bool
) -> None:
    if name == "bare":
        # Only there a line break is all that separates an input from its output.
        pairs = [(shown, output.replace("\n", " ")) for shown, output in pairs]
    if not can_show(name, [text for pair in pairs for text in pair]):
        return
    demos = [Example(*pair) for pair in pairs[:-1]]
    prompt = render_prompt(name, "Do it well." if has_instruction else None, demos, pairs[-1][0])
    form = "few_shot" if has_instruction else "demos_only"
    meta = {"template": name, "k": len(demos), "form": form, "task": "t"}
    path = tmp_path_factory.mktemp("records") / "train.jsonl"
    write_jsonl(path, [{"instruction": prompt.text, "output": pairs[-1][1], "meta": meta}])
    (record,) = read_taught(path)
    assert record.instruction == ("Do it well." if has_instruction else "")
    assert list(record.pairs) == pairs


def test_read_taught_take_a_foreign_record_as_one_input(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "t.jsonl", [{"instruction": "a b", "output": "c"}, {"instruction": "d", "output": "e",
                "meta": {"template": "mine", "source": "programmatic", "family": "f", "task": "f-1"}}])  # fmt: skip
    first, second = read_taught(tmp_path / "t.jsonl")
    assert (first.id, first.task, first.pairs) == ("line 1", "(no task named)", (("a b", "c"),))
    assert (second.task, second.pairs) == ("f", (("d", "e"),))
