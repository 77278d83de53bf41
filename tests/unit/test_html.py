"""The HTML report: what it holds, that nothing a model wrote can run, and that it comes out the same every time."""

import json
import re
import shutil
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from kshot.evaluate.report.html_answers import MOST_CHARACTERS, choose, pair
from kshot.evaluate.report.html_sections import reported_table
from kshot.evaluate.report.svg import Line, clean, figure, write_svg

from kshot.core.errors import DataError
from kshot.core.files import write_json
from kshot.evaluate.measure.measurement import Measurement
from kshot.evaluate.report.figures import Plot, Point, describe
from kshot.evaluate.report.html import headlines, task_tables, write_html
from kshot.evaluate.report.numbers import signed
from kshot.evaluate.stage import other_metric_rows
from kshot.suites.format import Suite

HOSTILE = [
    "<img src=x onerror=\"document.title='owned'\">",
    "</script><script>document.title='owned'</script>",
    "<!--<script>",
    "{{ 7 * 7 }}{% raw %}",
    "nul\x00bell\x07",
    "lone \ud800 surrogate",
    "\u202egnihtyreve\u202c \u05e9\u05dc\u05d5\u05dd \u2028 & 'quoted' \"twice\"",
    "javascript:alert(1)",
    "",
]
SHOTS = (0, 4)
ITEMS = 4


def row(task: str, score: str, k: int, item: int, model: str, answer: str, right: bool) -> dict[str, Any]:
    return {"panel": "p<b>", "task": task, "score": score, "k": k, "item": item, "model": model, "seed": 0,
            "input": f"question {item} {HOSTILE[item % len(HOSTILE)]}", "accepted": ["yes", HOSTILE[0]],
            "prompt": f"ask {item} k={k}", "truncated": False, "right": right, "answer": answer}  # fmt: skip


def write_folder(folder: Path, items: int = ITEMS, extras: bool = True) -> Path:
    """A finished evaluate folder: two tasks, two scores, two numbers of shots; all that can be hostile is."""
    folder.mkdir(parents=True)
    tasks, scores = ("sky", "echo"), ("exact_match", "loglikelihood")
    samples = [
        row(task, score, k, item, model, HOSTILE[item % len(HOSTILE)], (item + k + (model == "student")) % 2 == 0)
        for task in tasks for score in scores for k in SHOTS for model in ("base", "student") for item in range(items)
    ]  # fmt: skip
    (folder / "samples.jsonl").write_text("".join(json.dumps(entry) + "\n" for entry in samples))
    by_task = [{"panel": "p<b>", "task": task, "score": score, "k": k, "base": 0.25,
                "student": 0.25 + 0.1 * place + k / 100, "below": ["majority"] if place else []}
               for place, task in enumerate(tasks) for score in scores for k in SHOTS]  # fmt: skip
    gains = [{"panel": "p<b>", "score": score, "k": k, "base": 0.25, "student": 0.4, "gain": 0.15, "low": low,
              "high": 0.3, "tasks": 2, "items": 2 * items, "p": 0.03, "p_holm": 0.06, "mde": None, "seeds": 1,
              "worst_seed_gain": 0.15, "below": ["majority"] if k else []}
             for score in scores for k, low in zip(SHOTS, (0.05, -0.05), strict=True)]  # fmt: skip
    control = {"score": 0.5, "student": 0.4, "tasks": 2}
    means = [
        {"panel": "p<b>", "score": "exact_match", "k": 4, "controls": {"majority": control}, "below": ["majority"]}
    ]
    few = [{"model": "student", "panel": "p<b>", "score": "exact_match", "k": 4, "zero": 0.2, "few": 0.5, "gain": 0.3,
            "low": 0.1, "high": 0.4, "p_holm": 0.0001}]  # fmt: skip
    manifest = {"run": "r<i>", "base": HOSTILE[0], "seed": 7, "machine": {"device": "cpu", "seconds": {"a": 1.5}},
                "versions": {"kshot": "0.1.0"}, "truncated": {}, "by_task": by_task,
                "cells": {"cells/p/base-k0": "abc"}}  # fmt: skip
    files = {"gains": gains, "manifest": manifest}
    if extras:
        near = {"task": "t", "similarity": 0.5, "instruction": HOSTILE[1], "input": HOSTILE[0]}
        held_out = {"panel": "p<b>", "task": "sky", "instruction": HOSTILE[2], "input": HOSTILE[4]}
        copied = {"panel": "p<b>", "task": "sky", "item": 1, "how": "the same input", "span": HOSTILE[0],
                  "record": "r1", "training_task": HOSTILE[1]}  # fmt: skip
        novelty = {"records": 9, "items": 8, "contaminated": [copied],
                   "near": [held_out | dict.fromkeys(("name", "words", "wording"), near)]}  # fmt: skip
        fell = {"panel": "p<b>", "task": "sky", "score": "exact_match", "k": 0, "control": 0.1, "base": 0.5,
                "student": 0.2, "gain": -0.3, "low": -0.4, "high": -0.1, "p_holm": 0.01}  # fmt: skip
        manner = {"words": 9.5, "one_word": 0.1, "repeated": 0.0}
        bits = {"base": 1.1, "student": 1.2, "paragraphs": 24}
        text = bits | {"difference": 0.1, "low": 0.05, "high": 0.15, "kinds": [bits | {"kind": "news"}]}
        answer = {"question": "Hello?", "base": HOSTILE[0], "student": HOSTILE[6]}
        worse = {"text": text, "chat": {"base": manner, "student": manner}, "answers": [answer], "tasks": [fell]}
        leans = {"panel": "p<b>", "k": 0, "model": "base", "tasks": 1}
        leans |= {"separation": 0.75, "lean": 0.9, "frequent": 0.5, "score": 0.5, "calibrated": 0.6}
        known = {"panel": "p<b>", "k": 0, "model": "student", "measure": "separation", "before": 0.5, "after": 0.6,
                 "gain": 0.1, "low": -0.1, "high": 0.3, "p": 0.2, "tasks": 4}  # fmt: skip
        files |= {"leaning": {"means": [leans], "tasks": [], "gains": [known]}}
        files |= {"controls": {"means": means, "tasks": []}, "fewshot": few, "novelty": novelty, "forgetting": worse}
    for name, content in files.items():
        (folder / f"{name}.json").write_text(json.dumps(content))
    return folder


class Page(HTMLParser):
    """Tags with their attributes, text by tag, and the embedded scripts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, str]] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in {"meta", "link", "br", "input", "line", "path", "rect"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if self.open and tag == self.open[-1]:
            self.open.pop()
        elif tag not in {"line", "path"}:
            raise AssertionError(f"</{tag}> closes {self.open[-3:]}")

    def handle_data(self, data: str) -> None:
        self.texts.append((self.open[-1] if self.open else "", data))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_folder(tmp_path / "run" / "evaluate")


def text_of(folder: Path) -> str:
    write_html(folder)
    return (folder / "report.html").read_text(encoding="utf-8")


def test_the_page_is_whole_and_can_be_found_one_s_way_in(folder: Path) -> None:
    page = Page(text_of(folder))
    assert page.open == []
    assert page.all("html") == [{"lang": "en"}]
    names = [tag for tag, _ in page.tags]
    assert [names.count(tag) for tag in ("main", "header", "nav", "footer", "h1")] == [1] * 5
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    for _, attributes in page.tags:
        for name in (attributes.get("aria-labelledby") or "").split():
            assert name in ids
        if (attributes.get("href") or "").startswith("#"):
            assert str(attributes["href"])[1:] in ids
    assert len(page.all("table")) == len(page.all("caption")) == 1 + 2 + 2 + 2 + 2 + 3
    assert all(attributes.get("scope") in {"row", "col"} for attributes in page.all("th"))
    plots = page.all("svg")
    assert len(plots) == 2
    assert all(plot["role"] == "img" and plot["aria-labelledby"] for plot in plots)
    assert names.count("desc") == 2


def test_nothing_that_a_model_wrote_is_markup(folder: Path) -> None:
    text = text_of(folder)
    page = Page(text)
    scripts = page.all("script")
    assert scripts == [{"type": "application/json", "id": "samples"}, {}]
    assert not page.all("img")
    assert not [name for _, attributes in page.tags for name in attributes if name.startswith("on") or name == "style"]
    data = next(inner for tag, inner in page.texts if tag == "script")
    assert not re.search("[<>&\u2028\u2029]", data)
    assert "49" not in {row["student"] for row in json.loads(data)["rows"]}
    assert not re.search("[\x00-\x08\x0b-\x1f\ud800-\udfff\u202a-\u202e\u2066-\u2069]", text)


def test_only_our_script_may_run_and_the_network_is_out_of_reach(folder: Path) -> None:
    text = text_of(folder)
    policy = next(meta["content"] for meta in Page(text).all("meta") if "Content-Security-Policy" in meta.values())
    assert policy is not None
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    outside = re.findall(r"https?://[^\s\"<]*", text)
    assert outside == []


def test_all_answers_are_there_as_they_were(folder: Path) -> None:
    data = json.loads(next(inner for tag, inner in Page(text_of(folder)).texts if tag == "script"))
    assert len(data["rows"]) == 2 * 2 * len(SHOTS) * ITEMS
    first = data["rows"][0]
    assert first["student"] == HOSTILE[0]
    assert first["accepted"] == ["yes", HOSTILE[0]]
    assert (first["base_right"], first["student_right"]) == (1, 0)
    assert data["prompts"][first["prompt"]] == f"ask {first['item']} k={first['k']}"
    # Both scores of an item share their prompt.
    assert len(data["prompts"]) == ITEMS * len(SHOTS)


def test_what_the_run_has_beside_gains_is_shown(folder: Path) -> None:
    text = text_of(folder)
    for words in (
        "majority class",
        "below the control",
        "Knowing and leaning",
        "0.75",
        "What demonstrations add",
        "+30.0",
        "&lt;0.001",
        "p, Holm",
        "†",
    ):
        assert words in text
    for name in ("controls", "fewshot", "leaning"):
        (folder / f"{name}.json").unlink()
    text = text_of(folder)
    assert "below the control" not in text
    assert "What demonstrations add" not in text
    assert "Knowing and leaning" not in text


def test_demo_seeds_have_columns_where_there_are_several(folder: Path) -> None:
    assert "worst seed" not in text_of(folder)
    gains = [entry | {"seeds": 3} for entry in json.loads((folder / "gains.json").read_text())]
    (folder / "gains.json").write_text(json.dumps(gains))
    text = text_of(folder)
    assert '<th scope="col">worst seed</th>' in text
    assert "Worst seed:" in text


def test_how_it_was_made_names_hashes_and_the_earlier_stages(folder: Path) -> None:
    train = folder.parent / "train"
    train.mkdir()
    (train / "manifest.json").write_text(json.dumps({"lora": {"r": 16}, "machine": {"seconds": {"probe": 9.125}}}))
    text = text_of(folder)
    assert "<dt>lora.r</dt><dd>16</dd>" in text
    assert "samples.jsonl (sha256)" in text
    assert "9.125" not in text


def test_the_same_folder_gives_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "elsewhere" / "run" / "evaluate"
    shutil.copytree(folder, other)
    for place in (folder, other):
        write_html(place)
    for name in ("report.html", "scores.svg"):
        assert (folder / name).read_bytes() == (other / name).read_bytes()


def test_a_missing_or_broken_file_is_named(folder: Path) -> None:
    (folder / "samples.jsonl").write_text('{"a": 1}\n{"a":\n')
    with pytest.raises(DataError, match=r"samples.jsonl:2: broken JSON"):
        write_html(folder)
    (folder / "samples.jsonl").unlink()
    with pytest.raises(DataError, match=r"samples.jsonl: no such file"):
        write_html(folder)


def test_too_many_answers_are_cut_alike_for_every_task_and_k() -> None:
    samples = [
        row(task, score, k, item, model, "x" * 50, True)
        for task in ("a", "b") for score in ("exact_match", "loglikelihood") for k in SHOTS
        for model in ("base", "student") for item in range(30)
    ]  # fmt: skip
    pairs = pair(samples)
    everything, none = choose(pairs, 7)
    assert (len(everything), none) == (240, None)
    kept, cap = choose(pairs, 7, most_bytes=20_000)
    assert cap is not None
    assert 1 <= cap < 30
    assert len(kept) == 8 * cap
    assert sum(len(json.dumps(entry)) for entry in kept) < 22_000
    items = {score: [r["item"] for r in kept if r["score"] == score] for score in ("exact_match", "loglikelihood")}
    assert items["exact_match"] == items["loglikelihood"]
    assert [r["item"] for r in choose(pairs, 8, most_bytes=20_000)[0]] != [r["item"] for r in kept]


def test_an_item_that_one_model_did_not_answer_is_left_out_and_a_long_text_cut() -> None:
    both = [row("a", "exact_match", 0, 0, model, "x" * 3 * MOST_CHARACTERS, True) for model in ("base", "student")]
    (only,) = pair([*both, row("a", "exact_match", 0, 1, "base", "y", True)])
    assert f"[... {2 * MOST_CHARACTERS} characters left out ...]" in only["base"]
    assert len(only["base"]) < MOST_CHARACTERS + 100


def test_demo_seeds_do_not_mix() -> None:
    seeds = [
        row("a", "exact_match", 4, 0, model, f"{model} {seed}", True) | {"seed": seed}
        for seed in (0, 3) for model in ("base", "student")
    ]  # fmt: skip
    assert [(r["seed"], r["base"], r["student"]) for r in pair(seeds)] == [
        (0, "base 0", "student 0"),
        (3, "base 3", "student 3"),
    ]


def gain(k: int, low: float, high: float, **more: Any) -> dict[str, Any]:
    middle = (low + high) / 2
    return {"panel": "mine", "score": "exact_match", "k": k, "base": 0.5, "student": 0.5 + middle, "gain": middle,
            "low": low, "high": high, "tasks": 9, "items": 90, **more}  # fmt: skip


def test_the_headline_says_no_more_than_the_interval() -> None:
    assert headlines([gain(0, 0.1, 0.3), gain(1, 0, 0), gain(4, 0.2, 0.4)]) == [
        "On the 9 held-out tasks of mine, the share of right answers (exact match) rose from 50.0 to 70.0 % without "
        "demonstrations (+20.0 points, 95 % interval +10.0 to +30.0) and from 50.0 to 80.0 % with 4 demonstrations "
        "(+30.0 points, 95 % interval +20.0 to +40.0)."
    ]
    (same,) = headlines([gain(0, -0.1, 0.1)])
    assert "stayed at 50.0 % without demonstrations (0.0 points" in same
    (doubtful,) = headlines([gain(0, -0.1, 0.3), gain(4, -0.4, -0.2)])
    assert "went from 50.0 to 60.0 %" in doubtful
    assert "interval \N{MINUS SIGN}10.0 to +30.0, which may be chance) and fell from" in doubtful
    (single,) = headlines([gain(1, 0.1, 0.1, score="loglikelihood")])
    assert "with 1 demonstration (" in single
    assert "right answers (log-likelihood choice) rose" in single
    (first,) = headlines(
        [gain(0, 0.1, 0.1, score="acc"), gain(4, 0.2, 0.2, score="acc"), gain(0, 0.0, 0.2, score="acc_norm"),
         gain(4, -0.3, -0.1, score="acc_norm")]
    )  # fmt: skip
    assert "(acc) rose from 50.0 to 60.0 % without" in first
    assert "and from 50.0 to 70.0 % with 4" in first
    (graded,) = headlines([gain(1, 0.1, 0.1, score="rouge_l")])
    assert "the mean (ROUGE-L) rose" in graded


def test_a_metric_that_one_model_has_among_its_scores_has_a_dash(tmp_path: Path) -> None:
    cells = []
    for model, found in (("base", {}), ("student", {"t": {"bleu_max": 13.875}})):
        cells.append(Measurement(model, Suite("p", (), None), 0, tmp_path / model, ""))
        write_json(tmp_path / model / "measurement.json", {"reported": found})
    (line,) = reported_table(other_metric_rows(cells))["rows"]
    assert line == ["p", "t", "bleu_max", "0", "0", "–", "13.88"]


def test_tasks_have_a_cell_for_each_k_and_the_mean_of_those_measured() -> None:
    rows = [
        {"panel": "p", "task": task, "score": "exact_match", "k": k, "base": 0.0, "student": student}
        for task, k, student in (("b", 0, 0.2), ("a", 0, 0.4), ("a", 4, 0.01))
    ]
    (table,) = task_tables(rows)
    assert [entry["task"] for entry in table["rows"]] == ["a", "b"]
    assert table["rows"][1]["cells"][1] is None
    assert [cell["gain"] for cell in table["mean"]] == [0.3, 0.01]
    assert [cell and cell["tint"] for entry in table["rows"] for cell in entry["cells"]] == [
        "up-3",
        "same",
        "up-2",
        None,
    ]


def test_the_picture_is_xml_says_its_numbers_and_stays_inside_its_box(folder: Path) -> None:
    write_html(folder)
    root = ET.parse(folder / "scores.svg").getroot()
    space = {"s": "http://www.w3.org/2000/svg"}
    title, desc = root.find("s:title", space), root.find("s:desc", space)
    assert title is not None
    assert desc is not None
    assert "student, k=4: 40.0 % (20.0 to 55.0)" in str(desc.text)
    assert root.get("viewBox") == f"0 0 {root.get('width')} {root.get('height')}"
    assert len(root.findall(".//s:path[@class='mark']", space)) == 2 * (2 * 2 + 2)


@pytest.mark.parametrize(
    "points",
    [
        [Point(0, 0.0)],
        [Point(4, 1.0, -0.2, 1.3)],
        [Point(0, 0.0), Point(64, 0.001)],
        [Point(k, k / 64, 0, 1) for k in (0, 1, 2, 4, 8, 16, 32, 64)],
    ],
)
def test_any_scores_can_be_drawn(points: list[Point]) -> None:
    drawn = figure(Plot("a < b", (Line("one & two", tuple(points)),) * 9), "n")
    root = ET.fromstring(str(drawn))
    numbers = [float(line.get(side, "nan")) for line in root.iter("line") for side in ("x1", "x2", "y1", "y2")]
    marks = [path.get("d", "") for path in root.iter("path") if path.get("class") == "mark"]
    places = [float(n) for mark in marks for n in re.match(r"M([-\d.]+),([-\d.]+)m", mark).groups()]  # type: ignore[union-attr]
    assert numbers
    assert all(0 <= number <= 400 for number in numbers + places)
    assert "one &amp; two" in drawn


def test_words_for_the_picture() -> None:
    assert describe(Plot("t", (Line("a", (Point(0, 0.1234, 0, 0.2),)),))) == "a, k=0: 12.3 % (0.0 to 20.0)."
    assert [signed(share) for share in (0.1, -0.1, -0.0001)] == ["+10.0", "\N{MINUS SIGN}10.0", "0.0"]


def test_clean_text_keeps_every_language_and_shows_what_hides() -> None:
    kept = "tab\t line\n h\u00e9 \u05e9\u05dc\u05d5\u05dd \u4f60\u597d \U0001f600"
    assert clean(kept) == kept
    assert clean("a\x00b\x1b\x7f\ud800\u202e\uffff") == "a\u2400b\u241b[U+007F]\ufffd[U+202E]\ufffd"


def test_a_long_name_fits_the_legend_and_is_whole_in_the_words(tmp_path: Path) -> None:
    name = "shots=1,2,4 learning_rate=0.0003 seed=7"
    line = Line(name, (Point(0, 0.2, 0.1, 0.3), Point(4, 0.4, 0.3, 0.5)))
    write_svg([Plot("p: exact match", (line,))], tmp_path / "x.svg")
    text = (tmp_path / "x.svg").read_text()
    (legend,) = re.findall(r">([^<>]*, 95 % interval of its gain)<", text)
    assert len(legend) < 52
    assert legend.startswith("shots=1,2,")
    assert f"{name}, k=4: 40.0 %" in text
