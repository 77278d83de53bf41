"""Questions about passages: evidence must stand in the passage, and solves must confirm the answer."""

from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from kshot.generate.synthesis.questions import SourcePassage, find_evidence, write_questions
from kshot.generate.synthesis.shared.context import SynthesisContext
from tests.scripted import Script, synthesis_context

TEXT = "Every employee has thirty days of “paid leave” in a year. Requests go to the lead\nat least 2 weeks before."
PASSAGE = SourcePassage("leave.md", "Annual leave", TEXT)
GOOD = {
    "question": "How long before must leave be asked for?",
    "answer": "2 weeks",
    "evidence": "at least 2 weeks before",
}
INSTRUCTION = "Answer the question from the passage."


@pytest.fixture
def context(script: Script, tmp_path: Path) -> Iterator[SynthesisContext]:
    with synthesis_context(script, tmp_path, max_tokens=100) as shared:
        yield shared


def _reply_with(script: Script, *items: dict[str, str], answers: dict[str, str] | None = None) -> None:
    solved = {item["question"]: item["answer"] for item in items} | (answers or {})

    def answer(prompt: str, number: int) -> str:
        if prompt.startswith("Write "):
            return orjson.dumps({"examples": list(items)}).decode()
        return solved[prompt.rsplit("Question: ", 1)[1].split("\n")[0]]

    script._answer = answer  # type: ignore[method-assign]


def test_an_accepted_question_quotes_the_passage(context: SynthesisContext, script: Script) -> None:
    _reply_with(script, GOOD, {**GOOD, "question": "Of what has one thirty days?", "answer": "paid leave",
                               "evidence": 'THIRTY days of "paid  leave"'})  # fmt: skip
    accepted, rejects = write_questions([PASSAGE], 2, INSTRUCTION, context)
    assert not rejects
    assert [row.answer for row in accepted] == ["2 weeks", "paid leave"]
    assert accepted[1].evidence == "thirty days of “paid leave"
    assert all(row.evidence in TEXT for row in accepted)
    assert accepted[0].input == f"{TEXT}\n\nQuestion: {GOOD['question']}"
    assert accepted[0].verified_by == "self-consistency"


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        ({**GOOD, "evidence": "at least three weeks before"}, "the evidence does not stand in the passage"),
        ({**GOOD, "evidence": "2"}, "the evidence is too short"),
        ({**GOOD, "answer": "21 days"}, "a number of the answer does not stand in the passage"),
        ({**GOOD, "answer": "word " * 41}, "the answer is longer than 40 words"),
        ({**GOOD, "question": "What does the passage say on leave?"}, "speaks of the passage"),
        ({"question": "How long?"}, "malformed"),
    ],
)
def test_a_question_that_the_passage_does_not_prove_is_rejected(
    context: SynthesisContext, script: Script, item: dict[str, str], reason: str
) -> None:
    other = {**GOOD, "question": "To whom do requests go?", "answer": "the lead", "evidence": "Requests go to the lead"}
    _reply_with(script, other)
    script.ruin = lambda prompt, reply: (
        orjson.dumps({"examples": [other, item]}).decode() if prompt.startswith("Write ") else reply
    )
    accepted, rejects = write_questions([PASSAGE], 2, INSTRUCTION, context)
    assert [row.question for row in accepted] == [other["question"]]
    assert [reject.reason.split(":")[0] for reject in rejects] == [reason]


def test_an_answer_that_solves_do_not_confirm_is_rejected(context: SynthesisContext, script: Script) -> None:
    _reply_with(script, GOOD, answers={GOOD["question"]: "two months"})
    accepted, rejects = write_questions([PASSAGE], 1, INSTRUCTION, context)
    assert not accepted
    assert rejects[0].reason.startswith("solves disagree")


@pytest.mark.parametrize(
    ("quote", "found"),
    [
        ("thirty days of 'paid leave' in a year", "thirty days of “paid leave” in a year"),
        ("go to the lead at least", "go to the lead\nat least"),
        ("… at least 2 weeks before.", "at least 2 weeks before"),
        ("thirty weeks", None),
        ("", None),
        ("?!", None),
    ],
)
def test_evidence_is_found_whatever_its_punctuation(quote: str, found: str | None) -> None:
    assert find_evidence(quote, TEXT) == found
