"""Decisions: their log, and what they make of tasks and rejects."""

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from kshot.config import DedupConfig
from kshot.core.errors import DataError
from kshot.core.seeding import digest
from kshot.core.types import Example, Reject, Task
from kshot.generate.compose.acceptance import Acceptance, SeenRecords, example_keys
from kshot.generate.compose.sampler import build_record
from kshot.generate.curation.decisions.apply import DecidedTasks, apply_decisions
from kshot.generate.curation.decisions.log import Decisions, append_decisions, read_decisions
from kshot.generate.curation.decontaminate import Decontaminator
from kshot.generate.curation.dedup import SeenKeys
from kshot.generate.curation.filters import Filter
from tests.golden.fixtures import SEED, sampled_records
from tests.unit.deciding import decide, logged

MOOD = Task(
    "mood", "mood", "c", ("Glad or sad?",),
    (Example("won", "glad"), Example("lost", "sad"), Example("rain", "sad", "It is wet.", "demonstrate", "judge", "T")),
    labels=("glad", "sad"),
)  # fmt: skip
CAPITALS = Task("capitals", "capitals", "c", ("Shout.",), (Example("a", "A"), Example("b", "B")))


def applied(decisions: Decisions, *tasks: Task, rejects: tuple[Reject, ...] = ()) -> DecidedTasks:
    return apply_decisions(decisions, tasks, rejects, {"demonstrate": 1}, {"arithmetic"}, "T")


def test_the_last_decision_on_an_example_counts(tmp_path: Path) -> None:
    logged(tmp_path, decide("refuse", "mood", "won", "glad"), decide("note", "mood", "lost", "sad", note="hm"))
    decisions = logged(tmp_path, decide("accept", "mood", "won", "glad"))
    assert [(row.input, row.what) for row in decisions.by_key.values()] == [("won", "accept"), ("lost", "note")]
    assert [row.what for row in decisions.effective.values()] == ["accept"]
    assert logged(tmp_path, decide("undo", "mood", "won", "glad")).effective == {}


def test_an_absent_log_holds_no_decision_and_leaves_the_key_as_it_is(tmp_path: Path) -> None:
    assert read_decisions(tmp_path / "none.jsonl").fingerprint() == []
    assert logged(tmp_path, decide("note", "mood", "won", "glad", note="hm")).fingerprint() == []
    assert len(logged(tmp_path, decide("refuse", "mood", "won", "glad")).fingerprint()) == 1


def test_a_torn_last_line_is_skipped_and_cut_off_by_the_next_decision(tmp_path: Path) -> None:
    path = tmp_path / "decisions.jsonl"
    append_decisions(path, [decide("refuse", "mood", "won", "glad")])
    with path.open("ab") as handle:
        handle.write(b'{"key": "12\xc3')
    assert len(read_decisions(path).by_key) == 1
    append_decisions(path, [decide("refuse", "mood", "lost", "sad")])
    assert [json.loads(line)["input"] for line in path.read_text().splitlines()] == ["won", "lost"]


def test_a_whole_last_line_without_its_newline_stays(tmp_path: Path) -> None:
    path = tmp_path / "decisions.jsonl"
    path.write_bytes(decide("refuse", "mood", "won", "glad").to_line().rstrip())
    append_decisions(path, [decide("refuse", "mood", "lost", "sad")])
    assert len(read_decisions(path).by_key) == 2


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"what": "delete"}, "what: Input should be"),
        ({"key": "0" * 16}, "key is not that of task, input and output"),
        ({"what": "edit"}, "edited_input and edited_output belong to an edit"),
        ({"edited_input": "x", "edited_output": "y"}, "edited_input and edited_output belong to an edit"),
        ({"what": "edit", "edited_input": " ", "edited_output": "y"}, "edited_input is empty"),
        ({"more": 1}, "more: Extra inputs"),
    ],
)
def test_a_line_that_is_no_decision_is_refused_with_its_place(
    tmp_path: Path, change: dict[str, object], fault: str
) -> None:
    path = tmp_path / "decisions.jsonl"
    good = decide("refuse", "mood", "won", "glad")
    path.write_text(f"\n{json.dumps({**good.model_dump(), **change})}\n{good.model_dump_json()}\n")
    with pytest.raises(DataError, match=rf"decisions\.jsonl:2: no decision: {fault}"):
        read_decisions(path)


def test_a_refused_example_is_gone_and_counted(tmp_path: Path) -> None:
    decisions = logged(
        tmp_path, decide("refuse", "mood", "won", "glad"), decide("refuse", "mood", "rain", "sad", note="weather")
    )
    result = applied(decisions, MOOD, CAPITALS)
    assert [example.input for example in result.tasks[0].examples] == ["lost"]
    assert result.tasks[1] is CAPITALS
    reasons = {row.mode: row.reason for row in result.rejects if isinstance(row, Reject)}
    assert reasons == {"gold": "refused by a person", "demonstrate": "refused by a person: weather"}
    assert result.accepted == {"gold": 3, "demonstrate": 0}
    assert result.counts == Counter(refuse=2, missing=0)


def test_a_task_without_examples_is_gone(tmp_path: Path) -> None:
    decisions = logged(tmp_path, *(decide("refuse", "capitals", text, text.upper()) for text in "ab"))
    assert applied(decisions, MOOD, CAPITALS).tasks == [MOOD]


def test_an_edited_example_has_its_edited_form_and_no_old_rationale(tmp_path: Path) -> None:
    decisions = logged(tmp_path, decide("edit", "mood", "rain", "sad", ("sun", "glad")))
    result = applied(decisions, MOOD)
    assert result.tasks[0].examples[2] == Example("sun", "glad", None, "demonstrate", "person", "T")
    assert result.kept == {digest("mood", "sun", "glad")}
    assert result.accepted["demonstrate"] == 1


@pytest.mark.parametrize(
    ("edit", "fault"),
    [
        (("sun", "merry"), "output 'merry' is none of the labels glad, sad"),
        (("sun", " "), "output is empty"),
        (("won", "sad"), "another example of the task has this input"),
    ],
)
def test_an_edit_that_is_no_example_is_refused_with_its_place(
    tmp_path: Path, edit: tuple[str, str], fault: str
) -> None:
    decisions = logged(tmp_path, decide("edit", "mood", "rain", "sad", edit))
    with pytest.raises(DataError, match=rf"decisions\.jsonl:1: task 'mood': the {fault}|{fault}"):
        applied(decisions, MOOD)


def test_a_decision_follows_an_example_into_the_reverse_task(tmp_path: Path) -> None:
    back = Task("capitals_inverse", "i", "c", ("Whisper.",), (Example("A", "a"), Example("B", "b")), mode="invert")
    decisions = logged(
        tmp_path, decide("refuse", "capitals", "a", "A"), decide("edit", "capitals", "b", "B", ("bee", "BEE"))
    )
    result = applied(decisions, CAPITALS, back)
    assert [(e.input, e.output) for e in result.tasks[1].examples] == [("BEE", "bee")]


def test_an_accepted_reject_becomes_an_example(tmp_path: Path) -> None:
    rejects = (
        Reject("1", "demonstrate", "capitals", "judged wrong", 'Here: {"input": "c", "output": "C"}'),
        Reject("2", "demonstrate", "capitals", "copy of a known input", '{"input": "c", "output": "C"}'),
        Reject("3", "demonstrate", "capitals", "shares text with a suite: 'x'", '{"input": "d", "output": "D"}'),
        Reject("4", "vary", "capitals", "judged wrong", '{"instruction": "i", "input": "e", "output": "E"}'),
    )
    decisions = logged(tmp_path, *(decide("accept", "capitals", text, text.upper()) for text in "cde"))
    result = applied(decisions, CAPITALS, rejects=rejects)
    assert result.tasks[0].examples[2:] == (Example("c", "C", None, "demonstrate", "person", "T"),)
    assert result.rejects == list(rejects[1:])
    assert result.accepted["demonstrate"] == 1
    assert result.counts == Counter(accept=1, missing=2)


def test_an_accepted_example_stays_where_a_later_check_drops_it(tmp_path: Path) -> None:
    """The reply of a task with labels holds the input alone; the decision knows the output."""
    reject = Reject("1", "demonstrate", "mood", "a later check", '{"input": "snow"}')
    result = applied(logged(tmp_path, decide("accept", "mood", "snow", "sad")), MOOD, rejects=(reject,))
    assert result.tasks[0].examples[-1] == Example("snow", "sad", None, "demonstrate", "person", "T")
    assert result.rejects == []


def test_an_accepted_reject_with_an_output_that_is_no_label_is_refused(tmp_path: Path) -> None:
    reject = Reject("1", "demonstrate", "mood", "not a label", '{"input": "snow", "output": "cold"}')
    with pytest.raises(DataError, match=r"decisions\.jsonl:1: task 'mood': the output 'cold' is none of the labels"):
        applied(logged(tmp_path, decide("accept", "mood", "snow", "cold")), MOOD, rejects=(reject,))


def test_decisions_on_what_no_longer_exists_are_counted_and_change_nothing(tmp_path: Path) -> None:
    decisions = logged(
        tmp_path,
        decide("refuse", "mood", "gone", "sad"),
        decide("edit", "no_task", "x", "y", ("z", "")),
        decide("refuse", "arithmetic-1a2b3c", "2+2", "4"),
    )
    result = applied(decisions, MOOD)
    assert result.tasks == [MOOD]
    assert result.counts == Counter(missing=2, refuse=1)
    assert digest("arithmetic-1a2b3c", "2+2", "4") in result.refused


def test_an_edit_of_what_a_program_draws_is_refused(tmp_path: Path) -> None:
    decisions = logged(tmp_path, decide("edit", "arithmetic-1a2b3c", "2+2", "4", ("2+3", "5")))
    with pytest.raises(DataError, match=r"decisions\.jsonl:1: a program draws"):
        applied(decisions, MOOD)


def test_a_refused_reject_stays_one(tmp_path: Path) -> None:
    reject = Reject("1", "demonstrate", "capitals", "judged wrong", '{"input": "c", "output": "C"}')
    result = applied(logged(tmp_path, decide("refuse", "capitals", "c", "C")), CAPITALS, rejects=(reject,))
    assert (result.tasks, result.rejects) == ([CAPITALS], [reject])
    assert result.counts == Counter(refuse=1, missing=0)


def test_made_up_labels_hide_no_example_from_a_decision() -> None:
    sampled = next(one for one in sampled_records() if not isinstance(one, str) and not one.symbols and one.demos)
    symbols = {output: f"zik{n}" for n, output in enumerate({e.output for e in (sampled.query, *sampled.demos)})}
    demos = tuple(replace(demo, output=symbols[demo.output]) for demo in sampled.demos)
    query = replace(sampled.query, output=symbols[sampled.query.output])
    assert example_keys(replace(sampled, symbols=symbols, demos=demos, query=query)) == example_keys(sampled)


def test_filters_and_near_duplicates_do_not_remove_an_accepted_example() -> None:
    short = next(one for one in sampled_records() if not isinstance(one, str) and one.form == "zero_shot")
    words = " ".join(f"word{number}" for number in range(30))
    sampled = replace(short, template="bare", query=replace(short.query, input=words))
    again = replace(sampled, template="quoted")
    first, second = (build_record(one, SEED) for one in (sampled, again))

    def rejections(filters: list[Filter], near: float | None, kept: frozenset[str]) -> list[object]:
        seen = SeenRecords(DedupConfig(near=near), SeenKeys())
        acceptance = Acceptance(Decontaminator([]), filters, seen, kept=kept)
        return [acceptance.rejection(sampled, first), acceptance.rejection(again, second)]

    kept = frozenset({first.meta.query_id})
    assert rejections([lambda text: "filtered"], None, frozenset()) == ["filtered", "filtered"]
    assert rejections([lambda text: "filtered"], None, kept) == [None, None]
    assert rejections([], 0.8, frozenset()) == [None, "near-duplicate"]
    assert rejections([], 0.8, kept) == [None, None]
