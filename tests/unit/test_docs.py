"""What the documents name exists: configs, keys of a config, modules, commands."""

import re
from pathlib import Path

import pytest
from pydantic import BaseModel
from typer.main import get_command

from kshot.cli.app import app
from kshot.config import Config

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / name for name in ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md")]
PAGES += sorted(path for path in (ROOT / "docs").rglob("*.md") if "reference" not in path.parts)
TEXTS = {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in PAGES}
OWN = "configs/mine.yaml"
"""A config of the reader."""
SECTIONS = "generate|train|evaluate|ablate"


def has_key(key: str) -> bool:
    """Whether a config has the dotted key; below a free section (of TRL, PEFT, an endpoint) every key is right."""
    model: object = Config
    for part in key.split("."):
        if not (isinstance(model, type) and issubclass(model, BaseModel)):
            return True
        if part not in model.model_fields:
            return False
        annotation = model.model_fields[part].annotation
        members = [annotation, *getattr(annotation, "__args__", ())]
        model = next((kind for kind in members if isinstance(kind, type) and issubclass(kind, BaseModel)), None)
    return True


def test_has_key_follows_sections() -> None:
    assert has_key("generate.teacher.budget.money")
    assert has_key("train.sft.learning_rate")
    assert not has_key("generate.teacher.batch_share")
    assert not has_key("evaluate.suite")


@pytest.mark.parametrize("page", TEXTS)
def test_configs_that_a_page_names_exist(page: str) -> None:
    names = set(re.findall(r"\bconfigs/[\w/-]+\.yaml", TEXTS[page]))
    assert [name for name in names if name != OWN and not (ROOT / name).exists()] == []


@pytest.mark.parametrize("page", TEXTS)
def test_config_keys_that_a_page_names_exist(page: str) -> None:
    keys = set(re.findall(rf"(?<![\w./-])((?:{SECTIONS})(?:\.[a-z_]+)+)(?![\w(/.*])", TEXTS[page]))
    files = {"py", "json", "jsonl", "yaml", "md", "png", "parquet"}
    assert [key for key in sorted(keys) if key.rsplit(".", 1)[1] not in files and not has_key(key)] == []


@pytest.mark.parametrize("page", TEXTS)
def test_commands_that_a_page_names_exist(page: str) -> None:
    commands = set(get_command(app).commands)  # type: ignore[attr-defined]
    named = set(re.findall(r"(?:^\$ |`)kshot ([a-z][a-z-]+)", TEXTS[page], re.MULTILINE))
    assert named - commands == set()
