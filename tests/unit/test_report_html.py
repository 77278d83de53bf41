"""report.html: what it holds, that nothing a model wrote can run, and that it comes out the same every time."""

import json
import re
import shutil
from collections.abc import Sequence
from html.parser import HTMLParser
from pathlib import Path

import pytest

from kshot.core.errors import DataError
from kshot.core.files import write_json, write_jsonl
from kshot.core.run_files import write_model
from kshot.evaluate.measure.measurement import Measurement
from kshot.evaluate.metrics.gain_rows import other_metric_rows
from kshot.evaluate.report.contamination import contamination_section
from kshot.evaluate.report.figures import describe, score_plots
from kshot.evaluate.report.forgetting import forgetting_section
from kshot.evaluate.report.html import KINDS, task_tables, write_html
from kshot.evaluate.report.section import ReportSection
from kshot.evaluate.report.sections import (
    baselines_section,
    fewshot_section,
    label_bias_section,
    other_metrics_section,
)
from kshot.evaluate.run_files import (
    BaselineMean,
    BaselineScore,
    ChatAnswer,
    ChatForgetting,
    ChatStyle,
    ContaminatedItem,
    DeviceFile,
    ForgettingFile,
    ForgottenTask,
    GainRow,
    LabelBiasFile,
    LabelBiasGain,
    LabelBiasMean,
    MeasurementFile,
    NearestTasks,
    NearestTrainingTask,
    TaskScore,
    TextForgetting,
    TextKind,
)
from kshot.suites.format import Suite
from tests.unit.evaluation_rows import make_contamination, make_fewshot_row, make_gain, make_manifest, make_sample

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
SUITE = "p<b>"
SHOTS = (0, 4)
ITEMS = 4
TASKS, SCORES, MODELS = ("sky", "echo"), ("exact_match", "loglikelihood"), ("base", "student")


def make_gains() -> list[GainRow]:
    """A row for each score and k; the ones at 4 shots are inconclusive and below a baseline."""
    return [
        make_gain(suite=SUITE, score=score, k=k, low=-0.05 if k else 0.05, below=["majority"] if k else [])
        for score in SCORES
        for k in SHOTS
    ]


def write_folder(folder: Path, items: int = ITEMS) -> Path:
    """A finished evaluate folder: two tasks, two scores, two numbers of shots; all that can be hostile is."""
    rows = []
    for task in TASKS:
        for score in SCORES:
            for k in SHOTS:
                for model in MODELS:
                    for item in range(items):
                        text = HOSTILE[item % len(HOSTILE)]
                        row = {
                            "suite": SUITE, "task": task, "score": score, "k": k, "item": item, "model": model,
                            "seed": 0, "input": f"question {item} {text}", "accepted": ["yes", HOSTILE[0]],
                            "prompt": f"ask {item} k={k}", "truncated": False, "answer": text,
                            "right": (item + k + (model == "student")) % 2 == 0,
                        }  # fmt: skip
                        rows.append(row)
    folder.mkdir(parents=True)
    # By json, since a lone surrogate is no UTF-8.
    (folder / "samples.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    by_task = [
        TaskScore(
            suite=SUITE, task=task, score=score, k=k, base=0.25, student=0.25 + 0.1 * number + k / 100,
            below=["majority"] if number else [],
        )
        for number, task in enumerate(TASKS) for score in SCORES for k in SHOTS
    ]  # fmt: skip
    device = DeviceFile(type="cpu", threads=2, dtype="float32", attention="sdpa", seconds={"a": 9.125})
    manifest = make_manifest(
        run="r<i>", base=HOSTILE[0], seed=7, device=device, versions={"kshot": "0.1.0"}, by_task=by_task,
        shots=list(SHOTS), measurements={"measurements/p/base-k0": "abc"},
    )  # fmt: skip
    write_model(folder / "gains.json", make_gains())
    write_model(folder / "manifest.json", manifest)
    return folder


def make_sections() -> list[ReportSection]:
    """Every optional section, with hostile texts where a model or a user wrote them."""
    score = BaselineScore(score=0.5, student=0.4, tasks=2)
    mean = BaselineMean(suite=SUITE, score="exact_match", k=4, baselines={"majority": score}, below=["majority"])
    bias = LabelBiasMean(
        suite=SUITE, k=0, model="base", tasks=1, pairwise_auroc=0.75, majority_prediction_rate=0.9,
        majority_label_rate=0.5, score=0.5, calibrated=0.6,
    )  # fmt: skip
    bias_gain = LabelBiasGain(
        suite=SUITE, k=0, model="student", measure="pairwise_auroc", before=0.5, after=0.6, gain=0.1, low=-0.1,
        high=0.3, p=0.2, tasks=4,
    )  # fmt: skip
    near = NearestTrainingTask(
        task=HOSTILE[1], family="f", category="c", similarity=0.5, instruction=HOSTILE[0], input=HOSTILE[6]
    )
    nearest = NearestTasks(
        suite=SUITE, task="sky", instruction=HOSTILE[2], input="x", name=near, trigrams=near, wording=near
    )
    copied = ContaminatedItem(
        suite=SUITE, task="sky", item=0, how="the same input", span=HOSTILE[0], record="r1", training_task=HOSTILE[1]
    )
    kind = TextKind(kind="news", base=1.1, student=1.2, paragraphs=24)
    style = ChatStyle(words=9.5, one_word=0.1, repeated=0.0)
    forgetting = ForgettingFile(
        text=TextForgetting(
            base=1.1, student=1.2, difference=0.1, low=0.05, high=0.15, paragraphs=24, kinds=[kind]
        ),
        chat=ChatForgetting(base=style, student=style),
        answers=[ChatAnswer(question="Hello?", base=HOSTILE[0], student=HOSTILE[7])],
        tasks=[
            ForgottenTask(
                suite=SUITE, task="sky", score="exact_match", k=0, baseline=0.1, base=0.5, student=0.2, gain=-0.3,
                low=-0.4, high=-0.1, p=0.01, items=9, p_holm=0.01,
            )
        ],
    )  # fmt: skip
    sections = [
        fewshot_section([make_fewshot_row(suite=SUITE)]),
        baselines_section([mean]),
        label_bias_section(LabelBiasFile(means=[bias], tasks=[], gains=[bias_gain])),
        contamination_section(make_contamination(nearest=[nearest], contaminated=[copied]), []),
        forgetting_section(forgetting),
    ]
    return [section for section in sections if section]


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
        if tag not in {"meta", "link", "br", "input", "img", "source"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or tag != self.open[-1]:
            raise AssertionError(f"</{tag}> closes {self.open[-3:]}")
        self.open.pop()

    def handle_data(self, data: str) -> None:
        self.texts.append((self.open[-1] if self.open else "", data))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_folder(tmp_path / "run" / "evaluate")


def render(
    folder: Path, sections: Sequence[ReportSection] | None = None, gains: Sequence[GainRow] | None = None
) -> str:
    """The page of a folder."""
    plots = score_plots(gains or make_gains(), {})
    write_html(folder, plots, make_sections() if sections is None else sections)
    return (folder / "report.html").read_text(encoding="utf-8")


def test_write_html_makes_a_whole_page_that_can_be_navigated(folder: Path) -> None:
    page = Page(render(folder))
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
    # Scores, tasks by score; few-shot, baselines, label bias and its gains, contaminated and nearest, forgetting.
    assert len(page.all("table")) == len(page.all("caption")) == 1 + 2 + 1 + 1 + 2 + 2 + 3
    assert all(attributes.get("scope") in {"row", "col"} for attributes in page.all("th"))


def test_write_html_embeds_light_and_dark_pictures_whose_alt_text_holds_every_score(folder: Path) -> None:
    page = Page(render(folder))
    plots = score_plots(make_gains(), {})
    images, sources = page.all("img"), page.all("source")
    assert len(plots) == len(images) == len(sources) == len(page.all("picture")) == 2
    for plot, image, source in zip(plots, images, sources, strict=True):
        assert image["alt"] == describe(plot)
        assert "student, 4: 40.0 % (20.0 to 55.0)" in str(image["alt"])
        assert str(image["src"]).startswith("data:image/svg+xml;base64,")
        assert str(source["srcset"]).startswith("data:image/svg+xml;base64,")
        assert source["media"] == "(prefers-color-scheme: dark)"
        assert image["src"] != source["srcset"]


def test_write_html_shows_nothing_that_a_model_wrote_as_markup(tmp_path: Path) -> None:
    text = render(write_folder(tmp_path / "hostile", items=len(HOSTILE)))
    page = Page(text)
    assert page.all("script") == [{"type": "application/json", "id": "samples"}, {}]
    assert len(page.all("img")) == 2
    assert all(str(image["src"]).startswith("data:") for image in page.all("img"))
    assert not [name for _, attributes in page.tags for name in attributes if name.startswith("on") or name == "style"]
    data = next(content for tag, content in page.texts if tag == "script")
    assert not re.search("[<>&\u2028\u2029]", data)
    answers = {row["student"] for row in json.loads(data)["rows"]}
    assert "49" not in answers
    assert not re.search("[\x00-\x08\x0b-\x1f\ud800-\udfff\u202a-\u202e\u2066-\u2069]", text)


def test_write_html_lets_only_its_own_script_run_and_asks_no_network(folder: Path) -> None:
    text = render(folder)
    policy = next(meta["content"] for meta in Page(text).all("meta") if "Content-Security-Policy" in meta.values())
    assert policy is not None
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert re.findall(r"https?://[^\s\"<]*", text) == []


def test_write_html_embeds_all_answers_unchanged(folder: Path) -> None:
    data = json.loads(next(content for tag, content in Page(render(folder)).texts if tag == "script"))
    assert len(data["rows"]) == 2 * 2 * len(SHOTS) * ITEMS
    first = data["rows"][0]
    assert first["student"] == HOSTILE[0]
    assert first["accepted"] == ["yes", HOSTILE[0]]
    assert (first["base_right"], first["student_right"]) == (1, 0)
    assert data["prompts"][first["prompt"]] == f"ask {first['item']} k={first['k']}"
    # Both scores of an item share their prompt.
    assert len(data["prompts"]) == ITEMS * len(SHOTS)


def test_write_html_shows_the_sections_that_it_is_given(folder: Path) -> None:
    text = render(folder)
    titles = ("What demonstrations add", "Trivial baselines", "Label bias", "Contamination", "Forgetting")
    for words in (*titles, "majority class", "below the baseline", "0.75", "+30.0", "&lt;0.001", "p, Holm", "▼"):
        assert words in text, words
    text = render(folder, [])
    assert not [title for title in titles if title in text]
    assert "below the baseline" not in text


def test_write_html_has_columns_for_seeds_where_there_are_several(folder: Path) -> None:
    assert "worst seed" not in render(folder)
    write_model(folder / "gains.json", [gain.model_copy(update={"seeds": 3}) for gain in make_gains()])
    text = render(folder)
    assert '<th scope="col">worst seed</th>' in text
    assert "Worst seed:" in text


def test_write_html_names_hashes_and_the_settings_of_earlier_stages_and_no_times(folder: Path) -> None:
    write_json(folder.parent / "train" / "manifest.json", {"lora": {"r": 16}, "device": {"seconds": {"probe": 9.125}}})
    text = render(folder)
    assert "<dt>lora.r</dt><dd>16</dd>" in text
    assert "<dt>device.attention</dt><dd>sdpa</dd>" in text
    assert "samples.jsonl (sha256)" in text
    assert "<dt>measurements/p/base-k0</dt><dd>abc</dd>" in text
    assert "9.125" not in text


def test_write_html_gives_the_same_bytes_for_the_same_folder(folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "elsewhere" / "run" / "evaluate"
    shutil.copytree(folder, other)
    assert render(folder) == render(other)


def test_write_html_names_a_missing_or_broken_file(folder: Path) -> None:
    rows = [make_sample().model_dump()]
    write_jsonl(folder / "samples.jsonl", rows)
    with (folder / "samples.jsonl").open("a") as handle:
        handle.write('{"a":\n')
    with pytest.raises(DataError, match=r"samples.jsonl:2: broken JSON"):
        render(folder)
    (folder / "samples.jsonl").unlink()
    with pytest.raises(DataError, match=r"samples.jsonl: no such file"):
        render(folder)
    write_json(folder / "gains.json", [{"suite": "p"}])
    with pytest.raises(DataError, match=r"gains.json: 0.base: Field required; delete the file and rerun"):
        render(folder)


def test_other_metrics_section_shows_a_dash_for_a_model_that_has_the_metric_as_a_score(tmp_path: Path) -> None:
    measurements = []
    for model, metrics in (("base", {}), ("student", {"t": {"bleu_max": 13.875}})):
        measurements.append(Measurement(model, Suite("p", (), None), 0, tmp_path / model, ""))
        content = MeasurementFile(key="", truncated=0, other_metrics=metrics)
        write_model(tmp_path / model / "measurement.json", content)
    section = other_metrics_section(other_metric_rows(measurements))
    assert section is not None
    assert section.tables[0].rows == (("p", "t", "bleu_max", "0", "0", "–", "13.88"),)
    assert other_metrics_section([]) is None


def test_task_tables_have_a_cell_for_each_k_and_the_mean_of_those_measured() -> None:
    rows = [
        TaskScore(suite="p", task=task, score="exact_match", k=k, base=0.0, student=student, below=[])
        for task, k, student in (("b", 0, 0.2), ("a", 0, 0.4), ("a", 4, 0.01))
    ]
    (table,) = task_tables(rows)
    assert [task for task, _ in table.rows] == ["a", "b"]
    assert table.rows[1][1][1] is None
    assert [cell.gain for cell in table.mean] == [0.3, 0.01]
    assert [cell and cell.tint for _, cells in table.rows for cell in cells] == ["up-3", "same", "up-2", None]


def test_a_gain_that_a_trivial_baseline_has_too_is_not_coloured_and_is_marked() -> None:
    marks = [{}, {"below": ["majority"]}, {"ties": ["random"]}, {"is_constant": True}, {"below": ["random_labels"]}]
    rows = [
        TaskScore(
            suite="p", task=str(number), score="exact_match", k=0, base=0.0, student=0.5, **({"below": []} | values)
        )
        for number, values in enumerate(marks)
    ]  # fmt: skip
    (table,) = task_tables(rows)
    assert [(cells[0].tint, cells[0].mark) for _, cells in table.rows if cells[0]] == [
        ("up-3", ""), ("same", "▼"), ("same", "="), ("same", "≡"), ("same", "▼")
    ]  # fmt: skip
    assert [kind for kind, colour in KINDS.items() if colour == "up"] == ["gain"]
