"""New examples of a task against a real server: several a request, in waves, over attributes and labels."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from kshot.config import DemonstrateConfig
from kshot.core.types import Example, Task
from kshot.generate.synthesis.examples.attributes import TaskAttributes, count_attributes, propose_attributes
from kshot.generate.synthesis.examples.write import write_examples
from kshot.generate.synthesis.shared.context import SynthesisContext
from tests.scripted import SKILLS, Script, synthesis_context

CAPITALS, _, _, LENGTH, *_ = SKILLS
CAPITALS_TASK = Task(
    "capitals", "capitals", "c", (CAPITALS,), tuple(Example(t, t.upper()) for t in ("a bee", "an old cat", "two dogs"))
)
LENGTHS = (Example("a cat", "short"), Example("a b c d", "long"))
LENGTH_TASK = Task("length", "length", "c", (LENGTH,), LENGTHS, labels=("long", "short"))
ATTRIBUTES = TaskAttributes(("ships", "tea"), ("short", "long"), ("easy",), ("as a question",), ("a pilot",))


@pytest.fixture
def context(script: Script, tmp_path: Path) -> Iterator[SynthesisContext]:
    with synthesis_context(script, tmp_path, max_tokens=100) as shared:
        yield shared


def writing_requests(script: Script) -> list[dict[str, object]]:
    return [body for body in script.asked if re.match(r"Write (one|\d+) new ", body["messages"][-1]["content"])]


def prompts(script: Script) -> list[str]:
    return [body["messages"][-1]["content"] for body in writing_requests(script)]


def test_a_request_asks_for_several_examples_and_has_room_for_them(context: SynthesisContext, script: Script) -> None:
    settings = DemonstrateConfig(per_task=10, per_request=5, waves=1)
    (task,), rejects = write_examples([CAPITALS_TASK], settings, context)
    assert not rejects
    assert len(writing_requests(script)) == 2
    assert sum(example.mode == "demonstrate" for example in task.examples) == 10
    assert {body["max_tokens"] for body in writing_requests(script)} == {500}


def test_a_later_wave_is_shown_what_an_earlier_one_made(context: SynthesisContext, script: Script) -> None:
    settings = DemonstrateConfig(per_task=4, per_request=2, waves=2, known_shown=50)
    (task,), _ = write_examples([CAPITALS_TASK], settings, context)
    first, second = prompts(script)
    made = [example.input for example in task.examples if example.mode == "demonstrate"]
    assert len(made) == 4
    assert not any(text in first for text in made)
    assert all(text in second for text in made[:2]), "shown as an example or as one that exists"
    assert "Write not like these" in second


def test_a_wave_asks_for_the_labels_that_have_fewest(context: SynthesisContext) -> None:
    longer = tuple(Example(f"word {n} b c d", "long") for n in range(8))
    task = replace(LENGTH_TASK, examples=(*LENGTH_TASK.examples, *longer))
    (written,), _ = write_examples([task], DemonstrateConfig(per_task=8, per_request=2, waves=2), context)
    assert Counter(example.output for example in written.examples) == {"long": 9, "short": 9}


def test_a_hard_input_names_the_label_that_a_careless_reader_would_give(
    context: SynthesisContext, script: Script
) -> None:
    write_examples([LENGTH_TASK], DemonstrateConfig(per_task=4, per_request=1, waves=1, hard_fraction=1), context)
    assert {
        ('is "long"' in prompt, 'would answer "short"' in prompt, 'would answer "long"' in prompt)
        for prompt in prompts(script)
    } == {(True, True, False), (False, False, True)}
    script.asked.clear()
    write_examples([LENGTH_TASK], DemonstrateConfig(per_task=6, per_request=1, waves=1, hard_fraction=0), context)
    assert prompts(script)
    assert not any("careless" in prompt.split("level:")[0] for prompt in prompts(script))


def test_attributes_are_proposed_once_and_drawn_evenly(context: SynthesisContext, script: Script) -> None:
    attributes, rejects = propose_attributes([CAPITALS_TASK, LENGTH_TASK], context)
    assert not rejects
    assert attributes["capitals"].topic == ("ships", "tea")
    assert attributes["capitals"].writer == (), "the teacher proposed none, and no list fits every task"
    assert len(script.asked) == 2
    settings = DemonstrateConfig(per_task=8, per_request=4, waves=1)
    (task,), _ = write_examples([CAPITALS_TASK], settings, context, {"capitals": ATTRIBUTES})
    assert count_attributes(task, ATTRIBUTES) == {
        "topic": {"ships": 4, "tea": 4}, "length": {"short": 4, "long": 4}, "level": {"easy": 8},
        "style": {"as a question": 8}, "writer": {"a pilot": 8},
    }  # fmt: skip
    assert all(f"writer: {name}" in prompt for prompt in prompts(script) for name in ATTRIBUTES.writer)
    count = len(script.asked)
    assert propose_attributes([CAPITALS_TASK, LENGTH_TASK], context)[0] == attributes
    assert len(script.asked) == count, "a rerun asks nothing again"


@pytest.mark.parametrize(
    ("reply", "reason"), [("no", "malformed: no JSON object"), ('{"topics": ["one"]}', "too few topics")]
)
def test_attributes_of_no_use_are_rejected(context: SynthesisContext, script: Script, reply: str, reason: str) -> None:
    script.ruin = lambda prompt, text: reply
    attributes, rejects = propose_attributes([CAPITALS_TASK], context)
    assert not attributes
    assert [(reject.mode, reject.reason) for reject in rejects] == [("attributes", reason)]


def test_each_example_of_a_reply_has_its_own_verdict(context: SynthesisContext, script: Script) -> None:
    items = [{"input": "a bee", "output": "A BEE"}, {"input": "x"}, {"input": "my hat", "output": "MY HAT"},
             {"input": "the sea", "output": "the lake"}]  # fmt: skip
    script.ruin = lambda prompt, reply: orjson.dumps({"examples": items}).decode() if "new ex" in prompt else reply
    (task,), rejects = write_examples([CAPITALS_TASK], DemonstrateConfig(per_task=4, per_request=4, waves=1), context)
    assert [example.input for example in task.examples if example.mode == "demonstrate"] == ["my hat"]
    assert {reject.reason.split(":")[0] for reject in rejects} == {
        "copy of a known input", "malformed", "solves disagree",
    }  # fmt: skip
    assert len({reject.id for reject in rejects}) == 3
    assert len({reject.request for reject in rejects}) == 1, "the rejects of one reply share its request"
    copy = next(reject for reject in rejects if reject.reason.startswith("copy"))
    assert orjson.loads(copy.candidate) == items[0]


@pytest.mark.parametrize(("answers", "expected"), [(["yes"], 2), (["no"], 2), (["yes", "no", "yes"], 3)])
def test_solves_end_once_the_agreement_is_settled(
    context: SynthesisContext, script: Script, answers: list[str], expected: int
) -> None:
    solved: list[str] = []

    def ruin(prompt: str, reply: str) -> str:
        if not prompt.endswith("Output:"):
            return reply
        solved.append(prompt)
        return reply if answers[(len(solved) - 1) % len(answers)] == "yes" else "WRONG"

    script.ruin = ruin
    write_examples([CAPITALS_TASK], DemonstrateConfig(per_task=1, waves=1), context)
    assert len(solved) == expected
