"""The section on what to ship: the recommendation, and every way to answer beside the others."""

from collections.abc import Iterable, Sequence

from kshot.evaluate.alternatives.advice import format_bytes
from kshot.evaluate.report.numbers import points
from kshot.evaluate.report.section import ReportSection, Table, make_table
from kshot.evaluate.run_files import AlternativeRow, AlternativesFile
from kshot.evaluate.scoring.text import CALIBRATED, LOGLIKELIHOOD

ABOUT = (
    "Your own task, answered in several ways on the same held-out rows: right in per cent, with Wilson's 95 % interval "
    "over the rows (a bootstrap for scores between right and wrong). A choice takes the most probable label; the "
    "other ways write. Seconds are for a thousand answers in the batches of this measurement, on this machine; a cost "
    "is what the teacher's prices make of a thousand answers. The best of several ways was chosen on these rows, so "
    "its score is a little too high."
)
NAMES = {"tf-idf": "TF-IDF", "encoder": "sentence encoder", "majority": "most frequent label"}
CHOICES = {LOGLIKELIHOOD: "choice", CALIBRATED: "calibrated choice"}
TEXT = ("task", "answered by")


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


def _make_table(title: str, rows: Sequence[AlternativeRow]) -> Table:
    """A line for each row; the task's and the cost's columns where they say something."""
    columns: dict[str, list[str]] = {
        "task": [row.task for row in rows],
        "answered by": [_name_shortly(row) for row in rows],
        "right": [points(row.mean) for row in rows],
        "95 % interval": [f"{points(row.low)} to {points(row.high)}" for row in rows],
        "s / 1,000": [_format_seconds(row.seconds) for row in rows],
        "cost / 1,000": ["–" if row.cost is None else f"{row.cost:.3g}" for row in rows],
        "on disk": ["–" if row.size is None else format_bytes(row.size) for row in rows],
        "items": [str(row.items) for row in rows],
    }
    if len(set(columns["task"])) == 1:
        del columns["task"]
    if set(columns["cost / 1,000"]) == {"–"}:
        del columns["cost / 1,000"]
    return make_table(title, tuple(columns), list(zip(*columns.values(), strict=True)), TEXT)


def _name_shortly(row: AlternativeRow) -> str:
    if row.method in NAMES:
        rows = "" if row.method == "majority" else f", {row.train_rows} {row.trained_on} rows"
        return NAMES[row.method] + rows
    name = f"teacher {row.model}".strip() if row.method == "teacher" else row.method
    return ", ".join([name, f"k={row.k}", *([CHOICES[row.score]] if row.score in CHOICES else [])])


def _format_seconds(seconds: float | None) -> str:
    if seconds is None:
        return "–"
    return f"{seconds:.2g}" if seconds < 10 else f"{seconds:.0f}"
