"""Documents cut into passages."""

import zipfile
from pathlib import Path

import pytest

from kshot.core.errors import DataError
from kshot.core.text import count_words
from kshot.project.passages import MAX_PASSAGE_WORDS, MIN_PASSAGE_WORDS, cut_passages, read_passages

LEAVE = (
    "Every employee has thirty days of paid leave in a calendar year. Leave that is not taken by the end of March of "
    "the next year is lost, unless illness prevented it. Requests go to the team lead at least two weeks before the "
    "first day. The lead answers within three working days."
)
SICK = (
    "Call your team lead before nine on the first day. From the fourth day on a doctor's note is needed. The company "
    "pays the full salary for six weeks; afterwards the health insurer pays seventy percent of it. Tell the lead as "
    "soon as you know when you return to work, and bring the note along."
)
MARKDOWN = f"# Annual leave\n\n{LEAVE}\n\n## Sick leave\n\n{SICK}\n"
WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"


def _write_docx(path: Path, paragraphs: list[str]) -> None:
    body = "".join(f"<w:p><w:r><w:t>{text}</w:t></w:r></w:p>" for text in paragraphs)
    types = (
        '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Override PartName="/word/document.xml" ContentType='
        '"application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>'
    )
    rels = (
        '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r" Type='
        '"http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" '
        'Target="word/document.xml"/></Relationships>'
    )
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("[Content_Types].xml", types)
        archive.writestr("_rels/.rels", rels)
        archive.writestr("word/document.xml", f'<w:document xmlns:w="{WORD}"><w:body>{body}</w:body></w:document>')


def test_a_passage_is_whole_paragraphs_under_one_heading() -> None:
    passages = list(cut_passages(MARKDOWN, "d.md"))
    assert [(passage.heading, passage.text) for passage in passages] == [("Annual leave", LEAVE), ("Sick leave", SICK)]


def test_a_long_paragraph_is_cut_between_sentences() -> None:
    text = " ".join(f"Rule {n} says that nobody may park in place {n} of the yard after nine." for n in range(60))
    passages = list(cut_passages(text, "d.txt"))
    assert len(passages) > 3
    assert all(count_words(passage.text) <= MAX_PASSAGE_WORDS for passage in passages)
    assert all(passage.text.endswith("nine.") for passage in passages)
    assert " ".join(passage.text for passage in passages) == text


def test_a_text_without_sentences_is_cut_between_words() -> None:
    passages = list(cut_passages("word " * 1000, "d.txt"))
    assert [count_words(passage.text) for passage in passages] == [MAX_PASSAGE_WORDS] * 5


def test_short_sections_go_with_the_next_one() -> None:
    text = "\n\n".join(f"# Rule {n}\n\nNobody may park in place {n} of the yard after nine." for n in range(12))
    passages = list(cut_passages(text, "d.md"))
    assert len(passages) >= 2
    assert all(count_words(passage.text) >= MIN_PASSAGE_WORDS for passage in passages)
    assert "Rule 3\n\nNobody may park in place 3" in passages[0].text


def test_headers_footers_numbers_and_links_are_no_text() -> None:
    page = "Company handbook 2024\n\n{}\n\n1.2 ..... 17\n\nPage {} of 3"
    text = "\f".join(page.format(part, n) for n, part in enumerate((LEAVE, SICK, LEAVE[::-1]), 1))
    text = f"{text}\n\nSee [the intranet](https://intranet.example/leave?x=1) for forms."
    joined = "\n".join(passage.text for passage in cut_passages(text, "d.txt"))
    assert LEAVE in joined
    assert SICK in joined
    assert "the intranet for forms" in joined
    for noise in ("Company handbook", "....", "https://"):
        assert noise not in joined


def test_documents_of_every_kind_give_their_passages(tmp_path: Path) -> None:
    pytest.importorskip("markitdown")
    (tmp_path / "leave.md").write_text(MARKDOWN)
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "sick.html").write_text(
        f"<html><head><style>p {{}}</style><script>var x = 1</script></head><body><h1>If you are ill</h1><p>{SICK} "
        "Ask the office.</p></body></html>"
    )
    _write_docx(tmp_path / "rules.docx", [LEAVE.replace("thirty", "twenty-five"), "Ask the office for the forms."])
    (tmp_path / "photo.png").write_bytes(b"\x89PNG")
    (tmp_path / "copy.txt").write_text(SICK)
    passages, notes = read_passages(tmp_path)
    found = {(passage.document, passage.heading) for passage in passages}
    assert found == {
        ("copy.txt", ""), ("leave.md", "Annual leave"), ("rules.docx", ""), ("sub/sick.html", "If you are ill"),
    }  # fmt: skip
    assert any("twenty-five days" in passage.text for passage in passages)
    assert not any("var x" in passage.text for passage in passages)
    assert any("photo.png: not read (.png)" in note for note in notes)


def test_a_pdf_gives_its_paragraphs(tmp_path: Path) -> None:
    pytest.importorskip("markitdown")
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("agg")
    from matplotlib import pyplot

    figure = pyplot.figure(figsize=(8, 8))
    lines = [LEAVE[start : start + 70] for start in range(0, len(LEAVE), 70)]
    figure.text(0.05, 0.5, "\n".join(lines), fontsize=10)
    with matplotlib.rc_context({"pdf.fonttype": 42}):
        figure.savefig(tmp_path / "leave.pdf")
    pyplot.close(figure)
    passages, _ = read_passages(tmp_path)
    assert "thirty days of paid leave" in passages[0].text.replace("\n", " ")


@pytest.mark.parametrize(
    ("files", "error"),
    [
        ({}, "no document in it"),
        ({"a.csv": "x,y"}, "no document in it; kshot reads docx, htm"),
        ({"a.md": "# Title\n\ntoo short"}, "no passage of 40 words or more"),
        ({"a.docx": "broken", "b.pdf": "broken"}, "no passage of 40 words or more"),
    ],
)
def test_a_folder_without_text_is_one_line(tmp_path: Path, files: dict[str, str], error: str) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(DataError, match=error) as raised:
        read_passages(tmp_path)
    assert "\n" not in str(raised.value)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="none: no such folder of documents"):
        read_passages(tmp_path / "none")


def test_html_without_markitdown_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.html").write_text("<p>x</p>")
    monkeypatch.setattr("kshot.project.passages.find_spec", lambda name: None)
    with pytest.raises(DataError, match=r"pip install 'kshot\[docs\]'"):
        read_passages(tmp_path)
