"""Forgetting: bits per byte, style of answers, tasks that fell; each by hand."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from kshot.core.run_files import read_model, write_model
from kshot.evaluate.metrics.forgetting import (
    ForgettingProbe,
    Paragraph,
    chat_style,
    compare_text,
    forgotten_tasks,
    load_material,
    measure_forgetting,
    repetition,
)
from kshot.evaluate.report.forgetting import forgetting_section, summarize
from kshot.evaluate.report.section import section_markdown
from kshot.evaluate.run_files import ChatAnswer, ForgettingAnswers
from tests.unit.evaluation_rows import make_baseline_task

DRAWN = (200, 7)
"""Bootstrap resamples and seed."""


def test_load_material_reads_24_paragraphs_and_20_questions() -> None:
    material = load_material()
    assert len(material.text) == 24
    assert len(set(material.questions)) == 20
    assert len({paragraph.kind for paragraph in material.text}) >= 7
    assert all(30 <= len(paragraph.text.split()) <= 90 for paragraph in material.text)


def test_compare_text_pairs_bits_per_byte_by_paragraph() -> None:
    texts = [Paragraph(kind="a", text="abcd"), Paragraph(kind="b", text="é" * 4)]
    text = compare_text(texts, [4.0, 16.0], [6.0, 20.0], *DRAWN)
    assert (text.base, text.student, text.difference) == (1.5, 2.0, 0.5)
    assert (text.low, text.high) == pytest.approx((0.5, 0.5))
    assert [(kind.kind, kind.base, kind.student) for kind in text.kinds] == [("a", 1, 1.5), ("b", 2, 2.5)]


def test_compare_text_covers_differences_beyond_one_bit() -> None:
    texts = [Paragraph(kind="a", text="x" * 10) for _ in range(4)]
    text = compare_text(texts, [10.0] * 4, [80.0, 90.0, 100.0, 110.0], *DRAWN)
    assert text.low < text.difference == 8.5 < text.high
    assert text.low > 5


def test_chat_style_counts_words_and_repetition() -> None:
    style = chat_style(["yes", "", "one two three four one two three four", "a b c"])
    assert (style.words, style.one_word, style.repeated) == (3.0, 0.5, pytest.approx((1 / 5) / 4))
    assert repetition("a b c") == 0


def test_forgotten_tasks_are_those_that_the_base_solved_above_its_baselines() -> None:
    before = {"good": [1.0] * 8, "chance": [0.0, 1.0] * 4, "none": [0.0] * 8}
    after = {"good": [0.0] * 7 + [1.0], "chance": [0.0] * 8, "none": [0.0] * 8}
    scores = {
        model: {("p", 0): {"exact_match": {task: [row] for task, row in by_task.items()}}}
        for model, by_task in (("base", before), ("student", after))
    }
    tasks = [make_baseline_task("good", 1.0, 0.5), make_baseline_task("chance", 0.5, 0.5)]
    tasks.append(make_baseline_task("none", 0.0, None))
    (fallen,) = forgotten_tasks(scores, tasks, *DRAWN)
    assert (fallen.task, fallen.baseline, fallen.base, fallen.gain) == ("good", 0.5, 1.0, -0.875)
    assert fallen.low <= fallen.gain <= fallen.high < 0
    # The student's score with random labels is no baseline of the base.
    rows = forgotten_tasks(scores, [make_baseline_task("good", 1.0, 0.5, random_labels=1.0)], *DRAWN)
    assert [row.task for row in rows] == ["good"]
    report = measure_forgetting((), scores, tasks, *DRAWN)
    assert (report.text, report.chat) == (None, None)
    assert summarize(report) == "1 of 1 scores above the baselines fell, 1 significantly"
    section = forgetting_section(report)
    assert "| p | good | exact match | 0 | 50.0 | 100.0 | 12.5 | -87.5 |" in section_markdown(section)
    assert [table.title for table in section.tables] == ["Tasks that fell"]


def test_forgetting_probe_asks_greedily_under_the_chat_template(tmp_path: Path) -> None:
    prompts: list[Any] = []

    def generate(requests: list[Any], disable_tqdm: bool) -> list[str]:
        prompts.extend(request.args for request in requests)
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
    answers = read_model(tmp_path / "base.json", ForgettingAnswers).answers
    assert answers == [f"answer {number}" for number in range(20)]
    prompt, settings = prompts[0]
    assert prompt == f"[user: {load_material().questions[0]}]"
    assert (settings["until"], settings["do_sample"]) == (["<2>"], False)


def test_measure_forgetting_sets_base_beside_student(tmp_path: Path) -> None:
    material = load_material()
    probes = [ForgettingProbe(model, tmp_path / f"{model}.json", "key") for model in ("base", "student")]
    for probe, bits, words in zip(probes, (100.0, 200.0), ("one two", "one"), strict=True):
        answers = [f"{words}-{probe.model}{n}" for n in range(20)]
        write_model(probe.path, ForgettingAnswers(key="key", bits=[bits] * 24, answers=answers))
    report = measure_forgetting(probes, {}, [], *DRAWN)
    assert report.answers[3] == ChatAnswer(question=material.questions[3], base="one two-base3", student="one-student3")
    assert report.chat is not None
    assert report.text is not None
    assert (report.chat.base.words, report.chat.student.one_word) == (2, 1)
    assert report.text.student == pytest.approx(2 * report.text.base)
    assert 0 < report.text.low <= report.text.difference <= report.text.high
    summary = summarize(report)
    assert "answers of 2 -> 1 words; one-word answers 0.0 -> 100.0 %" in summary
    assert "0 of 0 scores above the baselines fell" in summary
    section = forgetting_section(report)
    assert [side.text for side in section.comparisons[3].sides] == ["one two-base3", "one-student3"]
    assert "| all | 24 |" in section_markdown(section)
