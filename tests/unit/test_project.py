"""`kshot init`: columns, kinds, the split, and the project that comes of it."""

import json
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from kshot.cli.app import app, guarded
from kshot.config.loader import load_config
from kshot.core.errors import DataError, KshotError
from kshot.generate.curation.decontaminate import Decontaminator
from kshot.generate.sources import load_sources
from kshot.generate.stage import cache_key
from kshot.project.columns import choose_columns
from kshot.project.examples import LabelledRow, read_examples, survey_examples
from kshot.project.split import drop_near_duplicates, group_near_duplicates
from kshot.project.split import split_rows as split_groups
from kshot.project.tables import ExampleTable, TableRow
from kshot.project.write import default_instruction
from kshot.suites.loading import load_suite
from kshot.tasks.reader import load_tasks


def _table(*rows: dict[str, str]) -> ExampleTable:
    return ExampleTable("t.csv", tuple(rows[0]), tuple(TableRow(f"t.csv:{n}", row) for n, row in enumerate(rows, 2)))


def _rows(*pairs: tuple[str, str]) -> list[LabelledRow]:
    return [LabelledRow(f"t.csv:{n}", text, output) for n, (text, output) in enumerate(pairs, 2)]


@pytest.mark.parametrize(
    ("columns", "guess"),
    [
        (("text", "label"), ("text", "label", True)),
        (("id", "Message", "Category"), ("Message", "Category", True)),
        (("q", "a"), ("q", "a", True)),
        (("customer_question", "final_answer"), ("customer_question", "final_answer", True)),
        (("id", "left", "right"), ("left", "right", True)),
        (("text", "label", "category"), ("text", "label", False)),
        (("评论", "标签"), ("评论", "标签", True)),
    ],
)
def test_columns_are_guessed_by_name_and_content(columns: tuple[str, ...], guess: tuple[str, str, bool]) -> None:
    cells = [f"{'long words here ' * (3 if n else 1)}{n}" for n in range(len(columns))]
    if columns[0] in {"text", "q", "customer_question", "评论"}:
        cells = cells[::-1]
    if columns[0] == "id":
        cells[0] = "1"
        cells[1] = "the longest of all the cells " * 4
    found = choose_columns(_table(dict(zip(columns, cells, strict=True))), None, None)
    assert (found.input, *found.outputs, found.is_sure) == guess


def test_named_columns_are_taken_or_refused() -> None:
    table = _table({"a": "x y z", "b": "1", "c": "2"})
    assert choose_columns(table, "a", ["c"]).is_sure
    with pytest.raises(DataError, match=r"no column 'd' \(--input\); it has 'a', 'b', 'c'"):
        choose_columns(table, "d", None)
    with pytest.raises(DataError, match="name each column once"):
        choose_columns(table, "a", ["a"])
    with pytest.raises(DataError, match="1 column with content"):
        choose_columns(_table({"a": "x", "b": ""}), None, None)


def split_rows(
    rows: list[LabelledRow], labels: tuple[str, ...], fraction: float, seed: int
) -> tuple[list[LabelledRow], list[LabelledRow]]:
    return split_groups(rows, labels, fraction, seed, group_near_duplicates(rows))


LABELLED = [(f"{word} number {n} of the {word} things", word) for word in ("apple", "pear", "plum") for n in range(6)]


@pytest.mark.parametrize(
    ("pairs", "kind", "labels"),
    [
        (LABELLED, "classification", ("apple", "pear", "plum")),
        ([(f"text {n}", json.dumps({"city": n})) for n in range(8)], "extraction", ()),
        ([(f"text {n}", f"a summary of text {n}") for n in range(8)], "text", ()),
        ([(f"text {n}", f"answer {n % 200}") for n in range(400)], "text", ()),
        ([(f"text {n}", json.dumps([{"city": n}] * (n % 3))) for n in range(8)], "extraction", ()),
    ],
)
def test_kind_is_found_by_the_outputs(pairs: list[tuple[str, str]], kind: str, labels: tuple[str, ...]) -> None:
    survey = survey_examples(_rows(*pairs))
    assert (survey.kind, survey.labels) == (kind, labels)


@pytest.mark.parametrize(
    ("outputs", "error"),
    [
        (["Spam", "spam", "ham"] * 3, "t.csv:3: labels 'spam' and 'Spam' .t.csv:2. are one answer"),
        (["not  spam", "not spam", "spam"] * 3, "'not spam' and 'not  spam' .* are one answer"),
        (["1", "0", "1.0"] * 3, "'1.0' and '1' .* are one answer"),
        (["same"] * 6, "all 6 rows have the output 'same'"),
        (['{"a": 1}'] * 5 + ['{"a": 1'], "t.csv:7: .* is no JSON object, as the output of 1 of 6 rows"),
    ],
)
def test_outputs_that_make_no_task_are_refused(outputs: list[str], error: str) -> None:
    with pytest.raises(DataError, match=error):
        survey_examples(_rows(*((f"t {n}", output) for n, output in enumerate(outputs))))


def test_two_labels_of_an_input_are_refused_with_both_places_and_repeats_are_dropped() -> None:
    rows = [{"t": f"text {n}", "l": "ab"[n % 2]} for n in range(4)]
    examples = read_examples(_table(*rows, rows[0], {"t": "", "l": "a"}), "t", ["l"])
    assert (len(examples.rows), examples.repeats, examples.empty) == (4, ("t.csv:6",), ("t.csv:7",))
    with pytest.raises(DataError, match=r"^t.csv:6: the output 'b', and 'a' at t.csv:2, for one input, 'text 0'"):
        read_examples(_table(*rows, {"t": "text 0", "l": "b"}), "t", ["l"])
    with pytest.raises(DataError, match=r"^t.csv:6: 2 right outputs, 'a' and 'b'; a label"):
        read_examples(_table(*rows, {"t": "text 9", "l": '["a", "b"]'}), "t", ["l"])
    with pytest.raises(DataError, match="1 different input in 't' with an output in 'l'"):
        read_examples(_table({"t": "only one", "l": "a"}), "t", ["l"])


def test_open_answers_may_be_several() -> None:
    rows = [{"q": f"question {n}", "a": f"the answer {n}", "b": ""} for n in range(4)]
    several = [
        {"q": "of a list", "a": '["Paris", "City of Paris", "paris"]', "b": ""},
        {"q": "of two columns", "a": "Paris", "b": "City of Paris"},
        {"q": "of two rows", "a": "Paris", "b": ""},
        {"q": "of two rows", "a": "City of Paris", "b": ""},
    ]
    examples = read_examples(_table(*rows, *several), "q", ["a", "b"])
    assert examples.survey.kind == "text"
    assert [row.outputs for row in examples.rows[4:]] == [["Paris", "City of Paris"]] * 3
    objects = [{"q": f"text {n}", "a": json.dumps([{"city": n}])} for n in range(4)]
    assert read_examples(_table(*objects), "q", ["a"]).rows[0].outputs == ['[{"city": 0}]']


@given(st.integers(2, 6), st.integers(1, 12), st.floats(0.1, 0.6), st.integers(0, 5))
def test_split_is_stratified_and_keeps_a_training_row_of_each_label(
    labels: int, per_label: int, fraction: float, seed: int
) -> None:
    names = tuple(f"label{n}" for n in range(labels))
    rows = _rows(
        *((f"{'abcdefgh'[i % 8] * 3} {i} {name * 2} {i * 7}", name) for name in names for i in range(per_label))
    )
    train, test = split_rows(rows, names, fraction, seed)
    assert sorted(row.place for row in (*train, *test)) == sorted(row.place for row in rows)
    assert set(Counter(row.output for row in train)) == set(names)
    counts = Counter(row.output for row in test)
    assert max(counts.values(), default=0) - min((counts[name] for name in names), default=0) <= 1
    assert split_rows(rows, names, fraction, seed) == (train, test)


def test_near_duplicates_stay_on_one_side() -> None:
    pairs = [(f"where is my parcel with the code {'xyzuvw'[n]}", "a") for n in range(6)] + [("quite another text", "a")]
    train, test = split_rows(_rows(*pairs), (), 0.5, 1)
    parcels = [{"parcel" in row.input for row in side} for side in (train, test)]
    assert {True} in parcels or {True, False} in parcels
    assert sum("parcel" in row.input for row in train) in {0, 6}


def test_numbers_make_inputs_different() -> None:
    rows = _rows(("age over 30 years here", "a"), ("age over 50 years here", "b"), ("other", "a"), ("more text", "b"))
    assert len(drop_near_duplicates(rows[1:], rows[:1])) == 3
    with pytest.raises(DataError, match="do not repeat a held-out one"):
        drop_near_duplicates(rows[:2], rows[:2])


def _init(folder: Path, *options: str) -> tuple[int, str]:
    source = folder / "fruit.csv"
    source.write_text("text,label\n" + "".join(f"{text},{label}\n" for text, label in LABELLED))
    result = CliRunner().invoke(app, ["init", str(folder / "Fruit Desk"), "--from", str(source), *options])
    return result.exit_code, result.output + (str(result.exception) if result.exception else "")


def test_init_writes_a_project_that_loads(tmp_path: Path) -> None:
    code, output = _init(tmp_path, "--instruction", "Which fruit is it?")
    assert code == 0, output
    folder = tmp_path / "Fruit Desk"
    assert "18 examples from 18 rows" in output
    assert "3 labels: apple 6, pear 6, plum 6" in output
    assert "language is probably 'en'" in output
    assert "fewer than 30 items show large gains only" in output
    config = load_config(folder / "fruit_desk.yaml")
    (task,) = load_tasks(config.generate.tasks[0])
    suite = load_suite(config.evaluate.suites[0])
    (held_out,) = suite.tasks
    assert (len(task.examples), len(held_out.items)) == (12, 6)
    assert task.labels == ("apple", "pear", "plum")
    assert task.descriptions == ("Which fruit is it?",)
    assert not {example.input for example in task.examples} & {row.input for row in held_out.items}
    decontaminator = Decontaminator([suite])
    assert all(decontaminator.match([example.input]) is None for example in task.examples), "its demonstrations train"
    assert decontaminator.find_similar_instruction("Which fruit is it?") is None
    assert all(decontaminator.match([row.input]) for row in held_out.items)


def test_init_takes_held_out_rows_and_a_teacher(tmp_path: Path) -> None:
    test = tmp_path / "test.csv"
    test.write_text(
        "text,label\n" + "".join(f"a fresh {word} {n} in the box,{word}\n" for word in ("apple", "plum") for n in "12")
    )
    code, output = _init(tmp_path, "--test", str(test), "--teacher", "openai", "--model", "m")
    assert code == 0, output
    config = load_config(tmp_path / "Fruit Desk" / "fruit_desk.yaml")
    assert config.generate.teacher is not None
    assert config.generate.synthesis.demonstrate.per_task == 45
    assert "18 rows train, 4 are held out" in output


@pytest.mark.parametrize(
    ("options", "error"),
    [
        (["--input", "nope"], "no column 'nope'"),
        (["--teacher", "openai"], "--teacher and --model belong together"),
    ],
)
def test_init_refuses_in_one_line_and_writes_nothing(tmp_path: Path, options: list[str], error: str) -> None:
    code, output = _init(tmp_path, *options)
    assert code != 0
    assert error in output
    assert not (tmp_path / "Fruit Desk").exists()


def test_init_asks_for_columns_that_it_cannot_guess(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "a.csv"
    source.write_text("text,label,category\n" + "".join(f"text {n} and more,a{n % 2},b{n % 3}\n" for n in range(12)))
    command = lambda: app(["init", str(tmp_path / "x"), "--from", str(source)], standalone_mode=False)  # noqa: E731
    assert guarded(command) == 2
    assert "Perhaps --input 'text' --output 'label'; say so" in "".join(capsys.readouterr())


def test_default_instruction_names_the_keys_of_json_outputs() -> None:
    pairs = [(f"text {n}", json.dumps({"city": n} | ({"date": n} if n % 2 else {}))) for n in range(8)]
    survey = survey_examples(_rows(*pairs))
    assert survey.keys == ("city", "date")
    assert "Keys: city, date;" in default_instruction(survey)


def test_a_config_names_a_table_as_a_task(tmp_path: Path) -> None:
    (tmp_path / "Fruit Rows.csv").write_text("t,l\n" + "".join(f"{text},{label}\n" for text, label in LABELLED))
    config = tmp_path / "c.yaml"
    table = "{file: Fruit Rows.csv, instruction: 'Which fruit?'}"
    config.write_text(f"generate: {{teacher: null, families: none, tasks: [{table}]}}\n")
    settings = load_config(config).generate
    sources, (task,) = load_sources(settings, 1)
    assert sources == []
    assert (task.id, task.labels, len(task.examples)) == ("fruit_rows", ("apple", "pear", "plum"), 18)
    assert task.descriptions == ("Which fruit?",)
    assert settings.task_files == [tmp_path / "Fruit Rows.csv"]
    before = cache_key(load_config(config))
    with (tmp_path / "Fruit Rows.csv").open("a") as file:
        file.write("one more fruit,apple\n")
    assert cache_key(load_config(config)) != before


@pytest.mark.parametrize(
    ("entry", "error"),
    [
        ("{file: none.csv}", "none.csv: no such file"),
        ("{file: a.csv, input: x}", "no column 'x'"),
        ("{file: a.csv, colour: x}", "colour: unknown key; known here: file, input, output, instruction, id"),
    ],
)
def test_an_unusable_table_of_a_config_is_one_line(tmp_path: Path, entry: str, error: str) -> None:
    (tmp_path / "a.csv").write_text("t,l\n" + "".join(f"{text},{label}\n" for text, label in LABELLED))
    (tmp_path / "c.yaml").write_text(f"generate: {{teacher: null, tasks: [{entry}]}}\n")
    with pytest.raises(KshotError, match=error):
        load_sources(load_config(tmp_path / "c.yaml").generate, 1)
