"""Ollama's Modelfile: its template, in Go's language, writes what the student's chat template writes."""

import json
import re
from collections.abc import Sequence

import pytest

from kshot.core.errors import WeightsError
from kshot.models.chat_probes import ANSWER, NEXT, QUESTION, SYSTEM, Turn
from kshot.models.chat_template import chat_format
from kshot.train.export.llama.ollama import (
    CHATS,
    MAX_CONTEXT,
    TurnTexts,
    find_turn_texts,
    without_bos,
    write_go_template,
    write_modelfile,
)
from tests.chat_templates import Template, build_tokenizer, list_templates

CHATML = TurnTexts(
    head="", system_head="", prompt="<|im_start|>assistant\n",
    before={role: f"<|im_start|>{role}\n" for role in ("system", "user", "assistant")},
    after=dict.fromkeys(("system", "user", "assistant"), "<|im_end|>\n"),
)  # fmt: skip
EXPRESSED = {template.name: template for template in list_templates()}
KNOWN = ("trl/qwen2_5", "trl/llama3", "trl/gemma", "zephyr", "vicuna", "openchat")
"""Templates that must not fall back to the one in the GGUF file."""


def run_go(template: str, turns: Sequence[Turn]) -> str:
    """What Go renders, for the parts of its language that kshot writes: texts, if, else if, and, eq, ne, range."""
    source = template.removeprefix("{{- range $i, $m := .Messages }}")
    actions = list(re.finditer(r'\{\{ ((?:"(?:[^"\\]|\\.)*"|[^"}])*) \}\}', source))
    assert "".join(match[0] for match in actions) == source, "nothing stands between the actions"
    tokens = [match[1] for match in actions]
    depth, end = 1, 0
    for end, token in enumerate(tokens):  # noqa: B007 - the end of the range
        depth += token.startswith("if ") - (token == "end")
        if not depth:
            break
    body, rest = tokens[:end], tokens[end + 1 :]
    return "".join(_run_body(body, number, turn) for number, turn in enumerate(turns)) + "".join(map(json.loads, rest))


def _run_body(tokens: Sequence[str], number: int, turn: Turn) -> str:
    text = ""
    shown: list[tuple[bool, bool]] = []  # For each open if: whether this branch is shown, whether one was.
    for token in tokens:
        if token.startswith("if "):
            holds = _holds(token.removeprefix("if "), number, turn)
            shown.append((holds, holds))
        elif token.startswith("else if "):
            _, before = shown.pop()
            holds = not before and _holds(token.removeprefix("else if "), number, turn)
            shown.append((holds, before or holds))
        elif token == "end":
            shown.pop()
        elif all(branch for branch, _ in shown):
            text += turn["content"] if token == ".Content" else json.loads(token)
    return text


def _holds(condition: str, number: int, turn: Turn) -> bool:
    if condition.startswith("and "):
        return all(_holds(part, number, turn) for part in re.findall(r"\(([^)]*)\)", condition))
    operator, left, right = condition.split(" ")
    value = {"$i": number, ".Role": turn["role"]}[left]
    return (value == json.loads(right)) == {"eq": True, "ne": False}[operator]


def _find(template: Template) -> tuple[TurnTexts | None, bool]:
    """The texts, and whether kshot takes a student with this template at all."""
    tokenizer = build_tokenizer(template)
    try:
        chat = chat_format(tokenizer, [tokenizer.convert_tokens_to_ids(token) for token in template.stops])
    except WeightsError:
        return None, False
    texts = find_turn_texts(
        lambda turns: chat.renderer.try_render(chat.template, turns), chat.turn_end + chat.after_turn
    )
    if texts is not None:
        for turns in CHATS:
            assert run_go(write_go_template(texts), turns) == chat.renderer.render(chat.template, turns)
    return texts, True


@pytest.mark.parametrize("name", EXPRESSED)
def test_a_template_is_written_as_it_renders_or_left_out(name: str) -> None:
    texts, is_usable = _find(EXPRESSED[name])
    assert not (texts and not is_usable)


@pytest.mark.parametrize("name", KNOWN)
def test_common_families_have_a_template_of_their_own(name: str) -> None:
    texts, _ = _find(EXPRESSED[name])
    assert texts is not None


def test_find_turn_texts_writes_a_turn_with_its_own_end() -> None:
    texts = find_turn_texts(CHATML.render, "<|im_end|>\n")
    assert texts is not None
    assert (texts.after, texts.prompt) == (CHATML.after, CHATML.prompt)
    assert [texts.before[role] for role in ("user", "assistant")] == [CHATML.before[r] for r in ("user", "assistant")]


def test_find_turn_texts_gives_up_where_a_text_depends_on_the_place_of_a_turn() -> None:
    assert find_turn_texts(lambda turns: CHATML.render(turns) + f"{len(turns)}") is None
    assert find_turn_texts(lambda turns: None) is None
    assert find_turn_texts(lambda turns: CHATML.render(turns).replace("Probe system.", "")) is None


def test_a_bos_that_the_server_writes_is_left_out() -> None:
    texts = find_turn_texts(lambda turns: "<s>" + CHATML.render(turns))
    assert texts is not None
    bare = without_bos(texts, "<s>")
    for turns in ([QUESTION], [SYSTEM, QUESTION, ANSWER, NEXT]):
        assert run_go(write_go_template(bare), turns) == CHATML.render(turns)
    assert without_bos(texts, "") == texts


def test_modelfile_names_file_template_stops_and_greedy_answers() -> None:
    text = write_modelfile("a-q8_0.gguf", CHATML, ["<|im_end|>", "</s>"], 100_000)
    lines = text.splitlines()
    assert lines[0] == "FROM ./a-q8_0.gguf"
    assert lines[1].startswith('TEMPLATE """{{- range ')
    assert lines[1].endswith('"""')
    assert lines[2:] == [
        'PARAMETER stop "<|im_end|>"', 'PARAMETER stop "</s>"', "PARAMETER temperature 0",
        f"PARAMETER num_ctx {MAX_CONTEXT}",
    ]  # fmt: skip
    assert "num_ctx 512" in write_modelfile("a.gguf", None, [], 512)
    assert "TEMPLATE" not in write_modelfile("a.gguf", None, [], 512)
