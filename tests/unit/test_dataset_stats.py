"""Statistics of a data set."""

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from kshot.config import GenerateConfig
from kshot.core.types import Reject
from kshot.generate.compose.composer import AcceptedRecord, stream_records
from kshot.generate.curation.decontaminate import Decontaminator
from kshot.generate.dataset.stats import SAMPLE_RECORDS, DatasetStats
from kshot.generate.run_files import ModeCounts
from kshot.generate.sources import select_sources
from tests.unit.composing import SEEDS, small_record


def test_counts_lengths_and_labels_are_those_of_the_records() -> None:
    stats = DatasetStats(1)
    for n in range(100):
        stats.add(AcceptedRecord(small_record(n, k=n % 2), "yes" if n < 30 else "no"))
    stats.add(AcceptedRecord(small_record(100, family="g"), None))
    assert stats.counts().k == {"0": 51, "1": 50}
    assert stats.tasks() == {"f": 3, "g": 1}
    assert stats.labels() == {"f": {"no": 70, "yes": 30}}
    assert stats.lengths()["output"]["characters"] == {
        "p5": 6, "p25": 26, "p50": 51, "p75": 76, "p95": 96, "p99": 100, "p100": 101,
    }  # fmt: skip
    assert stats.lengths()["instruction"]["words"]["p100"] == 2


def test_every_record_is_sampled_with_equal_probability() -> None:
    shown: Counter[int] = Counter()
    for seed in range(200):
        stats = DatasetStats(seed)
        for n in range(100):
            stats.add(AcceptedRecord(small_record(n), None))
        assert len({r.instruction for r in stats.samples}) == SAMPLE_RECORDS
        shown.update(int(r.instruction.split()[1]) // 20 for r in stats.samples)
    assert all(abs(count - 800) < 120 for count in shown.values())


@settings(max_examples=8)
@given(st.integers(0, 9), st.floats(0.5, 1.0) | st.none(), st.sampled_from(["all", "teacher"]))
def test_candidates_equal_accepted_plus_rejected_by_mode_and_reason(seed: int, near: float | None, scope: str) -> None:
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
