"""Input that means harm: one clear line, no code run, no memory blown."""

from pathlib import Path

import pytest

from kshot.config.loader import load_config
from kshot.core.errors import ConfigError, DataError, KshotError, SuiteError
from kshot.core.seeding import stream
from kshot.core.types import Example, Task
from kshot.generate.sources import select_sources
from kshot.generate.synthesis.novelty import TaskNovelty
from kshot.generate.synthesis.prompt_templates import PromptTemplates
from kshot.generate.teacher.structured import InputOutput, InventedTask, read_text
from kshot.suites.loading import load_suite
from kshot.tasks.source import source_from_task
from kshot.tasks.yaml_reader import load_tasks

BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{name}: &{name} [{','.join(f'*{before}' for _ in range(9))}]\n"
    for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)
YAMLS = {
    "bomb": (BOMB, "aliases stand for more than"),
    "dashes": ("- " * 100_000, "nested too deeply"),
    "deep": ("[" * 100_000, "nested too deeply"),
    "within itself": ("&a [*a]", "nested too deeply, or within itself"),
    "code": ("!!python/object/apply:os.system ['echo harm > harmed']", "could not determine a constructor"),
    "not text": ("\x00", "not YAML"),
}


@pytest.mark.parametrize("name", YAMLS)
def test_yaml_is_refused_in_one_line_wherever_it_is_read(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    text, fault = YAMLS[name]
    path = tmp_path / "panel.yaml"
    path.write_text(text)
    for read, kind in ((load_tasks, DataError), (load_config, ConfigError)):
        with pytest.raises(kind, match=fault) as caught:
            read(path)
        assert "\n" not in str(caught.value)
    with pytest.raises(SuiteError, match=fault):
        load_suite(str(tmp_path))
    assert not (tmp_path / "harmed").exists()


def test_bytes_that_are_no_text_are_named(tmp_path: Path) -> None:
    path = tmp_path / "t.yaml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match=r"t\.yaml: cannot be read"):
        load_tasks(path)


@pytest.mark.parametrize("task", ["../../outside", "a/b", ".", ""])
def test_ids_are_no_paths(task: str, tmp_path: Path) -> None:
    path = tmp_path / "t.yaml"
    examples = "[{input: a, output: b}, {input: c, output: d}]"
    path.write_text(f"- {{id: '{task}', category: c, descriptions: [x], examples: {examples}}}\n")
    with pytest.raises(DataError, match="id"):
        load_tasks(path)
    (tmp_path / "panel.yaml").write_text(
        f"tasks: [{{task: '{task}', instruction: i, kind: generation, options_fixed: false, demos: 1, items: 1}}]\n"
    )
    with pytest.raises(KshotError):
        load_suite(str(tmp_path))


def test_templates_in_data_are_text() -> None:
    evil = "{{ ''.__class__.__mro__[1].__subclasses__() }} {params} {0.__class__} {% for i in range(9) %}x{% endfor %}"
    task = Task("t", "t", "c", (evil.replace("{", "{{").replace("}", "}}"),), (Example(evil, evil), Example("b", "c")))
    shown = PromptTemplates(None).render("augment", instruction=evil, example=task.examples[0], way="in other words")
    assert shown.count(evil) == 3
    unit = source_from_task(Task("t", "t", "c", (evil,), task.examples))
    assert unit.descriptions[0].format(**unit.params(stream(1))) == evil


@pytest.mark.parametrize(
    ("template", "fault"),
    [
        ("{{ ''.__class__.__mro__ }}", "unsafe"),
        ("{{ example.__init__.__globals__ }}", "unsafe"),
        ("{% for i in range(10**12) %}x{% endfor %}", "Range too big"),
        ("{{ nothing }}", "undefined"),
        ("{% if %}", "Expected an expression"),
    ],
)
def test_a_user_s_prompt_runs_in_a_sandbox(template: str, fault: str, tmp_path: Path) -> None:
    (tmp_path / "augment.j2").write_text(template)
    with pytest.raises(ConfigError, match=fault) as caught:
        PromptTemplates(tmp_path).render("augment", instruction="i", example=Example("a", "b"), way="w")
    assert "augment.j2" in str(caught.value)


def test_a_user_s_prompt_replaces_ours_by_name(tmp_path: Path) -> None:
    (tmp_path / "augment.j2").write_text("Say {{ example.input }} otherwise.")
    assert PromptTemplates(tmp_path).render("augment", example=Example("this", "b")) == "Say this otherwise."
    (tmp_path / "augmnt.j2").write_text("x")
    with pytest.raises(ConfigError, match=r"augmnt\.j2 replaces none of"):
        PromptTemplates(tmp_path)
    with pytest.raises(ConfigError, match="is no folder"):
        PromptTemplates(tmp_path / "none")


@pytest.mark.parametrize(
    "reply",
    [
        "", "I cannot do that.", "{", '{"input": "a"', '{"input": "a", "output": 3', "[1, 2]",
        '{"input": null, "output": "b"}',
        '{"input": "a\\u0000", "output": "b"}', '{"input": "a", "output": "\\ud800"}', '{"a":' * 50_000, "{" * 60_000,
        '{"input": "' + "x" * 70_000 + '", "output": "b"}', '{"input": "", "output": "b"}', "\x00\x01", "```json\n```",
    ],
    ids=range(15),
)  # fmt: skip
def test_a_malformed_reply_is_a_reason_and_no_crash(reply: str) -> None:
    found = read_text(reply, InputOutput)
    assert isinstance(found, str)
    assert found.startswith("malformed: ")
    assert "\n" not in found


@pytest.mark.parametrize(
    "reply",
    [
        '{"input": "a", "output": "b"}',
        'Sure!\n```json\n{"input": "a", "output": "b"}\n```\nDone.',
        'Here: {"input": "a", "output": "b", "comment": {"x": [1]}} and more }',
        '{"input": " a ", "output": "b\\n"}',
        'For a set {a} like {"x": 1} this is it: {"input": "a", "output": "b"}',
    ],
)
def test_an_object_is_found_in_what_surrounds_it(reply: str) -> None:
    assert read_text(reply, InputOutput) == InputOutput(input="a", output="b")


def test_a_new_task_has_its_fields() -> None:
    assert isinstance(
        read_text('{"instruction": "Do this thing.", "input": "a", "output": "b"}', InventedTask), InventedTask
    )
    assert isinstance(read_text('{"instruction": "short", "input": "a", "output": "b"}', InventedTask), str)


def test_novelty_sees_words_and_matter() -> None:
    known = [text for unit in select_sources([], []) for text in unit.descriptions]
    novelty = TaskNovelty([*known, "Write the plural of the noun.", "Decide whether the message is urgent or calm."])
    assert novelty.nearest("Write the noun's plural.") == "Write the plural of the noun."
    assert novelty.nearest("Decide if messages are calm or urgent.") is not None
    assert novelty.nearest("Name the river that flows through the city.") is None
    novelty.add("Name the river that flows through the city.")
    assert novelty.nearest("Name the river which flows through that city.") is not None
