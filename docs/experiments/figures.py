"""Draw the figure of every experiment page from its CSV: `python docs/experiments/figures.py`.

Each `data/<page>.csv` holds the numbers of that page's table (label, series, value, low, high), in their order there;
`low` and `high` are empty where the page gives no interval. The same CSV gives the same `figures/<page>.png`.
"""

import csv
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt

HERE = Path(__file__).parent
POINTS = "Gain over the base, in points"
DIFFERENCE = "Difference, in points"
WIDTH_INCHES = 7.2
ROW_INCHES = 0.14
DPI = 84
MAX_SPREAD = 0.66
"""The series of one label share this much of its row."""
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7")
MARKERS = ("o", "s", "^", "D")


@dataclass(frozen=True)
class Axis:
    """What the horizontal axis of a page's figure shows, and whether 0 means no difference on it."""

    label: str = POINTS
    has_zero_line: bool = True


AXES = {
    "copied-demonstration": Axis("Answers that are the rarer label, in percent", has_zero_line=False),
    "contrastive-labels": Axis(DIFFERENCE),
    "fewer-tasks": Axis(DIFFERENCE),
    "forgetting": Axis("Difference in bits per byte of English prose"),
    "instruction-wrappers": Axis(DIFFERENCE),
    "label-bias": Axis("Gain in pairwise AUROC"),
    "lora-layers": Axis("Validation loss", has_zero_line=False),
    "recipe-data": Axis("Difference from the recipe, exact match, in points"),
    "recipe-training": Axis("Difference from the recipe, exact match, in points"),
    "request-inputs": Axis(DIFFERENCE),
    "teacher": Axis("Capable teacher, number of results", has_zero_line=False),
    "training-tasks": Axis("Score, in percent", has_zero_line=False),
    "trivial-baselines": Axis("Exact match with four demonstrations, in percent", has_zero_line=False),
}
"""Pages that show something else than gains."""


@dataclass(frozen=True)
class Point:
    """One number of a page's table; `low` and `high` equal `value` where it has no interval."""

    label: str
    series: str
    value: float
    low: float
    high: float


def read_points(path: Path) -> list[Point]:
    """The rows of a page's CSV, in order."""
    with path.open(encoding="utf-8", newline="") as file:
        return [
            Point(
                row["label"],
                row["series"],
                float(row["value"]),
                float(row["low"] or row["value"]),
                float(row["high"] or row["value"]),
            )
            for row in csv.DictReader(file)
        ]


def draw_figure(points: list[Point], axis: Axis, path: Path) -> None:
    """Write points with error bars: a row for each label, a colour for each series, the legend outside."""
    labels = list(dict.fromkeys(point.label for point in points))
    series = list(dict.fromkeys(point.series for point in points))
    height = 0.9 + ROW_INCHES * len(labels) * (1 + len(series))
    figure, axes = plt.subplots(figsize=(WIDTH_INCHES, height), layout="constrained")
    step = MAX_SPREAD / len(series)
    for number, name in enumerate(series):
        rows = [point for point in points if point.series == name]
        values = [point.value for point in rows]
        axes.errorbar(
            values,
            [labels.index(point.label) + (number - (len(series) - 1) / 2) * step for point in rows],
            xerr=[
                [point.value - point.low for point in rows],
                [point.high - point.value for point in rows],
            ],
            fmt=MARKERS[number],
            color=COLOURS[number],
            markersize=4,
            elinewidth=1.2,
            capsize=2,
            label=name,
        )
    if axis.has_zero_line:
        axes.axvline(0, color="0.4", linewidth=0.8, zorder=0)
    axes.set_yticks(range(len(labels)), labels, fontsize=8)
    axes.set_ylim(len(labels) - 0.4, -0.6)
    axes.set_xlabel(axis.label, fontsize=8)
    axes.tick_params(axis="x", labelsize=8)
    axes.grid(axis="x", color="0.9", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    if len(series) > 1:
        figure.legend(loc="outside upper right", ncols=len(series), fontsize=8, frameon=False)
    figure.savefig(path, dpi=DPI, metadata={"Software": None}, pil_kwargs={"optimize": True})
    plt.close(figure)


def main() -> None:
    """Draw all pages that have a CSV."""
    (HERE / "figures").mkdir(exist_ok=True)
    for path in sorted((HERE / "data").glob("*.csv")):
        draw_figure(read_points(path), AXES.get(path.stem, Axis()), HERE / "figures" / f"{path.stem}.png")


if __name__ == "__main__":
    main()
