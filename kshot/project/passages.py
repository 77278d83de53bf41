"""Cuts documents into passages: PDF, DOCX and HTML through markitdown (`pip install 'kshot[docs]'`), Markdown and text.

A passage is whole paragraphs under one heading, or whole sentences of a paragraph that is too long. Lines that many
pages repeat, tables of contents and texts that occur twice are left out.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from kshot.core.errors import DataError, summarize_error
from kshot.core.files import read_text
from kshot.core.text import count_words, normalize_text
from kshot.runtime.logging import quiet

CONVERTED, PLAIN = {".pdf", ".docx", ".html", ".htm"}, {".md", ".markdown", ".txt"}
MAX_PASSAGE_WORDS, MIN_PASSAGE_WORDS = 200, 40
MAX_DOCUMENT_BYTES = 64 << 20
MIN_REPEATS = 3
"""A short line in so many places of a document is a header or footer."""
MAX_LINE_WORDS = 12
MIN_LETTER_FRACTION = 0.5
"""A block with fewer letters is a table of numbers, a list of links or a line of dots."""
_HEADING = re.compile(r"^#{1,6}\s+(.*?)\s*#*$")
_SENTENCE_END = re.compile(r"(?<=[.!?。！？])[\"')\]]*\s+|(?<=[。！？])")
_LIGATURES = re.compile("[\ufb00-\ufb06]")
_LINE_BREAK = re.compile(r"(?<=\S)[ \t]*\n(?=[^\s•*\-–#|\d])")
_LINK = re.compile(r"!?\[([^\]]*)\]\([^)]*\)")


@dataclass(frozen=True)
class Passage:
    """A piece of a document."""

    document: str
    """Its path below the folder."""
    heading: str
    """The heading above it, "" for none."""
    text: str


def read_passages(folder: Path) -> tuple[list[Passage], list[str]]:
    """Read all documents below a folder, in the order of their names.

    Returns:
        The passages, and a line for each file that gave none.

    Raises:
        DataError: no folder, no document in it, no usable text, or markitdown is missing; names what to do.
    """
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder of documents")
    files = sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
    readable = [path for path in files if path.suffix.lower() in CONVERTED | PLAIN]
    if not readable:
        kinds = ", ".join(sorted(kind.lstrip(".") for kind in CONVERTED | PLAIN))
        raise DataError(f"{folder}: no document in it; kshot reads {kinds}")
    if any(path.suffix.lower() in CONVERTED for path in readable) and not find_spec("markitdown"):
        raise DataError(f"{folder}: PDF, DOCX and HTML need `pip install 'kshot[docs]'`")
    passages: list[Passage] = []
    notes = [f"{path}: not read ({path.suffix or 'no ending'})" for path in files if path not in readable]
    seen: set[str] = set()
    for path in readable:
        try:
            text = _convert(path)
        except DataError as error:
            notes.append(str(error))
            continue
        cut = list(cut_passages(text, str(path.relative_to(folder))))
        new = [passage for passage in cut if normalize_text(passage.text) not in seen]
        seen.update(normalize_text(passage.text) for passage in new)
        if not new:
            notes.append(f"{path}: {'all of it stands in another document' if cut else 'no text of a passage length'}")
        passages += new
    if not passages:
        raise DataError(f"{folder}: no passage of {MIN_PASSAGE_WORDS} words or more; {'; '.join(notes)[:300]}")
    return passages, notes


def _convert(path: Path) -> str:
    """Return a document as Markdown.

    Raises:
        DataError: it is too large or broken.
    """
    if (size := path.stat().st_size) > MAX_DOCUMENT_BYTES:
        raise DataError(f"{path}: {size >> 20} MiB; documents are read up to {MAX_DOCUMENT_BYTES >> 20} MiB")
    if path.suffix.lower() in PLAIN:
        return read_text(path)
    from markitdown import MarkItDown

    try:
        with quiet():
            text = str(MarkItDown(enable_plugins=False).convert_local(path).text_content)
        return _reflow(text) if path.suffix.lower() == ".pdf" else text
    # A broken document raises what its parser raises, which may be anything.
    except Exception as error:
        raise DataError(f"{path}: cannot be read: {summarize_error(error, 200)}") from None


def _reflow(text: str) -> str:
    """Join the lines of a PDF's paragraphs, and take ligatures apart."""
    text = _LIGATURES.sub(lambda match: unicodedata.normalize("NFKC", match[0]), text)
    return _LINE_BREAK.sub(" ", re.sub(r"(?<=[a-z])-\n(?=[a-z])", "", text))


def cut_passages(markdown: str, document: str) -> Iterator[Passage]:
    """Cut a text into passages of `MIN_PASSAGE_WORDS` to `MAX_PASSAGE_WORDS` words."""
    heading, gathered = "", ""
    for block in _list_blocks(markdown):
        title = _HEADING.match(block)
        pieces = [] if title else list(_split_long(block))
        for piece in pieces:
            if gathered and count_words(gathered) + count_words(piece) > MAX_PASSAGE_WORDS:
                yield from _passage(document, heading, gathered)
                gathered = ""
            gathered = f"{gathered}\n\n{piece}" if gathered else piece
        if title and 0 < count_words(gathered) < MIN_PASSAGE_WORDS:
            # A short section goes with the next one.
            gathered = f"{gathered}\n\n{title[1]}"
        elif title:
            yield from _passage(document, heading, gathered)
            heading, gathered = title[1], ""
    yield from _passage(document, heading, gathered)


def _passage(document: str, heading: str, text: str) -> Iterator[Passage]:
    if count_words(text) >= MIN_PASSAGE_WORDS:
        yield Passage(document, heading, text)


def _list_blocks(markdown: str) -> list[str]:
    """Return the paragraphs and headings, without headers, footers, links' addresses and blocks of numbers."""
    text = _LINK.sub(r"\1", markdown.replace("\r\n", "\n").replace("\f", "\n\n").replace("\x00", ""))
    lines = [line.rstrip() for line in text.split("\n")]
    repeated = _find_repeated(lines)
    blocks: list[str] = [""]
    for line in lines:
        if line.strip() in repeated:
            continue
        if _HEADING.match(line):
            blocks += [line.strip(), ""]
        elif line.strip():
            blocks[-1] = f"{blocks[-1]}\n{line}" if blocks[-1] else line
        elif blocks[-1]:
            blocks.append("")
    return [block for block in blocks if block and (_HEADING.match(block) or _is_text(block))]


def _find_repeated(lines: Sequence[str]) -> set[str]:
    counts = Counter(line.strip() for line in lines if 0 < count_words(line) <= MAX_LINE_WORDS)
    return {line for line, count in counts.items() if count >= MIN_REPEATS and not _HEADING.match(line)}


def _is_text(block: str) -> bool:
    visible = [character for character in block if not character.isspace()]
    return sum(map(str.isalpha, visible)) >= MIN_LETTER_FRACTION * len(visible)


def _split_long(block: str) -> Iterator[str]:
    """Yield a block, or its sentences in pieces where it is longer than a passage."""
    if count_words(block) <= MAX_PASSAGE_WORDS:
        yield block
        return
    gathered = ""
    for sentence in _cut_words(_SENTENCE_END.split(block)):
        if gathered and count_words(gathered) + count_words(sentence) > MAX_PASSAGE_WORDS:
            yield gathered
            gathered = ""
        gathered = f"{gathered} {sentence}" if gathered else sentence
    if gathered:
        yield gathered


def _cut_words(sentences: Iterable[str]) -> Iterator[str]:
    """Cut what is no sentence: more words in a row than a passage has."""
    for sentence in sentences:
        words = sentence.split()
        for start in range(0, len(words), MAX_PASSAGE_WORDS):
            yield " ".join(words[start : start + MAX_PASSAGE_WORDS])
