"""Generation without a teacher: sources, composing, screening."""

from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kshot.config import Config, GenerateConfig, MixtureConfig, SynthesisConfig
from kshot.core.errors import ConfigError, DataError
from kshot.core.seeding import stream
from kshot.core.types import Description, Reject
from kshot.generate.bank import FAMILIES
from kshot.generate.compose.composer import AcceptedRecord, allocate_records, compose_records, stream_records
from kshot.generate.curation.decontaminate import Decontaminator
from kshot.generate.run_files import ContaminationRow
from kshot.generate.sources import select_sources
from kshot.generate.synthesis.pipeline import synthesize
from kshot.generate.teacher.cache import ReplyCache
from kshot.suites.format import load_suite
from kshot.tasks.yaml_reader import load_tasks
from tests.unit.composing import NOTHING, SEEDS, TASKS, composed


def test_same_seed_gives_the_same_records_and_another_seed_others() -> None:
    assert composed(1) == composed(1)
    assert composed(1)[0] != composed(2)[0]


def test_the_stream_holds_what_the_lists_hold() -> None:
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


def test_records_carry_what_traces_them_and_ids_are_unique() -> None:
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


def test_a_rule_that_only_demonstrations_show_is_never_asked_without_them() -> None:
    records, _ = composed(families=["rule_learning"], mixture={"zero_shot": 1.0, "few_shot": 0.0, "demos_only": 0.0})
    needs = {family.id: family.min_k for family in FAMILIES}
    assert any(needs.get(r.meta.family, 0) for r in records)
    assert all(r.meta.k >= needs.get(r.meta.family, 0) for r in records)


def test_demos_only_records_hold_no_instruction() -> None:
    records, _ = composed(mixture={"zero_shot": 0.0, "few_shot": 0.0, "demos_only": 1.0}, eval_template_fraction=1.0)
    shown = [r for r in records if r.meta.form == "demos_only"]
    assert len(shown) > 200
    assert all(r.instruction.startswith("Input: ") and r.meta.k >= 2 for r in shown)


def test_variants_are_used_and_traced() -> None:
    config = GenerateConfig(records=40, families=["plural_form"])
    sources = select_sources(config.families, [])
    paraphrases = {"plural_form": [Description("Give me the plural of it.", "rephrase", "T")]}
    records, _ = compose_records(sources, paraphrases, config, NOTHING, 1, lambda done=1, note="": None)
    marked = [r for r in records if r.meta.mode == "rephrase"]
    assert marked
    assert all("Give me the plural of it." in r.instruction and r.meta.teacher == "T" for r in marked)


@settings(max_examples=25)
@given(st.integers(1, 3000), st.integers(1, 5))
def test_quotas_add_up_and_respect_the_cap(records: int, cap: int) -> None:
    sources = select_sources([], [TASKS])
    counts = allocate_records(sources, GenerateConfig(records=records, max_records_per_example=cap))
    assert sum(counts.values()) == records
    assert all(counts[u.id] <= cap * u.example_count for u in sources if u.example_count)
    free = [counts[u.id] for u in sources if u.example_count is None]
    assert max(free) - min(free) <= 1


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


@pytest.mark.parametrize("path", sorted(SEEDS.glob("*.yaml")), ids=lambda path: path.stem)
def test_seed_tasks_are_whole(path: Path) -> None:
    """Every label stands in every description, every anchor too; inputs are distinct; no task has one answer only."""
    for task in load_tasks(path):
        assert len({example.input for example in task.examples}) == len(task.examples), task.id
        assert len({example.output for example in task.examples}) > 1, task.id
        for text in task.descriptions:
            assert all(label in text for label in task.labels), (task.id, text)
            words = text.lower()
            assert all(any(word.lower() in words for word in group) for group in task.anchors), (task.id, text)
        counts = Counter(example.output for example in task.examples)
        assert not task.labels or max(counts.values()) - min(counts.values()) <= 1, task.id


def test_what_a_file_says_of_the_reverse_is_taken_up() -> None:
    """Its wordings become a task from output to input."""
    (given,) = [task for task in load_tasks(SEEDS / "writing.yaml") if task.id == "from_german"]
    assert given.inverse == ("Translate the words into German.", "Say this in German.")
    taught = synthesize(
        Config(generate=GenerateConfig(tasks=[SEEDS / "writing.yaml"], teacher=None)),
        SynthesisConfig(),
        NOTHING,
        Path(),
    )
    (made,) = [source for source in taught.sources if source.id == "from_german_inverse"]
    assert made.sample_examples(stream(1), {}, 1, ["ein Glas Milch"])[0].input == "a glass of milk"


def test_no_seed_task_shares_text_with_the_own_panel() -> None:
    decontaminator = Decontaminator([load_suite("kshot")])
    texts = [e.input for path in SEEDS.glob("*.yaml") for task in load_tasks(path) for e in task.examples]
    assert len(texts) > 900
    assert decontaminator.shared_input(texts) is None


def test_an_output_that_is_no_label_is_named(tmp_path: Path) -> None:
    path = tmp_path / "t.yaml"
    path.write_text(
        "- {id: t, category: c, descriptions: [x], labels: ['yes', 'no'],\n"
        "   examples: [{input: a, output: 'yes'}, {input: b, output: maybe}]}\n"
    )
    with pytest.raises(DataError, match=r"t\.yaml: task 't': the output 'maybe' is none of its labels"):
        load_tasks(path)


def test_text_of_a_panel_is_kept_out_and_the_reject_says_which(tmp_path: Path, panel: Path) -> None:
    open_records, _ = composed(records=390, eval_template_fraction=1.0)
    query = next(r for r in open_records if r.meta.family == "topic_of_sentence" and r.meta.k == 0)
    leaked = query.instruction.split("Input: ")[-1].split("\n")[0]
    (panel / "echo.jsonl").write_text(
        "".join(f'{{"input": "{t}", "output": ["1"]}}\n' for t in ["a", "b", "c", "d", leaked])
    )
    decontaminator = Decontaminator([load_suite(str(panel))])
    assert decontaminator.shared_input([leaked]) is not None
    assert decontaminator.shared_input(["a"]) is None
    records, rejects = composed(records=390, eval_template_fraction=1.0, decontaminator=decontaminator)
    assert len(records) == 390
    assert any(row.reason.startswith("shares text with a suite") for row in rejects)
    assert any(leaked in row.candidate for row in rejects)
    assert not [r for r in records if leaked in r.instruction]


def test_the_matched_words_are_reported_beside_the_reject(panel: Path) -> None:
    sources = [source for source in select_sources([], [TASKS]) if source.id == "plain_words"]
    leaks = [example.input for example in sources[0].sample_examples(stream(1, "any"), {}, 2, ())]
    (panel / "echo.jsonl").write_text(
        "".join(f'{{"input": "{t}", "output": ["1"]}}\n' for t in ["a", "b", "c", "d", *leaks])
    )
    decontaminator = Decontaminator([load_suite(str(panel))])
    events = list(
        stream_records(sources, {}, GenerateConfig(records=10), decontaminator, 1, lambda done=1, note="": None)
    )
    overlaps = [event for event in events if isinstance(event, ContaminationRow)]
    rejected = {event.id: event.reason for event in events if isinstance(event, Reject)}
    assert overlaps
    for overlap in overlaps:
        match = overlap.match
        assert (overlap.source, match.suite, match.task, match.candidate_part) == (
            "plain_words",
            "tinypanel",
            "echo",
            "input",
        )
        assert repr(match.span) in rejected[overlap.reject]
        assert match.span in [leak.lower().strip(".") for leak in leaks]


def test_long_outputs_are_compared_with_the_panels_outputs(panel: Path) -> None:
    text = "the quick brown fox jumps over the lazy dog today"
    rows = [f'{{"input": "q{n}", "output": ["{text if n == 4 else n}"]}}\n' for n in range(5)]
    (panel / "echo.jsonl").write_text("".join(rows))
    decontaminator = Decontaminator([load_suite(str(panel))])
    found = decontaminator.match(["nothing"], ["Answer: quick brown fox jumps over the lazy dog today, he said"])
    assert found is not None
    assert (found.candidate_part, found.suite_part, found.span) == ("output", "output", text.removeprefix("the "))
    assert decontaminator.match(["nothing"], ["brown fox jumps over the lazy dog"]) is None


def test_outputs_of_a_panel_are_kept_out_too(tmp_path: Path, panel: Path) -> None:
    told = "he counted every boat that lay in the harbour"
    (panel / "echo.jsonl").write_text(
        "".join(f'{{"input": "q{n}", "output": ["{told if n == 4 else n}"]}}\n' for n in range(5))
    )
    path = tmp_path / "t.yaml"
    path.write_text(
        "- id: tell\n  category: c\n  descriptions: [Tell it.]\n  examples:\n"
        f"  - {{input: a, output: {told}}}\n  - {{input: b, output: c}}\n  - {{input: d, output: e}}\n"
    )
    sources = [source for source in select_sources(["plural_form"], [path]) if source.example_count]
    forms = MixtureConfig(zero_shot=0.5, few_shot=0.5, demos_only=0)
    decontaminator = Decontaminator([load_suite(str(panel))])
    config = GenerateConfig(records=6, shots=[1], mixture=forms)
    records, rejects = compose_records(sources, {}, config, decontaminator, 1, lambda done=1, note="": None)
    assert {told in row.candidate for row in rejects if row.reason.startswith("shares text")} == {True, False}
    assert not [r for r in records if told in r.instruction or told in r.output]


def test_eight_words_in_a_row_are_shared_text(tmp_path: Path, panel: Path) -> None:
    text = "one two three four five six seven eight"
    (panel / "echo.jsonl").write_text(
        "".join(f'{{"input": "{t}", "output": ["1"]}}\n' for t in ["a", "b", "c", "d", text])
    )
    decontaminator = Decontaminator([load_suite(str(panel))])
    assert decontaminator.shared_input([f"So: {text.upper()}, nine."]) == text
    assert decontaminator.shared_input(["Zulu hour, 4!"]) == "zulu hour 4"
    assert decontaminator.shared_input(["zulu hour 4 again"]) is None
    assert decontaminator.shared_input(["two three four five six seven eight nine"]) is None
    assert decontaminator.resembles("say the word again") == "Say the word again."


def test_a_made_up_task_that_a_panel_has_in_other_words_is_known_by_its_description() -> None:
    decontaminator = Decontaminator(
        [load_suite("kshot")], [text for family in FAMILIES for text in family.descriptions]
    )
    for text in (
        "Write the date in the form YYYY-MM-DD.",
        "Which of the words in brackets rhymes with the first word? Write that word.",
        "Write the first letter of each word as a capital, without spaces or dots.",
    ):
        assert decontaminator.resembles(text), text
    for text in (
        "Read the statements and name the youngest person. Answer with the name only.",
        "Give the plural of the English noun.",
        "What does the caller want from the library? Answer with renew, reserve or complain.",
    ):
        assert decontaminator.resembles(text) is None, text
    assert Decontaminator([]).resembles("Write the date in the form YYYY-MM-DD.") is None


def test_an_unknown_family_gets_the_nearest_name() -> None:
    with pytest.raises(ConfigError, match="did you mean 'plural_form'"):
        select_sources(["plural_forms"], [])


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "no task in it"),
        ("- {id: a, category: c, descriptions: [d]}", "examples"),
        ("- {id: A b, category: c, descriptions: [d], examples: [{input: x, output: y}, {input: z, output: y}]}", "id"),
        ("- [", "not YAML"),
        (
            "- {id: a, category: c, descriptions: [' '], examples: [{input: x, output: y}, {input: z, output: y}]}",
            "task 'a': descriptions.0: the text is blank",
        ),
        (
            "- {id: a, category: c, descriptions: [d], examples: [{input: x, output: y}, {input: z, output: ' '}]}",
            "task 'a': examples.1.output: the text is blank",
        ),
    ],
)
def test_a_broken_file_of_tasks_is_named(tmp_path: Path, text: str, fault: str) -> None:
    path = tmp_path / "t.yaml"
    path.write_text(text)
    with pytest.raises(DataError, match=rf"t\.yaml.*{fault}"):
        load_tasks(path)


def test_the_store_keeps_replies_and_their_first_version(tmp_path: Path) -> None:
    store = ReplyCache(tmp_path / "r.sqlite")
    body = {"model": "m", "messages": [], "sample": 0}
    key = store.key(body)
    assert store.key({**body, "sample": 1}) != key
    store.put(key, body, "first \ud800")
    store.put(key, body, "second")
    store.close()
    again = ReplyCache(tmp_path / "r.sqlite")
    assert again.get(key) == "first ?"
    assert len(again) == 1


def test_a_broken_store_is_one_error(tmp_path: Path) -> None:
    (tmp_path / "r.sqlite").write_bytes(b"not a database, not at all" * 100)
    with pytest.raises(DataError, match="not a usable store"):
        ReplyCache(tmp_path / "r.sqlite")


def test_a_store_that_finds_no_room_is_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "r.sqlite").write_bytes(b"begun and cut off by a full disk" * 100)
    monkeypatch.setattr("shutil.disk_usage", lambda path: SimpleNamespace(free=4096))
    with pytest.raises(OSError, match="No space left"):
        ReplyCache(tmp_path / "r.sqlite")


@pytest.mark.parametrize(("shots", "kept"), [([], 0), ([1], 0), ([1, 2], 1), ([8], 1)])
def test_a_hidden_rule_is_left_out_where_too_few_shots_could_show_it(shots: list[int], kept: int) -> None:
    sources = select_sources(["hidden_frame", "reverse_letters"], [])
    records, _ = compose_records(
        sources, {}, GenerateConfig(records=12, shots=shots), Decontaminator([]), 1, lambda done=1, note="": None
    )
    assert {r.meta.family for r in records} == {"reverse_letters", *["hidden_frame"][:kept]}
    assert all(r.meta.k >= 2 for r in records if r.meta.family == "hidden_frame")
    assert len(records) == 12


def test_a_task_with_too_few_examples_for_the_wanted_shots_gives_as_many_as_it_has() -> None:
    records, _ = composed(shots=[40], mixture={"zero_shot": 0.0, "few_shot": 1.0, "demos_only": 0.0})
    sizes = {task.id: len(task.examples) for task in load_tasks(SEEDS / "everyday.yaml")}
    given = {r.meta.k - (sizes[r.meta.task] - 1) for r in records if r.meta.task in sizes}
    assert given == {0}
