"""Demonstrations as turns of a chat, and system prompts: composed, trained and asked alike."""

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from kshot.config import EvaluateConfig, GenerateConfig
from kshot.core.prompting import TEMPLATES, render_turns
from kshot.core.types import Example, Record, Task, Turn
from kshot.evaluate.lm.prefix_lm import PrefixSharingLM
from kshot.evaluate.measure.plan import load_suites
from kshot.evaluate.measure.suite_tasks import build_lm_eval_tasks
from kshot.generate.compose.composer import compose_records
from kshot.models.chat_template import chat_format
from kshot.models.loading import load_student
from kshot.suites.format import Suite, SuiteRow, SuiteTask, SuiteTaskSpec
from kshot.suites.prompts import render_chat, render_item
from kshot.tasks.source import source_from_task
from kshot.train.data import IGNORED, tokenize_conversation, tokenize_record
from tests.unit.composing import NOTHING, composed

SYSTEM = "You answer in one word."
TASK = Task(
    "moods", "moods", "c", ("Is the mood glad or sad?",),
    tuple(Example(f"message number {n}", "glad" if n % 2 else "sad") for n in range(12)),
    labels=("glad", "sad"), system=SYSTEM,
)  # fmt: skip
ROWS = tuple(SuiteRow(input=f"hour {n}", output=["day"], options=["day", "night"]) for n in range(6))
SPEC = SuiteTaskSpec(
    task="hours", instruction="Is it day or night?", kind="multiple_choice", options_fixed=True, demos=3, system=SYSTEM
)
SUITE = Suite("own", (SuiteTask(SPEC, ROWS[:3], ROWS[3:]),))


def _compose(task: Task, **options: object) -> list[Record]:
    config = GenerateConfig.model_validate({"records": 20, "shots": [2], "dedup": {"exact": False}, **options})
    records, _ = compose_records([source_from_task(task)], {}, config, NOTHING, 3, lambda done=1, note="": None)
    return records


def _as_json(record: Record) -> dict[str, Any]:
    return dict(orjson.loads(orjson.dumps(asdict(record))))


def test_render_turns_opens_with_the_instruction_and_gives_each_demonstration_a_turn() -> None:
    turns = render_turns("plain", "Do it.", [Example("a", "x"), Example("b", "y")], "c", system="Be brief.")
    assert turns == [
        Turn("system", "Be brief."),
        Turn("user", "Do it.\n\nInput: a\nOutput:"), Turn("assistant", "x"),
        Turn("user", "Input: b\nOutput:"), Turn("assistant", "y"),
        Turn("user", "Input: c\nOutput:"),
    ]  # fmt: skip


def test_the_fraction_of_turns_changes_the_layout_alone() -> None:
    plain, _ = composed(shots=[1, 4], dedup={"exact": False})
    chats, _ = composed(shots=[1, 4], dedup={"exact": False}, mixture={"turns": 1})
    assert [row.meta.query for row in plain] == [row.meta.query for row in chats]
    assert [row.meta.demonstrations for row in plain] == [row.meta.demonstrations for row in chats]
    few_shot = [row for row in chats if row.meta.k]
    assert len(few_shot) > 20
    for record in few_shot:
        turns = record.meta.turns
        assert turns
        assert [turn.role for turn in turns] == ["user", "assistant"] * record.meta.k + ["user"]
        assert [turn.content for turn in turns[1::2]] == [demo.output for demo in record.meta.demonstrations]
        assert turns[0].content.startswith(record.meta.task_instruction)
        assert TEMPLATES[record.meta.template].query.format(input=record.meta.query.input) in turns[-1].content
        assert record.meta.loss_spans == ()
    assert not any(row.meta.turns for row in chats if not row.meta.k)
    half, _ = composed(shots=[1, 4], mixture={"turns": 0.5})
    count = sum(bool(row.meta.turns) for row in half if row.meta.k)
    assert 0.3 < count / sum(bool(row.meta.k) for row in half) < 0.7


@pytest.mark.parametrize("turns", [0, 1])
def test_a_task_s_system_prompt_opens_each_of_its_records(turns: float, tiny_student: Path) -> None:
    _, tokenizer = load_student(str(tiny_student))
    records = _compose(TASK, mixture={"turns": turns})
    assert records
    for record in records:
        assert record.meta.turns
        assert record.meta.turns[0] == Turn("system", SYSTEM)
        assert SYSTEM not in record.instruction
        row = tokenize_record(_as_json(record), tokenizer, True)
        text = tokenizer.decode(row.input_ids)
        assert text.index(SYSTEM) < text.index(record.meta.query.input)
    plain = _compose(replace(TASK, system=""), mixture={"turns": turns})
    assert [row.instruction for row in plain] == [row.instruction for row in records]


def test_demonstrations_in_one_message_keep_their_loss_behind_a_system_prompt(tiny_student: Path) -> None:
    _, tokenizer = load_student(str(tiny_student))
    record = next(row for row in _compose(TASK, mixture={"zero_shot": 0, "demos_only": 0}) if row.meta.loss_spans)
    row = tokenize_record(_as_json(record), tokenizer, True)
    learnt = tokenizer.decode([token for token in row.labels if token != IGNORED])
    spans = [record.instruction[start:end] for start, end in record.meta.loss_spans]
    assert all(span in learnt for span in spans)
    assert SYSTEM not in learnt


def test_a_chat_of_demonstrations_is_one_row_with_the_loss_on_its_last_answer(tiny_student: Path) -> None:
    _, tokenizer = load_student(str(tiny_student))
    record = next(row for row in _compose(TASK, mixture={"turns": 1}) if row.meta.k == 2)
    (row,) = tokenize_conversation(_as_json(record), tokenizer, True)
    learnt = tokenizer.decode([token for token in row.labels if token != IGNORED])
    assert learnt.startswith(record.output)
    assert row.k == 2


@pytest.mark.parametrize("multiturn", [None, True])
@pytest.mark.parametrize("k", [0, 2])
def test_the_prompt_of_an_item_is_the_one_that_training_sends(
    multiturn: bool | None, k: int, tiny_student: Path
) -> None:
    """The same demonstrations, instruction, system prompt: the same tokens before the answer."""
    model, tokenizer = load_student(str(tiny_student))
    suite = replace(SUITE, multiturn=bool(multiturn))
    lm = PrefixSharingLM(model, tokenizer)
    generation, choice = build_lm_eval_tasks(suite, k, None, tokenizer)
    for task in (generation, choice):
        doc = task.test_docs()[0]
        asked = task.fewshot_context(doc, 0, apply_chat_template=True, chat_template=lm.apply_chat_template)
        turns = render_chat(suite, suite.tasks[0], ROWS[3], k)
        trained = tokenize_record({"instruction": "", "output": "day", "meta": {"turns": turns}}, tokenizer, False)
        before = [token for token, label in zip(trained.input_ids, trained.labels, strict=True) if label == IGNORED]
        assert lm.tok_encode(asked) == before
        roles = [turn["role"] for turn in turns]
        assert roles == ["system"] + (["user", "assistant"] * k + ["user"] if multiturn else ["user"])


def test_a_suite_without_system_prompt_and_turns_is_asked_in_one_message(tiny_student: Path) -> None:
    _, tokenizer = load_student(str(tiny_student))
    task = replace(SUITE.tasks[0], spec=SPEC.model_copy(update={"system": ""}))
    turns = render_chat(SUITE, task, ROWS[3], 2)
    assert turns == [{"role": "user", "content": render_item(task, ROWS[3], 2)}]
    assert chat_format(tokenizer).render_prompt(turns).count("<|im_start|>") == 2


def test_the_config_decides_on_turns_and_on_a_system_text(suite: Path) -> None:
    (plain,) = load_suites(EvaluateConfig(suites=[str(suite)], shots=[0, 1]), [])
    assert (plain.multiturn, plain.system) == (False, "")
    settings = EvaluateConfig(
        suites=[str(suite)], shots=[0, 1], fewshot_as_multiturn=True, system_instruction="Be kind."
    )
    (chat,) = load_suites(settings, [])
    turns = render_chat(chat, chat.tasks[0], chat.tasks[0].items[0], 1)
    assert [turn["role"] for turn in turns] == ["system", "user", "assistant", "user"]
    assert turns[0]["content"] == "Be kind."
