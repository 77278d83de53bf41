"""Pictures of scores and gains, by matplotlib: as PNG and SVG files, and inside the HTML report.

A number of demonstrations k stands at log2(k + 1), so 0, 1, 4 and 16 are about evenly apart. All plots of a picture
share one scale. The same numbers give the same bytes.
"""

import base64
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import fill
from typing import Any

from kshot.core.files import atomic_file
from kshot.evaluate.report.numbers import interval, points, score_name, signed
from kshot.evaluate.run_files import CompareRow, GainRow, TrialGain
from kshot.evaluate.stats.significance import MAX_P

COLOURS = ("#666c75", "#0b5fb0", "#c45a00", "#0a7a4b", "#a3261c", "#7a4bb0", "#8a6d00", "#00788a")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
MAX_LABEL_CHARS = 36
MAX_LEGEND_CHARS = 48
"""Characters of a line of the legend; a longer name continues on the next line."""
STYLE: dict[Any, Any] = {
    "svg.hashsalt": "kshot",
    "svg.fonttype": "none",
    # A dollar sign in a name is no formula.
    "text.parse_math": False,
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "savefig.dpi": 150,
}


@dataclass(frozen=True)
class Point:
    """A score at a number, with an interval where there is one; fractions."""

    at: float
    score: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Series:
    """A line of a plot."""

    label: str
    points: tuple[Point, ...]


@dataclass(frozen=True)
class Plot:
    """Scores by a number, with the score of a random choice where it is known."""

    title: str
    series: tuple[Series, ...]
    along: str = "demonstrations (k)"
    chance: float | None = None


def drawn_interval(row: CompareRow | GainRow | TrialGain, before: float) -> tuple[float | None, float | None]:
    """The ends of the score's interval: over tasks, with one task over its items; none with one item."""
    low, high = (row.items_low, row.items_high) if row.low is None else (row.low, row.high)
    return (None, None) if low is None or high is None else (before + low, before + high)


def score_plots(gains: Sequence[GainRow], chance: Mapping[tuple[str, str], float]) -> list[Plot]:
    """A plot for each suite and score: the base, and the student with the interval of its gain.

    Args:
        chance: (suite, score) -> the score of a random choice.
    """
    plots = []
    for names in dict.fromkeys((row.suite, row.score) for row in gains):
        rows = sorted((row for row in gains if (row.suite, row.score) == names), key=lambda row: row.k)
        base = Series("base", tuple(Point(row.k, row.base) for row in rows))
        student = Series("student", tuple(Point(row.k, row.student, *drawn_interval(row, row.base)) for row in rows))
        plots.append(Plot(f"{names[0]}: {score_name(names[1])}", (base, student), chance=chance.get(names)))
    return plots


def compare_plots(gains: Sequence[CompareRow], baseline: str) -> list[Plot]:
    """A plot for each suite and score: the baseline, and each model with the interval of its gain."""
    plots = []
    for names in dict.fromkeys((row.suite, row.score) for row in gains):
        rows = [row for row in gains if (row.suite, row.score) == names]
        before = {row.k: Point(row.k, row.baseline) for row in rows}
        series = [Series(baseline, tuple(before.values()))]
        for label in dict.fromkeys(row.model for row in rows):
            own = [row for row in rows if row.model == label]
            points_ = [Point(r.k, r.student, *drawn_interval(r, r.baseline)) for r in own]
            series.append(Series(label, tuple(points_)))
        plots.append(Plot(f"{names[0]}: {score_name(names[1])}", tuple(series)))
    return plots


def describe(plot: Plot) -> str:
    """The plot in words, for those who do not see it."""
    parts = [f"{line.label}, {point.at:g}: {_words(point)}" for line in plot.series for point in line.points]
    return f"{plot.title}, by {plot.along}. {'; '.join(parts)}."


def _words(point: Point) -> str:
    if point.low is None or point.high is None:
        return f"{points(point.score)} %"
    return f"{points(point.score)} % ({points(point.low)} to {points(point.high)})"


def save_plots(plots: Sequence[Plot], stem: Path) -> None:
    """Write STEM.png and STEM.svg."""
    figure = _draw_plots(plots, dark=False)
    _save(figure, stem)


def embed_plot(plot: Plot, dark: bool) -> str:
    """The plot as a data URI (SVG)."""
    buffer = io.BytesIO()
    figure = _draw_plots([plot], dark)
    with _style(dark):
        figure.savefig(buffer, format="svg", metadata={"Date": None}, transparent=True)
    _close(figure)
    return "data:image/svg+xml;base64," + base64.b64encode(buffer.getvalue()).decode()


def save_heatmaps(gains: Sequence[TrialGain], settings: Sequence[str], stem: Path) -> None:
    """Write STEM.png and STEM.svg: gains by setting and k, a map for each suite and score.

    Args:
        settings: all settings in their order, those that failed too.
    """
    import numpy as np

    names = list(dict.fromkeys((row.suite, row.score) for row in gains))
    limit = max([0.01, *(abs(row.gain) for row in gains)])
    height = 0.9 + 0.55 * len(settings)
    with _style(dark=False):
        figure, grid = _subplots(1, len(names), (1.8 + 2.9 * len(names), height))
        for axes, group in zip(grid[0], names, strict=True):
            rows = {(row.setting, row.k): row for row in gains if (row.suite, row.score) == group}
            shots = sorted({k for _, k in rows})
            values = np.array([[rows[s, k].gain if (s, k) in rows else np.nan for k in shots] for s in settings])
            axes.imshow(values, cmap="PuOr_r", vmin=-limit, vmax=limit, aspect="auto")
            axes.set_title(f"{group[0]}: {score_name(group[1])}", fontsize=9)
            axes.set_xticks(range(len(shots)), [f"k={k}" for k in shots])
            labels = [fill(setting, MAX_LABEL_CHARS) for setting in settings] if axes is grid[0][0] else []
            axes.set_yticks(range(len(settings)) if labels else [], labels)
            for y, setting in enumerate(settings):
                for x, k in enumerate(shots):
                    _write_square(axes, x, y, rows.get((setting, k)), limit)
        _save(figure, stem)


def _write_square(axes: Any, x: int, y: int, row: TrialGain | None, limit: float) -> None:
    """The gain and its interval in words, so colour alone carries nothing; bold where it is significant."""
    if row is None:
        axes.text(x, y, "failed", ha="center", va="center", fontsize=7)
        return
    ink = "white" if abs(row.gain) > 0.6 * limit else "black"
    weight = "bold" if row.p_holm < MAX_P else "normal"
    low, high = drawn_interval(row, 0.0)
    text = f"{signed(row.gain)}\n{interval(low, high)}"
    axes.text(x, y, text, ha="center", va="center", fontsize=7, color=ink, fontweight=weight)


def _draw_plots(plots: Sequence[Plot], dark: bool) -> Any:
    with _style(dark):
        figure, grid = _subplots(1, len(plots), (3.6 * len(plots), 3.4))
        top = max(max(p.score, p.high or 0) for plot in plots for line in plot.series for p in line.points)
        ceiling = min(100.0, 10 * math.ceil(10 * max(top, 0.05) + 0.2))
        labels: dict[str, object] = {}
        for axes, plot in zip(grid[0], plots, strict=True):
            _draw_plot(axes, plot, labels)
            axes.set_ylim(0, ceiling)
        grid[0][0].set_ylabel("score, %")
        figure.legend(labels.values(), labels.keys(), loc="outside lower center", ncols=3, frameon=False, fontsize=8)
        return figure


def _draw_plot(axes: Any, plot: Plot, labels: dict[str, object]) -> None:
    numbers = sorted({point.at for line in plot.series for point in line.points})
    for number, line in enumerate(plot.series):
        colour, marker = COLOURS[number % len(COLOURS)], MARKERS[number % len(MARKERS)]
        at = [math.log2(point.at + 1) for point in line.points]
        scores = [100 * point.score for point in line.points]
        style = "--" if number == 0 else "-"
        label = f"{line.label}, 95 % interval of its gain" if line.points[0].low is not None else line.label
        if line.points[0].low is not None:
            low = [max(0.0, 100 * (p.score - (p.low or 0))) for p in line.points]
            high = [max(0.0, 100 * ((p.high or 0) - p.score)) for p in line.points]
            drawn = axes.errorbar(at, scores, (low, high), marker=marker, color=colour, capsize=3, linestyle=style)
        else:
            (drawn,) = axes.plot(at, scores, marker=marker, color=colour, linestyle=style)
        labels.setdefault(fill(label, MAX_LEGEND_CHARS), drawn)
    if plot.chance is not None:
        labels.setdefault("random choice", axes.axhline(100 * plot.chance, color="tab:red", linestyle=":"))
    axes.set_title(plot.title, fontsize=9)
    axes.set_xlabel(plot.along)
    axes.set_xticks([math.log2(number + 1) for number in numbers], [f"{number:g}" for number in numbers])
    axes.grid(alpha=0.3)


def _subplots(rows: int, columns: int, size: tuple[float, float]) -> tuple[Any, Any]:
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    return plt.subplots(rows, columns, figsize=size, squeeze=False, layout="constrained")


def _style(dark: bool) -> Any:
    import matplotlib as mpl

    ink = "#e7eaee" if dark else "#1b1f24"
    inks: dict[Any, Any] = dict.fromkeys(
        ("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color"), ink
    )
    return mpl.rc_context({**STYLE, **inks})


def _save(figure: Any, stem: Path) -> None:
    with _style(dark=False):
        for kind, metadata in (("png", {"Software": None}), ("svg", {"Date": None})):
            with atomic_file(stem.with_suffix(f".{kind}")) as temporary:
                figure.savefig(temporary, format=kind, metadata=metadata)
    _close(figure)


def _close(figure: Any) -> None:
    """Free the figure, which pyplot would keep."""
    from matplotlib import pyplot as plt

    plt.close(figure)
