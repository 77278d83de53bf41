"""The section on what else a user could ship."""

from kshot.evaluate.metrics.alternatives import NAMES
from kshot.evaluate.report.numbers import interval, points
from kshot.evaluate.report.section import ReportSection, make_table
from kshot.evaluate.run_files import AlternativesFile

ABOUT = (
    "Your own task, answered in other ways on the same held-out rows. TF-IDF with logistic regression learns from the "
    "rows that the student learnt from; the intervals are Wilson's, over items."
)


def alternatives_section(alternatives: AlternativesFile) -> ReportSection | None:
    """What else one could use; None without a task of one's own."""
    if not alternatives.rows:
        return None
    lines = [
        (
            row.suite, row.task, NAMES[row.method], row.trained_on, "" if row.k is None else str(row.k),
            points(row.accuracy), interval(row.low, row.high), str(row.items),
        )
        for row in alternatives.rows
    ]  # fmt: skip
    columns = ("suite", "task", "answered by", "trained on", "k", "right", "95 % interval", "items")
    table = make_table("What else you could use", columns, lines, ("suite", "task", "answered by", "trained on"))
    return ReportSection("alternatives", "What else you could use", (ABOUT, *alternatives.advice), (table,))
