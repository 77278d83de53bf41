"""Prompts: the same in training and evaluation, with their answers located."""

from pathlib import Path

import pytest

from kshot.core.prompting import TEMPLATES, append_options, can_show, render_answer, render_prompt
from kshot.core.types import Example

GOLDEN = Path(__file__).parents[1] / "golden"


DEMOS = (Example("leaf", "leaves", "f becomes v, add es."), Example("cat", "cats", "Add s."))


def test_render_prompt_matches_the_golden_prompts() -> None:
    """What the student reads is part of the product: a change here must be meant (rewrite tests/golden/prompts.txt)."""
    shown = [
        f"===== {name} k={k}\n{render_prompt(name, 'Write the plural.', DEMOS[:k], 'dog').text}"
        for name in TEMPLATES
        for k in (0, 2)
    ]
    shown.append(f"===== reason\n{render_prompt('plain', 'Write the plural.', DEMOS, 'dog', with_rationale=True).text}")
    shown.append(f"===== demos only\n{render_prompt('plain', None, DEMOS, 'dog').text}")
    shown.append(f"===== options\n{append_options('Which one flies?', ['fish', 'bird'])}")
    assert "\n".join(shown) + "\n" == (GOLDEN / "prompts.txt").read_text()


@pytest.mark.parametrize("template", TEMPLATES)
@pytest.mark.parametrize("reason", [False, True])
def test_render_prompt_locates_the_outputs(template: str, reason: bool) -> None:
    prompt = render_prompt(template, "Write the plural.", DEMOS, "dog", reason)
    assert [prompt.text[a:b] for a, b in prompt.output_spans] == [render_answer(demo, reason) for demo in DEMOS]


def test_render_prompt_takes_braces_in_data_for_text() -> None:
    prompt = render_prompt("plain", "Copy {x}.", [Example('{"a": 1}', "{b}")], "{input}").text
    assert "Copy {x}." in prompt
    assert '{"a": 1}' in prompt
    assert prompt.endswith("Input: {input}\nOutput:")


def test_can_show_refuses_text_that_blurs_the_layout() -> None:
    assert not can_show("arrow", ["a\nb"])
    assert can_show("arrow", ["a"])
    assert can_show("arrow", ['"a"'])
    assert not can_show("quoted", ['"a"'])
    assert can_show("plain", ["a\nb"])
