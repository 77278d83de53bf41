"""What forgetting.json says, in words and tables: on the terminal, in report.md and in report.html."""

from collections.abc import Sequence
from typing import Any

from kshot.core.console import say
from kshot.evaluate.metrics.forgetting import FORGETTING, TOKENS
from kshot.evaluate.report.markdown import between, markdown_table, points, probability, short, signed
from kshot.evaluate.scoring.text import SCORE_NAMES
from kshot.evaluate.stats.paired import LEVEL

Row = dict[str, Any]
TITLE = "What got worse"
MOST = 40
"""Tasks that the reports list; forgetting.json has all."""
SHOWN = 5
"""Answers in report.md; report.html has all."""
TEXT = ("kind of text", "paragraphs", "base", "student", "difference")
CHAT = ("answers to plain questions", "base", "student")
TASKS = ("panel", "task", "score", "k", "control", "base", "student", "gain", "95 % interval", "p, Holm", "verdict")
ANSWERS = ("question", "base", "student")
WORDS = {"kind of text", "answers to plain questions", "panel", "task", "score", "verdict", "question"}
ABOUT_TEXT = (
    "Bits per byte of ordinary English, paired by paragraph: what is more predictable takes fewer; more is worse."
)
ABOUT_CHAT = f"Plain questions, greedy answers of at most {TOKENS} tokens."
ABOUT_TASKS = (
    "Tasks on which the base scored above every control and the student scored less, each judged by its items alone. "
    "They were chosen by the base's own scores, so a part of a fall is luck that did not come again."
)


def fallen(found: Row) -> list[Row]:
    return [row for row in found["tasks"] if row["gain"] < 0]


def _is_clear(row: Row) -> bool:
    """One fall of many tasks looked at, so by the adjusted p."""
    return bool(row["p_holm"] < 1 - LEVEL)


def summary(found: Row) -> str:
    """In one line."""
    parts = []
    if text := found["text"]:
        low, high = (f"{text[end]:+.3f}" for end in ("low", "high"))
        change = f"{text['difference']:+.3f}, 95 % interval {low} to {high}"
        parts.append(f"{text['base']:.3f} -> {text['student']:.3f} bits per byte of English ({change})")
    if chat := found["chat"]:
        before, after = chat["base"], chat["student"]
        parts.append(f"answers of {before['words']:.0f} -> {after['words']:.0f} words")
        parts.append(f"one-word answers {points(before['one_word'])} -> {points(after['one_word'])} %")
    down = fallen(found)
    clear = sum(map(_is_clear, down))
    parts.append(f"{len(down)} of {len(found['tasks'])} scores above their controls fell, {clear} by more than chance")
    return f"what got worse: {'; '.join(parts)}"


def tell(found: Row) -> None:
    say(summary(found))


def text_lines(found: Row) -> list[list[str]]:
    """Rows of the columns `TEXT`."""
    if not (text := found["text"]):
        return []
    rows = [
        [row["kind"], str(row["paragraphs"]), f"{row['base']:.3f}", f"{row['student']:.3f}",
         f"{row['student'] - row['base']:+.3f}"] for row in text["kinds"]
    ]  # fmt: skip
    change = f"{text['difference']:+.3f} ({text['low']:+.3f} to {text['high']:+.3f})"
    return [*rows, ["all", str(text["paragraphs"]), f"{text['base']:.3f}", f"{text['student']:.3f}", change]]


def chat_lines(found: Row) -> list[list[str]]:
    """Rows of the columns `CHAT`."""
    if not (chat := found["chat"]):
        return []
    before, after = chat["base"], chat["student"]
    return [
        ["words, mean", f"{before['words']:.1f}", f"{after['words']:.1f}"],
        ["one word or none, %", points(before["one_word"]), points(after["one_word"])],
        ["four-word runs written again, %", points(before["repeated"]), points(after["repeated"])],
    ]


def task_lines(found: Row) -> list[list[str]]:
    """Rows of the columns `TASKS`, the greatest falls."""
    return [
        [row["panel"], row["task"], str(SCORE_NAMES.get(row["score"], row["score"])), str(row["k"]), points(row["control"]),
         points(row["base"]), points(row["student"]), signed(row["gain"]),
         between(row["low"], row["high"]), probability(row["p_holm"]),
         "fell" if _is_clear(row) else "may be chance"]
        for row in fallen(found)[:MOST]
    ]  # fmt: skip


def _said(found: Row) -> str:
    text = summary(found).removeprefix("what got worse: ")
    return f"{text[0].upper()}{text[1:]}."


def markdown(found: Row) -> str:
    """The section of report.md."""
    parts = [f"## {TITLE}", _said(found)]
    if lines := text_lines(found):
        parts += [ABOUT_TEXT, markdown_table(TEXT, lines, WORDS)]
    if lines := chat_lines(found):
        shown = [[short(row[name]) for name in ANSWERS] for row in found["answers"][:SHOWN]]
        more = f"The first {SHOWN}; all stand in `{FORGETTING}`."
        parts += [ABOUT_CHAT, markdown_table(CHAT, lines, WORDS), more, markdown_table(ANSWERS, shown, set(ANSWERS))]
    if lines := task_lines(found):
        parts += [ABOUT_TASKS, markdown_table(TASKS, lines, WORDS)]
    return "\n\n".join(parts)


def section(found: Row) -> Row:
    """The section of report.html, see `html_extras.extras`."""
    about = [_said(found)]
    about += [ABOUT_TEXT, ABOUT_CHAT] if found["text"] else []
    about += [ABOUT_TASKS] if fallen(found) else []
    tables = [
        _table("Bits per byte", TEXT, text_lines(found)),
        _table("Manner of answering", CHAT, chat_lines(found)),
        _table("Tasks that fell", TASKS, task_lines(found)),
    ]
    pairs = [
        {"summary": row["question"],
         "sides": [{"title": name, "text": row[name] or "(nothing)"} for name in ("base", "student")]}
        for row in found["answers"]
    ]  # fmt: skip
    kept = [table for table in tables if table["rows"]]
    return {"id": "worse", "title": TITLE, "about": " ".join(about), "tables": kept, "pairs": pairs}


def _table(title: str, columns: Sequence[str], rows: list[list[str]]) -> Row:
    text = {place for place, name in enumerate(columns) if name in WORDS}
    return {"title": title, "columns": columns, "words": text, "rows": rows}
