"""Teachers that think, against every reader of replies: what they think is no data and no answer."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from kshot.config import DemonstrateConfig, InventConfig, InvertConfig, ReasonConfig, TeacherConfig, VerifyConfig
from kshot.core.errors import TeacherError
from kshot.core.types import Example, Task
from kshot.generate.curation.decontaminate import Decontaminator
from kshot.generate.synthesis.examples.write import write_examples
from kshot.generate.synthesis.inversion import invert_tasks
from kshot.generate.synthesis.rationales import write_rationales
from kshot.generate.synthesis.self_instruct import invent_tasks
from kshot.generate.synthesis.shared.context import SynthesisContext
from kshot.generate.synthesis.shared.prompt_templates import PromptTemplates
from kshot.generate.teacher import Request
from kshot.generate.teacher.cache import ReplyCache
from kshot.generate.teacher.client import MAX_ONLY_THOUGHTS_IN_A_ROW, make_client
from tests.scripted import SKILLS, Script, serving
from tests.teacher_profiles import REASONING, SPENT, THOUGHT, Profile, plain

CAPITALS = next(iter(SKILLS))
TASK = Task(
    "capitals", "capitals", "c", (CAPITALS,), tuple(Example(t, t.upper()) for t in ("a bee", "an old cat", "x y"))
)


@contextmanager
def open_context(profile: Profile, folder: Path, **settings: object) -> Iterator[tuple[SynthesisContext, Script]]:
    script = Script(profile)
    cache = ReplyCache(folder / "replies.sqlite")
    with serving(script) as url:
        config = TeacherConfig.model_validate({"endpoint": url, "model": "m", "concurrency": 1, **settings})
        teacher = make_client(config, "", cache, folder)
        verify = VerifyConfig(samples=1, judge=True)
        yield SynthesisContext(teacher, PromptTemplates(None), verify, Decontaminator([]), 1, 0.8, 256), script
    cache.close()


def synthesize_all(context: SynthesisContext) -> list[object]:
    return [
        write_examples([TASK], DemonstrateConfig(per_task=3), context),
        write_rationales([TASK], ReasonConfig(per_task=2), context),
        invert_tasks([TASK], InvertConfig(ask=True), context),
        invent_tasks([TASK], InventConfig(rounds=1, per_round=2), context),
    ]


@pytest.mark.parametrize("name", REASONING)
def test_a_reasoning_teacher_gives_the_data_of_a_plain_one(name: str, tmp_path: Path) -> None:
    (tmp_path / "plain").mkdir()
    (tmp_path / "reasoning").mkdir()
    with open_context(plain, tmp_path / "plain") as (context, _):
        expected = synthesize_all(context)
    with open_context(REASONING[name], tmp_path / "reasoning") as (context, _):
        assert synthesize_all(context) == expected
        again = synthesize_all(context)
    assert again == expected, "from the cache"
    assert "A DRAFT" not in str(expected)
    assert "capital" in str(expected[0])


@pytest.mark.parametrize("name", SPENT)
def test_thoughts_that_spend_all_tokens_stop_the_run(name: str, tmp_path: Path) -> None:
    with open_context(SPENT[name], tmp_path, max_tokens=77) as (context, script):
        with pytest.raises(TeacherError, match=r"spent all 77 tokens on its thought") as raised:
            context.teacher.ask([Request(f"{CAPITALS}\nInput: {n}\nOutput:") for n in range(40)], "asking")
        message = str(raised.value)
        assert "generate.teacher.max_tokens" in message
        assert "reasoning_effort" in message
        assert "\n" not in message
        assert "0 replies are cached" not in message
        assert MAX_ONLY_THOUGHTS_IN_A_ROW <= len(script.asked) < 10
        with pytest.raises(TeacherError, match=r"raise generate\.synthesis\.max_tokens"):
            write_examples([TASK], DemonstrateConfig(per_task=30), context)


def test_single_thoughts_without_a_reply_do_not_stop_the_run(tmp_path: Path) -> None:
    spent, number = SPENT["unclosed"], iter(range(1000))

    def profile(reply: str) -> dict[str, object]:
        return plain("leaves") if next(number) % 3 == 0 else spent(reply)

    with open_context(profile, tmp_path) as (context, _):
        replies = context.teacher.ask([Request(f"{CAPITALS}\nInput: {n}\nOutput:") for n in range(30)], "asking")
    assert {reply.text for reply in replies} == {"leaves", ""}
    assert {reply.problem for reply in replies} == {"", "no reply after the thought: longer than max_tokens"}


def test_a_thought_is_no_rationale(tmp_path: Path) -> None:
    with open_context(lambda reply: plain(f"<think>{THOUGHT}\nAnswer: A BEE"), tmp_path) as (context, _):
        tasks, rejects = write_rationales([TASK], ReasonConfig(per_task=2), context)
    assert all(example.rationale is None for example in tasks[0].examples)
    assert {reject.reason for reject in rejects} == {"no reply after the thought"}
    assert {reject.candidate for reject in rejects} == {""}
