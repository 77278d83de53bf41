"""`kshot init` with tables as strangers have them: each works up to a data set, or is refused in one line."""

import json
import zipfile
from pathlib import Path

import pytest

from kshot.cli.app import app, guarded
from kshot.config.loader import load_config
from kshot.core.runs import Run
from kshot.core.seeding import stream
from kshot.evaluate.measure.plan import load_suites
from kshot.generate.stage import dry_run
from kshot.project.examples import LabelledRow
from kshot.project.split import draw_rows, group_near_duplicates
from kshot.project.write import Project, estimate_tokens
from tests.unit.test_table_suites import WORDS

TEXTS = [" ".join(WORDS[(n * step + step) % len(WORDS)] for step in (1, 5, 7, 11, 13)) + f" {n}" for n in range(24)]


def _csv(*labels: str, head: str = "text,label", lead: str = "") -> str:
    rows = [f"{lead}{text},{labels[n % len(labels)]}" for n, text in enumerate(TEXTS)]
    return "\n".join([*([head] if head else []), *rows]) + "\n"


WORKS = {
    "no header": (_csv("a", "b", head=""), "2 labels: a 12, b 12"),
    "no header, questions": (
        "".join(f"What is {text.split()[0]} {n}?,it {n}\n" for n, text in enumerate(TEXTS)), "24 examples from 24 rows"
    ),
    "an index without a name": (
        ",text,label\n" + "".join(f"{n},{text},{'ab'[n % 2]}\n" for n, text in enumerate(TEXTS)), "input 'text', output"
    ),
    "an index of pandas": (
        "Unnamed: 0,q,a\n" + "".join(f"{n},{text},{'cd'[n % 2]}\n" for n, text in enumerate(TEXTS)),
        "input 'q', output 'a'",
    ),
    "empty cells": (_csv("a", "b") + ",a\nno label,\n , \n\n", "2 rows left out, with an empty cell: "),
    "the same row twice": (_csv("a", "b") + f"{TEXTS[0]},a\n", "1 row of an input that stands above"),
    "true and false": (_csv("true", "false"), "2 labels: false 12, true 12"),
    "dates": (_csv("2024-01-01", "2024-02-01"), "2 labels: 2024-01-01 12"),
    "null": (_csv("null", "~"), "2 labels: null 12"),
    "signs of YAML and templates": (_csv("{a}", "*b", lead="- x: #"), "2 labels: *b 12, {a} 12"),
    "emoji": (_csv("😀", "😡"), "2 labels: 😀 12, 😡 12"),
    "from right to left": (_csv("إيجابي", "سلبي"), "2 labels:"),
    "Chinese": (_csv("好", "坏", head="评论,标签"), "input '评论', output '标签'"),
    "as many labels as rows": (_csv(*(f"l{n}" for n in range(24))), "if the outputs are labels, give 2 rows of each"),
    "an empty JSON object": (
        "text,answer\n"
        + "".join(f'{text},"{{}}"\n' if n % 2 else f'{text},"{{""a"": {n}}}"\n' for n, text in enumerate(TEXTS)),
        "outputs are JSON with the keys a",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WORKS)
def test_an_odd_table_becomes_a_project_that_generates(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content, fact = WORKS[name]
    (tmp_path / "t.csv").write_text(content)
    app(["init", str(tmp_path / "own"), "--from", str(tmp_path / "t.csv")], standalone_mode=False)
    assert fact in capsys.readouterr().out
    config = load_config(tmp_path / "own" / "own.yaml")
    dry_run(config, Run(tmp_path / "runs" / "own"))
    (suite,) = load_suites(config.evaluate, [])
    assert suite.tasks[0].items


REFUSED = {
    "one row": ("text,label\na,b\n", "t.csv: 1 different input in 'text' with an output in 'label'; at least 4"),
    "one label": (_csv("x"), "t.csv:2: all 24 rows have the output 'x'"),
    "labels by case": (_csv("Lost", "lost", "late"), "t.csv:3: labels 'lost' and 'Lost' "),
    "numbers by form": (_csv("1", "0", "1.0"), "t.csv:4: labels '1.0' and '1' "),
    "a column twice": (_csv("a,b", "b,a", head="text,label,label"), "t.csv:1: the column 'label' stands twice"),
    "every input the same": ("text,label\n" + "same,a\nsame,a\n" * 9, "t.csv: 1 different input in"),
    "two labels of an input": (_csv("a", "b") + f"{TEXTS[0]},b\n", "t.csv:26: the output 'b', and 'a' at "),
    "an open quotation mark": ('text,label\n"a b,c\nd,e\n', "t.csv:2: unexpected end of data"),
    "broken JSON among objects": (
        "text,answer\n" + "".join(f'{text},"{{""a"": {n}{"" if n == 7 else "}"}"\n' for n, text in enumerate(TEXTS)),
        "t.csv:9: ",
    ),
    "near-duplicates only": (
        "text,label\n"
        + "".join(f"this is nearly the very same text {c},{'ab'[n % 2]}\n" for n, c in enumerate("stuvwxyz")),
        "no row can be held out",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_an_odd_table_is_refused_in_one_line(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    content, error = REFUSED[name]
    (tmp_path / "t.csv").write_text(content)
    command = ["init", str(tmp_path / "own"), "--from", str(tmp_path / "t.csv")]
    assert guarded(lambda: app(command, standalone_mode=False)) == 2
    printed = capsys.readouterr().err
    assert error in printed.replace(f"{tmp_path}/", "")
    assert printed.count("\n") == 1
    assert not (tmp_path / "own").exists()


def _write_workbook(path: Path, sheets: dict[str, str]) -> None:
    """A workbook of these sheets, each the XML of its rows."""
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006/relationships"
    names = "".join(f'<sheet name="{name}" sheetId="{n}" r:id="r{n}"/>' for n, name in enumerate(sheets, 1))
    links = "".join(
        f'<Relationship Id="r{n}" Type="{office}/worksheet" Target="worksheets/s{n}.xml"/>'
        for n in range(1, len(sheets) + 1)
    )
    root = f'<Relationship Id="r1" Type="{office}/officeDocument" Target="xl/workbook.xml"/>'
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("_rels/.rels", f'<Relationships xmlns="{package}">{root}</Relationships>')
        archive.writestr(
            "xl/workbook.xml", f'<workbook xmlns="{main}" xmlns:r="{office}"><sheets>{names}</sheets></workbook>'
        )
        archive.writestr("xl/_rels/workbook.xml.rels", f'<Relationships xmlns="{package}">{links}</Relationships>')
        for number, rows in enumerate(sheets.values(), 1):
            archive.writestr(
                f"xl/worksheets/s{number}.xml", f'<worksheet xmlns="{main}"><sheetData>{rows}</sheetData></worksheet>'
            )


def test_a_workbook_with_empty_rows_formulas_and_a_second_sheet_is_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def row(number: int, *cells: str) -> str:
        shown = "".join(
            f'<c r="{column}{number}" t="str"><f>T("x")</f><v>{cell}</v></c>'
            for column, cell in zip("BC", cells, strict=True) if cell
        )  # fmt: skip
        return f'<row r="{number}">{shown}</row>'

    # Of merged cells only the first one holds the value.
    rows = [
        row(3, "text", "label"),
        *(row(n + 4, text, "ab"[n % 2]) for n, text in enumerate(TEXTS)),
        row(99, "x y", ""),
    ]
    _write_workbook(tmp_path / "t.xlsx", {"empty": "", "first": "".join(rows), "notes": row(1, "a", "b")})
    app(["init", str(tmp_path / "own"), "--from", str(tmp_path / "t.xlsx")], standalone_mode=False)
    said = capsys.readouterr().out
    assert "2 labels: a 12, b 12" in said
    assert "the sheet 'first' is read; not read: 'notes'" in said
    assert "1 row left out, with an empty cell" in said


def test_held_out_rows_with_a_label_of_no_example_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "t.csv").write_text(_csv("a", "b"))
    (tmp_path / "test.csv").write_text(
        "text,label\n" + "".join(f"quite other words {n},{'abc'[n % 3]}\n" for n in range(6))
    )
    command = ["init", str(tmp_path / "own"), "--from", str(tmp_path / "t.csv"), "--test", str(tmp_path / "test.csv")]
    assert guarded(lambda: app(command, standalone_mode=False)) == 2
    assert "test.csv:4: no example has the label 'c' (2 such rows)" in capsys.readouterr().err


def test_several_output_columns_are_named_by_repeating_the_option(tmp_path: Path) -> None:
    rows = [f"{text},{text.split()[0]} {n},the {text.split()[0]}" for n, text in enumerate(TEXTS)]
    (tmp_path / "t.csv").write_text("q,a,b\n" + "\n".join(rows) + "\n")
    command = ["init", str(tmp_path / "own"), "--from", str(tmp_path / "t.csv"), "--output", "a", "--output", "b"]
    app(command, standalone_mode=False)
    lines = (tmp_path / "own" / "suite" / "own.jsonl").read_text().splitlines()
    assert all(len(json.loads(line)["output"]) == 2 for line in lines)


def test_near_duplicates_of_long_texts_are_found_among_many() -> None:
    long = [" ".join(stream(n, "words").choices(WORDS, k=60)) for n in range(60)]
    near = long[7].replace(WORDS[3], "elsewhere", 1)
    rows = [LabelledRow(f"t.csv:{n}", text, "x") for n, text in enumerate([*long, near])]
    assert [group for group in group_near_duplicates(rows) if len(group) > 1] == [[7, 60]]


def test_drawn_rows_are_as_many_of_each_label_while_they_last() -> None:
    rows = [LabelledRow(f"t.csv:{n}", text, "rare" if n < 3 else "common") for n, text in enumerate(TEXTS)]
    drawn = draw_rows(rows, 8, ("common", "rare"), 7)
    assert [row.output for row in drawn].count("rare") == 3
    assert draw_rows(rows, 8, ("common", "rare"), 7) == drawn
    assert draw_rows(rows, 99, (), 7) == rows


def test_rows_that_no_training_can_take_are_counted() -> None:
    from kshot.project.examples import Survey

    rows = [LabelledRow("t.csv:2", "word " * 3000, "x"), LabelledRow("t.csv:3", "short", "y")]
    project = Project("own", "t.csv", "Do it.", Survey("text"), [], rows, rows, "student", {})
    assert project.too_long == 1
    assert estimate_tokens("文" * 30) > 2 * estimate_tokens("a" * 60)
