"""Blocks: how a large set is divided, and what its parts, composed apart, give together."""

from collections import Counter
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kshot.config import GenerateConfig
from kshot.core.types import Example, Record, Reject, Task
from kshot.generate.compose import blocks
from kshot.generate.compose.blocks import Span, plan_blocks, spread_sources
from kshot.generate.compose.composer import AcceptedRecord, Composer
from kshot.generate.sources import select_sources
from kshot.tasks.source import TaskSource, source_from_task
from tests.unit.composing import NOTHING, SEEDS


def tick(done: int = 1, note: str = "") -> None:
    pass


@pytest.fixture
def _small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "MAX_UNDIVIDED_RECORDS", 50)
    monkeypatch.setattr(blocks, "MAX_BLOCK_RECORDS", 40)


def yes_or_no(name: str, examples: int = 60) -> TaskSource:
    """A task of short inputs, whose records repeat often."""
    rows = tuple(Example(f"case {n}", "yes" if n % 2 else "no") for n in range(examples))
    return source_from_task(Task(name, name, "c", ("Is the number odd?",), rows, labels=("yes", "no")))


def composed(sources: list[TaskSource], **options: object) -> tuple[list[Record], list[Reject], Composer]:
    config = GenerateConfig.model_validate({"max_records_per_example": 64, **options})
    composer = Composer(sources, {}, config, NOTHING, 3)
    events = list(composer.stream(tick))
    records = [event.record for event in events if isinstance(event, AcceptedRecord)]
    return records, [event for event in events if isinstance(event, Reject)], composer


@settings(max_examples=60)
@given(st.lists(st.integers(0, 30_000), min_size=1, max_size=8))
def test_plan_blocks_covers_every_record_once_and_in_order(counts: list[int]) -> None:
    planned = plan_blocks([(f"s{n}", count) for n, count in enumerate(counts)])
    spans = [span for block in planned for span in block]
    for n, count in enumerate(counts):
        bounds = [(span.start, span.start + span.records) for span in spans if span.source == f"s{n}"]
        assert [start for start, _ in bounds] == [0, *(end for _, end in bounds[:-1])]
        assert bounds[-1][1] == count
    assert [span.source for span in spans] == sorted(span.source for span in spans)
    if sum(counts) > blocks.MAX_UNDIVIDED_RECORDS:
        assert max(sum(span.records for span in block) for block in planned) <= blocks.MAX_BLOCK_RECORDS
    else:
        assert len(planned) == 1


def test_spread_sources_names_those_of_several_blocks() -> None:
    assert spread_sources([(Span("a", 0, 2), Span("b", 0, 2)), (Span("b", 2, 2),)]) == {"b"}


@pytest.mark.usefixtures("_small_blocks")
def test_a_divided_set_has_all_records_and_none_twice() -> None:
    mixture = {"zero_shot": 0.5, "few_shot": 0.0, "demos_only": 0.5}
    records, rejects, composer = composed([yes_or_no("a"), yes_or_no("b")], records=240, shots=[2], mixture=mixture)
    assert len(composer.blocks) > 4
    assert len(records) == 240
    keys = Counter((record.meta.form == "demos_only" or record.meta.task, record.instruction) for record in records)
    assert max(keys.values()) == 1
    within_blocks = [event for block in composer.blocks for event in composer.compose_block(block, tick)]
    repeated = sum(reject.reason == "duplicate" for reject in rejects)
    assert repeated > sum(isinstance(event, Reject) and event.reason == "duplicate" for event in within_blocks)


@pytest.mark.usefixtures("_small_blocks")
def test_a_divided_set_has_no_near_duplicates_of_one_source() -> None:
    rows = tuple(
        Example(" ".join(f"word{(n // 6 * 31 + step) % 997}" for step in range(30)) + f" end{'abcdef'[n % 6]}", "x")
        for n in range(180)
    )
    source = source_from_task(Task("long", "long", "c", ("Do it.",), rows))
    mixture = {"zero_shot": 1.0, "few_shot": 0.0, "demos_only": 0.0}
    records, rejects, composer = composed(
        [source], records=60, mixture=mixture, max_records_per_example=2, dedup={"near": 0.8}
    )
    assert len(composer.blocks) == 2
    assert spread_sources(composer.blocks) == {"long"}
    groups = Counter(record.meta.query.input.rsplit(" ", 1)[0] for record in records)
    assert max(groups.values()) == 1
    assert any(reject.reason == "near-duplicate" for reject in rejects)


@pytest.mark.usefixtures("_small_blocks")
def test_labels_take_turns_within_a_block() -> None:
    _, _, composer = composed(
        [yes_or_no("a", 400)], records=200, shots=[], mixture={"few_shot": 0.0, "demos_only": 0.0}
    )
    assert len(composer.blocks) == 5
    for block in composer.blocks:
        events = composer.compose_block(block, tick)
        labels = Counter(event.record.output for event in events if isinstance(event, AcceptedRecord))
        assert abs(labels["yes"] - labels["no"]) <= 2, labels


@pytest.mark.usefixtures("_small_blocks")
def test_blocks_do_not_depend_on_one_another() -> None:
    sources = select_sources(["morphology"], [SEEDS / "everyday.yaml"])
    config = GenerateConfig(records=300, cot_fraction=0.3)
    composer = Composer(sources, {}, config, NOTHING, 3)

    def backwards() -> Iterator[object]:
        parts = [list(composer.compose_block(block, tick)) for block in reversed(composer.blocks)]
        return iter([event for part in reversed(parts) for event in part])

    assert len(composer.blocks) > 5
    assert list(composer.settle(backwards())) == list(composer.stream(tick))  # type: ignore[type-var]


def test_a_small_set_is_one_block_and_compares_nothing_twice() -> None:
    records, _, composer = composed([yes_or_no("a")], records=100, shots=[1, 2])
    assert len(composer.blocks) == 1
    assert len(records) == 100
    assert all(event.draw is None for event in composer.stream(tick) if isinstance(event, AcceptedRecord))
