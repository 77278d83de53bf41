"""The tables and the picture of `kshot ablate` on made-up scores: gains, ranking and heat map."""

import io
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from kshot.evaluate.report.heatmap import DOWN, MIDDLE, UP, heat_maps, ink, luminance, shade, write_heatmap
from kshot.evaluate.report.svg import write_svg
from rich.console import Console

from kshot.evaluate.ablation import curve_plots, name_base
from kshot.evaluate.measure.measurement import Groups
from kshot.evaluate.metrics.ranking import ScoredTrial, ranking
from kshot.evaluate.report.figures import describe
from kshot.evaluate.report.markdown import rich_table
from kshot.evaluate.stage import gain_rows
from kshot.models.checkpoints import Checkpoint

Rows = Callable[[int], list[list[int]]]


def scores(**tasks: Rows) -> Groups:
    """Of one panel and score; a task's function gives its rows at k = 0 and 4."""
    return {
        ("p", k): {"exact_match": {task: [list(map(float, row)) for row in rows(k)] for task, rows in tasks.items()}}
        for k in (0, 4)
    }


def right(share: float, items: int = 20) -> list[int]:
    return [int(n < share * items) for n in range(items)]


def eight(share: float) -> Groups:
    """Eight tasks, so that the sign-flip test can tell something."""
    return scores(**{f"t{n}": lambda _: [right(share)] for n in range(8)})


def test_two_bases_in_folders_of_one_name_are_two() -> None:
    named: dict[str, str] = {}
    bases = [Checkpoint("model", f"{place}/model", "", None, place, ()) for place in "aba"]
    assert [name_base(base, named) for base in bases] == ["model", "b/model", "model"]


def test_a_row_stacks_training_seeds_against_the_same_base() -> None:
    base = scores(a=lambda k: [[0, 0, 1, 1]], b=lambda k: [[0, 0, 0, 0]])
    seeds = {
        3: scores(a=lambda k: [[1, 1, 1, 1]], b=lambda k: [[0, 0, 0, 0]]),
        4: scores(a=lambda k: [[1, 1, 1, 1]], b=lambda k: [[1, 1, 1, 1] if k else [0, 0, 0, 0]]),
    }
    rows = gain_rows([ScoredTrial("x", {"generate.cot_fraction": 0}, base, seeds)], 200, 1)
    assert [(row["panel"], row["score"], row["k"], row["cell"]) for row in rows] == [
        ("p", "exact_match", 0, "x"), ("p", "exact_match", 4, "x"),
    ]  # fmt: skip
    few = rows[1]
    assert (few["base"], few["student"], few["gain"]) == (0.25, 0.75, 0.5)
    assert (few["seed_low"], few["seed_high"]) == (0.25, 0.75)
    assert (few["seeds"], few["tasks"], few["items"]) == ([3, 4], 2, 8)
    assert few["values"] == {"generate.cot_fraction": 0}
    assert few["p_holm"] >= few["p"]
    alone = gain_rows([ScoredTrial("x", {}, base, {4: seeds[4]})], 200, 1)[1]
    assert (alone["gain"], alone["seed_low"], alone["seed_high"]) == (0.75, 0.75, 0.75)


def test_trainings_that_come_out_apart_make_the_interval_wider_than_like_ones() -> None:
    found = []
    for seeds in ({3: eight(0.3), 4: eight(0.7)}, {3: eight(0.5), 4: eight(0.5)}):
        (row, _) = gain_rows([ScoredTrial("x", {}, eight(0.1), seeds)], 500, 1)
        assert row["gain"] == pytest.approx(0.4)
        found.append(row["high"] - row["low"])
    assert found[0] > 1.5 * found[1]


def test_several_demo_seeds_of_each_training_stand_against_those_of_the_base() -> None:
    base = scores(a=lambda k: [[0, 1], [1, 1]] if k else [[0, 0]])
    seeds = {n: scores(a=lambda k: [[1, 1], [1, 1]] if k else [[1, 0]]) for n in (3, 4)}
    none, few = gain_rows([ScoredTrial("x", {}, base, seeds)], 200, 1)
    assert (none["gain"], few["gain"]) == (0.5, 0.25)


def test_the_ranking_orders_cells_and_says_what_is_told_apart() -> None:
    base = eight(0.1)
    cells = [
        ScoredTrial("low", {}, base, {1: eight(0.2)}),
        ScoredTrial("best", {}, base, {1: eight(0.8)}),
        # Better in half of the tasks, worse in the other half, and a little worse at k=4.
        ScoredTrial("near", {}, base, {1: scores(**{
            f"t{n}": lambda k, n=n: [right((0.95 if n % 2 else 0.6) if k else 0.8)] for n in range(8)
        })}),
    ]  # fmt: skip
    best, near, low = ranking(cells, 500, 1)
    assert [row["cell"] for row in (best, near, low)] == ["best", "near", "low"]
    assert [row["place"] for row in (best, near, low)] == [1, 2, 3]
    assert [row["verdict"] for row in (best, near, low)] == ["best", "not told apart", "real"]
    assert best["mean"] == pytest.approx(0.8)
    assert best["difference"] == 0
    assert low["difference"] == pytest.approx(-0.6)
    assert low["high"] < 0 < near["high"]
    # Two comparisons: the smaller p counts double.
    assert low["p"] == 2 / 2**8
    assert low["p_holm"] == 2 * low["p"]


def test_the_ranking_takes_the_mean_over_all_k_and_pairs_common_seeds() -> None:
    base = scores(a=lambda k: [[0, 0]])
    one = {
        1: scores(a=lambda k: [[1, 1], [1, 0]] if k else [[0, 0]]),
        2: scores(a=lambda k: [[1, 1], [1, 1]] if k else [[1, 1]]),
    }
    other = {1: scores(a=lambda k: [[0, 0]])}
    first, second = ranking([ScoredTrial("other", {}, base, other), ScoredTrial("one", {}, base, one)], 200, 1)
    # Seed 1 of "one": k=0 nothing, k=4 three quarters.
    assert first["cell"] == "one"
    assert first["mean"] == pytest.approx((0.375 + 1) / 2)
    assert second["difference"] == pytest.approx(-0.375)
    (_, apart) = ranking([ScoredTrial("one", {}, base, one), ScoredTrial("other", {}, base, {9: other[1]})], 200, 1)
    assert apart["difference"] == pytest.approx(-(0.375 + 1) / 2)
    assert ranking([], 200, 1) == []


def drawn(tmp_path: Path, rows: list[dict[str, Any]], cells: list[str]) -> tuple[str, ET.Element]:
    write_heatmap(heat_maps(rows, cells), tmp_path / "h.svg")
    text = (tmp_path / "h.svg").read_text()
    return text, ET.fromstring(text)


def row(cell: str, k: int, gain: float, low: float, high: float, score: str = "exact_match") -> dict[str, Any]:
    return {"panel": "p", "score": score, "k": k, "cell": cell, "gain": gain, "low": low, "high": high}


def test_the_heat_map_says_every_number_in_words(tmp_path: Path) -> None:
    rows = [
        row("shots=1", 0, 0.102, 0.01, 0.2), row("shots=1", 4, -0.05, -0.1, 0.02),
        row("shots=1", 8, -0.05, -0.1, -0.01),
        row("shots=1", 0, 0.0, 0.0, 0.0, "loglikelihood"),
    ]  # fmt: skip
    text, root = drawn(tmp_path, rows, ["shots=1", "<shots=2>"])
    space = "{http://www.w3.org/2000/svg}"
    words = [element.text for element in root.iter(f"{space}text")]
    for said in ("p: exact match", "p: log-likelihood choice", "k=0", "k=4", "shots=1", "<shots=2>", "+10.2",
                 "+1.0 to +20.0", "\N{MINUS SIGN}5.0", "\N{MINUS SIGN}10.0 to +2.0"):  # fmt: skip
        assert said in words, said
    assert words.count("failed") == 4
    framed = [group for group in root.iter(f"{space}g") for r in group if r.get("class") == "frame"]
    # The two whose interval excludes zero.
    assert [group.findtext(f"{space}title", "")[:12] for group in framed] == ["shots=1, k=0", "shots=1, k=8"]
    assert root.get("role") == "img"
    description = root.findtext(f"{space}desc") or ""
    assert "shots=1: k=0 +10.2 (+1.0 to +20.0)" in description
    assert "<shots=2>: k=0 failed" in description
    assert drawn(tmp_path, rows, ["shots=1", "<shots=2>"])[0] == text


def test_colours_go_two_ways_and_leave_text_legible() -> None:
    assert (shade(0), shade(1), shade(-1)) == (MIDDLE, UP, DOWN)
    assert shade(2) == UP
    for step in range(-20, 21):
        fill = shade(step / 20)
        light, dark = sorted((luminance(fill), {"#000": 0.0, "#fff": 1.0}[ink(fill)]), reverse=True)
        assert (light + 0.05) / (dark + 0.05) > 4.5
    # Farther from zero is darker, on both sides.
    assert luminance(shade(0.9)) < luminance(shade(0.3)) < luminance(shade(0))
    assert luminance(shade(-0.9)) < luminance(shade(-0.3))


def test_where_one_number_varies_its_scores_are_a_curve(tmp_path: Path) -> None:
    def found(**values: object) -> ScoredTrial:
        share = 0.2 + int(str(next(iter(values.values()))).strip("[]") or 0) / 1000
        named = {key.replace("__", "."): value for key, value in values.items()}
        return ScoredTrial(str(values), named, eight(0.1), {1: eight(share)})

    numbers = [found(generate__families_at_most=n) for n in (100, 10, 300)]
    (plot,) = curve_plots(gain_rows(numbers, 200, 1))
    assert (plot.title, plot.along) == ("p: exact match", "families at most")
    assert [line.label for line in plot.lines] == ["k=0", "k=4"]
    for line in plot.lines:
        points = {point.at: point for point in line.points}
        assert set(points) == {10, 100, 300}
        assert points[300].score == pytest.approx(0.5)
        assert all(point.low <= point.score <= point.high for point in line.points)
    assert "k=4, families at most=300: 50.0 %" in describe(plot)
    write_svg([plot], tmp_path / "c.svg")
    texts = [node.text for node in ET.parse(tmp_path / "c.svg").iter() if node.tag.endswith("text")]
    assert {"10", "100", "300", "families at most"} <= set(texts)
    assert curve_plots(gain_rows(numbers[:1], 200, 1)) == []
    as_it_is = ScoredTrial("as configured", {}, eight(0.1), {1: eight(0.5)})
    assert curve_plots(gain_rows([as_it_is, *numbers], 200, 1)) == [], "one of them has no number to stand at"
    assert curve_plots(gain_rows([found(generate__shots=[1]), found(generate__shots=[4])], 200, 1)) == []
    two = [ScoredTrial(str(n), {"a": n, "b": 1 + n % 2}, eight(0.1), {1: eight(0.5)}) for n in (1, 2, 3)]
    assert curve_plots(gain_rows(two, 200, 1)) == []
    fixed = [ScoredTrial(str(n), {"a": n, "b": 1}, eight(0.1), {1: eight(0.5)}) for n in (1, 2)]
    assert [plot.along for plot in curve_plots(gain_rows(fixed, 200, 1))] == ["a"]
    assert curve_plots([]) == []


def test_a_table_wider_than_the_terminal_loses_no_letter_of_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    printed = io.StringIO()
    monkeypatch.setattr("kshot.evaluate.report.markdown.out", Console(file=printed, width=30))
    rich_table("Gains", ("cell", "gain"), [["families_at_most=10", "+1.5"], ["families_at_most=304", "+2.5"]], {"cell"})
    rows = [line.split("│")[1:-1] for line in printed.getvalue().splitlines() if "│" in line]
    assert "".join(row[0].strip() for row in rows) == "families_at_most=10families_at_most=304"
