"""Score by a number as SVG: by that of demonstrations in the HTML report, and as files of their own for papers.

No drawing library is involved, so that the same scores give the same bytes. A number n stands at log2(n + 1): 0, 1, 4
and 16 are about evenly apart.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import FileSystemLoader, StrictUndefined
from jinja2.sandbox import SandboxedEnvironment
from markupsafe import Markup

from kshot.core.files import write_text
from kshot.evaluate.scoring.text import SCORE_NAMES

Row = dict[str, Any]
WIDTH, HEIGHT = 380, 236
LEGEND_ROOM = 50
"""Characters of a line in the legend."""
LEFT, RIGHT, TOP, BOTTOM = 44, 14, 12, 42
LEGEND_LINE = 18
KINDS = 8
"""Lines differ by colour, dash and marker; a ninth looks like the second."""
MARKERS = {
    "circle": "m-4,0a4,4 0 1,0 8,0a4,4 0 1,0 -8,0",
    "square": "m-3.5,-3.5h7v7h-7z",
    "triangle": "m0,-4.5l4.5,8h-9z",
    "diamond": "m0,-5l5,5l-5,5l-5,-5z",
}


@dataclass(frozen=True)
class Point:
    """A score between 0 and 1 at a number, mostly that of demonstrations, with an interval where there is one."""

    at: int
    score: float
    low: float | None = None
    high: float | None = None


def gained(at: int, base: float, score: float, row: Row) -> Point:
    """A score with the interval of its gain over the base, which the row holds."""
    return Point(at, score, base + row["low"], base + row["high"])


@dataclass(frozen=True)
class Line:
    label: str
    points: tuple[Point, ...]


@dataclass(frozen=True)
class Plot:
    title: str
    lines: tuple[Line, ...]
    along: str = "demonstrations"
    """What the numbers are, for the axis."""
    sign: str = "k"
    """The same, for the words that stand in for a picture."""


def environment() -> SandboxedEnvironment:
    """Templates of the report: sandboxed, everything escaped, nothing undefined."""
    found = SandboxedEnvironment(
        autoescape=True,
        loader=FileSystemLoader(Path(__file__).parent),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    found.filters |= {"points": points, "signed": signed}
    return found


def points(share: float) -> str:
    """A share in percent."""
    return f"{100 * share:.1f}".replace("-", "\N{MINUS SIGN}")


def signed(share: float) -> str:
    """A difference of shares in points, with its sign."""
    text = f"{100 * share:+.1f}"
    return "0.0" if float(text) == 0 else text.replace("-", "\N{MINUS SIGN}")


def between(low: float, high: float) -> str:
    """An interval of such differences."""
    return f"{signed(low)} to {signed(high)}"


def clean(text: str) -> str:
    """Text that every reader can show: control characters and marks that turn the reading direction become visible.

    Lone surrogates, which UTF-8 cannot hold, become U+FFFD; line breaks and tabs stay.
    """
    return text.translate(_VISIBLE)


_VISIBLE: dict[int, str] = {code: chr(0x2400 + code) for code in range(32) if chr(code) not in "\n\t"}
_VISIBLE |= dict.fromkeys(range(0xD800, 0xE000), "\N{REPLACEMENT CHARACTER}")
_VISIBLE |= {code: f"[U+{code:04X}]" for code in (*range(0x7F, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A))}
_VISIBLE |= dict.fromkeys((0xFFFE, 0xFFFF), "\N{REPLACEMENT CHARACTER}")


def plots(gains: Sequence[Row]) -> list[Plot]:
    """A plot for each panel and score of gains.json; the student's band is the interval of its gain over the base."""
    made = []
    for panel, score in dict.fromkeys((row["panel"], row["score"]) for row in gains):
        rows = sorted((r for r in gains if (r["panel"], r["score"]) == (panel, score)), key=lambda r: int(r["k"]))
        before = tuple(Point(r["k"], r["base"]) for r in rows)
        after = tuple(gained(r["k"], r["base"], r["student"], r) for r in rows)
        title = f"{panel}: {SCORE_NAMES.get(score, score)}"
        made.append(Plot(title, (Line("base", before), Line("student", after))))
    return made


def figure(plot: Plot, name: str) -> Markup:
    """The plot as an `svg` element for a page that styles it; `name` makes its ids unique."""
    return Markup(_template().inline(_drawn(plot), name))  # noqa: S704 - the template escapes


def write_svg(drawn: Sequence[Plot], path: Path) -> None:
    """Write the plots side by side as one SVG file that needs nothing else."""
    write_text(path, clean(str(_template().standalone([_drawn(plot) for plot in drawn]))))


def _template() -> Any:
    return environment().get_template("report_html_chart.j2").module


def _drawn(plot: Plot) -> Row:
    """Everything that the template writes, in the units of the view box."""
    numbers = sorted({point.at for line in plot.lines for point in line.points})
    span = [math.log2(n + 1) for n in numbers]
    right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM
    tops = [max(p.score, p.high or 0) for line in plot.lines for p in line.points]
    step = next(step for step in (0.05, 0.1, 0.2) if max(tops) <= 5 * step or step == 0.2)
    ceiling = min(1.0, step * max(1, math.ceil(max(tops) / step - 1e-9)))

    def x(number: int) -> float:
        if len(numbers) == 1:
            return (LEFT + right) / 2
        inset = 18
        share = (math.log2(number + 1) - span[0]) / (span[-1] - span[0])
        return round(LEFT + inset + share * (right - LEFT - 2 * inset), 2)

    def y(score: float) -> float:
        return round(bottom - min(max(score, 0), ceiling) / ceiling * (bottom - TOP), 2)

    ticks = [step * n for n in range(round(ceiling / step) + 1)]
    return {
        "title": plot.title,
        "description": describe(plot),
        "width": WIDTH,
        "height": HEIGHT + LEGEND_LINE * len(plot.lines) + 4,
        "left": LEFT,
        "right": right,
        "bottom": bottom,
        "middle": (LEFT + right) / 2,
        "across": [(y(tick), f"{100 * tick:.0f} %") for tick in ticks],
        "ticks": [(x(number), number) for number in numbers],
        "along": plot.along,
        "lines": [_line(line, place, plot.sign, x, y) for place, line in enumerate(plot.lines)],
    }


def _line(line: Line, place: int, sign: str, x: Any, y: Any) -> Row:
    found = sorted(line.points, key=lambda point: point.at)
    banded = [(x(p.at), y(p.low), y(p.high)) for p in found if p.low is not None and p.high is not None]
    marker = list(MARKERS.values())[max(0, place - 1) % len(MARKERS)]
    edge = [(left, high) for left, _, high in banded] + [(left, low) for left, low, _ in reversed(banded)]
    legend = HEIGHT + LEGEND_LINE * place + 6
    note = ", 95 % interval of its gain" if banded else ""
    return {
        "label": _short(line.label, LEGEND_ROOM - len(note)) + note,
        "kind": place if place < KINDS else 1 + (place - 1) % (KINDS - 1),
        "path": _path([(x(p.at), y(p.score)) for p in found]),
        "band": _path(edge) + "z" if len(banded) > 1 else "",
        "whiskers": banded,
        "marks": [(f"M{x(p.at):g},{y(p.score):g}{marker}", _said(line.label, p, sign)) for p in found],
        "legend": legend,
        "legend_mark": f"M{LEFT + 12},{legend}{marker}",
    }


def _short(label: str, room: int) -> str:
    """The label as the legend has room for it; `describe` has it whole."""
    return label if len(label) <= room else f"{label[: room // 2 - 1]}\N{HORIZONTAL ELLIPSIS}{label[-room // 2 :]}"


def _path(corners: Sequence[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{left:g},{top:g}" for left, top in corners)


def _said(label: str, point: Point, sign: str) -> str:
    band = ""
    if point.low is not None and point.high is not None:
        band = f" ({points(point.low)} to {points(point.high)})"
    return f"{label}, {sign}={point.at}: {points(point.score)} %{band}"


def describe(plot: Plot) -> str:
    """The plot in words, for those who do not see it."""
    return "; ".join(_said(line.label, point, plot.sign) for line in plot.lines for point in line.points) + "."
