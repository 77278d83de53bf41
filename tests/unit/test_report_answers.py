"""The answers that report.html shows: base beside student, cut alike, and safe to show."""

import json
from dataclasses import asdict

from kshot.core.pages.safe import make_visible
from kshot.evaluate.report.answers import MAX_TEXT_CHARS, choose_answers, pair_answers
from tests.unit.evaluation_rows import make_sample

MODELS = ("base", "student")


def test_choose_answers_cuts_alike_for_every_task_and_k() -> None:
    samples = [
        make_sample(task=task, score=score, k=k, item=item, model=model, answer="x" * 50)
        for task in ("a", "b") for score in ("exact_match", "loglikelihood") for k in (0, 4)
        for model in MODELS for item in range(30)
    ]  # fmt: skip
    pairs = pair_answers(samples)
    everything, no_cap = choose_answers(pairs, 7)
    assert (len(everything), no_cap) == (240, None)
    chosen, cap = choose_answers(pairs, 7, max_bytes=20_000)
    assert cap is not None
    assert 1 <= cap < 30
    assert len(chosen) == 8 * cap
    assert sum(len(json.dumps(asdict(pair), separators=(",", ":"))) for pair in chosen) <= 20_000
    items = {score: [p.item for p in chosen if p.score == score] for score in ("exact_match", "loglikelihood")}
    assert items["exact_match"] == items["loglikelihood"]
    assert [p.item for p in choose_answers(pairs, 8, max_bytes=20_000)[0]] != [p.item for p in chosen]


def test_pair_answers_leaves_out_an_item_of_one_model_and_cuts_a_long_text() -> None:
    both = [make_sample(model=model, answer="x" * 3 * MAX_TEXT_CHARS) for model in MODELS]
    (pair,) = pair_answers([*both, make_sample(item=1, answer="y")])
    assert f"[... {2 * MAX_TEXT_CHARS} characters left out ...]" in pair.base
    assert len(pair.base) < MAX_TEXT_CHARS + 100


def test_pair_answers_keeps_fewshot_seeds_apart() -> None:
    samples = [make_sample(k=4, seed=seed, model=m, answer=f"{m} {seed}") for seed in (0, 3) for m in MODELS]
    assert [(pair.seed, pair.base, pair.student) for pair in pair_answers(samples)] == [
        (0, "base 0", "student 0"),
        (3, "base 3", "student 3"),
    ]


def test_make_visible_keeps_every_language_and_shows_what_hides() -> None:
    plain = "tab\t line\n h\u00e9 \u05e9\u05dc\u05d5\u05dd \u4f60\u597d \U0001f600"
    assert make_visible(plain) == plain
    assert make_visible("a\x00b\x1b\x7f\ud800\u202e\uffff") == "a\u2400b\u241b[U+007F]\ufffd[U+202E]\ufffd"
