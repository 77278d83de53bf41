"""forgetting.json in words and tables: on the terminal, in report.md and in report.html."""

from kshot.core.console import say
from kshot.evaluate.metrics.forgetting import MAX_ANSWER_TOKENS
from kshot.evaluate.report.numbers import interval, points, probability, score_name, signed
from kshot.evaluate.report.section import ReportSection, Side, SideBySide, Table, make_table
from kshot.evaluate.run_files import ForgettingFile, ForgottenTask
from kshot.evaluate.stats.bootstrap import LEVEL

MAX_TASKS = 40
"""Tasks that the reports list; forgetting.json has all."""
ABOUT_TEXT = "Bits per byte of English text, paired by paragraph; more is worse."
ABOUT_CHAT = f"Plain questions, greedy answers of at most {MAX_ANSWER_TOKENS} tokens."
ABOUT_TASKS = (
    "Tasks that the base solved above every trivial baseline and on which the student scored less, each judged by its "
    "items alone. Tasks were selected on the base's score, so part of any drop is regression to the mean."
)


def lost_tasks(report: ForgettingFile) -> list[ForgottenTask]:
    """The tasks on which the student scored less."""
    return [row for row in report.tasks if row.gain < 0]


def summarize(report: ForgettingFile) -> str:
    """The report in one line."""
    parts = []
    if text := report.text:
        change = f"{text.difference:+.3f}, 95 % interval {text.low:+.3f} to {text.high:+.3f}"
        parts.append(f"bits per byte on English text {text.base:.3f} -> {text.student:.3f} ({change})")
    if chat := report.chat:
        parts.append(f"answers of {chat.base.words:.0f} -> {chat.student.words:.0f} words")
        parts.append(f"one-word answers {points(chat.base.one_word)} -> {points(chat.student.one_word)} %")
    lost = lost_tasks(report)
    significant = sum(map(_is_significant, lost))
    parts.append(f"{len(lost)} of {len(report.tasks)} scores above the baselines fell, {significant} significantly")
    return "; ".join(parts)


def print_forgetting(report: ForgettingFile) -> None:
    """The summary on the terminal."""
    say(f"forgetting: {summarize(report)}")


def forgetting_section(report: ForgettingFile) -> ReportSection:
    """The section of both reports."""
    about = [f"{summarize(report).capitalize()}."]
    about += [ABOUT_TEXT, ABOUT_CHAT] if report.text else []
    about += [ABOUT_TASKS] if lost_tasks(report) else []
    tables = tuple(table for table in (_text_table(report), _chat_table(report), _tasks_table(report)) if table.rows)
    comparisons = tuple(
        SideBySide(row.question, (Side("base", row.base or "(nothing)"), Side("student", row.student or "(nothing)")))
        for row in report.answers
    )
    return ReportSection("forgetting", "Forgetting", tuple(about), tables, comparisons)


def _is_significant(row: ForgottenTask) -> bool:
    """By the adjusted p, since many tasks are looked at."""
    return row.p_holm < 1 - LEVEL


def _text_table(report: ForgettingFile) -> Table:
    columns = ("kind of text", "paragraphs", "base", "student", "difference")
    rows = []
    if text := report.text:
        rows = [
            (kind.kind, str(kind.paragraphs), f"{kind.base:.3f}", f"{kind.student:.3f}",
             f"{kind.student - kind.base:+.3f}")
            for kind in text.kinds
        ]  # fmt: skip
        change = f"{text.difference:+.3f} ({text.low:+.3f} to {text.high:+.3f})"
        rows.append(("all", str(text.paragraphs), f"{text.base:.3f}", f"{text.student:.3f}", change))
    return make_table("Bits per byte", columns, rows, ("kind of text",))


def _chat_table(report: ForgettingFile) -> Table:
    columns = ("answers to plain questions", "base", "student")
    rows = []
    if chat := report.chat:
        base, student = chat.base, chat.student
        rows = [
            ("words, mean", f"{base.words:.1f}", f"{student.words:.1f}"),
            ("one word or none, %", points(base.one_word), points(student.one_word)),
            ("repeated word 4-grams, %", points(base.repeated), points(student.repeated)),
        ]
    return make_table("Style of answers", columns, rows, columns[:1])


def _tasks_table(report: ForgettingFile) -> Table:
    columns = (
        "suite", "task", "score", "k", "baseline", "base", "student", "gain", "95 % interval", "p, Holm", "verdict",
    )  # fmt: skip
    rows = [
        (
            row.suite, row.task, score_name(row.score), str(row.k), points(row.baseline), points(row.base),
            points(row.student), signed(row.gain), interval(row.low, row.high), probability(row.p_holm),
            "significant" if _is_significant(row) else "inconclusive",
        )
        for row in lost_tasks(report)[:MAX_TASKS]
    ]  # fmt: skip
    return make_table("Tasks that fell", columns, rows, ("suite", "task", "score", "verdict"))
