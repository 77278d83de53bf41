"""The lexical checks of a paraphrase: what they accept, and each reason to reject."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kshot.core.seeding import stream
from kshot.generate.bank import FAMILIES
from kshot.generate.curation.paraphrase_checks import (
    ParaphraseCandidate,
    build_template,
    find_hard_failure,
    find_soft_failure,
    insert_slots,
)
from kshot.tasks.family import no_params

ORIGINAL = "Write 'urgent' if the message is urgent, otherwise 'calm'. Answer with one word."
PARAMS = {"a": "urgent", "b": "calm"}
ANCHORS = (("messag", "note"),)


def find_reason(text: str, original: str = ORIGINAL, known: tuple[str, ...] = (ORIGINAL,)) -> str | None:
    candidate = ParaphraseCandidate(text, original, PARAMS, ANCHORS, known)
    return find_hard_failure(candidate) or find_soft_failure(candidate)


@pytest.mark.parametrize(
    "text",
    [
        "Decide in one word whether the message is 'urgent' or 'calm'.",
        "Is the message 'urgent' or 'calm'? Answer with one word.",
        "The task is to label the message 'urgent' or 'calm', in one word.",
        "Here is a message. Say in one word whether it is 'urgent' or 'calm'.",
    ],
)
def test_checks_accept_a_paraphrase_that_states_the_task(text: str) -> None:
    assert find_reason(text) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("urgent", "too short"),
        ("", "too short"),
        ("Say if the message is 'urgent' or 'calm' in one word. " * 5, "too long"),
        ("I'm sorry, but I cannot label this message as 'urgent' or 'calm' in one word.", "refusal"),
        ("Sure! Label the message 'urgent' or 'calm' with one word.", "answer or comment"),
        ("Label the message in one word. Output: 'urgent' or 'calm'", "answer or comment"),
        ("Here is the message task reworded: is the message 'urgent' or 'calm', in one word?", "answer or comment"),
        (ORIGINAL.lower(), "copy"),
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
def test_checks_give_each_reason_to_reject(text: str, expected: str) -> None:
    reason = find_reason(text)
    assert reason is not None
    assert reason.startswith(expected)


def test_an_opposite_fails_softly() -> None:
    candidate = ParaphraseCandidate(
        "Give the last word of the text.", "Say the first word of the text.", {}, (("word",),), ()
    )
    assert find_soft_failure(candidate) == "sense changed: 'last' for 'first'"
    assert find_hard_failure(candidate) is None, "solving held-back inputs may refute it"


def test_checks_accept_every_hand_written_description() -> None:
    """None may look like a refusal, an answer or a statement, or lose its own anchors."""
    for family in FAMILIES:
        params = family.params(stream(1, "checks", family.id))
        texts = [text.format(**params) for text in family.descriptions]
        for text in texts:
            candidate = ParaphraseCandidate(text, text, params, family.anchors, ())
            reason = find_hard_failure(candidate) or find_soft_failure(candidate)
            assert reason is None or reason.startswith("too short"), (family.id, text, reason)


def test_insert_slots_replaces_longest_values_first_and_whole_words_only() -> None:
    params = {"sep": "no", "label": "no way"}
    assert (
        insert_slots("Say 'no' or 'no way', not nothing {x}.", params) == "Say '{sep}' or '{label}', not nothing {{x}}."
    )


@given(st.text(alphabet="abc {}'.", max_size=40), st.text(alphabet="abc", min_size=1, max_size=3))
def test_slots_render_the_same_text(text: str, value: str) -> None:
    assert insert_slots(text, {"v": value}).format(v=value) == text


def test_build_template_has_the_slots_of_the_original_and_no_others() -> None:
    original = "Write '{yes}' or '{no}', parted by '{sep}'."
    params = {"yes": "in", "no": "out", "sep": "/", "unused": "Answer"}
    template = build_template("Answer 'in' or 'out' and part them by '/'.", original, params)
    assert template == "Answer '{yes}' or '{no}' and part them by '{sep}'."
    # A common word or a space that is also a value would change with the value in the next record.
    assert build_template("Who is in? 'in' or 'out', parted by '/'.", original, params) is None
    assert build_template("Write 'in' or 'out', parted by ' '.", original, {**params, "sep": " "}) is None
    # Two parameters with one value are ambiguous; a value may look like anything.
    assert build_template("'a' and 'a'", "'{x}' and '{y}'", {"x": "a", "y": "a"}) is None
    assert (
        build_template("Write 0, 1 or 2.", "{a}, {b} or {c}?", {"a": "0", "b": "1", "c": "2"})
        == "Write {a}, {b} or {c}."
    )


def test_no_params_are_an_empty_mapping() -> None:
    assert no_params(stream(1)) == {}
