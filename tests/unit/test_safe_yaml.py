"""Hostile files: one clear error line, no code executed, no memory exhausted."""

from pathlib import Path

import pytest

from kshot.config.loader import load_config
from kshot.core.errors import ConfigError, DataError, KshotError, SuiteError
from kshot.core.safe_yaml import read_yaml
from kshot.suites.loading import load_suite
from kshot.tasks.reader import load_tasks

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
    "not text": ("\x00", "NUL bytes"),
    "control character": ("a: b\n\x01", r"suite\.yaml:2: not YAML"),
}


@pytest.mark.parametrize("name", YAMLS)
def test_read_yaml_refuses_hostile_yaml_in_one_line_for_every_reader(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    text, error = YAMLS[name]
    path = tmp_path / "suite.yaml"
    path.write_text(text)
    for read, kind in ((load_tasks, DataError), (load_config, ConfigError)):
        with pytest.raises(kind, match=error) as caught:
            read(path)
        assert "\n" not in str(caught.value)
    with pytest.raises(SuiteError, match=error):
        load_suite(str(tmp_path))
    assert not (tmp_path / "harmed").exists()


def test_read_yaml_names_a_file_that_is_not_text(tmp_path: Path) -> None:
    path = tmp_path / "t.yaml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match=r"t\.yaml: begins as UTF-16"):
        load_tasks(path)


@pytest.mark.parametrize("task", ["../../outside", "a/b", ".", ""])
def test_a_task_id_cannot_be_a_path(task: str, tmp_path: Path) -> None:
    path = tmp_path / "t.yaml"
    examples = "[{input: a, output: b}, {input: c, output: d}]"
    path.write_text(f"- {{id: '{task}', category: c, descriptions: [x], examples: {examples}}}\n")
    with pytest.raises(DataError, match="id"):
        load_tasks(path)
    (tmp_path / "suite.yaml").write_text(
        f"tasks: [{{task: '{task}', instruction: i, kind: generation, options_fixed: false, demos: 1, items: 1}}]\n"
    )
    with pytest.raises(KshotError):
        load_suite(str(tmp_path))


def test_read_yaml_as_written_keeps_words_and_numbers_and_joins_escaped_pairs(tmp_path: Path) -> None:
    path = tmp_path / "t.yaml"
    path.write_text('[yes, No, on, 4, 007, 1.0, 1_000, 0x1F, 1:30, 2024-01-01, .nan, NaN, =, ~, "\\ud83d\\ude00", "é"]')
    expected = ["yes", "No", "on", "4", "007", "1.0", "1_000", "0x1F", "1:30", "2024-01-01", ".nan", "NaN", "="]
    assert read_yaml(path, as_written=True)[1] == [*expected, None, "\U0001f600", "é"]
    path.write_text('a: b\nc: "\\ud83d"\n')
    with pytest.raises(DataError, match=r"t\.yaml:2: half of a surrogate pair"):
        read_yaml(path)


def test_read_yaml_reads_json_with_tabs_and_refuses_its_nan(tmp_path: Path) -> None:
    path = tmp_path / "t.json"
    path.write_text('[\n\t{"a": true, "b": 4.50}\n]')
    assert read_yaml(path, as_written=True)[1] == [{"a": "true", "b": "4.50"}]
    path.write_text('[\n\t{"a": NaN}\n]')
    with pytest.raises(DataError, match=r"t\.json:2: broken JSON: NaN is not JSON"):
        read_yaml(path)
