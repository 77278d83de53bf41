"""The teacher's prompts: values are never templates, and a user's templates run in a sandbox."""

from pathlib import Path

import pytest

from kshot.core.errors import ConfigError
from kshot.core.seeding import stream
from kshot.core.types import Example, Task
from kshot.generate.synthesis.shared.prompt_templates import SHIPPED, PromptTemplates
from kshot.generate.synthesis.shared.verify import Claim
from kshot.tasks.source import source_from_task


def test_a_template_in_the_data_is_text() -> None:
    evil = "{{ ''.__class__.__mro__[1].__subclasses__() }} {params} {0.__class__} {% for i in range(9) %}x{% endfor %}"
    task = Task("t", "t", "c", (evil.replace("{", "{{").replace("}", "}}"),), (Example(evil, evil), Example("b", "c")))
    shown = PromptTemplates(None).render("augment", instruction=evil, example=task.examples[0], style="in other words")
    assert shown.count(evil) == 3
    source = source_from_task(Task("t", "t", "c", (evil,), task.examples))
    assert source.descriptions[0].format(**source.params(stream(1))) == evil


@pytest.mark.parametrize(
    ("template", "error"),
    [
        ("{{ ''.__class__.__mro__ }}", "unsafe"),
        ("{{ example.__init__.__globals__ }}", "unsafe"),
        ("{% for i in range(10**12) %}x{% endfor %}", "Range too big"),
        ("{{ nothing }}", "undefined"),
        ("{% if %}", "Expected an expression"),
    ],
)
def test_a_template_of_the_user_runs_in_a_sandbox(template: str, error: str, tmp_path: Path) -> None:
    (tmp_path / "augment.j2").write_text(template)
    with pytest.raises(ConfigError, match=error) as caught:
        PromptTemplates(tmp_path).render("augment", instruction="i", example=Example("a", "b"), style="s")
    assert "augment.j2" in str(caught.value)


def test_a_template_of_the_user_replaces_the_shipped_one_by_name(tmp_path: Path) -> None:
    (tmp_path / "augment.j2").write_text("Say {{ example.input }} otherwise.")
    assert PromptTemplates(tmp_path).render("augment", example=Example("this", "b")) == "Say this otherwise."
    (tmp_path / "augmnt.j2").write_text("x")
    with pytest.raises(ConfigError, match=r"augmnt\.j2 replaces none of"):
        PromptTemplates(tmp_path)
    with pytest.raises(ConfigError, match="is not a folder"):
        PromptTemplates(tmp_path / "none")


@pytest.mark.parametrize("name", sorted(path.stem for path in SHIPPED.glob("*.j2")))
def test_texts_reach_the_teacher_as_characters(name: str) -> None:
    example = Example("它不是'茶' <b> & é", "ضوء")
    task = Task("t", "t", "c", ("翻译 l'été.",), (example,), labels=("ضوء", "b"))
    prompt = PromptTemplates(None).render(
        name, task=task, tasks=[task], example=example, examples=[example], instruction=task.descriptions[0],
        labels=task.labels, label="ضوء", rival="é", names_labels=False, wanted=[{"topic": "é"}, {}], known=["它"],
        claim=Claim(task.descriptions[0], example.input, example.output), text="它", anchors=(), style="s",
        count=2, document="它", heading="", passage=example.input, attributes={"domain": "茶"},
    )  # fmt: skip
    assert "\\u" not in prompt
    assert "&#" not in prompt
    assert any(text in prompt for text in (example.input, task.descriptions[0]))
