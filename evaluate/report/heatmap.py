"""Heat maps of `kshot ablate` as SVG: a row a cell of the grid, a column a number of demonstrations at evaluation.

Each square holds the gain and its interval in words, so nothing is told by colour alone; like the curves of `svg.py`
they need no drawing library, and the same numbers give the same bytes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import wrap
from typing import Any

from kshot.core.files import write_text
from kshot.evaluate.report.svg import between, clean, environment, signed
from kshot.evaluate.scoring.text import SCORE_NAMES

Row = dict[str, Any]
Colour = tuple[int, int, int]
WIDE, HIGH, GAP = 108, 48, 4
LABEL, LINE = 36, 15
"""Characters in a line of a label, and units between lines."""
LETTER = 6.8
"""Units of a letter, which is rather too much than too little."""
TOP, MARGIN = 58, 16
UP: Colour = (12, 82, 156)
DOWN: Colour = (166, 74, 0)
MIDDLE: Colour = (247, 247, 247)
LEAST = 0.01
"""The colours reach at least to one point, so that noise about nothing stays pale."""


@dataclass(frozen=True)
class Square:
    """A gain as a share, and its interval."""

    gain: float
    low: float
    high: float

    @property
    def clear(self) -> bool:
        """Whether the interval excludes zero."""
        return self.low > 0 or self.high < 0


@dataclass(frozen=True)
class HeatMap:
    """Rows by label, a square for each column; none where a cell failed."""

    title: str
    shots: tuple[int, ...]
    rows: tuple[tuple[str, tuple[Square | None, ...]], ...]


def heat_maps(gains: Sequence[Row], cells: Sequence[str]) -> list[HeatMap]:
    """A map for each panel and score of ablate.json's rows.

    Args:
        cells: all settings in their order, those that failed as well.
    """
    made = []
    for panel, score in dict.fromkeys((row["panel"], row["score"]) for row in gains):
        own = [row for row in gains if (row["panel"], row["score"]) == (panel, score)]
        found = {(row["cell"], row["k"]): Square(row["gain"], row["low"], row["high"]) for row in own}
        shots = tuple(sorted({row["k"] for row in own}))
        rows = tuple((cell, tuple(found.get((cell, k)) for k in shots)) for cell in cells)
        made.append(HeatMap(f"{panel}: {SCORE_NAMES.get(score, score)}", shots, rows))
    return made


def write_heatmap(maps: Sequence[HeatMap], path: Path) -> None:
    """Write the maps, one under the other, as one SVG file that needs nothing else."""
    drawn, top = [], 0
    for each in maps:
        drawn.append(_drawn(each) | {"top": top})
        top += drawn[-1]["height"]
    description = " ".join(describe(each) for each in maps)
    width = max(each["width"] for each in drawn)
    text = environment().get_template("heatmap.j2").render(
        maps=drawn, width=width, height=top + 3 * LINE + MARGIN, description=description, under=top + LINE,
        square=(WIDE, HIGH), line=LINE, margin=MARGIN,
    )  # fmt: skip
    write_text(path, clean(text))


def describe(drawn: HeatMap) -> str:
    """The map in words, for those who do not see it."""
    rows = []
    for label, squares in drawn.rows:
        said = (f"k={k} {_said(square)}" for k, square in zip(drawn.shots, squares, strict=True))
        rows.append(f"{label}: {', '.join(said)}")
    return f"{drawn.title}. {'; '.join(rows)}."


def _said(square: Square | None) -> str:
    return "failed" if square is None else f"{signed(square.gain)} ({between(square.low, square.high)})"


def _drawn(heat: HeatMap) -> Row:
    """Everything that the template writes, in the units of the view box."""
    labels = [wrap(label, LABEL, break_on_hyphens=False) for label, _ in heat.rows]
    left = round(MARGIN + 8 + LETTER * max(len(line) for lines in labels for line in lines))
    limit = max([LEAST, *(abs(square.gain) for _, squares in heat.rows for square in squares if square)])
    rows, top = [], TOP
    for (label, squares), lines in zip(heat.rows, labels, strict=True):
        high = max(HIGH, LINE * len(lines) + 6)
        first = top + high / 2 - LINE * (len(lines) - 1) / 2 + 4
        drawn = [
            _square(label, k, square, left + place * (WIDE + GAP), limit)
            for place, (k, square) in enumerate(zip(heat.shots, squares, strict=True))
        ]
        names = [(first + LINE * number, line) for number, line in enumerate(lines)]
        rows.append({"names": names, "top": top + (high - HIGH) / 2, "squares": drawn})
        top += high + GAP
    across = len(heat.shots) * (WIDE + GAP)
    return {
        "title": heat.title,
        "left": left,
        "middle": left + (across - GAP) / 2,
        "columns": [(left + place * (WIDE + GAP) + WIDE / 2, f"k={k}") for place, k in enumerate(heat.shots)],
        "rows": rows,
        "width": max(left + across + MARGIN, 460),
        "height": top + MARGIN,
    }


def _square(label: str, k: int, square: Square | None, left: float, limit: float) -> Row:
    said = f"{label}, k={k}: {_said(square)}"
    if square is None:
        return {"left": left, "gain": "", "said": said}
    fill = shade(square.gain / limit)
    return {
        "left": left,
        "fill": _hex(fill),
        "ink": ink(fill),
        "gain": signed(square.gain),
        "interval": between(square.low, square.high),
        # Not `clear`: of a dictionary, Jinja would find its method first.
        "framed": square.clear,
        "said": said,
    }


def shade(share: float) -> Colour:
    """The colour of a gain from -1 (orange) over 0 (pale) to 1 (blue), which the colour-blind tell apart too."""
    end = UP if share >= 0 else DOWN
    red, green, blue = (
        round(pale + min(1.0, abs(share)) * (full - pale)) for pale, full in zip(MIDDLE, end, strict=True)
    )
    return red, green, blue


def ink(fill: Colour) -> str:
    """Black or white, whichever stands out more; one of them always has a contrast above 4.5."""
    light = luminance(fill)
    return "#000" if (light + 0.05) / 0.05 >= 1.05 / (light + 0.05) else "#fff"


def luminance(colour: Colour) -> float:
    """Relative luminance (WCAG 2.2)."""
    shares = [value / 255 for value in colour]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in shares)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _hex(colour: Colour) -> str:
    return "#" + "".join(f"{value:02x}" for value in colour)
