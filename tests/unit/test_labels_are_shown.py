"""A task's labels reach whoever must answer: the student, the solves, and the teacher that writes examples."""

from collections.abc import Sequence
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kshot.config import AugmentConfig, DemonstrateConfig, GenerateConfig, MixtureConfig, ReasonConfig, VerifyConfig
from kshot.core.prompting import has_literal, list_unnamed_labels, literal_pattern, names_all
from kshot.core.types import Description, Example, Record, Task
from kshot.generate.bank.words import draw_nonsense_word, is_nonsense_word
from kshot.generate.compose.acceptance import find_hidden_label
from kshot.generate.compose.composer import compose_records
from kshot.generate.compose.labels import LabelTurns
from kshot.generate.compose.sampler import build_record, sample_record
from kshot.generate.curation.decontaminate import Decontaminator
from kshot.generate.sources import all_sources
from kshot.generate.synthesis.evolve import vary_tasks
from kshot.generate.synthesis.examples.requests import SHOWN_EXAMPLES, draw_shown_examples
from kshot.generate.synthesis.examples.write import write_examples
from kshot.generate.synthesis.paraphrase_inputs import paraphrase_inputs
from kshot.generate.synthesis.rationales import write_rationales
from kshot.generate.synthesis.shared.context import SynthesisContext
from kshot.generate.synthesis.shared.prompt_templates import PromptTemplates
from kshot.generate.synthesis.shared.verify import Claim, build_solve_prompt, solve_tokens
from kshot.generate.teacher.messages import Reply, Request, build_body
from kshot.tasks.source import source_from_task
from tests.golden.synthesis import ScriptedTeacher

INTENTS = tuple(f"intent_{number}" for number in range(77))
BANKING = Task(
    "banking",
    "banking",
    "intent",
    ("Which intent does the customer's message have?",),
    tuple(Example(f"Message {i} of a customer about {label}s", label) for i, label in enumerate(INTENTS * 2)),
    labels=INTENTS,
)


def _settings(**mixture: float) -> GenerateConfig:
    return GenerateConfig(records=150, max_records_per_example=10, teacher=None, mixture=MixtureConfig(**mixture))


def _compose(task: Task, **mixture: float) -> list[Record]:
    source = source_from_task(task)
    tick = lambda done=1, note="": None  # noqa: E731
    records, _ = compose_records([source], {}, _settings(**mixture), Decontaminator([]), 1, tick)
    assert len(records) > 100
    return records


def test_zero_shot_records_list_the_labels_whatever_their_number() -> None:
    for record in _compose(BANKING, zero_shot=1, few_shot=0, demos_only=0):
        assert names_all(record.instruction, INTENTS), record.instruction


def test_records_list_the_labels_once_where_the_wording_names_them() -> None:
    named = list_unnamed_labels("Which intent?", INTENTS)
    for record in _compose(
        Task("b", "b", "c", (named,), BANKING.examples, labels=INTENTS), zero_shot=1, few_shot=0, demos_only=0
    ):
        assert record.meta.task_instruction.count("intent_76") == 1


@pytest.mark.parametrize("form", ["zero_shot", "few_shot", "demos_only"])
def test_every_label_to_answer_is_shown(form: str) -> None:
    mixture = {name: float(name == form) for name in ("zero_shot", "few_shot", "demos_only")}
    for record in _compose(BANKING, **mixture):
        demos = [demo.output for demo in record.meta.demonstrations]
        assert record.output in demos or names_all(record.instruction, INTENTS)


def test_record_whose_label_nothing_shows_is_rejected() -> None:
    source = source_from_task(BANKING)
    settings = _settings(zero_shot=0, few_shot=0, demos_only=1)
    sampled = sample_record(source, [Description("Which?")], settings, LabelTurns(), 1, 0, 0)
    assert not isinstance(sampled, str)
    with_label = replace(sampled, demos=(*sampled.demos, sampled.query))
    assert find_hidden_label(with_label, build_record(with_label, 1)) is None
    without = replace(sampled, demos=tuple(demo for demo in sampled.demos if demo.output != sampled.query.output))
    assert "nothing shows the label" in (find_hidden_label(without, build_record(without, 1)) or "")


def test_made_up_labels_are_explained_at_zero_shot() -> None:
    settings = GenerateConfig(
        teacher=None, no_label_fraction=1, wrapped_fraction=1, mixture=MixtureConfig(few_shot=0, demos_only=0)
    )
    made_up = 0
    for source in all_sources([]):
        if not source.no_label_instructions:
            continue
        descriptions = [Description(text) for text in source.descriptions]
        for index in range(30):
            sampled = sample_record(source, descriptions, settings, LabelTurns(), 1, index, 0)
            if isinstance(sampled, str) or sampled.form != "zero_shot":
                continue
            if all(map(is_nonsense_word, source.labels(sampled.params))):
                made_up += 1
                assert sampled.description.mode == "handwritten", (source.id, sampled.params)
    assert made_up > 20


@given(st.integers())
def test_nonsense_words_are_recognized(seed: int) -> None:
    assert is_nonsense_word(draw_nonsense_word(Random(seed)))


@pytest.mark.parametrize("label", ["yes", "True", "about_money", "positive", "not_allowed", "A", "积极"])
def test_real_labels_are_no_nonsense_words(label: str) -> None:
    assert not is_nonsense_word(label)


def _prompts(mode: str, task: Task) -> list[Request]:
    teacher = ScriptedTeacher()
    context = SynthesisContext(teacher, PromptTemplates(None), VerifyConfig(), Decontaminator([]), 1, 0.8, 256)
    if mode == "demonstrate":
        write_examples([task], DemonstrateConfig(per_task=80), context)
    elif mode == "augment":
        paraphrase_inputs([task], AugmentConfig(per_example=1), context)
    elif mode == "reason":
        write_rationales([task], ReasonConfig(per_task=3), context)
    else:
        vary_tasks([task], 2, context)
    assert teacher.requests
    return teacher.requests


@pytest.mark.parametrize("mode", ["demonstrate", "augment", "reason", "vary"])
def test_every_prompt_of_a_mode_lists_the_labels(mode: str) -> None:
    for request in _prompts(mode, BANKING):
        if "The cat sleeps" in request.prompt:  # the solve of a new task, which has no labels
            continue
        assert names_all(request.prompt, INTENTS), request.prompt


def test_solve_lists_labels_and_has_room_for_the_answer() -> None:
    claim = Claim("Which intent?", "x", "intent_1", labels=INTENTS)
    assert names_all(build_solve_prompt(claim), INTENTS)
    long = "a" * 300
    body = build_body(Request("p", min_tokens=solve_tokens(long)), 0.0, 64, {})
    assert body["max_tokens"] >= 300
    assert build_body(Request("p", min_tokens=solve_tokens("yes")), 0.0, 64, {})["max_tokens"] == 64


def test_shown_examples_begin_with_the_wanted_label_and_vary() -> None:
    for seed in range(20):
        shown = draw_shown_examples(BANKING.examples, "intent_9", Random(seed))
        assert shown[0].output == "intent_9"
        assert len({example.output for example in shown}) == len(shown) == SHOWN_EXAMPLES
    two = (Example("a", "yes"), Example("b", "yes"), Example("c", "no"), Example("d", "yes"))
    assert {e.output for e in draw_shown_examples(two, "yes", Random(1))} == {"yes", "no"}
    assert len(draw_shown_examples(two[:2], "no", Random(1))) == 2


def test_solves_of_a_reworded_input_do_not_see_its_original() -> None:
    task = Task("t", "t", "c", ("Is it long?",), tuple(Example(f"the text of number {i}", "yes") for i in range(4)))
    teacher = ScriptedTeacher()
    teacher.ask = lambda requests, label: _note(teacher, requests)  # type: ignore[method-assign]
    context = SynthesisContext(teacher, PromptTemplates(None), VerifyConfig(), Decontaminator([]), 1, 0.8, 256)
    paraphrase_inputs([task], AugmentConfig(per_example=1), context)
    solves = [r.prompt for r in teacher.requests if r.prompt.startswith("Is it long?")]
    assert solves
    for prompt in solves:
        number = prompt.rsplit("reworded ", 1)[1].split()[0]
        assert f"number {number}\n" not in prompt


def _note(teacher: ScriptedTeacher, requests: Sequence[Request]) -> list[Reply]:
    teacher.requests += requests
    replies = []
    for request in requests:
        number = request.prompt.split("number ")[1].split()[0]
        replies.append(Reply(f'{{"input": "reworded {number} in quite other words"}}', "stop"))
    return replies


@pytest.mark.parametrize(
    ("text", "label", "is_named"),
    [
        ("请判断这句话的情感是积极还是消极。", "积极", True),
        ("这是spam还是ham?", "spam", True),
        ("هل الرسالة إيجابية أم سلبية؟", "سلبية", True),
        ("صنّف الرسالة كإيجابية أو وسلبية", "سلبية", True),
        ("긍정인지 부정인지 답하세요", "긍정", True),
        ("Antworte mit positiv oder negativ", "positiv", True),
        ("Is it unlikely or likely", "likely", True),
        ("Is it unlikely", "likely", False),
        ("positively", "positive", False),
        ("a_b and b", "b", True),
        ("a_b", "b", False),
    ],
)
def test_label_is_found_as_a_word_of_its_script(text: str, label: str, is_named: bool) -> None:
    assert has_literal(text, label) is is_named
    assert bool(literal_pattern(label).search(text)) is is_named


@given(st.text("ab_是ع긍 .", max_size=12), st.text("ab是ع긍.", min_size=1, max_size=2))
def test_has_literal_agrees_with_the_pattern(text: str, literal: str) -> None:
    assert has_literal(text, literal) is bool(literal_pattern(literal).search(text))
