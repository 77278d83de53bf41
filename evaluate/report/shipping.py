"""The section on what to ship: the recommendation, and every way to answer beside the others."""

from collections.abc import Iterable

from kshot.evaluate.alternatives.advice import describe_way, format_bytes
from kshot.evaluate.report.numbers import points, score_name
from kshot.evaluate.report.section import ReportSection, Table, make_table
from kshot.evaluate.run_files import AlternativeRow, AlternativesFile

ABOUT = (
    "Your own task, answered in several ways on the same held-out rows: right in per cent, with Wilson's 95 % interval "
    "over the rows (a bootstrap for scores between right and wrong). Seconds are for a thousand answers in the batches "
    "of this measurement, on this machine; a cost is what the teacher's prices make of a thousand answers."
)
COLUMNS = (
    "suite", "task", "answered by", "counted by", "rows learnt from", "right", "95 % interval", "s / 1,000",
    "cost / 1,000", "on disk", "items",
)  # fmt: skip
TEXT = ("suite", "task", "answered by", "counted by")


def shipping_section(alternatives: AlternativesFile) -> ReportSection | None:
    """What to ship; None without a task of one's own."""
    if not alternatives.rows:
        return None
    best = list(_choose_best(alternatives.rows))
    tables = [_make_table("The best of each kind", best)]
    if len(best) < len(alternatives.rows):
        tables.append(_make_table("All ways to answer", alternatives.rows))
    return ReportSection("ship", "What to ship", (*alternatives.advice, ABOUT), tuple(tables))


def _choose_best(rows: Iterable[AlternativeRow]) -> Iterable[AlternativeRow]:
    """Of each task's ways with one method and one set of rows the best, the highest score first."""
    best: dict[tuple[str, str, str, str], AlternativeRow] = {}
    for row in rows:
        names = row.suite, row.task, row.method, row.trained_on
        if names not in best or row.mean > best[names].mean:
            best[names] = row
    places = {names[:2]: place for place, names in enumerate(best)}
    return sorted(best.values(), key=lambda row: (places[row.suite, row.task], -row.mean))


def _make_table(title: str, rows: Iterable[AlternativeRow]) -> Table:
    lines = [
        (
            row.suite, row.task, describe_way(row), score_name(row.score), str(row.train_rows or ""),
            points(row.mean), f"{points(row.low)} to {points(row.high)}",
            "–" if row.seconds is None else f"{row.seconds:.2g}" if row.seconds < 10 else f"{row.seconds:.0f}",
            "–" if row.cost is None else f"{row.cost:.3g}", "–" if row.size is None else format_bytes(row.size),
            str(row.items),
        )
        for row in rows
    ]  # fmt: skip
    return make_table(title, COLUMNS, lines, TEXT)
