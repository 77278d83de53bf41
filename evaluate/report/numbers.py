"""Numbers as text: scores in percent, gains in points, p-values."""

from kshot.evaluate.run_files import TaskScore
from kshot.evaluate.scoring.text import SCORE_NAMES

MAX_CELL_CHARS = 120
TASKS_INTERVAL = "95 %, tasks like these"
ITEMS_INTERVAL = "95 %, these tasks"
VERDICTS = {
    "gain": "gain",
    "loss": "loss",
    "inconclusive": "inconclusive",
    "trivial": "no better than a trivial baseline",
}


def score_name(score: str) -> str:
    """The name of a score as a reader knows it."""
    return SCORE_NAMES.get(score, score)


def points(fraction: float) -> str:
    """A fraction in percent."""
    return f"{100 * fraction:.1f}"


def signed(fraction: float) -> str:
    """A difference of fractions in points, with its sign."""
    text = f"{100 * fraction:+.1f}"
    return "+0.0" if float(text) == 0 else text


def interval(low: float | None, high: float | None) -> str:
    """An interval of differences, in points; a dash where one task or one item gives none."""
    return "–" if low is None or high is None else f"{signed(low)} to {signed(high)}"


def probability(p: float) -> str:
    """A p-value."""
    return f"{p:.3f}" if p >= 0.0005 else "<0.001"


def effect(mde: float | None) -> str:
    """A minimum detectable effect, in points; no score rises by more than 100."""
    return "?" if mde is None else points(mde) if mde <= 1 else "> 100"


def metric(value: float | None) -> str:
    """A metric as lm-eval gives it."""
    return "–" if value is None else f"{value:.4g}"


def mark(right: bool | float | None) -> str:
    """Whether an answer is right, or its score."""
    return "✗" if not right else "✓" if right == 1 else points(right)


def mark_task(row: TaskScore) -> str:
    """The mark of a task whose score a trivial baseline has too: ▼ below one, = as good as one, ≡ one answer always."""
    below = any(name != "random_labels" for name in row.below)
    return "▼" if row.below and below else "≡" if row.is_constant else "=" if row.ties else "▼" if row.below else ""


def shorten(text: object) -> str:
    """Text that fits a cell of a table, on one line."""
    flat = " ".join(str(text).split())
    return flat if len(flat) <= MAX_CELL_CHARS else flat[: MAX_CELL_CHARS - 3] + "..."
