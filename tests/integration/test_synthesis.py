"""Each synthesis mode against a real server with a scripted teacher: what is accepted, what is rejected, and why."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from kshot.config import (
    AugmentConfig,
    DemonstrateConfig,
    InventConfig,
    InvertConfig,
    ReasonConfig,
    SynthesisConfig,
    TeacherConfig,
    VerifyConfig,
)
from kshot.core.errors import ConfigError
from kshot.core.types import Example, Task
from kshot.generate.curation.decontaminate import Decontaminator
from kshot.generate.synthesis.evolve import vary_tasks
from kshot.generate.synthesis.examples.write import write_examples
from kshot.generate.synthesis.inversion import invert_tasks
from kshot.generate.synthesis.paraphrase_inputs import paraphrase_inputs
from kshot.generate.synthesis.pipeline import synthesize_tasks
from kshot.generate.synthesis.rationales import write_rationales
from kshot.generate.synthesis.self_instruct import invent_tasks
from kshot.generate.synthesis.shared.context import SynthesisContext
from kshot.generate.synthesis.shared.prompt_templates import PromptTemplates
from kshot.generate.teacher import Reply, Request, Teacher
from kshot.generate.teacher.cache import ReplyCache
from kshot.generate.teacher.client import make_client
from kshot.suites.loading import load_suite
from tests.scripted import SKILLS, Script, serving, synthesis_context

CAPITALS, _, _, LENGTH, *_ = SKILLS
TEXTS, LABELS = ("a bee", "an old cat", "two dogs"), ("long", "short")
TASKS = (
    Task("capitals", "capitals", "c", (CAPITALS,), tuple(Example(t, t.upper()) for t in TEXTS)),
    Task("length", "length", "c", (LENGTH,), (Example("a cat", "short"), Example("a b c d", "long")), labels=LABELS),
)  # fmt: skip


@pytest.fixture
def context(script: Script, tmp_path: Path) -> Iterator[SynthesisContext]:
    with synthesis_context(script, tmp_path, max_tokens=256) as shared:
        yield shared


def test_demonstrate_takes_labels_in_turn_and_accepts_what_solves_confirm(
    context: SynthesisContext, script: Script
) -> None:
    tasks, rejects = write_examples(TASKS, DemonstrateConfig(per_task=6), context)
    assert not rejects
    assert [len(task.examples) for task in tasks] == [9, 8]
    new = [example for task in tasks for example in task.examples if example.mode == "demonstrate"]
    assert {(example.verified_by, example.teacher) for example in new} == {("self-consistency", "m")}
    assert Counter(e.output for e in tasks[1].examples) == {"long": 4, "short": 4}
    assert all(e.output == e.input.upper() for e in tasks[0].examples)
    requests = [body for body in script.asked if "Topic" in str(body) or "topic" in str(body)]
    prompts = {body["messages"][0]["content"] for body in requests}
    wanted = {line.partition(". ")[2] for prompt in prompts for line in prompt.splitlines() if ". topic:" in line}
    assert len(wanted) >= 10, "topics and levels vary"
    assert all("as short as those of the examples" in prompt for prompt in prompts), "a task of phrases gets phrases"


def test_demonstrate_rejects_with_reasons(context: SynthesisContext, script: Script) -> None:
    ruined = iter(["no", '{"input": "a bee", "output": "A BEE"}', '{"input": "x y", "output": "x y"}', '{"input": 3}'])

    def ruin(prompt: str, reply: str) -> str:
        return next(ruined, '{"input": "wrong one", "output": "WRONG"}') if "new example" in prompt else reply

    script.ruin = ruin
    tasks, rejects = write_examples(TASKS[:1], DemonstrateConfig(per_task=5, per_request=1, waves=1), context)
    assert tasks[0].examples == TASKS[0].examples
    assert sorted(row.reason.split(":")[0] for row in rejects) == [
        "copy of a known input", "malformed", "malformed", "solves disagree",
        "the output is the input",
    ]  # fmt: skip
    assert all(row.mode == "demonstrate" and row.task == "capitals" for row in rejects)


def test_demonstrate_names_a_spent_budget_as_the_reason(script: Script, tmp_path: Path) -> None:
    """The budget allows two examples; the third request would be their first solve."""
    cache = ReplyCache(tmp_path / "replies.sqlite")
    with serving(script) as url:
        teacher = TeacherConfig.model_validate({"endpoint": url, "model": "m", "budget": {"requests": 2}})
        context = SynthesisContext(
            make_client(teacher, "", cache, tmp_path),
            PromptTemplates(None),
            VerifyConfig(),
            Decontaminator([]),
            1,
            0.8,
            256,
        )
        tasks, rejects = write_examples(TASKS[:1], DemonstrateConfig(per_task=3, per_request=1, waves=1), context)
    cache.close()
    assert tasks == list(TASKS[:1])
    assert Counter(reject.reason for reject in rejects) == {
        "no reply: not sent, a budget is spent": 1,
        "too few solves: not sent, a budget is spent": 2,
    }


def test_augment_keeps_the_answer_and_verifies_it(context: SynthesisContext, script: Script) -> None:
    tasks, rejects = paraphrase_inputs(TASKS[1:], AugmentConfig(per_example=1), context)
    assert [(e.input, e.output) for e in tasks[0].examples if e.mode == "augment"] == [("d c b a", "long")]
    assert not rejects, "a short phrase has no paraphrase"
    script.ruin = lambda prompt, reply: '{"input": "short now"}' if "again" in prompt else reply
    tasks, rejects = paraphrase_inputs(
        [Task("t", "t", "c", (LENGTH,), (Example("a b c d e", "long"),))], AugmentConfig(per_example=1), context
    )
    assert [row.reason for row in rejects] == ["solves disagree: 0 of 2 agree"]


def test_reason_accepts_rationales_that_end_in_the_answer(context: SynthesisContext, script: Script) -> None:
    tasks, rejects = write_rationales(TASKS, ReasonConfig(per_task=3), context)
    assert not rejects
    assert all(e.rationale == "First I read the text once, then I do as told." for task in tasks for e in task.examples)
    script.ruin = lambda prompt, reply: "I thought about it for long enough.\nAnswer: nothing"
    _, rejects = write_rationales(
        [Task("n", "n", "c", (CAPITALS,), (Example("zebra", "ZEBRA"),))], ReasonConfig(per_task=1), context
    )
    assert [row.reason for row in rejects] == ["wrong answer"]


class PromptRecorder:
    """Notes the prompts that another teacher gets."""

    budget_error = None

    def __init__(self, teacher: Teacher) -> None:
        self._teacher, self.name = teacher, teacher.name
        self.prompts: list[str] = []

    def ask(self, requests: Sequence[Request], label: str) -> list[Reply]:
        self.prompts += [request.prompt for request in requests]
        return self._teacher.ask(requests, label)


def test_invent_asks_for_each_attribute_as_often_as_for_the_others(context: SynthesisContext) -> None:
    attributes = {"domain": ["mail", "case law"], "answer": ["a label", "a number", "JSON"]}
    settings = InventConfig(rounds=1, per_round=6, shown=2, attributes=attributes)
    recorder = PromptRecorder(context.teacher)
    tasks, _ = invent_tasks(TASKS, settings, replace(context, teacher=recorder))
    lines = [line for prompt in recorder.prompts for line in prompt.splitlines() if "What the task is like" in line]
    counts = Counter(entry for line in lines for entry in re.findall(r"(?:domain|answer): ([^;.]+)", line))
    assert counts == {"mail": 3, "case law": 3, "a label": 2, "a number": 2, "JSON": 2}
    assert {task.category for task in tasks} <= {"mail", "case_law"}
    assert tasks


def test_invent_grows_from_its_inventions_and_rejects_known_tasks(context: SynthesisContext) -> None:
    tasks, rejects = invent_tasks(TASKS, InventConfig(rounds=2, per_round=6, shown=3), context)
    assert {task.descriptions[0] for task in tasks} == set(SKILLS) - {
        CAPITALS,
        LENGTH,
        "Write the text in small letters.",
    }
    assert {row.reason.split(":")[0] for row in rejects} == {"not new"}
    assert len(tasks) + len(rejects) == 12
    for task in tasks:
        assert task.id.replace("_", "").isalnum(), "a teacher's names become no paths and no templates"
        assert task.family.replace("_", "").isalnum()
        assert (task.mode, task.examples[0].verified_by) == ("invent", "self-consistency")


def test_vary_makes_a_neighbour_of_the_same_family(context: SynthesisContext) -> None:
    tasks, rejects = vary_tasks(TASKS[:1], 1, context)
    assert not rejects
    assert (tasks[0].family, tasks[0].descriptions) == ("capitals", ("Write the text in small letters.",))


def test_vary_may_share_an_input_but_not_the_answer_too(context: SynthesisContext, script: Script) -> None:
    task = Task("capitals", "capitals", "c", (CAPITALS,), (Example("A Bee", "A BEE"),))
    model = '{"instruction": "%s", "input": "A Bee", "output": "%s"}'
    script.ruin = lambda prompt, reply: model % (small, "a bee") if "neighbouring" in prompt else reply
    small = "Write the text in small letters."
    tasks, rejects = vary_tasks([task], 1, context)
    assert [(e.input, e.output) for e in tasks[0].examples] == [("A Bee", "a bee")]
    script.ruin = lambda prompt, reply: model % ("Shout it.", "A BEE") if "neighbouring" in prompt else reply
    _, rejects = vary_tasks([replace(task, id="again", descriptions=(f"{CAPITALS} Now.",))], 1, context)
    assert [row.reason for row in rejects] == ["copy of a known input"]


def test_new_tasks_like_a_held_out_task_are_rejected(context: SynthesisContext, script: Script) -> None:
    strict = replace(context, decontaminator=Decontaminator([load_suite("kshot")]))
    date = '{"instruction": "Write the date in the form YYYY-MM-DD.", "input": "3 May 2019", "output": "2019-05-03"}'
    script.ruin = lambda prompt, reply: date
    for tasks, rejects in (
        vary_tasks(TASKS[:1], 1, strict),
        invent_tasks(TASKS, InventConfig(rounds=1, per_round=1), strict),
    ):
        assert not tasks
        assert [row.reason.split(":")[0] for row in rejects] == ["like a held-out task"]


def test_invert_uses_the_given_instruction_or_asks_for_one(context: SynthesisContext, script: Script) -> None:
    given = Task(**{**vars(TASKS[0]), "inverse": ("Write it in small letters again.",)})
    assert invert_tasks([given], InvertConfig(given=False, ask=True), context) == ([], [])
    rewrite = replace(given.examples[0], input="one bee", mode="augment")
    (task,), _ = invert_tasks([replace(given, examples=(*given.examples, rewrite))], InvertConfig(), None)
    assert [example.input for example in task.examples] == [text.upper() for text in TEXTS]
    tasks, _ = invert_tasks([given, TASKS[1]], InvertConfig(), None)
    assert [(task.id, task.examples[0].input, task.examples[0].output) for task in tasks] == [
        ("capitals_inverse", "A BEE", "a bee")
    ]
    tasks, rejects = invert_tasks(TASKS, InvertConfig(ask=True), context)
    assert [task.descriptions for task in tasks] == [("Write the text in small letters.",)]
    assert not rejects
    script.ruin = lambda prompt, reply: reply.replace("small letters", "capitals")
    tasks, rejects = invert_tasks(
        [Task(**{**vars(TASKS[0]), "id": "other", "descriptions": ("Say it loudly now.",)})],
        InvertConfig(ask=True),
        context,
    )
    assert not tasks
    assert rejects[0].reason.startswith("solves disagree")


def test_the_judge_decides_where_solves_disagree(context: SynthesisContext, script: Script) -> None:
    script.ruin = lambda prompt, reply: "something else" if prompt.endswith("Output:") else reply
    lenient = SynthesisContext(
        context.teacher, context.prompts, VerifyConfig(judge=True), context.decontaminator, 1, 0.8, 256
    )
    tasks, rejects = write_examples(TASKS[:1], DemonstrateConfig(per_task=2), lenient)
    assert {e.verified_by for e in tasks[0].examples if e.mode == "demonstrate"} == {"judge"}
    assert not rejects


def test_all_modes_account_for_every_candidate(context: SynthesisContext, script: Script) -> None:
    modes = SynthesisConfig(
        vary=1, invent=InventConfig(rounds=1, per_round=4), demonstrate=DemonstrateConfig(per_task=2),
        augment=AugmentConfig(per_example=1), reason=ReasonConfig(per_task=2), invert=InvertConfig(ask=True),
    )  # fmt: skip
    result = synthesize_tasks(TASKS, modes, context)
    candidates = [body for body in script.asked if not body["messages"][-1]["content"].endswith("Output:")]
    steps = [body for body in script.asked if "step by step" in body["messages"][-1]["content"]]
    assert result.accepted.total() + len(result.rejects) == len(candidates) + len(steps)
    assert set(result.accepted) == {"vary", "invent", "attributes", "demonstrate", "augment", "reason", "invert"}
    asked = len(script.asked)
    assert synthesize_tasks(TASKS, modes, context).tasks == result.tasks
    assert len(script.asked) == asked, "a rerun sends nothing again"


def test_modes_work_on_the_named_tasks_alone(context: SynthesisContext, script: Script) -> None:
    modes = SynthesisConfig(
        tasks=[TASKS[1].id], vary=1, demonstrate=DemonstrateConfig(per_task=2), reason=ReasonConfig(per_task=1)
    )
    result = synthesize_tasks(TASKS, modes, context)
    ids = [task.id for task in TASKS]
    assert [task.id for task in result.tasks][: len(ids)] == ids
    new = [task for task in result.tasks if task.mode == "vary"]
    assert len(new) == 1
    changed = [task for task in result.tasks[: len(ids)] if task not in TASKS]
    assert [task.id for task in changed] == [TASKS[1].id]
    assert script.asked
    named = SynthesisConfig(tasks=["lenght"], vary=1)
    with pytest.raises(ConfigError, match=r"generate\.synthesis\.tasks: no task 'lenght'; did you mean"):
        synthesize_tasks([replace(TASKS[0], id="length")], named, context)


def test_requests_carry_the_schema_of_the_reply(context: SynthesisContext, script: Script) -> None:
    write_examples(TASKS[:1], DemonstrateConfig(per_task=1), context)
    formats = [orjson.dumps(body.get("response_format")) for body in script.asked]
    assert any(b"json_schema" in text for text in formats)
