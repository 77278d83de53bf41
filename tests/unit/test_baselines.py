"""Controls by hand, demonstrations of other seeds, and cells that keep apart what differs."""

import json
from collections import Counter
from pathlib import Path

import pytest

from kshot.config import EvaluateConfig
from kshot.core.errors import RunError
from kshot.evaluate.measure.measurement import Measurement, make_measurement
from kshot.evaluate.measure.requests import Labels, choose_demonstrations, random_label, render_item
from kshot.evaluate.measure.results import read_scores, read_seed_scores
from kshot.evaluate.metrics.baselines import baseline_means, baseline_rows, missed_baselines, trivial_baselines
from kshot.evaluate.report.markdown import write_report
from kshot.runtime.device import Device
from kshot.suites.format import Suite, SuiteRow, SuiteTask, SuiteTaskSpec
from kshot.suites.loading import load_suite

COLOURS = ["red", "blue", "green", "grey"]


def choice(demos: str, items: str, fixed: bool = True) -> SuiteTask:
    """A task whose answers are the first letters of red, blue and Green; options are all four colours."""
    colours = {"r": "red", "b": "blue", "g": "green"}
    rows = [
        SuiteRow(input=f"thing {n}", output=[colours[letter]], options=COLOURS)
        for n, letter in enumerate(demos + items)
    ]
    kind = SuiteTaskSpec(
        task="colour", instruction="Which?", kind="multiple_choice", options_fixed=fixed, demos=len(demos)
    )
    return SuiteTask(kind, tuple(rows[: len(demos)]), tuple(rows[len(demos) :]))


def free(demos: list[str], items: list[str]) -> SuiteTask:
    rows = [SuiteRow(input=f"thing {n}", output=[text]) for n, text in enumerate([*demos, *items])]
    entry = SuiteTaskSpec(task="free", instruction="What?", kind="generation", demos=len(demos))
    return SuiteTask(entry, tuple(rows[: len(demos)]), tuple(rows[len(demos) :]))


def test_controls_of_a_choice_by_hand() -> None:
    controls = trivial_baselines(choice("rrbg", "rrrb"), "exact_match", 2, [0], None)
    assert controls == {"majority": 0.75, "random": 0.25, "copy_first": 0.75, "copy_last": 0.75, "copy_any": 0.75}
    controls = trivial_baselines(choice("rrbg", "rrrb"), "loglikelihood", 4, [0], None)
    assert controls["copy_last"] == 0
    assert controls["copy_any"] == pytest.approx((0.75 * 2 + 0.25) / 4)


def test_only_the_items_that_are_measured_count() -> None:
    assert trivial_baselines(choice("rrbg", "rrbb"), "exact_match", 1, [0], 2)["majority"] == 1


def test_classes_that_are_as_frequent_share_the_majority() -> None:
    assert trivial_baselines(choice("rrbb", "rrrb"), "exact_match", 1, [0], None)["majority"] == 0.5


def test_without_demonstrations_the_options_are_all_there_is() -> None:
    controls = trivial_baselines(choice("rrbg", "rrrb"), "exact_match", 0, [0], None)
    assert controls == {"majority": 0.25, "random": 0.25, "copy_first": None, "copy_last": None, "copy_any": None}


def test_where_options_change_the_majority_is_a_place_among_them() -> None:
    """Red stands first, whatever it is called in another item."""
    task = choice("rrb", "rb", fixed=False)
    turned = SuiteRow(input="turned", output=["blue"], options=["blue", "red"])
    task = SuiteTask(task.spec, task.demos, (*task.items, turned))
    assert trivial_baselines(task, "exact_match", 1, [0], None)["majority"] == pytest.approx(2 / 3)


def test_controls_of_free_answers_forgive_as_exact_match_does() -> None:
    controls = trivial_baselines(free(["Two", "two.", "one"], ["two", "three"]), "exact_match", 3, [0], None)
    assert controls == {
        "majority": 0.5,
        "random": None,
        "copy_first": 0.5,
        "copy_last": 0.0,
        "copy_any": pytest.approx(1 / 3),
    }


def test_the_copied_demonstration_is_that_of_each_seed() -> None:
    task = choice("rrrrrrbbbbbb", "rrrr")
    seeds = list(range(1, 9))
    first = [choose_demonstrations(task, 1, seed)[0].output == ["red"] for seed in seeds]
    assert 0 < sum(first) < len(seeds)
    assert trivial_baselines(task, "exact_match", 1, seeds, None)["copy_first"] == pytest.approx(sum(first) / 8)


def test_a_student_below_its_control_is_marked_and_one_level_with_it_is_not() -> None:
    assert missed_baselines(0.5, {"majority": 0.6, "random": 0.5, "copy_first": None}) == ["majority"]
    panel = Suite("p", (choice("rrbg", "rrrb"), free(["a", "b"], ["c", "d"])))
    base = {"exact_match": {"colour": [[1.0, 0, 0, 0]], "free": [[1.0, 1.0]]}}
    student = {"exact_match": {"colour": [[1.0, 1.0, 0, 0]], "free": [[1.0, 0.0]]}}
    rows = baseline_rows(panel, 2, [0], None, base, student, {"base": base, "student": base})
    assert [row["below"] for row in rows] == [["majority", "copy_first", "copy_last", "copy_any"], ["random_labels"]]
    assert (rows[0]["base_random_labels"], rows[0]["random_labels"]) == (0.25, 0.25)
    (mean,) = baseline_means(rows)
    assert mean["controls"]["random"] == {"score": 0.25, "student": 0.5, "tasks": 1}
    assert mean["controls"]["majority"] == {"score": 0.375, "student": 0.5, "tasks": 2}
    assert mean["below"] == ["random_labels"]


def test_a_control_that_was_not_measured_is_no_zero() -> None:
    panel = Suite("p", (free(["a"], ["c"]),))
    found = {"exact_match": {"free": [[0.0]]}}
    (row,) = baseline_rows(panel, 0, [0], None, found, found)
    assert (row["random_labels"], row["random"], row["majority"], row["below"]) == (None, None, None, [])
    assert baseline_means([row])[0]["controls"] == {}


def test_seed_zero_is_the_pool_s_own_order() -> None:
    task = choice("rrbg", "rb")
    assert choose_demonstrations(task, 3) == task.demos[:3]
    assert render_item(task, task.items[0], 3) == render_item(task, task.items[0], 3, 0, "gold")


def test_demonstrations_of_another_seed_are_drawn_from_the_pool_and_nested() -> None:
    task = choice("rrbgrrbg", "rb")
    orders = [choose_demonstrations(task, 8, seed) for seed in range(1, 6)]
    assert all(Counter(d.input for d in order) == Counter(d.input for d in task.demos) for order in orders)
    assert len({tuple(d.input for d in order[:2]) for order in orders}) > 1
    assert orders[0] == choose_demonstrations(task, 8, 1)
    assert all(choose_demonstrations(task, k, 3) == orders[2][:k] for k in range(9))


def test_random_labels_come_from_the_options_whatever_the_shots() -> None:
    task = choice("rrbgrrbg" * 4, "r")
    labels = [random_label(task, demo) for demo in task.demos]
    assert set(labels) == set(COLOURS)
    text = render_item(task, task.items[0], 2, 0, "random")
    shown = text.partition("\n\n")[2]
    assert shown.startswith(f"Input: thing 0\nOutput: {labels[0]}\n\nInput: thing 1\nOutput: {labels[1]}\n\n")
    assert render_item(task, task.items[0], 0, 0, "random") == render_item(task, task.items[0], 0)


def test_free_answers_are_swapped_among_the_demonstrations() -> None:
    task = free(["a", "b", "c"], ["d"])
    labels = [random_label(task, demo) for demo in task.demos]
    assert all(label in "abc" and label != demo.output[0] for label, demo in zip(labels, task.demos, strict=True))


def cell(folder: Path, seed: int = 0, labels: Labels = "gold") -> Measurement:
    machine = Device("cpu", 1, "float32", "sdpa", {})
    return make_measurement(folder, "base", "x", Suite("p", (choice("rb", "r"),)), 1, None, machine, seed, labels)


def test_cells_are_named_and_keyed_by_seed_and_labels(tmp_path: Path) -> None:
    cells = [cell(tmp_path), cell(tmp_path, 2), cell(tmp_path, 2, "random"), cell(tmp_path, 0, "random")]
    assert [c.folder.name for c in cells] == ["base-k1", "base-k1-s2", "base-k1-s2-random", "base-k1-random"]
    assert len({c.key for c in cells}) == 4


def write_samples(made: Measurement, right: list[bool | None]) -> None:
    made.folder.mkdir(parents=True)
    rows = [{"score": "exact_match", "task": "t", "item": n, "right": value} for n, value in enumerate(right)]
    (made.folder / "samples.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def test_scores_of_several_seeds_are_read_together(tmp_path: Path) -> None:
    cells = [cell(tmp_path), cell(tmp_path, 1)]
    write_samples(cells[0], [True, False])
    write_samples(cells[1], [False, False])
    assert read_scores(cells[0]) == {"exact_match": {"t": [1.0, 0.0]}}
    assert read_seed_scores(cells) == {"exact_match": {"t": [[1.0, 0.0], [0.0, 0.0]]}}


def test_a_missing_score_stops_the_table(tmp_path: Path) -> None:
    for seed, right in enumerate([[True, None], [True], [True, True]]):
        write_samples(cell(tmp_path, seed), right)
    with pytest.raises(RunError, match=r"samples.jsonl:2: a score is missing here; delete"):
        read_scores(cell(tmp_path, 0))
    with pytest.raises(RunError, match="other items"):
        read_seed_scores([cell(tmp_path, 2), cell(tmp_path, 1)])


def test_the_config_refuses_no_seed_and_unknown_controls() -> None:
    assert (EvaluateConfig().fewshot_seeds, EvaluateConfig().baselines) == ([0], [])
    for wrong in ({"fewshot_seeds": []}, {"fewshot_seeds": [-1]}, {"baselines": ["coin"]}):
        with pytest.raises(ValueError, match="validation error"):
            EvaluateConfig.model_validate(wrong)


def test_the_own_panel_has_every_control_that_it_can_have() -> None:
    for task in load_suite("kshot").tasks:
        controls = trivial_baselines(task, "exact_match", 4, [0, 1], None)
        assert (controls["random"] is not None) == task.multiple_choice
        assert all(value is None or 0 <= value <= 1 for value in controls.values())
        assert None not in (controls["majority"], controls["copy_first"], controls["copy_any"])


def test_the_report_marks_what_is_below_and_shows_seeds(tmp_path: Path) -> None:
    shares = dict.fromkeys(("base", "student", "gain", "low", "high", "p", "p_holm", "worst_seed_gain"), 0.5)
    more = dict.fromkeys(("spread", "base_worst", "base_spread", "student_worst", "student_spread"), 0.25)
    row = {
        "panel": "p",
        "score": "exact_match",
        "k": 1,
        **shares,
        **more,
        "tasks": 5,
        "families": 5,
        "items": 9,
        "seeds": 2,
    }
    mean = {"controls": {"majority": {"score": 0.6, "student": 0.5, "tasks": 5}}, "below": ["majority"]}
    facts = {
        "run": "r", "base": "b", "seed": 1, "resamples": 100, "demo_seeds": [0, 7], "truncated": {}, "shots": [1],
        "gains": [{**row, "mde": None, "below": ["majority"]}], "answers": [], "by_task": [], "versions": {},
        "fewshot": [{**row, "model": "base", "zero": 0.1, "few": 0.2}], "machine": {},
        "controls": [{"panel": "p", "score": "exact_match", "k": 1, **mean}],
    }  # fmt: skip
    write_report(tmp_path, facts)
    text = (tmp_path / "report.md").read_text()
    assert "| p | exact match | 1 | 50.0 | 50.0 ▼ | +50.0 | +50.0 to +50.0 | 0.500 | ? | 5 | 9 |" in text
    assert "| p | exact match | 1 | majority class | 60.0 | 50.0 ▼ | 5 |" in text
    assert "| p | exact match | 1 | 25.0 | 25.0 | 25.0 | 25.0 | +50.0 | 25.0 |" in text
    assert "| p | exact match | base | 1 | 10.0 | 20.0 | +50.0 | +50.0 to +50.0 | 0.500 |" in text
    assert "With two to five tasks" in text
