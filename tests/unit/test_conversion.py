"""Training sets made elsewhere: each format gives records, and what cannot be trained on is one line."""

import json
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest

from kshot.core.errors import DataError
from kshot.core.record_parts import read_record_parts
from kshot.models.loading import load_student
from kshot.train.conversion import read_outside_data
from kshot.train.data import IGNORED, tokenize_conversation
from kshot.train.rows.split import prepare_rows

CONVERSATION = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "first question"},
    {"role": "assistant", "content": "first answer"},
    {"role": "user", "content": "second question"},
    {"role": "assistant", "content": "second answer"},
]


def _write(path: Path, *rows: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.mark.parametrize(
    ("row", "name", "instruction", "output"),
    [
        ({"instruction": "Name it.", "input": "a thing", "output": "it"}, "alpaca", "Name it.\n\na thing", "it"),
        ({"instruction": "Name it.", "input": "", "output": "it"}, "alpaca", "Name it.", "it"),
        ({"instruction": "Name it.", "output": "it"}, "alpaca", "Name it.", "it"),
        ({"prompt": "Name it.", "completion": "it"}, "prompt_completion", "Name it.", "it"),
        ({"prompt": CONVERSATION[1:2], "completion": CONVERSATION[2:3]}, "prompt_completion", "first question",
         "first answer"),
        ({"messages": CONVERSATION[1:3]}, "messages", "first question", "first answer"),
        ({"instruction": "Name it.", "output": "it", "meta": {"k": 0}}, "records", "Name it.", "it"),
    ],
)  # fmt: skip
def test_a_format_is_known_by_its_keys(
    tmp_path: Path, row: dict[str, Any], name: str, instruction: str, output: str
) -> None:
    data = read_outside_data(_write(tmp_path / "a.jsonl", row, {**row, "source": "x"}))
    assert (data.format, data.unused, len(data.records)) == (name, ("source",), 2)
    assert (data.records[0]["instruction"], data.records[0]["output"]) == (instruction, output)


@pytest.mark.parametrize("name", ["a.csv", "a.parquet", "a.json"])
def test_every_form_of_file_gives_the_same_records(tmp_path: Path, name: str) -> None:
    rows = [{"instruction": "Name it.", "input": f"thing {n}", "output": f"it {n}"} for n in range(3)]
    path = tmp_path / name
    if name == "a.csv":
        path.write_text("instruction,input,output\n" + "".join(",".join(row.values()) + "\n" for row in rows))
    elif name == "a.parquet":
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), path)
    else:
        path.write_text(json.dumps(rows))
    assert read_outside_data(path).records == read_outside_data(_write(tmp_path / "a.jsonl", *rows)).records


def test_messages_in_parquet_and_in_a_cell_of_csv_are_turns(tmp_path: Path) -> None:
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist([{"messages": CONVERSATION}]), tmp_path / "a.parquet")
    cell = json.dumps(CONVERSATION).replace('"', '""')
    (tmp_path / "a.csv").write_text(f'messages,id\n"{cell}",7\n')
    expected = read_outside_data(_write(tmp_path / "a.jsonl", {"messages": CONVERSATION})).records
    assert read_outside_data(tmp_path / "a.parquet").records == expected
    assert read_outside_data(tmp_path / "a.csv").records == expected


def test_a_conversation_keeps_its_turns_and_shows_readers_of_records_all_its_text(tmp_path: Path) -> None:
    (record,) = read_outside_data(_write(tmp_path / "a.jsonl", {"messages": CONVERSATION})).records
    parts = read_record_parts(record)
    assert parts.instruction == "Be brief."
    assert parts.pairs == (("first question", "first answer"), ("second question", "second answer"))


@pytest.mark.parametrize(
    ("row", "targets", "learnt"),
    [
        ({"messages": CONVERSATION}, True, ["first answer", "second answer"]),
        ({"messages": CONVERSATION}, False, ["second answer"]),
        ({"prompt": CONVERSATION[:4], "completion": CONVERSATION[4:]}, True, ["second answer"]),
        ({"prompt": CONVERSATION[:2], "completion": CONVERSATION[2:]}, True, ["first answer", "second answer"]),
    ],
)
def test_loss_is_on_the_answers_that_are_learnt(
    tmp_path: Path, tiny_student: Path, row: dict[str, Any], targets: bool, learnt: list[str]
) -> None:
    (record,) = read_outside_data(_write(tmp_path / "a.jsonl", row)).records
    _, tokenizer = load_student(str(tiny_student))
    rows = tokenize_conversation(record, tokenizer, targets)
    labelled = [tokenizer.decode([label for label in row.labels if label != IGNORED]) for row in rows]
    assert [text.split(tokenizer.eos_token)[0] for text in labelled] == learnt
    whole = tokenizer.decode(rows[-1].input_ids)
    assert "Be brief." in whole
    assert "first answer" in whole


def test_the_answers_of_a_conversation_stay_on_one_side_of_the_validation_slice(
    tmp_path: Path, tiny_student: Path
) -> None:
    rows = [
        {"messages": [{**turn, "content": f"{turn['content']} {n}"} for turn in CONVERSATION[1:]]} for n in range(10)
    ]
    records = read_outside_data(_write(tmp_path / "a.jsonl", *rows)).records
    _, tokenizer = load_student(str(tiny_student))
    split = prepare_rows(records, tokenizer, 400, 0.3, 1, targets=True)
    assert (len(split.train), len(split.validation)) == (14, 3)
    numbers = [
        {tokenizer.decode(row.input_ids).rstrip()[-len("0<|im_end|>")] for row in part}
        for part in (split.train, split.validation)
    ]
    assert not numbers[0] & numbers[1]


GOOD = {"instruction": "a", "input": "b", "output": "c"}


@pytest.mark.parametrize(
    ("row", "error"),
    [
        (
            {"question": "a", "answer": "b"},
            ":2: no format of training data has the keys 'question', 'answer'; expected",
        ),
        ({"conversations": []}, ":2: .*rename `conversations` to `messages`"),
        ({"prompt": "a", "chosen": "b", "rejected": "c"}, ":2: .*pairs of answers are not trained on"),
        ({"prompt": "a", "completion": "b"}, ":2: prompt_completion, and the rows before are alpaca"),
        ({"instruction": "a", "input": "b", "output": " "}, ":2: 'output' must be a text that is not empty"),
        ({"instruction": "a", "input": 5, "output": "b"}, ":2: 'input' must be a text"),
    ],
)
def test_an_unknown_or_mixed_file_is_one_line_with_its_row(tmp_path: Path, row: dict[str, Any], error: str) -> None:
    with pytest.raises(DataError, match=error) as raised:
        read_outside_data(_write(tmp_path / "a.jsonl", GOOD, row))
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("messages", "error"),
    [
        ("text", "'messages' must be a list of turns"),
        ([], "'messages' must be a list of turns"),
        (CONVERSATION[:4], "the turns are system, user, assistant, user; .* the assistant is last"),
        (CONVERSATION[2:3], "the turns are assistant;"),
        ([CONVERSATION[0], CONVERSATION[2]], "the turns are system, assistant"),
        ([CONVERSATION[1], CONVERSATION[1], CONVERSATION[2]], "user and assistant alternate"),
        ([CONVERSATION[1], {"role": "tool", "content": "x"}], "messages.1: the role 'tool' is not supported"),
        ([CONVERSATION[1], {"role": "assistant", "content": None}], "messages.1: `content` must be a text"),
        ([CONVERSATION[1], {**CONVERSATION[2], "weight": 0}], "messages.1: 'weight' is not supported"),
        (["hello"], "messages.0: expected an object"),
    ],
)
def test_turns_that_cannot_be_trained_on_are_one_line(tmp_path: Path, messages: Any, error: str) -> None:
    with pytest.raises(DataError, match=f"a.jsonl:1: .*{error}|a.jsonl:1: {error}"):
        read_outside_data(_write(tmp_path / "a.jsonl", {"messages": messages}))


@pytest.mark.parametrize(("name", "content"), [("none.jsonl", None), ("a.jsonl", ""), ("a.txtx", "x")])
def test_a_missing_empty_or_unknown_file_is_one_line(tmp_path: Path, name: str, content: str | None) -> None:
    if content is not None:
        (tmp_path / name).write_text(content)
    with pytest.raises(DataError, match=name):
        read_outside_data(tmp_path / name)
