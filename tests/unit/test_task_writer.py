"""Task files that kshot writes: read back to the same task, whatever its texts, and never over a person's edit."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kshot.core.errors import DataError
from kshot.core.types import Example, Task
from kshot.tasks.reader import load_tasks
from kshot.tasks.writer import is_edited, render_task, write_task

AWKWARD = (
    "no", "1.0", "null", "~", "NULL", "2024-01-01", "0x1F", "=", "<<", "trailing  ", "  leading", "- dash", "# hash",
    "a: b", "'", '"', "{{ x }}", "%d", "@at", "`", "|", ">", "two\nlines", "two\nlines\n", "\n\nblank first",
    "  in\n  dented", "tab\there", "\ttab first\nthen", "ünï 漢字 😀", "nel\x85and\u2028separators", "bom\ufeffinside",
    "carriage\rreturn", "end \nspace", "a" * 400, "word " * 60, "---", "...", "? q", "key:", "[1, 2]", "{a: b}",
    "&anchor", "*alias", "!tag", "\x1b[31mred",
)  # fmt: skip


def a_task(*examples: Example, **fields: object) -> Task:
    return replace(Task("t", "t", "c", ("Do it.",), examples), **fields)  # type: ignore[arg-type]


def read_back(folder: Path, task: Task) -> Task:
    path = folder / "t.yaml"
    path.unlink(missing_ok=True)
    assert write_task(path, task)
    (read,) = load_tasks(path)
    return read


def test_every_field_of_a_task_is_read_back(tmp_path: Path) -> None:
    task = a_task(
        Example("a", "x", "because"),
        Example("b", "y", None, "demonstrate", "self-consistency", "m", (("topic", "no"), ("length", "1.0"))),
        Example("c", "x", "so", "augment", "person", "m"),
        family="f", labels=("x", "y"), anchors=(("it",), ("x", "ex")), no_label_instructions=("Which?",),
        inverse=("Back.",), mode="vary", allow_empty_outputs=False,
    )  # fmt: skip
    assert read_back(tmp_path, task) == task
    assert read_back(tmp_path, replace(task, inverse=(), labels=(), allow_empty_outputs=True)).allow_empty_outputs


@pytest.mark.parametrize("text", AWKWARD)
def test_awkward_text_is_read_back(tmp_path: Path, text: str) -> None:
    task = a_task(Example(text, text, text), Example("other", "y"), descriptions=(text,), labels=(text, "y"))
    assert read_back(tmp_path, task) == task


SIGNS = st.characters(exclude_categories=["Cs"]) | st.sampled_from(" \n\t\r\x85\u2028\ufeff'\"|>-:#~")


@given(st.lists(st.text(SIGNS).filter(str.strip), min_size=2, max_size=2))
def test_any_text_is_read_back(tmp_path_factory: pytest.TempPathFactory, texts: list[str]) -> None:
    folder = tmp_path_factory.mktemp("any")
    task = a_task(Example("a", texts[0]), Example("b", texts[1]), descriptions=tuple(texts))
    assert read_back(folder, task) == task


def test_gold_is_the_default_and_not_written() -> None:
    text = render_task(a_task(Example("a", "x"), Example("b", "y", mode="demonstrate", verified_by="gold")))
    assert text.count("mode:") == text.count("verified_by:") == 1
    assert "mode: gold" not in text


def test_text_of_several_lines_is_a_block_that_a_person_edits() -> None:
    assert "    input: |-\n" not in render_task(a_task(Example("one line", "x")))
    assert "input: |-\n      two\n      lines\n" in render_task(a_task(Example("two\nlines", "x")))


def test_a_made_task_may_have_one_example_and_a_written_one_may_not(tmp_path: Path) -> None:
    made = Example("a", "x", mode="vary", verified_by="judge", teacher="m")
    assert read_back(tmp_path, a_task(made, mode="vary")).examples == (made,)
    (tmp_path / "t.yaml").unlink()
    write_task(tmp_path / "t.yaml", a_task(made))
    with pytest.raises(DataError, match=r"t\.yaml:\d+: task 't': examples: 1 example; write at least 2"):
        load_tasks(tmp_path / "t.yaml")


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        (
            "{input: a, output: x, mode: demonstrated, verified_by: judge}",
            "mode: Input should be 'gold', 'demonstrate'",
        ),
        ("{input: a, output: x, mode: demonstrate}", "say in `verified_by`"),
    ],
)
def test_a_made_example_without_its_origin_is_refused(tmp_path: Path, row: str, fault: str) -> None:
    path = tmp_path / "t.yaml"
    path.write_text(f"- {{id: t, category: c, descriptions: [d], examples: [{row}, {{input: b, output: y}}]}}\n")
    with pytest.raises(DataError, match=fault):
        load_tasks(path)


def test_write_task_keeps_what_a_person_edited(tmp_path: Path) -> None:
    path, task = tmp_path / "tasks" / "t.yaml", a_task(Example("a", "x"), Example("b", "y"))
    assert write_task(path, task)
    assert write_task(path, replace(task, descriptions=("Other.",))), "an untouched file is written anew"
    edited = path.read_text().replace("Other.", "Mine.")
    path.write_text(edited)
    assert is_edited(path)
    assert not write_task(path, task)
    assert path.read_text() == edited
    path.write_text("# somebody's own file\n")
    assert not write_task(path, task)
