"""Each mode of making data against a real server with a scripted teacher: what is kept, what is rejected, and why."""

from collections import Counter
from collections.abc import Iterator
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
from kshot.core.types import Example, Task
from kshot.generate.curation.decontaminate import Decontaminator
from kshot.generate.synthesis.context import SynthesisContext
from kshot.generate.synthesis.examples import write_examples
from kshot.generate.synthesis.inversion import invert_tasks
from kshot.generate.synthesis.modes import run_modes
from kshot.generate.synthesis.paraphrase_inputs import paraphrase_inputs
from kshot.generate.synthesis.prompt_templates import PromptTemplates
from kshot.generate.synthesis.rationales import write_rationales
from kshot.generate.synthesis.self_instruct import invent_tasks, vary_tasks
from kshot.generate.teacher.cache import ReplyCache
from kshot.generate.teacher.client import make_client
from kshot.suites.format import load_suite
from tests.scripted import SKILLS, Script, serving

CAPITALS, _, _, LENGTH, *_ = SKILLS
TEXTS, LABELS = ("a bee", "an old cat", "two dogs"), ("long", "short")
TASKS = (
    Task("capitals", "capitals", "c", (CAPITALS,), tuple(Example(t, t.upper()) for t in TEXTS)),
    Task("length", "length", "c", (LENGTH,), (Example("a cat", "short"), Example("a b c d", "long")), labels=LABELS),
)  # fmt: skip


@pytest.fixture
def script() -> Script:
    return Script()


@pytest.fixture
def shop(script: Script, tmp_path: Path) -> Iterator[SynthesisContext]:
    store = ReplyCache(tmp_path / "replies.sqlite")
    with serving(script) as url:
        asker = make_client(TeacherConfig(endpoint=url, model="m"), "", store, tmp_path)
        yield SynthesisContext(asker, PromptTemplates(None), VerifyConfig(), Decontaminator([]), 1, 0.8, 256)
    store.close()


def test_demonstrate_chooses_labels_in_turn_and_keeps_what_is_solved_alike(
    shop: SynthesisContext, script: Script
) -> None:
    tasks, rejects = write_examples(TASKS, DemonstrateConfig(per_task=6), shop)
    assert not rejects
    assert [len(task.examples) for task in tasks] == [9, 8]
    new = [example for task in tasks for example in task.examples if example.mode == "demonstrate"]
    assert {(example.verified_by, example.teacher) for example in new} == {("self-consistency", "m")}
    assert Counter(e.output for e in tasks[1].examples) == {"long": 4, "short": 4}
    assert all(e.output == e.input.upper() for e in tasks[0].examples)
    made = [body for body in script.asked if "Topic" in str(body) or "topic" in str(body)]
    prompts = {body["messages"][0]["content"] for body in made}
    assert len(prompts) == 12, "topics and levels are spread"
    assert all("as short as those of the examples" in prompt for prompt in prompts), "a phrase is not made a text"


def test_demonstrate_rejects_with_reasons(shop: SynthesisContext, script: Script) -> None:
    ruined = iter(["no", '{"input": "a bee", "output": "A BEE"}', '{"input": "x y", "output": "x y"}', '{"input": 3}'])

    def ruin(prompt: str, reply: str) -> str:
        return next(ruined, '{"input": "wrong one", "output": "WRONG"}') if "new example" in prompt else reply

    script.ruin = ruin
    tasks, rejects = write_examples(TASKS[:1], DemonstrateConfig(per_task=5), shop)
    assert tasks[0].examples == TASKS[0].examples
    assert sorted(row.reason.split(":")[0] for row in rejects) == [
        "copy of a known input", "malformed", "malformed", "solved again, it came out otherwise",
        "the output is the input",
    ]  # fmt: skip
    assert all(row.mode == "demonstrate" and row.task == "capitals" for row in rejects)


def test_a_spent_budget_is_not_a_bad_reply(script: Script, tmp_path: Path) -> None:
    """Two examples are asked for; the third request would be the first solve of them."""
    store = ReplyCache(tmp_path / "replies.sqlite")
    with serving(script) as url:
        teacher = TeacherConfig.model_validate({"endpoint": url, "model": "m", "budget": {"requests": 2}})
        broke = SynthesisContext(
            make_client(teacher, "", store, tmp_path),
            PromptTemplates(None),
            VerifyConfig(),
            Decontaminator([]),
            1,
            0.8,
            256,
        )
        tasks, rejects = write_examples(TASKS[:1], DemonstrateConfig(per_task=3), broke)
    store.close()
    assert tasks == list(TASKS[:1])
    assert Counter(reject.reason for reject in rejects) == {
        "no reply: not asked, a budget is spent": 1,
        "not solved again as often as it must be: not asked, a budget is spent": 2,
    }


def test_augment_keeps_the_answer_and_checks_it(shop: SynthesisContext, script: Script) -> None:
    tasks, rejects = paraphrase_inputs(TASKS[1:], AugmentConfig(per_example=1), shop)
    assert [(e.input, e.output) for e in tasks[0].examples if e.mode == "augment"] == [("d c b a", "long")]
    assert not rejects, "a short phrase is not asked about: it cannot be said otherwise"
    script.ruin = lambda prompt, reply: '{"input": "short now"}' if "again" in prompt else reply
    tasks, rejects = paraphrase_inputs(
        [Task("t", "t", "c", (LENGTH,), (Example("a b c d e", "long"),))], AugmentConfig(per_example=1), shop
    )
    assert [row.reason for row in rejects] == ["solved again, it came out otherwise: 0.00 agree"]


def test_reason_keeps_steps_that_lead_to_the_answer(shop: SynthesisContext, script: Script) -> None:
    tasks, rejects = write_rationales(TASKS, ReasonConfig(per_task=3), shop)
    assert not rejects
    assert all(e.rationale == "First I read the text once, then I do as told." for task in tasks for e in task.examples)
    script.ruin = lambda prompt, reply: "I thought about it for long enough.\nAnswer: nothing"
    _, rejects = write_rationales(
        [Task("n", "n", "c", (CAPITALS,), (Example("zebra", "ZEBRA"),))], ReasonConfig(per_task=1), shop
    )
    assert [row.reason for row in rejects] == ["wrong answer"]


def test_invent_grows_from_its_own_and_refuses_what_is_known(shop: SynthesisContext) -> None:
    tasks, rejects = invent_tasks(TASKS, InventConfig(rounds=2, per_round=6, shown=3), shop)
    assert {task.descriptions[0] for task in tasks} == set(SKILLS) - {
        CAPITALS,
        LENGTH,
        "Write the text in small letters.",
    }
    assert {row.reason.split(":")[0] for row in rejects} == {"not new"}
    assert len(tasks) + len(rejects) == 12
    for task in tasks:
        assert task.id.replace("_", "").isalnum(), "a teacher's names are no paths and no templates"
        assert task.family.replace("_", "").isalnum()
        assert (task.mode, task.examples[0].verified_by) == ("invent", "self-consistency")


def test_vary_makes_a_neighbour_of_the_same_family(shop: SynthesisContext) -> None:
    tasks, rejects = vary_tasks(TASKS[:1], 1, shop)
    assert not rejects
    assert (tasks[0].family, tasks[0].descriptions) == ("capitals", ("Write the text in small letters.",))


def test_a_neighbour_may_share_an_input_but_not_the_answer_too(shop: SynthesisContext, script: Script) -> None:
    task = Task("capitals", "capitals", "c", (CAPITALS,), (Example("A Bee", "A BEE"),))
    model = '{"instruction": "%s", "input": "A Bee", "output": "%s"}'
    script.ruin = lambda prompt, reply: model % (small, "a bee") if "neighbouring" in prompt else reply
    small = "Write the text in small letters."
    tasks, rejects = vary_tasks([task], 1, shop)
    assert [(e.input, e.output) for e in tasks[0].examples] == [("A Bee", "a bee")]
    script.ruin = lambda prompt, reply: model % ("Shout it.", "A BEE") if "neighbouring" in prompt else reply
    _, rejects = vary_tasks([replace(task, id="again", descriptions=(f"{CAPITALS} Now.",))], 1, shop)
    assert [row.reason for row in rejects] == ["copy of a known input"]


def test_a_made_up_task_that_is_held_out_is_refused(shop: SynthesisContext, script: Script) -> None:
    strict = replace(shop, screen=Decontaminator([load_suite("kshot")]))
    date = '{"instruction": "Write the date in the form YYYY-MM-DD.", "input": "3 May 2019", "output": "2019-05-03"}'
    script.ruin = lambda prompt, reply: date
    for tasks, rejects in (
        vary_tasks(TASKS[:1], 1, strict),
        invent_tasks(TASKS, InventConfig(rounds=1, per_round=1), strict),
    ):
        assert not tasks
        assert [row.reason.split(":")[0] for row in rejects] == ["like a held-out task"]


def test_invert_by_a_given_or_an_asked_wording(shop: SynthesisContext, script: Script) -> None:
    given = Task(**{**vars(TASKS[0]), "inverse": ("Write it in small letters again.",)})
    assert invert_tasks([given], InvertConfig(given=False, ask=True), shop) == ([], [])
    rewrite = replace(given.examples[0], input="one bee", mode="augment")
    (task,), _ = invert_tasks([replace(given, examples=(*given.examples, rewrite))], InvertConfig(), None)
    assert [example.input for example in task.examples] == [text.upper() for text in TEXTS]
    tasks, _ = invert_tasks([given, TASKS[1]], InvertConfig(), None)
    assert [(task.id, task.examples[0].input, task.examples[0].output) for task in tasks] == [
        ("capitals_inverse", "A BEE", "a bee")
    ]
    tasks, rejects = invert_tasks(TASKS, InvertConfig(ask=True), shop)
    assert [task.descriptions for task in tasks] == [("Write the text in small letters.",)]
    assert not rejects
    script.ruin = lambda prompt, reply: reply.replace("small letters", "capitals")
    tasks, rejects = invert_tasks(
        [Task(**{**vars(TASKS[0]), "id": "other", "descriptions": ("Say it loudly now.",)})],
        InvertConfig(ask=True),
        shop,
    )
    assert not tasks
    assert rejects[0].reason.startswith("solved again")


def test_the_judge_is_asked_where_solves_differ(shop: SynthesisContext, script: Script) -> None:
    script.ruin = lambda prompt, reply: "something else" if prompt.endswith("Output:") else reply
    lenient = SynthesisContext(shop.teacher, shop.prompts, VerifyConfig(judge=True), shop.decontaminator, 1, 0.8, 256)
    tasks, rejects = write_examples(TASKS[:1], DemonstrateConfig(per_task=2), lenient)
    assert {e.verified_by for e in tasks[0].examples if e.mode == "demonstrate"} == {"judge"}
    assert not rejects


def test_all_modes_together_account_for_every_candidate(shop: SynthesisContext, script: Script) -> None:
    modes = SynthesisConfig(
        vary=1, invent=InventConfig(rounds=1, per_round=4), demonstrate=DemonstrateConfig(per_task=2),
        augment=AugmentConfig(per_example=1), reason=ReasonConfig(per_task=2), invert=InvertConfig(ask=True),
    )  # fmt: skip
    made = run_modes(TASKS, modes, shop)
    candidates = [body for body in script.asked if not body["messages"][-1]["content"].endswith("Output:")]
    steps = [body for body in script.asked if "step by step" in body["messages"][-1]["content"]]
    assert made.kept.total() + len(made.rejects) == len(candidates) + len(steps)
    assert set(made.kept) == {"vary", "invent", "demonstrate", "augment", "reason", "invert"}
    asked = len(script.asked)
    assert run_modes(TASKS, modes, shop).tasks == made.tasks
    assert len(script.asked) == asked, "a rerun asks nothing again"


def test_structured_output_is_asked_for_by_its_schema(shop: SynthesisContext, script: Script) -> None:
    write_examples(TASKS[:1], DemonstrateConfig(per_task=1), shop)
    formats = [orjson.dumps(body.get("response_format")) for body in script.asked]
    assert any(b"json_schema" in text for text in formats)
