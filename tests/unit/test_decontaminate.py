"""Text and instructions of held-out suites are found in candidates and stay out of records."""

from pathlib import Path

from kshot.config import GenerateConfig, MixtureConfig
from kshot.core.seeding import stream
from kshot.core.types import Reject
from kshot.generate.bank import FAMILIES
from kshot.generate.compose.composer import compose_records, stream_records
from kshot.generate.curation.decontaminate import Decontaminator
from kshot.generate.run_files import ContaminationRow
from kshot.generate.sources import select_sources
from kshot.suites.loading import load_suite
from kshot.tasks.reader import load_tasks
from tests.unit.composing import SEEDS, TASKS, composed


def test_no_shipped_task_shares_text_with_the_shipped_suite() -> None:
    decontaminator = Decontaminator([load_suite("kshot")])
    texts = [e.input for path in SEEDS.glob("*.yaml") for task in load_tasks(path) for e in task.examples]
    assert len(texts) > 900
    assert decontaminator.find_shared_input(texts) is None


def test_a_record_with_a_suites_input_is_rejected_with_the_shared_text(tmp_path: Path, suite: Path) -> None:
    open_records, _ = composed(records=390, eval_template_fraction=1.0)
    query = next(r for r in open_records if r.meta.family == "topic_of_sentence" and r.meta.k == 0)
    leaked = query.instruction.split("Input: ")[-1].split("\n")[0]
    (suite / "echo.jsonl").write_text(
        "".join(f'{{"input": "{t}", "output": ["1"]}}\n' for t in ["a", "b", "c", "d", leaked])
    )
    decontaminator = Decontaminator([load_suite(str(suite))])
    assert decontaminator.find_shared_input([leaked]) is not None
    assert decontaminator.find_shared_input(["a"]) is None
    records, rejects = composed(records=390, eval_template_fraction=1.0, decontaminator=decontaminator)
    assert len(records) == 390
    assert any(row.reason.startswith("shares text with a suite") for row in rejects)
    assert any(leaked in row.candidate for row in rejects)
    assert not [r for r in records if leaked in r.instruction]


def test_a_contamination_row_refers_to_its_reject(suite: Path) -> None:
    sources = [source for source in select_sources([], [TASKS]) if source.id == "plain_words"]
    leaks = [example.input for example in sources[0].sample_examples(stream(1, "any"), {}, 2, ())]
    (suite / "echo.jsonl").write_text(
        "".join(f'{{"input": "{t}", "output": ["1"]}}\n' for t in ["a", "b", "c", "d", *leaks])
    )
    decontaminator = Decontaminator([load_suite(str(suite))])
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
            "tinysuite",
            "echo",
            "input",
        )
        assert repr(match.span) in rejected[overlap.reject]
        assert match.span in [leak.lower().strip(".") for leak in leaks]


def test_match_compares_long_outputs_with_the_suites_outputs(suite: Path) -> None:
    text = "the quick brown fox jumps over the lazy dog today"
    rows = [f'{{"input": "q{n}", "output": ["{text if n == 4 else n}"]}}\n' for n in range(5)]
    (suite / "echo.jsonl").write_text("".join(rows))
    decontaminator = Decontaminator([load_suite(str(suite))])
    found = decontaminator.match(["nothing"], ["Answer: quick brown fox jumps over the lazy dog today, he said"])
    assert found is not None
    assert (found.candidate_part, found.suite_part, found.span) == ("output", "output", text.removeprefix("the "))
    assert decontaminator.match(["nothing"], ["brown fox jumps over the lazy dog"]) is None


def test_a_record_with_a_suites_output_is_rejected(tmp_path: Path, suite: Path) -> None:
    leaked = "he counted every boat that lay in the harbour"
    (suite / "echo.jsonl").write_text(
        "".join(f'{{"input": "q{n}", "output": ["{leaked if n == 4 else n}"]}}\n' for n in range(5))
    )
    path = tmp_path / "t.yaml"
    path.write_text(
        "- id: tell\n  category: c\n  descriptions: [Tell it.]\n  examples:\n"
        f"  - {{input: a, output: {leaked}}}\n  - {{input: b, output: c}}\n  - {{input: d, output: e}}\n"
    )
    sources = [source for source in select_sources(["plural_form"], [path]) if source.example_count]
    forms = MixtureConfig(zero_shot=0.5, few_shot=0.5, demos_only=0)
    decontaminator = Decontaminator([load_suite(str(suite))])
    config = GenerateConfig(records=6, shots=[1], mixture=forms)
    records, rejects = compose_records(sources, {}, config, decontaminator, 1, lambda done=1, note="": None)
    assert {leaked in row.candidate for row in rejects if row.reason.startswith("shares text")} == {True, False}
    assert not [r for r in records if leaked in r.instruction or leaked in r.output]


def test_shared_input_is_a_whole_input_or_eight_words_in_a_row(tmp_path: Path, suite: Path) -> None:
    text = "one two three four five six seven eight"
    (suite / "echo.jsonl").write_text(
        "".join(f'{{"input": "{t}", "output": ["1"]}}\n' for t in ["a", "b", "c", "d", text])
    )
    decontaminator = Decontaminator([load_suite(str(suite))])
    assert decontaminator.find_shared_input([f"So: {text.upper()}, nine."]) == text
    assert decontaminator.find_shared_input(["Zulu hour, 4!"]) == "zulu hour 4"
    assert decontaminator.find_shared_input(["zulu hour 4 again"]) is None
    assert decontaminator.find_shared_input(["two three four five six seven eight nine"]) is None
    assert decontaminator.find_similar_instruction("say the word again") == "Say the word again."


def test_resembles_finds_a_suites_task_in_other_words() -> None:
    decontaminator = Decontaminator(
        [load_suite("kshot")], [text for family in FAMILIES for text in family.descriptions]
    )
    for text in (
        "Write the date in the form YYYY-MM-DD.",
        "Which of the words in brackets rhymes with the first word? Write that word.",
        "Write the first letter of each word as a capital, without spaces or dots.",
    ):
        assert decontaminator.find_similar_instruction(text), text
    for text in (
        "Read the statements and name the youngest person. Answer with the name only.",
        "Give the plural of the English noun.",
        "What does the caller want from the library? Answer with renew, reserve or complain.",
    ):
        assert decontaminator.find_similar_instruction(text) is None, text
    assert Decontaminator([]).find_similar_instruction("Write the date in the form YYYY-MM-DD.") is None


def test_the_same_chinese_or_thai_text_in_a_suite_and_a_record_is_found(suite: Path) -> None:
    texts = ["今天的天气非常好，我们去公园散步。", "ฉันชอบกินข้าวผัดทุกวัน", "我很喜欢小猫"]
    rows = ["a", "b", "c", "d", *texts]
    (suite / "echo.jsonl").write_text("".join(f'{{"input": "{text}", "output": ["1"]}}\n' for text in rows))
    decontaminator = Decontaminator([load_suite(str(suite))])
    assert decontaminator.find_shared_input(["今天的天气非常好 我们去公园散步"])
    assert decontaminator.find_shared_input([f"请分类：{texts[0]}谢谢"])
    assert decontaminator.find_shared_input([texts[1]])
    assert decontaminator.find_shared_input(["我很喜欢小猫。"])
    assert decontaminator.find_shared_input(["我很喜欢小狗", "今天的天气不好，我们回家。"]) is None
