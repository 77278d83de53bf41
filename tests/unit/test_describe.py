"""Proofs of rewordings: what the teacher solves with a wording decides where the checks of its words only doubt it."""

from collections.abc import Callable, Sequence

import pytest

from kshot.config import ParaphraseConfig
from kshot.core.types import Example, Task
from kshot.generate.bank import by_id
from kshot.generate.synthesis.paraphrase import paraphrase_descriptions
from kshot.generate.synthesis.prompt_templates import PromptTemplates
from kshot.generate.teacher.budget import BudgetExceededError
from kshot.generate.teacher.messages import NOT_ASKED, Reply, Request
from kshot.tasks.source import source_from_family, source_from_task

DOUBTED = "Not from left to right but backwards: write out the short string of letters given, reversed."
WORDS = ("amber", "basil", "cedar", "delta")


def backwards(prompt: str) -> str:
    return prompt.rsplit("Input: ", 1)[1].split("\n")[0][::-1]


class Scripted:
    """Rewords everything as `wording`, and solves by `solve`."""

    name = "scripted"
    spent: BudgetExceededError | None = None

    def __init__(self, wording: str, solve: Callable[[str], str], ends: str = "stop") -> None:
        self.wording, self.solve, self.ends = wording, solve, ends
        self.proving: list[str] = []

    def ask(self, requests: Sequence[Request], label: str) -> list[Reply]:
        if label == "describing":
            return [Reply(self.wording, self.ends)] * len(requests)
        self.proving += [request.prompt for request in requests]
        return [Reply(self.solve(request.prompt)) for request in requests]


def outcome(teacher: Scripted, prove: int, example_based: bool = False) -> str | None:
    """None for a variant that is kept, or the reason against it."""
    gold = tuple(Example(word, word[::-1]) for word in WORDS)
    task = Task("spell", "spell", "letters", ("Given a short string of letters, please return it reversed.",), gold)
    unit = source_from_task(task) if example_based else source_from_family(by_id("reverse_letters"))
    kept, rejects = paraphrase_descriptions(
        [unit], ParaphraseConfig(modes=["rephrase"], validate_inputs=prove), teacher, PromptTemplates(None), 1
    )
    assert len(kept[unit.id]) + len(rejects) == 1
    return rejects[0].reason if rejects else None


@pytest.mark.parametrize("example_based", [False, True], ids=["programmatic", "examples"])
def test_a_doubt_is_refuted_by_a_proof_and_stands_without_one(example_based: bool) -> None:
    assert outcome(Scripted(DOUBTED, backwards), 0, example_based) == "negation gained or lost"
    sure = Scripted(DOUBTED, backwards)
    assert outcome(sure, 3, example_based) is None
    assert [DOUBTED in prompt for prompt in sure.proving] == [True] * 3, "nothing is asked that does not decide"
    once = iter(["no"])
    teacher = Scripted(
        DOUBTED, lambda prompt: next(once, backwards(prompt)) if DOUBTED in prompt else backwards(prompt)
    )
    assert outcome(teacher, 3, example_based) == "negation gained or lost: the teacher solves 2 of 3 with it"


def test_a_fault_is_not_up_for_proof() -> None:
    teacher = Scripted(f"Sure! {DOUBTED}", backwards)
    assert outcome(teacher, 3) == "answer or comment, not an instruction"
    assert teacher.proving == []


def test_a_wording_that_was_cut_off_is_none_unless_its_paragraph_was_whole() -> None:
    plain = "Please reverse the short string of letters that is given and"
    assert outcome(Scripted(plain, backwards, "length"), 0) == "cut off: longer than max_tokens"
    assert outcome(Scripted(f"{plain} write it.\n\nNote that", backwards, "length"), 0) is None
    assert outcome(Scripted(f"Sure! {plain}", backwards, "length"), 0) == "answer or comment, not an instruction"


@pytest.mark.parametrize(("spent_at", "begins"), [("describing", "no reply"), ("proving", "not proved")])
def test_what_was_not_asked_is_not_held_against_the_teacher(spent_at: str, begins: str) -> None:
    class Broke(Scripted):
        def ask(self, requests: Sequence[Request], label: str) -> list[Reply]:
            return [NOT_ASKED] * len(requests) if label == spent_at else super().ask(requests, label)

    assert outcome(Broke(DOUBTED, backwards), 2) == f"{begins}: not asked, a budget is spent"


def test_without_a_doubt_a_programmatic_wording_must_be_as_good_as_the_original() -> None:
    plain = "Please reverse the short string of letters that is given."
    assert outcome(Scripted(plain, lambda prompt: "no" if plain in prompt else backwards(prompt)), 2) == (
        "not proved: the teacher solves 0 of 2, and 2 with the original wording"
    )
    assert "solves none of 2" in str(outcome(Scripted(plain, lambda prompt: "no"), 2))
    unasked = Scripted("Give the letters of the word backwards, from its last one on, please.", backwards)
    assert outcome(unasked, 2, example_based=True) is None
    assert unasked.proving == []


def test_a_rule_that_only_demonstrations_show_is_proved_with_them() -> None:
    unit = source_from_family(by_id("hidden_topic_labels"))

    class Loud(Scripted):
        def ask(self, requests: Sequence[Request], label: str) -> list[Reply]:
            if label != "describing":
                return super().ask(requests, label)
            sources = [request.prompt.rsplit("Description: ", 1)[1].split("\n")[0] for request in requests]
            return [Reply(f"{source} Look at all of the examples for that.") for source in sources]

    teacher = Loud("", lambda prompt: "x")
    paraphrase_descriptions(
        [unit], ParaphraseConfig(modes=["rephrase"], validate_inputs=2), teacher, PromptTemplates(None), 1
    )
    assert [prompt.count("\nOutput:") for prompt in teacher.proving] == [unit.min_k + 1] * 4
