"""The report: gains as a table on the terminal and in Markdown, scores by task, and the picture of score by shots."""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from jinja2.sandbox import SandboxedEnvironment
from rich.table import Table

from kshot.core.console import out
from kshot.core.files import atomic_file
from kshot.evaluate.metrics.baselines import BASELINE_NAMES
from kshot.evaluate.scoring.text import SCORE_NAMES

__all__ = [
    "draw_scores",
    "markdown_table",
    "measured_on",
    "metric",
    "points",
    "print_table",
    "probability",
    "rich_table",
    "short",
    "signed",
    "write_report",
]

TEMPLATE = Path(__file__).parent / "report.md.j2"
Row = dict[str, Any]


def print_table(gains: Sequence[Row]) -> None:
    """The gains on the terminal; a star marks a student below a control."""
    title = "Gain of the student over its base, in points, with the paired 95 % interval"
    starred = any(row["below"] for row in gains)
    table = Table(title=title, caption="* below a control: see the report" if starred else None)
    for name in ("panel", "score", "k", "base", "student", "gain", "95 % interval", "p", "tasks", "items"):
        table.add_column(name, justify="left" if name in {"panel", "score"} else "right")
    for row in gains:
        table.add_row(
            row["panel"], SCORE_NAMES.get(row["score"], row["score"]), str(row["k"]), points(row["base"]),
            points(row["student"]) + ("*" if row["below"] else ""), signed(row["gain"]),
            between(row["low"], row["high"]), probability(row["p_holm"]), str(row["tasks"]),
            str(row["items"]),
        )  # fmt: skip
    out.print(table, soft_wrap=False)


def rich_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], words: Collection[str]) -> None:
    """A table on the terminal; the columns in `words` are aligned to the left. What is too wide goes on below."""
    from rich.markup import escape

    table = Table(title=escape(title))
    for name in columns:
        table.add_column(name, justify="left" if name in words else "right", overflow="fold")
    for row in rows:
        table.add_row(*map(escape, row))
    out.print(table, soft_wrap=False)


def markdown_table(columns: Sequence[str], rows: Sequence[Sequence[str]], words: Collection[str]) -> str:
    """The same in Markdown."""
    rules = ["---" if name in words else "--:" for name in columns]
    lines = [columns, rules, *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def measured_on(facts: Row) -> str:
    """Machine, versions and what was cut, in words."""
    machine = facts["machine"]
    text = f"{machine['device']}, {machine['dtype']}, {machine['attention']}, {machine['threads']} threads. "
    text += ", ".join(f"{name} {version}" for name, version in facts["versions"].items()) + "."
    if facts["truncated"]:
        cut = ", ".join(f"{n} in {cell}" for cell, n in facts["truncated"].items())
        text += f"\n\nPrompts longer than the model's context, which were cut on the left: {cut}."
    return text


def metric(value: float | None) -> str:
    """A metric as lm-eval gives it."""
    return "–" if value is None else f"{value:.4g}"


def points(share: float) -> str:
    return f"{100 * share:.1f}"


def signed(share: float) -> str:
    return f"{100 * share:+.1f}"


def between(low: float, high: float) -> str:
    """An interval in points."""
    return f"{signed(low)} to {signed(high)}"


def probability(p: float) -> str:
    return f"{p:.3f}" if p >= 0.0005 else "<0.001"


def least(gain: float | None) -> str:
    """The smallest detectable gain; no score rises by more than 100 points."""
    return "?" if gain is None else points(gain) if gain <= 1 else "> 100"


def mark(right: bool | float) -> str:
    """Whether an answer is right, or how far."""
    return "✗" if right == 0 else "✓" if right == 1 else points(right)


def write_report(folder: Path, facts: dict[str, Any]) -> None:
    """Write report.md; see `report.j2` for what `facts` holds. Its `sections` are Markdown of further sections."""
    environment = SandboxedEnvironment(autoescape=False, trim_blocks=True, lstrip_blocks=True)
    environment.filters |= {
        "metric": metric,
        "points": points,
        "signed": signed,
        "probability": probability,
        "least": least,
        "mark": mark,
        "line": _one_line,
    }
    scores = {row["score"] for row in facts["gains"]}
    text = environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(
        names={name: name for name in scores} | SCORE_NAMES, controls_names=BASELINE_NAMES, scores=scores, **facts
    )
    with atomic_file(folder / "report.md") as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")


def short(text: str) -> str:
    """Text that fits a cell of a table."""
    flat = " ".join(str(text).split())
    return flat if len(flat) <= 120 else flat[:117] + "..."


def _one_line(text: str) -> str:
    return short(text).replace("|", "\\|")


def draw_scores(gains: Sequence[Row], picture: Path) -> None:
    """Score by shot count, a panel and score a plot; the band is the interval of the gain, drawn around the student."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    groups = list(dict.fromkeys((row["panel"], row["score"]) for row in gains))
    figure, plots = plt.subplots(1, len(groups), figsize=(4.2 * len(groups), 3.6), squeeze=False, layout="constrained")
    for axes, group in zip(plots[0], groups, strict=True):
        rows = sorted((r for r in gains if (r["panel"], r["score"]) == group), key=lambda r: int(r["k"]))
        shots = [row["k"] for row in rows]
        axes.plot(shots, [100 * row["base"] for row in rows], "o--", color="tab:gray", label="base")
        axes.plot(shots, [100 * row["student"] for row in rows], "o-", color="tab:blue", label="student")
        low = [100 * (row["base"] + row["low"]) for row in rows]
        high = [100 * (row["base"] + row["high"]) for row in rows]
        axes.fill_between(shots, low, high, color="tab:blue", alpha=0.15, label="base + 95 % interval of the gain")
        axes.set(
            title=f"{group[0]}: {SCORE_NAMES.get(group[1], group[1])}", xlabel="shots", xticks=shots, ylim=(0, None)
        )
        axes.grid(alpha=0.3)
    plots[0][0].set_ylabel("score, %")
    plots[0][0].legend(fontsize="small")
    with atomic_file(picture) as temporary:
        figure.savefig(temporary, format="png", dpi=120)
    plt.close(figure)
