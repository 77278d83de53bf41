"""Composing: how many records each source gives, their forms, and what rejected draws lead to."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from kshot.config import GenerateConfig, MixtureConfig
from kshot.core.errors import ConfigError
from kshot.core.types import Description, Example, Reject, Task
from kshot.generate.bank import FAMILIES
from kshot.generate.compose.composer import AcceptedRecord, allocate_records, compose_records, stream_records
from kshot.generate.curation.decontaminate import Decontaminator
from kshot.generate.sources import all_sources, family_sources, select_sources
from kshot.tasks.reader import load_tasks
from kshot.tasks.source import source_from_task
from kshot.train.data import iterate_records
from tests.unit.composing import NOTHING, SEEDS, TASKS, composed, generate_into, read_lines


def test_compose_records_depends_on_the_seed_alone() -> None:
    assert composed(1) == composed(1)
    assert composed(1)[0] != composed(2)[0]


def test_stream_records_yields_what_compose_records_returns() -> None:
    config = GenerateConfig(records=60, families=["morphology"])
    sources = select_sources(config.families, [])
    events = list(stream_records(sources, {}, config, NOTHING, 4, lambda done=1, note="": None))
    records, rejects = compose_records(sources, {}, config, NOTHING, 4, lambda done=1, note="": None)
    streamed = [event.record for event in events if isinstance(event, AcceptedRecord)]
    assert len(streamed) == len(records) == 60
    assert streamed != records
    assert sorted(r.meta.id for r in streamed) == sorted(r.meta.id for r in records)
    assert [event for event in events if isinstance(event, Reject)] == rejects


def test_no_record_shows_its_query_among_its_demonstrations() -> None:
    records, _ = composed()
    assert any(record.meta.k == 4 for record in records)
    for record in records:
        demos, query = record.meta.demo_ids, record.meta.query_id
        assert len(set(demos)) == len(demos) == record.meta.k
        assert query not in demos


def test_meta_traces_a_record_and_its_id_is_unique() -> None:
    records, _ = composed(cot_fraction=0.5)
    assert len({record.meta.id for record in records}) == len(records) == 260
    for record in records:
        meta = record.meta
        assert meta.kind == ("cot" if "Answer:" in record.output else "fsl" if meta.k else "zsl")
        assert meta.verified_by == ("gold" if meta.origin == "examples" else "solver")
    assert {record.meta.kind for record in records} == {"zsl", "fsl", "cot"}


def test_forms_shots_and_templates_follow_the_settings() -> None:
    records, _ = composed(
        mixture={"zero_shot": 0.0, "few_shot": 1.0, "demos_only": 0.0}, shots=[2], eval_template_fraction=1.0
    )
    ordinary = [r for r in records if r.meta.origin == "programmatic" and r.meta.family not in MANY_SHOTS]
    assert {(r.meta.form, r.meta.k, r.meta.template) for r in ordinary} == {("few_shot", 2, "plain")}
    assert all("Input: " in r.instruction for r in ordinary)


MANY_SHOTS = {family.id for family in FAMILIES if family.min_k > 2}


def test_a_rule_that_only_demonstrations_show_always_has_them() -> None:
    records, _ = composed(families=["rule_learning"], mixture={"zero_shot": 1.0, "few_shot": 0.0, "demos_only": 0.0})
    needs = {family.id: family.min_k for family in FAMILIES}
    assert any(needs.get(r.meta.family, 0) for r in records)
    assert all(r.meta.k >= needs.get(r.meta.family, 0) for r in records)


def test_demos_only_records_contain_no_instruction() -> None:
    records, _ = composed(mixture={"zero_shot": 0.0, "few_shot": 0.0, "demos_only": 1.0}, eval_template_fraction=1.0)
    shown = [r for r in records if r.meta.form == "demos_only"]
    assert len(shown) > 200
    assert all(r.instruction.startswith("Input: ") and r.meta.k >= 2 for r in shown)


def test_paraphrases_are_used_and_traced() -> None:
    config = GenerateConfig(records=40, families=["plural_form"])
    sources = select_sources(config.families, [])
    paraphrases = {"plural_form": [Description("Give me the plural of it.", "rephrase", "T")]}
    records, _ = compose_records(sources, paraphrases, config, NOTHING, 1, lambda done=1, note="": None)
    marked = [r for r in records if r.meta.mode == "rephrase"]
    assert marked
    assert all("Give me the plural of it." in r.instruction and r.meta.teacher == "T" for r in marked)


@settings(max_examples=25)
@given(st.integers(1, 3000), st.integers(1, 5))
def test_allocate_records_adds_up_and_respects_the_cap(records: int, cap: int) -> None:
    sources = select_sources([], [TASKS])
    counts = allocate_records(sources, GenerateConfig(records=records, max_records_per_example=cap))
    assert sum(counts.values()) == records
    assert all(counts[u.id] <= cap * u.example_count for u in sources if u.example_count)
    free = [counts[u.id] for u in sources if u.example_count is None]
    assert max(free) - min(free) <= 1


@pytest.mark.parametrize("records", [1, 7, 60, 93, 94, 100, 141, 900, 10**6])
def test_allocate_records_leaves_none_over_where_no_program_draws(records: int) -> None:
    sources = [source for source in select_sources([], [TASKS]) if source.example_count is not None]
    counts = allocate_records(sources, GenerateConfig(records=records, max_records_per_example=3))
    most = sum(3 * source.example_count for source in sources if source.example_count)
    assert sum(counts.values()) == min(records, most)
    if records <= len(sources):
        assert max(counts.values()) == 1


def test_allocate_records_gives_programs_no_more_than_others_where_records_are_few() -> None:
    sources = select_sources([], [TASKS])
    counts = allocate_records(sources, GenerateConfig(records=len(sources) // 2))
    drawn = [counts[source.id] for source in sources if source.example_count is not None]
    assert sum(drawn) == pytest.approx(len(drawn) / 2, abs=1)


def test_too_few_distinct_examples_are_rejected_not_repeated(tmp_path: Path) -> None:
    path = tmp_path / "t.yaml"
    path.write_text(
        "- id: tiny_task\n  category: c\n  descriptions: [Do it.]\n"
        "  examples: [{input: a, output: b}, {input: c, output: d}]\n"
    )
    config = GenerateConfig(
        records=8, shots=[1], mixture=MixtureConfig(zero_shot=0, few_shot=1, demos_only=0), families=["plural_form"]
    )
    sources = [source for source in select_sources(["plural_form"], [path]) if source.id == "tiny_task"]
    records, rejects = compose_records(sources, {}, config, NOTHING, 1, lambda done=1, note="": None)
    assert len({r.instruction for r in records}) == len(records)
    assert all(row.reason == "duplicate" for row in rejects)


@pytest.mark.parametrize(("shots", "kept"), [([], 0), ([1], 0), ([1, 2], 1), ([8], 1)])
def test_allocate_records_leaves_out_a_hidden_rule_without_enough_shots(shots: list[int], kept: int) -> None:
    sources = select_sources(["hidden_frame", "reverse_letters"], [])
    records, _ = compose_records(
        sources, {}, GenerateConfig(records=12, shots=shots), Decontaminator([]), 1, lambda done=1, note="": None
    )
    assert {r.meta.family for r in records} == {"reverse_letters", *["hidden_frame"][:kept]}
    assert all(r.meta.k >= 2 for r in records if r.meta.family == "hidden_frame")
    assert len(records) == 12


def test_a_task_with_too_few_examples_for_the_shots_shows_all_it_has() -> None:
    records, _ = composed(shots=[40], mixture={"zero_shot": 0.0, "few_shot": 1.0, "demos_only": 0.0})
    sizes = {task.id: len(task.examples) for task in load_tasks(SEEDS / "everyday.yaml")}
    given = {r.meta.k - (sizes[r.meta.task] - 1) for r in records if r.meta.task in sizes}
    assert given == {0}


def test_allocate_records_gives_labelled_tasks_their_fraction() -> None:
    sources = select_sources([], sorted(SEEDS.glob("*.yaml")))
    labelled = {source.id for source in sources if source.has_labels}
    for share in (0.0, 0.5, 0.9):
        counts = allocate_records(sources, GenerateConfig(records=1200, classification_fraction=share))
        assert sum(counts.values()) == 1200
        assert sum(n for name, n in counts.items() if name in labelled) == 1200 * share
    few = [source for source in sources if source.has_labels or source.example_count]
    counts = allocate_records(few, GenerateConfig(records=3000, classification_fraction=0.1, max_records_per_example=1))
    assert sum(counts.values()) == 3000
    assert all(counts[source.id] <= source.example_count for source in few if source.example_count)


def test_empty_outputs_become_records_of_a_task_that_allows_them(tmp_path: Path) -> None:
    path = tmp_path / "t.yaml"
    examples = "".join(f"  - {{input: 'text {n}', output: {n if n % 2 else repr('')}}}\n" for n in range(8))
    head = "- id: names\n  category: c\n  descriptions: [List the numbers.]\n  allow_empty_outputs: true\n  examples:\n"
    path.write_text(head + examples)
    folder = generate_into(tmp_path, families=["plural_form"], tasks=[path], records=60)
    records = [row for row in read_lines(folder / "train.jsonl") if row["meta"]["task"] == "names"]
    assert {bool(row["output"]) for row in records} == {True, False}
    assert any(row["meta"]["k"] and not row["meta"]["demonstrations"][0]["output"] for row in records)
    assert len(list(iterate_records(folder / "train.jsonl"))) == 60


def test_shares_give_tasks_and_categories_their_fraction_of_the_records() -> None:
    sources = all_sources([])[:40]
    own = source_from_task(
        Task("own", "own", "mine", ("Say it.",), tuple(Example(f"in {n}", f"out {n}") for n in range(5)))
    )
    category = sources[0].category
    config = GenerateConfig(records=1000, teacher=None, shares={"own": 0.6, category: 0.1})
    counts = allocate_records([*sources, own], config)
    assert counts["own"] == 600
    assert sum(counts[source.id] for source in sources if source.category == category) == 100
    assert sum(counts.values()) == 1000
    with pytest.raises(ConfigError, match="'nope' is no task"):
        allocate_records(sources, config.model_copy(update={"shares": {"nope": 0.1}}))
    with pytest.raises(ConfigError, match="has two shares"):
        allocate_records([own], config.model_copy(update={"shares": {"own": 0.1, "mine": 0.1}}))


def test_families_none_leaves_the_own_tasks() -> None:
    assert family_sources(["none"]) == []
    with pytest.raises(ValidationError, match=r"the shares add up to 1\.2"):
        GenerateConfig(shares={"a": 0.6, "b": 0.6})
