"""The checks on a teacher's rewording: what they let through, and each reason to reject."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kshot.core.seeding import stream
from kshot.generate.bank import FAMILIES
from kshot.generate.synthesis.checks import ParaphraseCandidate, as_template, hard_failure, soft_failure, with_slots
from kshot.generate.synthesis.paraphrase import first_paragraph
from kshot.generate.synthesis.verify import gives_answer
from kshot.tasks.family import no_params

SOURCE = "Write 'urgent' if the message is urgent, otherwise 'calm'. Answer with one word."
PARAMS = {"a": "urgent", "b": "calm"}
MUST = (("messag", "note"),)


def reason(text: str, source: str = SOURCE, known: tuple[str, ...] = (SOURCE,)) -> str | None:
    candidate = ParaphraseCandidate(text, source, PARAMS, MUST, known)
    return hard_failure(candidate) or soft_failure(candidate)


@pytest.mark.parametrize(
    "text",
    [
        "Decide in one word whether the message is 'urgent' or 'calm'.",
        "Is the message 'urgent' or 'calm'? Answer with one word.",
        "The task is to label the message 'urgent' or 'calm', in one word.",
        "Here is a message. Say in one word whether it is 'urgent' or 'calm'.",
    ],
)
def test_a_wording_that_states_the_task_is_kept(text: str) -> None:
    assert reason(text) is None


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("urgent", "too short"),
        ("", "too short"),
        ("Say if the message is 'urgent' or 'calm' in one word. " * 5, "too long"),
        ("I'm sorry, but I cannot label this message as 'urgent' or 'calm' in one word.", "refusal"),
        ("Sure! Label the message 'urgent' or 'calm' with one word.", "answer or comment"),
        ("Label the message in one word. Output: 'urgent' or 'calm'", "answer or comment"),
        ("Here is the message task reworded: is the message 'urgent' or 'calm', in one word?", "answer or comment"),
        (SOURCE.lower(), "copy"),
        ("Decide in one word whether the message is 'urgent' or not urgent.", "lost a literal: 'calm'"),
        ("Decide in one word whether this is 'urgent' or 'calm'.", "lost its meaning"),
        ("Decide whether the message is 'urgent' or 'calm'.", "lost a demand on the form: one word"),
        ("Never answer in one word if the message is 'urgent' or 'calm'.", "negation"),
        ("The message is 'urgent' and 'calm' in one word, it is not clear.", "negation"),
        ("The message is 'urgent' or 'calm' in one word.", "a statement"),
        ("Decide in one word whether the message is 'urgent', 'calm' or 'mild'.", "added a detail"),
        ("Decide in one word whether the message is 'urgent' or 'calm' 30 times.", "added a detail"),
        ("Decide in one word, upper case, whether the message is 'urgent' or 'calm'.", "added a demand"),
        (
            "Decide in one word whether the message is 'urgent' or 'calm' considering railway timetables, weather, "
            "budget, distance, history, geography and several cultural aspects.",
            "content added",
        ),
        ("Is one word of any message 'urgent' {or} 'calm'?", "braces"),
    ],
)  # fmt: skip
def test_each_reason_to_reject(text: str, why: str) -> None:
    found = reason(text)
    assert found is not None
    assert found.startswith(why)


def test_an_opposite_is_rejected() -> None:
    found = ParaphraseCandidate(
        "Give the last word of the text.", "Say the first word of the text.", {}, (("word",),), ()
    )
    assert soft_failure(found) == "sense changed: 'last' for 'first'"
    assert hard_failure(found) is None, "a proof may refute it"


def test_every_hand_written_description_passes() -> None:
    """None of what a person wrote may look like a refusal, an answer or a statement, or lose its own anchors."""
    for family in FAMILIES:
        params = family.params(stream(1, "checks", family.id))
        texts = [text.format(**params) for text in family.descriptions]
        for text in texts:
            candidate = ParaphraseCandidate(text, text, params, family.anchors, ())
            found = hard_failure(candidate) or soft_failure(candidate)
            assert found is None or found.startswith("too short"), (family.id, text, found)


def test_values_become_slots_longest_first_and_only_where_they_stand_alone() -> None:
    params = {"sep": "no", "label": "no way"}
    assert (
        with_slots("Say 'no' or 'no way', not nothing {x}.", params) == "Say '{sep}' or '{label}', not nothing {{x}}."
    )


@given(st.text(alphabet="abc {}'.", max_size=40), st.text(alphabet="abc", min_size=1, max_size=3))
def test_slots_fill_back_to_the_same_text(text: str, value: str) -> None:
    assert with_slots(text, {"v": value}).format(v=value) == text


def test_a_wording_has_the_slots_of_its_source_and_no_others() -> None:
    source = "Write '{yes}' or '{no}', parted by '{sep}'."
    params = {"yes": "in", "no": "out", "sep": "/", "unused": "Answer"}
    kept = as_template("Answer 'in' or 'out' and part them by '/'.", source, params)
    assert kept == "Answer '{yes}' or '{no}' and part them by '{sep}'."
    # A common word, or a space, that is a value as well would become another one in the next record.
    assert as_template("Who is in? 'in' or 'out', parted by '/'.", source, params) is None
    assert as_template("Write 'in' or 'out', parted by ' '.", source, {**params, "sep": " "}) is None
    # Two details with one value cannot be told apart; a value may look like anything.
    assert as_template("'a' and 'a'", "'{x}' and '{y}'", {"x": "a", "y": "a"}) is None
    assert (
        as_template("Write 0, 1 or 2.", "{a}, {b} or {c}?", {"a": "0", "b": "1", "c": "2"}) == "Write {a}, {b} or {c}."
    )


def test_a_reply_is_its_first_paragraph_without_quotes() -> None:
    assert first_paragraph('"Write it down."\n\nI hope this helps!') == "Write it down."
    assert first_paragraph("Write 'a' or 'b'.") == "Write 'a' or 'b'."
    assert first_paragraph("") == ""


def test_no_params_is_empty() -> None:
    assert no_params(stream(1)) == {}


@pytest.mark.parametrize(
    ("reply", "claim", "reasoned", "right"),
    [
        ("Output: red\nand more", "red", False, True),
        ("red", "blue", False, False),
        ("- one\n- two\n", "- one\n- two", False, True),
        ("- one\n\n- two\nI hope this helps.", "- one\n- two", False, True),
        ("- one", "- one\n- two", False, False),
        ("Output:\n- one\n- two", "- one\n- two", False, True),
        ("First this.\nAnswer: no\nOr rather:\nAnswer: yes", "yes", True, True),
        ("First this.\nAnswer:\n- one\n- two", "- one\n- two", True, True),
        ("First this.\n- one\n- two", "- one\n- two", True, False),
        ("", "red", False, False),
    ],
)
def test_an_answer_of_several_lines_is_read_whole(reply: str, claim: str, reasoned: bool, right: bool) -> None:
    assert gives_answer(reply, claim, reasoned) is right
