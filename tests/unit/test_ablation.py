"""The tables and plots of `kshot ablate` on made-up scores."""

import io
import json

import pytest
from rich.console import Console

from kshot.evaluate.ablation import curve_plots, gains_table, markdown, name_base
from kshot.evaluate.metrics.trial_ranking import ScoredTrial, rank_gains
from kshot.evaluate.report.figures import describe
from kshot.evaluate.report.section import make_table, print_table
from kshot.evaluate.run_files import AblateFile, LabelBiasFile, TrialState
from kshot.models.checkpoints import Checkpoint
from tests.unit.evaluation_rows import make_trial_gain
from tests.unit.test_trial_ranking import eight_tasks


def test_name_base_keeps_two_bases_in_folders_of_one_name_apart() -> None:
    names: dict[str, str] = {}
    bases = [Checkpoint("model", f"{folder}/model", "", None, folder, ()) for folder in "aba"]
    assert [name_base(base, names) for base in bases] == ["model", "b/model", "model"]


def make_trial(**values: object) -> ScoredTrial:
    """A setting whose student scores more with a greater number."""
    number = int(str(next(iter(values.values()))).strip("[]") or 0)
    named = {key.replace("__", "."): value for key, value in values.items()}
    return ScoredTrial(str(values), named, eight_tasks(0.1), {1: eight_tasks(0.2 + number / 1000)})


def test_curve_plots_draw_the_scores_where_one_number_varies() -> None:
    trials = [make_trial(generate__max_families=n) for n in (100, 10, 300)]
    (plot,) = curve_plots(rank_gains(trials, 200, 1))
    assert (plot.title, plot.along) == ("p: exact match", "max families")
    assert [line.label for line in plot.series] == ["k=0", "k=4"]
    for line in plot.series:
        points = {point.at: point for point in line.points}
        assert list(points) == [10, 100, 300]
        assert points[300].score == pytest.approx(0.5)
        for point in line.points:
            assert point.low is not None
            assert point.high is not None
            assert point.low <= point.score <= point.high
    assert "by max families" in describe(plot)
    assert "k=4, 300: 50.0 %" in describe(plot)


def test_curve_plots_draw_nothing_where_no_single_number_varies() -> None:
    trials = [make_trial(generate__max_families=n) for n in (100, 10, 300)]
    assert curve_plots(rank_gains(trials[:1], 200, 1)) == []
    as_configured = ScoredTrial("as configured", {}, eight_tasks(0.1), {1: eight_tasks(0.5)})
    assert curve_plots(rank_gains([as_configured, *trials], 200, 1)) == [], "one of them has no number to stand at"
    lists = [make_trial(generate__shots=[1]), make_trial(generate__shots=[4])]
    assert curve_plots(rank_gains(lists, 200, 1)) == []
    seeds = {1: eight_tasks(0.5)}
    two = [ScoredTrial(str(n), {"a": n, "b": 1 + n % 2}, eight_tasks(0.1), seeds) for n in (1, 2, 3)]
    assert curve_plots(rank_gains(two, 200, 1)) == []
    fixed = [ScoredTrial(str(n), {"a": n, "b": 1}, eight_tasks(0.1), seeds) for n in (1, 2)]
    assert [plot.along for plot in curve_plots(rank_gains(fixed, 200, 1))] == ["a"]
    assert curve_plots([]) == []


def test_markdown_names_trials_that_failed_with_their_cause() -> None:
    states = [
        TrialState(label="shots=1_seed=7", setting="shots=1", values={}, seed=7, data="d1", state="done"),
        TrialState(
            label="shots=2_seed=7", setting="shots=2", values={}, seed=7, data="d2", state="failed", cause="no data"
        ),
    ]
    report = AblateFile(
        varied=["generate.shots"], trials=states, gains=[make_trial_gain()], ranking=[], resample_data=False,
        label_bias=LabelBiasFile(means=[], tasks=[], gains=[]), limit=None, seed=7, bootstrap_resamples=200,
        device=None, versions={}, truncated={},
    )  # fmt: skip
    text = markdown(report, has_curve=False)
    assert "| shots=1_seed=7 | d1 | done |" in text
    assert "| shots=2_seed=7 | d2 | failed: no data |" in text
    assert "curve.png" not in text
    assert gains_table(report).rows[-1][3:8] == ("shots=2 seed=7", "", "", "failed", "")
    assert json.loads(report.model_dump_json())["trials"][1]["cause"] == "no data"


def test_print_table_folds_names_that_are_wider_than_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    printed = io.StringIO()
    monkeypatch.setattr("kshot.evaluate.report.section.out", Console(file=printed, width=30))
    rows = [["max_families=10", "+1.5"], ["max_families=304_longer", "+2.5"]]
    print_table(make_table("Gains", ("setting", "gain"), rows, {"setting"}))
    lines = [line.split("│")[1:-1] for line in printed.getvalue().splitlines() if "│" in line]
    assert "".join(line[0].strip() for line in lines) == "max_families=10max_families=304_longer"
