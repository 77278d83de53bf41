"""A suite's prompts, demonstrations, and what is asked of a model for an item."""

import json
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import pytest

from kshot.core.errors import SuiteError
from kshot.evaluate.measure.suite_tasks import (
    FREE_TEXT_TOKENS,
    SPARE_TOKENS,
    check_shots,
)
from kshot.evaluate.measure.suite_tasks import _generation_settings as generation_settings
from kshot.suites.loading import load_suite
from kshot.suites.prompts import choose_demonstrations, random_label, render_item
from tests.unit.evaluation_rows import COLOURS, choice_task, generation_task
from tests.unit.test_suite_loading import name_scores


def test_check_shots_refuses_more_shots_than_demonstrations(suite: Path) -> None:
    loaded = load_suite(str(suite))
    check_shots(loaded, [0, 4])
    with pytest.raises(SuiteError, match=r"fewer demonstrations than k=5: sky \(4\), echo \(4\)"):
        check_shots(loaded, [5])


def test_render_item_shows_fixed_demonstrations_nested_across_shots(suite: Path) -> None:
    task = load_suite(str(suite)).tasks[1]
    shown = [render_item(task, task.items[0], k) for k in range(5)]
    for k in range(1, 5):
        assert [f"quux{n}" in shown[k] for n in range(4)] == [n < k for n in range(4)]
        assert shown[k].startswith("Say the word again.\n\nInput: quux0\nOutput: quux0")
    assert all(text.endswith("Input: quux4\nOutput:") for text in shown)


def test_render_item_shows_options_only_where_they_change(suite: Path) -> None:
    task = load_suite(str(suite)).tasks[0]
    assert "Options" not in render_item(task, task.items[0], 1)
    index = json.loads((suite / "suite.yaml").read_text())
    index["tasks"][0]["options_fixed"] = False
    (suite / "suite.yaml").write_text(json.dumps(index))
    task = load_suite(str(suite)).tasks[0]
    assert render_item(task, task.items[0], 0).endswith("Input: zulu hour 4\nOptions:\n- day\n- night\nOutput:")


def test_render_item_appends_labels_that_the_instruction_leaves_out(suite: Path) -> None:
    index = json.loads((suite / "suite.yaml").read_text())
    index["tasks"][0]["instruction"] = "Is it light outside, as in the daytime, or night?"
    (suite / "suite.yaml").write_text(json.dumps(index))
    task = load_suite(str(suite)).tasks[0]
    start = "Is it light outside, as in the daytime, or night?\nOptions:\n- day\n- night\n\nInput: "
    for k in (0, 2):
        assert render_item(task, task.items[0], k).startswith(start)
        assert render_item(task, task.items[0], k).count("Options") == 1


def test_choose_demonstrations_keeps_the_order_of_the_pool_for_seed_zero() -> None:
    task = choice_task("rrbg", "rb")
    assert choose_demonstrations(task, 3) == task.demos[:3]
    assert render_item(task, task.items[0], 3) == render_item(task, task.items[0], 3, 0, "gold")


def test_choose_demonstrations_draws_from_the_pool_and_nests_for_other_seeds() -> None:
    task = choice_task("rrbgrrbg", "rb")
    orders = [choose_demonstrations(task, 8, seed) for seed in range(1, 6)]
    assert all(Counter(d.input for d in order) == Counter(d.input for d in task.demos) for order in orders)
    assert len({tuple(d.input for d in order[:2]) for order in orders}) > 1
    assert orders[0] == choose_demonstrations(task, 8, 1)
    assert all(choose_demonstrations(task, k, 3) == orders[2][:k] for k in range(9))


def test_random_label_draws_from_the_options_whatever_the_shots() -> None:
    task = choice_task("rrbgrrbg" * 4, "r")
    labels = [random_label(task, demo) for demo in task.demos]
    assert set(labels) == set(COLOURS)
    text = render_item(task, task.items[0], 2, 0, "random")
    shown = text.partition("\n\n")[2]
    assert shown.startswith(f"Input: thing 0\nOutput: {labels[0]}\n\nInput: thing 1\nOutput: {labels[1]}\n\n")
    assert render_item(task, task.items[0], 0, 0, "random") == render_item(task, task.items[0], 0)


def test_random_label_of_a_generation_task_is_the_output_of_another_demonstration() -> None:
    task = generation_task("free", [(f"thing {n}", text) for n, text in enumerate("abc")], [("thing 3", "d")])
    labels = [random_label(task, demo) for demo in task.demos]
    assert all(label in "abc" and label != demo.output[0] for label, demo in zip(labels, task.demos, strict=True))


def test_generation_settings_leave_room_for_a_text_where_scores_search_in_it(suite: Path) -> None:
    def tokenizer(text: str, **_: object) -> dict[str, list[int]]:
        return {"input_ids": [0] * len(text)}

    vars(tokenizer)["eos_token"] = "<end>"
    settings = [
        generation_settings(load_suite(str(name_scores(suite, scores))).tasks[1], tokenizer)
        for scores in (["exact_match"], ["exact_match", "contains"])
    ]
    generation = [SimpleNamespace(**each["generation_kwargs"]) for each in settings]
    assert [each.max_gen_toks for each in generation] == [5 + SPARE_TOKENS, 5 + FREE_TEXT_TOKENS]
    assert [each.until for each in generation] == [["<end>", "\n"], ["<end>"]]
    index = json.loads((suite / "suite.yaml").read_text())
    index["tasks"][1]["first_line_only"] = True
    (suite / "suite.yaml").write_text(json.dumps(index))
    short = generation_settings(load_suite(str(suite)).tasks[1], tokenizer)
    assert load_suite(str(suite)).tasks[1].spec.scores == ["exact_match", "contains"]
    assert short["generation_kwargs"] == settings[0]["generation_kwargs"]
    score_answer = settings[1]["process_results"]
    assert score_answer({"output": ["quux4"]}, ["well, quux4\nyes"]) == {"exact_match": 0.0, "contains": 1.0}
    # As it would have been cut, had exact match been the only score.
    assert score_answer({"output": ["quux4"]}, ["quux4\nyes"]) == {"exact_match": 1.0, "contains": 1.0}


def test_exact_and_normalized_match_are_read_from_one_answer_and_do_not_mix(suite: Path) -> None:
    def tokenizer(text: str, **_: object) -> dict[str, list[int]]:
        return {"input_ids": [0] * len(text)}

    vars(tokenizer)["eos_token"] = "<end>"
    task = load_suite(str(name_scores(suite, ["exact_match", "normalized_match"]))).tasks[1]
    score_answer = generation_settings(task, tokenizer)["process_results"]
    doc = {"output": ["day"], "options": ["day", "night"]}
    scored = [score_answer(doc, [text]) for text in ("day", "It is day.", "day\n\nIt is bright outside.", "day\nnight")]
    assert [each["exact_match"] for each in scored] == [1, 0, 1, 1]
    assert [each["normalized_match"] for each in scored] == [1, 1, 1, 0]
