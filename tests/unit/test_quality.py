"""The set as a whole: filters, order, counts, what is written, and what it is pushed with."""

import json
import tracemalloc
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kshot.config import Config, GenerateConfig
from kshot.config import FilterConfig as FilterSettings
from kshot.core.errors import ConfigError, RunError
from kshot.core.runs import Run
from kshot.core.types import Demonstration, Description, Record, RecordMeta, Reject
from kshot.generate.compose.composer import AcceptedRecord, stream_records
from kshot.generate.curation.decontaminate import Decontaminator
from kshot.generate.curation.filters import build_filters, first_rejection, language_filter, refusal_filter
from kshot.generate.curation.paraphrases import reject_paraphrases
from kshot.generate.curation.similarity import nearest_heldout_tasks
from kshot.generate.dataset.formats import write_parquet
from kshot.generate.dataset.hub import push_dataset
from kshot.generate.dataset.shuffle import BUCKETS, MAX_LINES_IN_ONE_BUCKET, DiskShuffle
from kshot.generate.dataset.stats import SAMPLE_RECORDS, DatasetStats
from kshot.generate.dataset.writer import write_dataset
from kshot.generate.run_files import ContaminationRow, ModeCounts
from kshot.generate.sources import select_sources
from kshot.generate.stage import run_generate
from kshot.suites.format import load_suite
from tests.unit.composing import SEEDS


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def generated(folder: Path, **options: object) -> Path:
    config = Config.model_validate({"seed": 5, "generate": {"teacher": None, "records": 150, **options}})
    run_generate(config, Run(folder))
    return folder / "generate"


@pytest.mark.parametrize(
    "text",
    [
        "I'm sorry, but I can't help with that.",
        "I cannot assist with this request.",
        "As an AI language model, I have no opinion.",
        "Unfortunately, I am not able to see the picture.",
        "Well, I don’t have access to the text.",
    ],
)
def test_refusals_are_seen(text: str) -> None:
    reason = refusal_filter(text)
    assert reason is not None
    assert reason.startswith("refusal: ")


@pytest.mark.parametrize(
    "text", ["He said he was sorry.", "Sort the words.", "I cannot swim.", "Rewrite: 'sorry' in capital letters.", ""]
)
def test_other_texts_are_no_refusals(text: str) -> None:
    assert refusal_filter(text) is None


def test_lengths_are_counted_in_words_and_characters() -> None:
    filters = build_filters(FilterSettings(min_words=2, max_words=3, max_characters=12, refusals=False))
    assert first_rejection("one", filters) == "fewer words than 2: 1"
    assert first_rejection("a b c d", filters) == "more words than 3: 4"
    assert first_rejection("elephants eat", filters) == "more characters than 12: 13"
    assert first_rejection("one two", filters) is None
    assert build_filters(FilterSettings(refusals=False)) == []


def test_another_language_is_told_and_made_up_words_are_not_one() -> None:
    english = language_filter("en")
    assert english("Schreibe das Gegenteil von jedem Wort auf, eines je Zeile.") == "not in the language 'en': 'de'"
    assert english("Ordena las palabras de la lista por orden alfabético.") is not None
    assert english("Is this number even or odd? Write 'kuzam' for even, 'gozur' for odd.") is None
    assert english("Ja, nein.") is None
    with pytest.raises(ConfigError, match=r"generate\.filters\.language: 'klingon'"):
        build_filters(FilterSettings(language="klingon"))


def test_every_hand_written_wording_is_english() -> None:
    english = language_filter("en")
    texts = [text for source in select_sources([], sorted(SEEDS.glob("*.yaml"))) for text in source.descriptions]
    assert len(texts) > 500
    assert [text for text in texts if english(text)] == []


def test_wordings_that_fail_a_filter_or_restate_a_panel_are_taken_out(panel: Path) -> None:
    texts = ["I'm sorry, I cannot do that.", "say the word again", "Repeat what is said."]
    paraphrases = {"unit": [Description(text, "rephrase", "T") for text in texts]}
    dropped = reject_paraphrases(paraphrases, build_filters(FilterSettings()), Decontaminator([load_suite(str(panel))]))
    assert [paraphrase.text for paraphrase in paraphrases["unit"]] == ["Repeat what is said."]
    refused, restated, overlap = dropped
    assert isinstance(refused, Reject)
    assert (refused.mode, refused.reason.split(":")[0], refused.candidate) == ("rephrase", "refusal", texts[0])
    assert isinstance(restated, Reject)
    assert restated.reason == "restates a suite's instruction: 'Say the word again.'"
    assert isinstance(overlap, ContaminationRow)
    assert (overlap.reject, overlap.match.candidate_part, overlap.match.task) == (restated.id, "description", "echo")


def test_filters_of_all_records_give_their_reasons(tmp_path: Path) -> None:
    folder = generated(tmp_path, families=["morphology"], filters={"scope": "all", "max_words": 40})
    assert all(len(f"{row['instruction']} {row['output']}".split()) <= 40 for row in lines(folder / "train.jsonl"))
    assert any(row["reason"].startswith("more words than 40: ") for row in lines(folder / "rejects.jsonl"))


@pytest.mark.parametrize("expected", [200, MAX_LINES_IN_ONE_BUCKET + 1])
def test_shuffled_lines_are_all_there_in_an_order_of_the_seed(tmp_path: Path, expected: int) -> None:
    def order(seed: int) -> list[bytes]:
        with DiskShuffle(tmp_path, expected, seed) as shuffle:
            for n in range(1000):
                shuffle.add(b"%d\n" % n)
            return list(shuffle.lines())

    straight = [b"%d\n" % n for n in range(1000)]
    assert sorted(order(1)) == sorted(straight)
    assert order(1) == order(1) != order(2)
    assert order(1) != straight
    assert list(tmp_path.iterdir()) == []


def test_many_lines_are_dealt_out_to_buckets(tmp_path: Path) -> None:
    with DiskShuffle(tmp_path, MAX_LINES_IN_ONE_BUCKET + 1, 1) as shuffle:
        for _ in range(100 * BUCKETS):
            shuffle.add(b"x" * 400 + b"\n")
        sizes = [path.stat().st_size for path in tmp_path.rglob("*") if path.is_file()]
    assert len(sizes) == BUCKETS
    assert min(sizes) > 0


def test_buckets_leave_no_trace_of_where_a_line_came_from(tmp_path: Path) -> None:
    """The mean place of the first hundred of a thousand lines, over many seeds, is the middle."""
    places = []
    for seed in range(40):
        with DiskShuffle(tmp_path, MAX_LINES_IN_ONE_BUCKET + 1, seed) as shuffle:
            for n in range(1000):
                shuffle.add(b"%d\n" % n)
            places += [place for place, line in enumerate(shuffle.lines()) if int(line) < 100]
    assert abs(sum(places) / len(places) - 499.5) < 20


def record(n: int, k: int = 0, family: str = "f") -> Record:
    query = Demonstration(f"word {n}", "x" * (n + 1))
    meta = RecordMeta(
        id=f"r{n}", kind="zsl", k=k, form="few_shot", task=f"t{n % 3}", family=family, category="c",
        origin="programmatic", mode="handwritten", task_instruction="", demonstrations=(), query=query, template="bare", loss_spans=(),
        demo_ids=(), query_id="q", example_mode="programmatic", symbol_tuned=False, wrapped=False, teacher=None,
        verified_by="solver", seed=1,
    )  # fmt: skip
    return Record(query.input, query.output, meta)


def test_counts_lengths_and_labels_are_those_of_the_records() -> None:
    stats = DatasetStats(1)
    for n in range(100):
        stats.add(AcceptedRecord(record(n, k=n % 2), "yes" if n < 30 else "no"))
    stats.add(AcceptedRecord(record(100, family="g"), None))
    assert stats.counts().k == {"0": 51, "1": 50}
    assert stats.tasks() == {"f": 3, "g": 1}
    assert stats.labels() == {"f": {"no": 70, "yes": 30}}
    assert stats.lengths()["output"]["characters"] == {
        "p5": 6, "p25": 26, "p50": 51, "p75": 76, "p95": 96, "p99": 100, "p100": 101,
    }  # fmt: skip
    assert stats.lengths()["instruction"]["words"]["p100"] == 2


def test_every_record_is_as_likely_to_be_shown() -> None:
    shown: Counter[int] = Counter()
    for seed in range(200):
        stats = DatasetStats(seed)
        for n in range(100):
            stats.add(AcceptedRecord(record(n), None))
        assert len({r.instruction for r in stats.samples}) == SAMPLE_RECORDS
        shown.update(int(r.instruction.split()[1]) // 20 for r in stats.samples)
    assert all(abs(count - 800) < 120 for count in shown.values())


@settings(max_examples=8)
@given(st.integers(0, 9), st.floats(0.5, 1.0) | st.none(), st.sampled_from(["all", "teacher"]))
def test_what_goes_in_comes_out_or_is_rejected_with_a_reason(seed: int, near: float | None, scope: str) -> None:
    options = GenerateConfig.model_validate(
        {"records": 60, "dedup": {"near": near}, "filters": {"scope": scope, "max_words": 60}, "shots": [1, 64]}
    )
    sources = select_sources(["plural_form", "passage_qa"], [SEEDS / "everyday.yaml"])
    events = list(stream_records(sources, {}, options, Decontaminator([]), seed, lambda done=1, note="": None))
    stats = DatasetStats(seed)
    stats.add_reject(Reject("x", "rephrase", "t", "too long", ""))
    for event in events:
        if isinstance(event, AcceptedRecord):
            stats.add(event)
        elif isinstance(event, Reject):
            stats.add_reject(event)
    modes = stats.modes({"rephrase": 2, "abstract": 1})
    assert modes["rephrase"] == ModeCounts(candidates=3, accepted=2, rejected={"too long": 1})
    assert modes["abstract"] == ModeCounts(candidates=1, accepted=1, rejected={})
    assert modes["compose"].candidates == len(events)
    assert all(row.candidates == row.accepted + sum(row.rejected.values()) for row in modes.values())


def test_the_files_the_manifest_and_the_card_agree(tmp_path: Path, panel: Path) -> None:
    filters, decontaminator = {"scope": "all", "max_words": 80}, ["kshot", str(panel)]
    folder = generated(
        tmp_path, tasks=[SEEDS / "decisions.yaml"], records=400, filters=filters, decontaminate=decontaminator
    )
    (folder / "manifest.json").unlink()
    (folder / "train.parquet").write_text("of an earlier run")
    assert folder == generated(
        tmp_path, tasks=[SEEDS / "decisions.yaml"], records=400, filters=filters, decontaminate=decontaminator
    )
    assert not (folder / "train.parquet").exists()
    manifest = json.loads((folder / "manifest.json").read_text())
    records, rejects = lines(folder / "train.jsonl"), lines(folder / "rejects.jsonl")
    assert manifest["records"] == len(records) == 400
    assert rejects
    assert manifest["modes"]["compose"]["candidates"] == 400 + len(rejects)
    assert sum(manifest["modes"]["compose"]["rejected"].values()) == len(rejects)
    for key in ("family", "k", "form", "kind", "origin"):
        assert manifest["counts"][key] == dict(sorted(Counter(str(r["meta"][key]) for r in records).items()))
    by_family: dict[str, set[str]] = {}
    for row in records:
        by_family.setdefault(row["meta"]["family"], set()).add(row["meta"]["task"])
    assert manifest["tasks"] == {name: len(tasks) for name, tasks in sorted(by_family.items())}
    assert sum(manifest["labels"]["fact_or_opinion"].values()) == manifest["counts"]["family"]["fact_or_opinion"]
    near = [row for row in lines(folder / "contamination.jsonl") if row["kind"] == "nearest"]
    assert {row["family"] for row in near} == set(manifest["nearest"])
    card = (folder / "README.md").read_text()
    shown = card.split("## Records drawn at random")[1]
    assert sum(f"````text\n{row['instruction']}\n````\n\n````text\n{row['output']}\n" in shown for row in records) == 20
    assert f"Decontaminated against: kshot, {panel.name}. No record" in card, "no path of this machine"
    assert f"| {near[0]['family']} | {manifest['counts']['family'][near[0]['family']]} |" in card


def test_the_same_command_writes_the_same_bytes_and_parquet_the_same_rows(tmp_path: Path) -> None:
    one, other = (generated(tmp_path / name, families=["morphology"], parquet=True) for name in ("a", "b"))
    for name in ("train.jsonl", "rejects.jsonl", "contamination.jsonl", "README.md"):
        assert (one / name).read_bytes().replace(b"# b:", b"# a:") == (other / name).read_bytes().replace(
            b"# b:", b"# a:"
        )
    import pyarrow.parquet as pq

    assert pq.read_table(one / "train.parquet").to_pylist() == lines(one / "train.jsonl")


def test_parquet_is_written_a_group_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import pyarrow.parquet as pq

    monkeypatch.setattr("kshot.generate.dataset.formats.MAX_GROUP_ROWS", 100)
    folder = generated(tmp_path, families=["morphology"], records=250)
    write_parquet(folder / "train.jsonl", tmp_path / "t.parquet")
    file = pq.ParquetFile(tmp_path / "t.parquet")
    assert file.num_row_groups == 3
    assert file.read().to_pylist() == lines(folder / "train.jsonl")


def test_nothing_is_written_when_no_record_passes(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no record passed"):
        generated(tmp_path, families=["plural_form"], records=3, filters={"scope": "all", "max_words": 1})
    assert [path.name for path in (tmp_path / "generate").iterdir()] == [".lock"]


def test_a_broken_off_run_leaves_no_file_and_the_next_sweeps(tmp_path: Path) -> None:
    def breaks() -> Iterator[AcceptedRecord]:
        yield AcceptedRecord(record(1), None)
        raise KeyboardInterrupt

    (tmp_path / ".shuffle.old").mkdir()
    (tmp_path / ".train.jsonl.1.part").write_text("torn")
    with pytest.raises(KeyboardInterrupt):
        write_dataset(tmp_path, [], breaks(), 5, 1)
    assert list(tmp_path.iterdir()) == []


def test_memory_does_not_grow_with_the_records(tmp_path: Path) -> None:
    sources = select_sources([], [])

    def peak(records: int) -> int:
        options = GenerateConfig(records=records)
        events = stream_records(sources, {}, options, Decontaminator([]), 1, lambda done=1, note="": None)
        tracemalloc.reset_peak()
        start = tracemalloc.get_traced_memory()[0]
        write_dataset(tmp_path / str(records), [], events, 10**6, 1)
        return tracemalloc.get_traced_memory()[1] - start

    for records in (10, 120, 720):
        (tmp_path / str(records)).mkdir()
    tracemalloc.start()
    try:
        peak(10)
        small, large = peak(120), peak(720)
    finally:
        tracemalloc.stop()
    assert (tmp_path / "720" / "train.jsonl").stat().st_size > 400_000
    assert large < 1.3 * small


def test_the_nearest_held_out_task_is_the_one_with_the_like_wording(panel: Path) -> None:
    found = nearest_heldout_tasks(
        {"clock": ["Tell whether it is day or night.", "{x}"], "parrot": ["Say this word again, {name}."]},
        [load_suite(str(panel))],
    )
    assert [(near.family, near.suite, near.task) for near in found] == [
        ("clock", "tinypanel", "sky"),
        ("parrot", "tinypanel", "echo"),
    ]
    assert all(0.4 < near.similarity < 1 for near in found)
    same = nearest_heldout_tasks({"same": ["Say the word again."]}, [load_suite(str(panel))])
    assert (same[0].similarity, same[0].description) == (1.0, "Say the word again.")
    assert nearest_heldout_tasks({"slots": ["{word} {again}"]}, [load_suite(str(panel))])[0].similarity == 0
    assert nearest_heldout_tasks({"a": ["b"]}, []) == []


class Hub:
    """Stands for huggingface_hub.HfApi, the edge of our code."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []

    def create_repo(self, repo_id: str, **options: Any) -> str:
        self.calls.append((repo_id, options))
        return f"https://huggingface.co/datasets/{repo_id}"

    def upload_folder(self, repo_id: str, **options: Any) -> None:
        self.calls.append((repo_id, options))


def test_data_and_card_are_pushed_and_the_manifest_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = generated(tmp_path, families=["morphology"], records=20)
    hub = Hub()
    monkeypatch.setattr("huggingface_hub.HfApi", lambda: hub)
    assert push_dataset(folder, "me/set") == "https://huggingface.co/datasets/me/set"
    (_, made), (_, sent) = hub.calls
    assert made == {"repo_type": "dataset", "private": True, "exist_ok": True}
    assert sent["folder_path"] == folder
    assert {"train.jsonl", "README.md"} <= set(sent["allow_patterns"])
    assert "manifest.json" not in sent["allow_patterns"]


def test_a_push_that_cannot_be_done_is_one_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RunError, match="no finished data set"):
        push_dataset(tmp_path, "me/set")
    folder = generated(tmp_path, families=["morphology"], records=20)

    def refuse(*_: object, **__: object) -> None:
        raise ConnectionError("no route\nto host")

    hub = Hub()
    monkeypatch.setattr(hub, "upload_folder", refuse)
    monkeypatch.setattr("huggingface_hub.HfApi", lambda: hub)
    with pytest.raises(RunError, match="me/set: the hub refused the data: no route to host"):
        push_dataset(folder, "me/set")
