"""The section on the judge: its verdicts, and how far they can be trusted."""

from kshot.evaluate.report.section import ReportSection, make_table
from kshot.evaluate.run_files import JudgeFile

ABOUT = (
    "The teacher {model} compares the answers of student and base by the task's rubric, in both orders. An answer that "
    "is preferred in both orders, or in one with a tie in the other, wins; same texts tie unasked. Consistent: items "
    "with one verdict in both orders. First preferred: the answer shown first is preferred in both. Agreement: where "
    "exact match finds one answer right, how often the judge prefers it."
)
COLUMNS = (
    "suite", "k", "items", "student wins", "ties", "base wins", "asked", "consistent", "first preferred", "unreadable",
    "agreement with exact match",
)  # fmt: skip


def judge_section(judged: JudgeFile | None) -> ReportSection | None:
    """The verdicts by suite and number of shots; None where nothing was judged."""
    if judged is None or not judged.rows:
        return None
    lines = [
        (
            row.suite, *map(str, (row.k, row.items, row.student, row.ties, row.base, row.asked, row.consistent)),
            str(row.first_preferred), str(row.unreadable),
            f"{row.agreeing} of {row.one_right}" if row.one_right else "–",
        )
        for row in judged.rows
    ]  # fmt: skip
    table = make_table("The judge's verdicts", COLUMNS, lines, ("suite",))
    return ReportSection("judge", "The judge", (ABOUT.format(model=judged.model),), (table,))
