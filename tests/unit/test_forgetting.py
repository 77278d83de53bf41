"""What got worse: bits per byte, the manner of answers, tasks that fell; each by hand."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from kshot.config import Config
from kshot.core.files import write_json
from kshot.evaluate.metrics.forgetting import (
    ForgettingProbe,
    chat_style,
    compare_text,
    forgotten_tasks,
    load_material,
    measure_forgetting,
    repetition,
)
from kshot.evaluate.report.forgetting import markdown, section, summary

CONFIG = Config.model_validate({"evaluate": {"bootstrap_resamples": 200}})


def test_the_material_is_what_it_should_be() -> None:
    found = load_material()
    assert len(found["text"]) == 24
    assert len(set(found["questions"])) == 20
    assert len({row["kind"] for row in found["text"]}) >= 7
    assert all(30 <= len(row["text"].split()) <= 90 for row in found["text"])


def test_bits_per_byte_are_paired_by_paragraph() -> None:
    texts = [{"kind": "a", "text": "abcd"}, {"kind": "b", "text": "é" * 4}]
    found = compare_text(texts, base=[4.0, 16.0], student=[6.0, 20.0], config=CONFIG)
    assert (found["base"], found["student"], found["difference"]) == (1.5, 2.0, 0.5)
    assert (found["low"], found["high"]) == pytest.approx((0.5, 0.5))
    assert [(row["kind"], row["base"], row["student"]) for row in found["kinds"]] == [("a", 1, 1.5), ("b", 2, 2.5)]


def test_a_ruined_student_has_an_interval_beyond_one_bit() -> None:
    texts = [{"kind": "a", "text": "x" * 10} for _ in range(4)]
    found = compare_text(texts, base=[10.0] * 4, student=[80.0, 90.0, 100.0, 110.0], config=CONFIG)
    assert found["low"] < found["difference"] == 8.5 < found["high"]
    assert found["low"] > 5


def test_how_a_model_talks() -> None:
    found = chat_style(["yes", "", "one two three four one two three four", "a b c"])
    assert found == {"words": 3.0, "one_word": 0.5, "repeated": pytest.approx((1 / 5) / 4)}
    assert repetition("a b c") == 0


def row(task: str, base: float, control: float | None, **more: Any) -> dict[str, Any]:
    controls = dict.fromkeys(("majority", "random", "copy_first", "copy_last", "copy_any", "random_labels"))
    names = {"panel": "p", "task": task, "score": "exact_match", "k": 0}
    return names | controls | {"base": base, "student": 0.0, "majority": control} | more


def test_tasks_that_fell_are_those_that_the_base_could_do() -> None:
    scores = {"good": [1.0] * 8, "chance": [0.0, 1.0] * 4, "none": [0.0] * 8}
    after = {"good": [0.0] * 7 + [1.0], "chance": [0.0] * 8, "none": [0.0] * 8}
    measured = {
        model: {("p", 0): {"exact_match": {task: [row] for task, row in found.items()}}}
        for model, found in (("base", scores), ("student", after))
    }
    tasks = [row("good", 1.0, 0.5), row("chance", 0.5, 0.5), row("none", 0.0, None)]
    (found,) = forgotten_tasks(measured, tasks, CONFIG)
    assert (found["task"], found["control"], found["base"], found["gain"]) == ("good", 0.5, 1.0, -0.875)
    assert found["low"] <= found["gain"] <= found["high"] < 0
    # The student's score with random labels is no control of the base.
    (found, *others) = forgotten_tasks(measured, [row("good", 1.0, 0.5, random_labels=1.0)], CONFIG)
    assert (found["task"], others) == ("good", [])
    whole = measure_forgetting((), measured, tasks, CONFIG)
    assert whole["text"] is None
    assert summary(whole) == "what got worse: 1 of 1 scores above their controls fell, 1 by more than chance"
    assert "| p | good | exact match | 0 | 50.0 | 100.0 | 12.5 | -87.5 |" in markdown(whole)
    assert [table["title"] for table in section(whole)["tables"]] == ["Tasks that fell"]


def test_a_model_is_asked_greedily_under_its_chat_template(tmp_path: Path) -> None:
    asked: list[Any] = []

    def generate(requests: list[Any], disable_tqdm: bool) -> list[str]:
        asked.extend(request.args for request in requests)
        return [f" answer {number}\n" for number in range(len(requests))]

    lm = SimpleNamespace(
        tok_decode=lambda token: f"<{token}>", eot_token_id=2, generate_until=generate,
        loglikelihood_rolling=lambda requests, disable_tqdm: [-float(len(r.args[0])) for r in requests],
        apply_chat_template=lambda turns: f"[{turns[0]['role']}: {turns[0]['content']}]",
    )  # fmt: skip
    probe = ForgettingProbe("base", tmp_path / "base.json", "key")
    assert not probe.is_done
    probe.measure(lm)
    assert probe.is_done
    assert not ForgettingProbe("base", tmp_path / "base.json", "other").is_done
    prompt, settings = asked[0]
    assert prompt == f"[user: {load_material()['questions'][0]}]"
    assert (settings["until"], settings["do_sample"]) == (["<2>"], False)


def test_base_stands_beside_student(tmp_path: Path) -> None:
    asked = load_material()
    probes = [ForgettingProbe(model, tmp_path / f"{model}.json", "key") for model in ("base", "student")]
    for probe, bits, words in zip(probes, (100.0, 200.0), ("one two", "one"), strict=True):
        answers = [f"{words}-{probe.model}{n}" for n in range(20)]
        write_json(probe.path, {"key": "key", "bits": [bits] * 24, "answers": answers})
    found = measure_forgetting(probes, {}, [], CONFIG)
    assert found["answers"][3] == {
        "question": asked["questions"][3],
        "base": "one two-base3",
        "student": "one-student3",
    }
    assert (found["chat"]["base"]["words"], found["chat"]["student"]["one_word"]) == (2, 1)
    assert found["text"]["student"] == pytest.approx(2 * found["text"]["base"])
    assert 0 < found["text"]["low"] <= found["text"]["difference"] <= found["text"]["high"]
    said = summary(found)
    assert "answers of 2 -> 1 words; one-word answers 0.0 -> 100.0 %" in said
    assert "0 of 0 scores above their controls fell" in said
    assert [side["text"] for side in section(found)["pairs"][3]["sides"]] == ["one two-base3", "one-student3"]
    assert "| all | 24 |" in markdown(found)
