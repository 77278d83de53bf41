"""Files of example-based tasks: the shipped ones are whole, broken ones are named."""

from collections import Counter
from pathlib import Path

import orjson
import pytest

from kshot.config import Config, GenerateConfig, SynthesisConfig
from kshot.core.errors import DataError
from kshot.core.seeding import stream
from kshot.generate.synthesis.pipeline import synthesize
from kshot.tasks.reader import load_tasks
from kshot.tasks.writer import task_fields
from tests.unit.composing import NOTHING, SEEDS


@pytest.mark.parametrize("path", sorted(SEEDS.glob("*.yaml")), ids=lambda path: path.stem)
def test_shipped_tasks_are_whole(path: Path) -> None:
    """Every label stands in every description, every anchor too; inputs are distinct; no task has one answer only."""
    for task in load_tasks(path):
        assert len({example.input for example in task.examples}) == len(task.examples), task.id
        assert len({example.output for example in task.examples}) > 1, task.id
        for text in task.descriptions:
            assert all(label in text for label in task.labels), (task.id, text)
            words = text.lower()
            assert all(any(word.lower() in words for word in group) for group in task.anchors), (task.id, text)
        counts = Counter(example.output for example in task.examples)
        assert not task.labels or max(counts.values()) - min(counts.values()) <= 1, task.id


def test_inverse_instructions_become_a_task_from_output_to_input() -> None:
    """Its wordings become a task from output to input."""
    (given,) = [task for task in load_tasks(SEEDS / "writing.yaml") if task.id == "from_german"]
    assert given.inverse == ("Translate the words into German.", "Say this in German.")
    result = synthesize(
        Config(generate=GenerateConfig(tasks=[SEEDS / "writing.yaml"], teacher=None)),
        SynthesisConfig(),
        NOTHING,
        Path(),
    )
    (made,) = [source for source in result.sources if source.id == "from_german_inverse"]
    assert made.sample_examples(stream(1), {}, 1, ["ein Glas Milch"])[0].input == "a glass of milk"


def test_load_tasks_names_an_output_that_is_no_label(tmp_path: Path) -> None:
    path = tmp_path / "t.yaml"
    path.write_text(
        "- {id: t, category: c, descriptions: [x], labels: ['yes', 'no'],\n"
        "   examples: [{input: a, output: 'yes'}, {input: b, output: maybe}]}\n"
    )
    with pytest.raises(DataError, match=r"t\.yaml:2: task 't': the output 'maybe' is none of its labels"):
        load_tasks(path)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "no task in it"),
        ("- {id: a, category: c, descriptions: [d]}", "examples"),
        ("- {id: A b, category: c, descriptions: [d], examples: [{input: x, output: y}, {input: z, output: y}]}", "id"),
        ("- [", "not YAML"),
        (
            "- {id: a, category: c, descriptions: [' '], examples: [{input: x, output: y}, {input: z, output: y}]}",
            "task 'a': descriptions.0: the text is blank",
        ),
        (
            "- {id: a, category: c, descriptions: [d], examples: [{input: x, output: y}, {input: z, output: ' '}]}",
            "task 'a': examples.1.output: the text is blank",
        ),
    ],
)
def test_load_tasks_names_a_broken_file(tmp_path: Path, text: str, fault: str) -> None:
    path = tmp_path / "t.yaml"
    path.write_text(text)
    with pytest.raises(DataError, match=rf"t\.yaml.*{fault}"):
        load_tasks(path)


TASK = """- id: t
  category: c
  descriptions: ["Is it naïve?"]
  labels: [yes, no]
  examples:
  - {input: 2024-01-01, output: yes}
  - {input: 007, output: no, rationale: ~}
"""


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_load_tasks_reads_files_of_any_editor_as_they_are_written(tmp_path: Path, encoding: str, end: str) -> None:
    path = tmp_path / "t.yaml"
    path.write_bytes(TASK.replace("\n", end).encode(encoding))
    (task,) = load_tasks(path)
    assert task.descriptions == ("Is it naïve?",)
    assert task.labels == ("yes", "no")
    pairs = [(example.input, example.output, example.rationale) for example in task.examples]
    assert pairs == [("2024-01-01", "yes", None), ("007", "no", None)]


def test_load_tasks_names_the_line_of_a_null_and_of_another_encoding(tmp_path: Path) -> None:
    path = tmp_path / "t.yaml"
    path.write_text(TASK.replace("output: no", "output: null"))
    with pytest.raises(DataError, match=r"t\.yaml:7: .*output: expected text, found null; put it in quotes"):
        load_tasks(path)
    path.write_bytes(TASK.encode("latin-1"))
    with pytest.raises(DataError, match=r"t\.yaml:3: byte 0xEF is not UTF-8 .*save it as UTF-8"):
        load_tasks(path)


def write_task(path: Path, examples: str, more: str = "") -> Path:
    path.write_text(f"- id: t\n  category: c\n  descriptions: [x]\n{more}  examples:\n{examples}")
    return path


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("{input: a, output: b}", "{input: a, output: d}"),
        ("{input: café, output: b}", "{input: ' cafe\u0301', output: B}"),
    ],
)
def test_load_tasks_names_both_outputs_of_one_input(tmp_path: Path, one: str, other: str) -> None:
    path = write_task(tmp_path / "t.yaml", f"  - {one}\n  - {{input: z, output: b}}\n  - {other}\n")
    expected = (
        r"t\.yaml:7: task 't': examples\.2 has the output '[dB]' and examples\.0 \(.*t\.yaml:5\) 'b' for one input"
    )
    with pytest.raises(DataError, match=expected):
        load_tasks(path)


def test_load_tasks_takes_one_example_twice_and_inputs_that_differ_in_case_or_space(tmp_path: Path) -> None:
    rows = [("a b", "1"), ("a  b", "2"), ("Polish", "x"), ("polish", "y"), ("same", "z"), ("same", "z")]
    path = write_task(tmp_path / "t.yaml", "".join(f"  - {{input: '{i}', output: {o}}}\n" for i, o in rows))
    assert len(load_tasks(path)[0].examples) == len(rows)


@pytest.mark.parametrize(
    "labels", ["Spam, ham, spam", "yes, no, Yes", "ham, eggs, 'Ham.'", "a, b, a", "é, b, 'e\u0301'"]
)
def test_load_tasks_refuses_labels_that_are_one_answer_and_names_both(tmp_path: Path, labels: str) -> None:
    label = labels.split(",")[0]
    examples = f"  - {{input: x, output: {label}}}\n  - {{input: y, output: {label}}}\n"
    path = write_task(tmp_path / "t.yaml", examples, f"  labels: [{labels}]\n")
    with pytest.raises(
        DataError, match=r"t\.yaml:4: task 't': labels\.2 .* and labels\.0 .*t\.yaml:4\) are one answer"
    ):
        load_tasks(path)


def test_empty_outputs_are_taken_where_the_task_allows_them(tmp_path: Path) -> None:
    examples = '  - {input: "", output: ""}\n  - {input: y, output: z}\n'.replace('input: ""', "input: x")
    path = write_task(tmp_path / "t.yaml", examples)
    with pytest.raises(DataError, match=r"t\.yaml:5: .*the text is blank; .*`allow_empty_outputs: true`"):
        load_tasks(path)
    write_task(path, examples, "  allow_empty_outputs: true\n")
    assert [example.output for example in load_tasks(path)[0].examples] == ["", "z"]
    write_task(path, examples, "  allow_empty_outputs: true\n  inverse: [back]\n")
    with pytest.raises(DataError, match="no input for `inverse`"):
        load_tasks(path)


def test_load_tasks_refuses_a_key_that_stands_twice(tmp_path: Path) -> None:
    path = write_task(tmp_path / "t.yaml", "  - {input: a, output: b}\n  - {input: c, output: d}\n", "  category: x\n")
    with pytest.raises(DataError, match=r"t\.yaml:4: the key 'category' stands in line 2 too; keep one"):
        load_tasks(path)


def test_jsonl_holds_a_task_a_line(tmp_path: Path) -> None:
    example = {"input": "an ant\nof 2 mm", "output": "small", "mode": "invent", "verified_by": "judge", "teacher": "t"}
    labels = ["big", "small"]
    words = ["Say big or small."]
    task = {
        "id": "sizes",
        "category": "c",
        "mode": "invent",
        "labels": labels,
        "descriptions": words,
        "examples": [example],
    }
    path = tmp_path / "tasks.jsonl"
    path.write_bytes(orjson.dumps(task) + b"\n" + orjson.dumps({**task, "id": "other"}) + b"\n")
    first, second = load_tasks(path)
    assert (first.id, second.id, first.examples[0].input, first.labels) == (
        "sizes",
        "other",
        "an ant\nof 2 mm",
        ("big", "small"),
    )
    assert orjson.loads(orjson.dumps(task_fields(first))) == task
    wrong = {**task, "examples": [{**example, "output": "huge"}]}
    path.write_bytes(orjson.dumps(task) + b"\n" + orjson.dumps(wrong) + b"\n")
    with pytest.raises(DataError, match=r"tasks\.jsonl:2: task 'sizes': the output 'huge' is none of its labels"):
        load_tasks(path)
    path.write_bytes(orjson.dumps({**task, "examples": []}) + b"\n")
    with pytest.raises(DataError, match=r"tasks\.jsonl:1: task 'sizes': examples: "):
        load_tasks(path)
    path.write_bytes(b"")
    with pytest.raises(DataError, match="no task in it"):
        load_tasks(path)
