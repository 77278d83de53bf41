"""Paraphrases: held-back inputs that the teacher solves decide where a lexical check fails softly."""

from collections.abc import Callable, Iterable, Sequence

import pytest

from kshot.config import ParaphraseConfig
from kshot.core.types import Example, Task
from kshot.generate.bank import by_id
from kshot.generate.synthesis.paraphrase import paraphrase_descriptions, read_instruction
from kshot.generate.synthesis.shared.prompt_templates import PromptTemplates
from kshot.generate.teacher import NOT_SENT, BudgetExceededError, Cost, Estimate, Reply, Request
from kshot.tasks.source import source_from_family, source_from_task

SOFT = "Not from left to right but backwards: write out the short string of letters given, reversed."
WORDS = ("amber", "basil", "cedar", "delta")


def reverse_input(prompt: str) -> str:
    return prompt.rsplit("Input: ", 1)[1].split("\n")[0][::-1]


class ScriptedTeacher:
    """Rewords everything as `paraphrase`, and solves by `solve`."""

    name = "scripted"
    budget_error: BudgetExceededError | None = None

    def __init__(self, paraphrase: str, solve: Callable[[str], str], finish_reason: str = "stop") -> None:
        self.paraphrase, self.solve, self.finish_reason = paraphrase, solve, finish_reason
        self.solved_prompts: list[str] = []

    def ask(self, requests: Sequence[Request], label: str) -> list[Reply]:
        if label == "paraphrasing":
            return [Reply(self.paraphrase, self.finish_reason)] * len(requests)
        self.solved_prompts += [request.prompt for request in requests]
        return [Reply(self.solve(request.prompt)) for request in requests]

    def estimate(self, requests: Iterable[Request]) -> Estimate:
        return Estimate(0, Cost())


def find_reason(teacher: ScriptedTeacher, inputs: int, example_based: bool = False) -> str | None:
    """Return the reason against the paraphrase, or None where it is accepted."""
    gold = tuple(Example(word, word[::-1]) for word in WORDS)
    task = Task("spell", "spell", "letters", ("Given a short string of letters, please return it reversed.",), gold)
    source = source_from_task(task) if example_based else source_from_family(by_id("reverse_letters"))
    accepted, rejects = paraphrase_descriptions(
        [source], ParaphraseConfig(modes=["rephrase"], validate_inputs=inputs), teacher, PromptTemplates(None), 1
    )
    assert len(accepted[source.id]) + len(rejects) == 1
    return rejects[0].reason if rejects else None


@pytest.mark.parametrize("example_based", [False, True], ids=["programmatic", "examples"])
def test_a_soft_failure_is_refuted_by_solved_inputs_and_stands_without_them(example_based: bool) -> None:
    assert find_reason(ScriptedTeacher(SOFT, reverse_input), 0, example_based) == "negation gained or lost"
    solving = ScriptedTeacher(SOFT, reverse_input)
    assert find_reason(solving, 3, example_based) is None
    assert [SOFT in prompt for prompt in solving.solved_prompts] == [False] * 3 + [True] * 3
    first = iter(["no"])
    teacher = ScriptedTeacher(
        SOFT, lambda prompt: next(first, reverse_input(prompt)) if SOFT in prompt else reverse_input(prompt)
    )
    assert find_reason(teacher, 3, example_based) == "negation gained or lost: the teacher solves 2 of 3 with it"


def test_a_hard_failure_is_final() -> None:
    teacher = ScriptedTeacher(f"Sure! {SOFT}", reverse_input)
    assert find_reason(teacher, 3) == "answer or comment, not an instruction"
    assert teacher.solved_prompts == []


def test_a_truncated_reply_is_rejected_unless_its_first_paragraph_is_whole() -> None:
    plain = "Please reverse the short string of letters that is given and"
    assert find_reason(ScriptedTeacher(plain, reverse_input, "length"), 0) == "cut off: longer than max_tokens"
    assert find_reason(ScriptedTeacher(f"{plain} write it.\n\nNote that", reverse_input, "length"), 0) is None
    assert (
        find_reason(ScriptedTeacher(f"Sure! {plain}", reverse_input, "length"), 0)
        == "answer or comment, not an instruction"
    )


@pytest.mark.parametrize(
    ("spent_at", "begins"), [("paraphrasing", "no reply"), ("validating paraphrases", "not validated")]
)
def test_unsent_requests_are_named_in_the_reason(spent_at: str, begins: str) -> None:
    class WithoutBudget(ScriptedTeacher):
        def ask(self, requests: Sequence[Request], label: str) -> list[Reply]:
            return [NOT_SENT] * len(requests) if label == spent_at else super().ask(requests, label)

    assert find_reason(WithoutBudget(SOFT, reverse_input), 2) == f"{begins}: not sent, a budget is spent"


@pytest.mark.parametrize("example_based", [False, True], ids=["programmatic", "examples"])
def test_a_paraphrase_must_solve_as_many_inputs_as_the_original(example_based: bool) -> None:
    plain = "Please give the short string of letters in reversed order."
    assert find_reason(ScriptedTeacher(plain, reverse_input), 2, example_based) is None
    lost = ScriptedTeacher(plain, lambda prompt: "no" if plain in prompt else reverse_input(prompt))
    assert find_reason(lost, 2, example_based) == ("not validated: the teacher solves 0 of 2, and 2 with the original")


def test_what_the_teacher_cannot_solve_proves_nothing() -> None:
    plain = "Please give the short string of letters in reversed order."
    assert "solves none of 2" in str(find_reason(ScriptedTeacher(plain, lambda prompt: "no"), 2))


def _reject_summary(begin: str, length: int) -> str | None:
    """Return the reason against a wording of a task with open answers, with which the teacher copies so much."""
    texts = ("The ferry was late because of the storm.", "Our library opens at nine on Monday.", "It was a draw.")
    task = Task("s", "s", "c", ("Summarise the text in a few words.",), tuple(Example(f"{t} {t}", t) for t in texts))
    reworded = "Write in a few words what the text says, please."

    def solve(prompt: str) -> str:
        start, size = (begin, length) if reworded in prompt else ("In short:", 30)
        return f"{start} {prompt.rsplit('Input: ', 1)[1][:size]}"

    settings = ParaphraseConfig(modes=["rephrase"], validate_inputs=3)
    teacher = ScriptedTeacher(reworded, solve)
    _, rejects = paraphrase_descriptions([source_from_task(task)], settings, teacher, PromptTemplates(None), 1)
    return rejects[0].reason if rejects else None


def test_an_open_answer_must_stay_as_near_to_the_right_one() -> None:
    assert _reject_summary("Briefly:", 28) is None
    assert "answers are" in str(_reject_summary("Bonjour", 0))


def test_labels_of_own_tasks_are_kept_and_proved() -> None:
    gold = tuple(Example(f"{word} {n}", label) for n in range(4) for word, label in (("up", "ja"), ("down", "nein")))
    task = Task("richtung", "r", "c", ("Geht es nach oben? Antworte mit ja oder nein.",), gold, labels=("ja", "nein"))

    def reject(text: str) -> str | None:
        def solve(prompt: str) -> str:
            is_up = "up" in prompt.rsplit("Input: ", 1)[1]
            return "ja" if is_up != ("unten" in prompt) else "nein"

        settings = ParaphraseConfig(modes=["rephrase"])
        _, rejects = paraphrase_descriptions(
            [source_from_task(task)], settings, ScriptedTeacher(text, solve), PromptTemplates(None), 1
        )
        return rejects[0].reason if rejects else None

    assert reject("Sage ja, wenn der Weg hinauf führt, und sonst nein.") is None
    assert reject("Sage ja, wenn der Weg nach unten führt, und sonst nein.") == (
        "not validated: the teacher solves 0 of 4, and 4 with the original"
    )
    assert reject("Sage ja, wenn der Weg hinauf führt.") == "lost a label: 'nein'"


def test_a_rule_that_only_demonstrations_show_is_validated_with_them() -> None:
    source = source_from_family(by_id("hidden_topic_labels"))

    class Appending(ScriptedTeacher):
        def ask(self, requests: Sequence[Request], label: str) -> list[Reply]:
            if label != "paraphrasing":
                return super().ask(requests, label)
            originals = [request.prompt.rsplit("Description: ", 1)[1].split("\n")[0] for request in requests]
            return [Reply(f"{original} Look at all of the examples for that.") for original in originals]

    teacher = Appending("", lambda prompt: "x")
    paraphrase_descriptions(
        [source], ParaphraseConfig(modes=["rephrase"], validate_inputs=2), teacher, PromptTemplates(None), 1
    )
    assert [prompt.count("\nOutput:") for prompt in teacher.solved_prompts] == [source.min_k + 1] * 4


def test_read_instruction_drops_quotes_and_keeps_all_paragraphs_of_a_guideline() -> None:
    assert read_instruction('"Write it down."\n\nI hope this helps!', "Note it.") == "Write it down."
    assert read_instruction("«Schreib es auf.»", "Notiere es.") == "Schreib es auf."
    assert read_instruction("Write 'a' or 'b'.", "Say 'a' or 'b'.") == "Write 'a' or 'b'."
    assert read_instruction("", "Note it.") == ""
    assert read_instruction("First.\n\nSecond.", "One.\n\nTwo.") == "First.\n\nSecond."
