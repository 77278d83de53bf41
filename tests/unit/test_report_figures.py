"""Pictures by matplotlib: the same bytes for the same numbers, whole names, and every number in words."""

import base64
import warnings
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from kshot.evaluate.report.figures import (
    Plot,
    Point,
    Series,
    compare_plots,
    describe,
    embed_plot,
    save_heatmaps,
    save_plots,
    score_plots,
)
from tests.unit.evaluation_rows import make_compare_row, make_gain, make_trial_gain

PNG = b"\x89PNG\r\n\x1a\n"


def texts(path: Path) -> list[str]:
    """The texts of an SVG picture, lines of one text each for itself."""
    return ["".join(node.itertext()) for node in ET.parse(path).iter() if node.tag.endswith("}text")]


def two_plots() -> list[Plot]:
    gains = [make_gain(score=score, k=k) for score in ("exact_match", "loglikelihood") for k in (0, 4)]
    return score_plots(gains, {("p", "loglikelihood"): 0.5})


def test_save_plots_writes_the_same_png_and_svg_for_the_same_numbers(tmp_path: Path) -> None:
    save_plots(two_plots(), tmp_path / "scores")
    save_plots(two_plots(), tmp_path / "again" / "scores")
    for kind in ("png", "svg"):
        content = (tmp_path / f"scores.{kind}").read_bytes()
        assert content == (tmp_path / "again" / f"scores.{kind}").read_bytes()
    assert (tmp_path / "scores.png").read_bytes().startswith(PNG)
    words = texts(tmp_path / "scores.svg")
    assert {"p: exact match", "p: log-likelihood choice", "base", "random choice", "score, %"} <= set(words)
    assert {"0", "4", "demonstrations (k)"} <= set(words)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["again", "scores.png", "scores.svg"]


def test_describe_holds_every_score_and_interval() -> None:
    exact, choice = two_plots()
    assert describe(exact) == (
        "p: exact match, by demonstrations (k). base, 0: 25.0 %; base, 4: 25.0 %; "
        "student, 0: 40.0 % (30.0 to 55.0); student, 4: 40.0 % (30.0 to 55.0)."
    )
    assert choice.chance == 0.5


def test_compare_plots_draw_the_baseline_once_and_each_model_with_its_interval() -> None:
    rows = [make_compare_row(model=model, k=k) for k in (0, 4) for model in ("m", "n")]
    (plot,) = compare_plots(rows, "base")
    assert [line.label for line in plot.series] == ["base", "m", "n"]
    assert [point.at for point in plot.series[0].points] == [0, 4]
    assert plot.series[2].points[1] == Point(4, 0.4, pytest.approx(0.3), pytest.approx(0.5))


@pytest.mark.parametrize("dark", [False, True])
def test_embed_plot_is_a_data_uri_that_asks_no_network(dark: bool) -> None:
    uri = embed_plot(two_plots()[0], dark)
    kind, _, content = uri.partition(";base64,")
    assert kind == "data:image/svg+xml"
    picture = base64.b64decode(content)
    root = ET.fromstring(picture)
    links = [value for node in root.iter() for name, value in node.attrib.items() if name.endswith("href")]
    assert all(link.startswith("#") for link in links)
    assert uri == embed_plot(two_plots()[0], dark)
    assert embed_plot(two_plots()[0], not dark) != uri


def test_embed_plot_frees_its_figures() -> None:
    from matplotlib import pyplot as plt

    for _ in range(3):
        embed_plot(two_plots()[0], dark=False)
    assert plt.get_fignums() == []


@pytest.mark.parametrize(
    "points",
    [
        [Point(0, 0.0)],
        [Point(4, 1.0, -0.2, 1.3)],
        [Point(0, 0.0), Point(64, 0.001)],
        [Point(k, k / 64, 0, 1) for k in (0, 1, 2, 4, 8, 16, 32, 64)],
    ],
)
def test_save_plots_draws_any_scores_and_names(tmp_path: Path, points: list[Point]) -> None:
    plot = Plot("a < b & $x_$", (*[Series("one & $two", tuple(points))] * 9,))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        save_plots([plot], tmp_path / "scores")
    words = texts(tmp_path / "scores.svg")
    assert "a < b & $x_$" in words
    assert any(text.startswith("one & $two") for text in words)


def test_save_plots_keeps_a_long_name_inside_the_picture(tmp_path: Path) -> None:
    name = "shots=1,2,4 learning_rate=0.0003 num_train_epochs=2 seed=7"
    plot = Plot("p: exact match", (Series(name, (Point(0, 0.2, 0.1, 0.3), Point(4, 0.4, 0.3, 0.5))),))
    save_plots([plot], tmp_path / "x")
    lines = [text for text in texts(tmp_path / "x.svg") if text in f"{name}, 95 % interval of its gain"]
    assert max(map(len, lines)) <= 48
    legend = " ".join(text for text in lines if len(text) > 2)
    assert legend == f"{name}, 95 % interval of its gain"
    assert f"{name}, 4: 40.0 % (30.0 to 50.0)" in describe(plot)


def test_save_heatmaps_writes_every_number_and_marks_failed_settings(tmp_path: Path) -> None:
    rows = [
        make_trial_gain(k=0, gain=0.102, low=0.01, high=0.2, p_holm=0.01),
        make_trial_gain(k=4, gain=-0.05, low=-0.1, high=-0.02, p_holm=0.3),
        make_trial_gain(k=8, gain=-0.05, low=-0.1, high=0.01, p_holm=0.04),
        make_trial_gain(k=0, gain=0.0, low=0.0, high=0.0, score="loglikelihood"),
    ]
    for stem in ("heatmap", "again"):
        save_heatmaps(rows, ["shots=1", "<shots=2>"], tmp_path / stem)
    for kind in ("png", "svg"):
        assert (tmp_path / f"heatmap.{kind}").read_bytes() == (tmp_path / f"again.{kind}").read_bytes()
    assert (tmp_path / "heatmap.png").read_bytes().startswith(PNG)
    words = texts(tmp_path / "heatmap.svg")
    for text in ("p: exact match", "p: log-likelihood choice", "k=0", "k=4", "shots=1", "<shots=2>", "+10.2",
                 "+1.0 to +20.0", "-5.0", "-10.0 to -2.0", "-10.0 to +1.0", "+0.0 to +0.0"):  # fmt: skip
        assert text in words, text
    assert words.count("failed") == 4


def test_save_heatmaps_sets_significant_gains_bold(tmp_path: Path) -> None:
    rows = [
        make_trial_gain(k=0, gain=0.102, low=0.01, high=0.2, p_holm=0.01),
        make_trial_gain(k=4, gain=-0.05, low=-0.1, high=-0.02, p_holm=0.3),
        make_trial_gain(k=8, gain=-0.06, low=-0.1, high=0.01, p_holm=0.04),
    ]
    save_heatmaps(rows, ["shots=1"], tmp_path / "heatmap")
    bold = [
        "".join(node.itertext())
        for node in ET.parse(tmp_path / "heatmap.svg").iter()
        if node.tag.endswith("}text") and ("bold" in node.get("style", "") or "700" in node.get("style", ""))
    ]
    assert {"+10.2", "-6.0"} <= set(bold)
    assert "-5.0" not in bold
