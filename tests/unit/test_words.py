"""Retired words occur nowhere: one thing has one name, see docs/glossary.md."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("kshot", "generate", "train", "evaluate", "configs", "docs", "examples", "benchmarks", "tests", ".ci")
FILES = ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "Makefile", "mkdocs.yml", "pyproject.toml")
SUFFIXES = {".py", ".yaml", ".yml", ".md", ".j2", ".css", ".js", ".toml", ".html", ".sh"}

RETIRED = {
    "panel": "suite",
    "panels": "suites",
    "leaning": "label bias",
    "lean": "majority-prediction rate",
    "leans": "prefers",
    "framing": "instruction wrapper",
    "framings": "instruction wrappers",
    "framed": "wrapped",
    "forest": "prefix tree",
    "shop": "synthesis context",
    "taught": "trained on, synthesized",
    "untold": "no-label",
    "told": "reported, said, given",
    "gate": "acceptance",
    "gates": "acceptance",
    "teaching": "synthesis",
    "rehearse": "estimate",
    "rehearsal": "estimate",
    "asker": "teacher",
    "askers": "teachers",
    "doubt": "soft failure",
    "doubts": "soft failures",
    "briefs": "no-label instructions",
    "mend": "repair",
    "mended": "better, repaired",
    "controls": "trivial baselines",
    "told apart": "significant",
    "clear of zero": "interval excludes 0",
    "set by set": "per seed",
    "put off": "rate-limited",
    "demo seed": "few-shot seed",
    "demo seeds": "few-shot seeds",
    "what got worse": "forgetting",
    "knowing and leaning": "label bias",
    "not told apart": "inconclusive",
    "families at most": "max families",
}
"""Word or phrase -> what to write; found in any case, also inside names_with_underscores."""
IDENTIFIERS = {
    "GridCell": "Trial",
    "AllFailed": "AllEndpointsFailedError",
    "BudgetSpent": "BudgetExceededError",
    "AnswerTrainer": "CompletionTrainer",
    "Taught": "SynthesisResult",
    "Asks": "SynthesisContext",
    "Forest": "PrefixTree",
    "Machine": "Device",
}
"""Class names, in this spelling."""
KEYS = {
    "generate": (
        "forms cot skew labelled symbols briefs framed main_template examples_cap families_at_most without gym "
        "describe prove screen modes"
    ),
    "teacher": "extra attempts longest_pause price_in price_out",
    "train": "tokens validation near_base",
    "evaluate": "panels items demo_seeds resamples regression controls",
    "ablate": "vary new_data",
}
"""Section -> config keys that were renamed; as `section.key` anywhere."""
UNIQUE_KEYS = (
    "main_template", "examples_cap", "families_at_most", "longest_pause", "near_base", "demo_seeds", "new_data",
)  # fmt: skip
"""Those of them that mean nothing else, also alone."""

DATA = {
    "generate/bank": "texts of families",
    "kshot/suites/shipped": "items and instructions of suites",
    "configs/tasks": "examples of tasks",
    "tests/golden": "outputs, byte for byte",
    "docs/reference/families.md": "prompts of families, generated",
    "tests/unit/test_families": "prompts of families",
    "evaluate/heldout/messages.py": "messages that held-out tasks show",
    "evaluate/heldout/knowledge.py": "words that held-out tasks ask for",
    "evaluate/heldout/long_instructions.py": "instructions of kshot-long",
    "generate/curation/refusals": "phrases of models, and verbs of reported speech",
    "tests/unit/test_refusals.py": "texts of models and people",
    "evaluate/metrics/forgetting.yaml": "ordinary English, and questions",
    "tests/unit/test_words.py": "this list",
}
"""Files and folders where ordinary English may stand, since it is data."""
ALLOWED = {
    ("evaluate/heldout/build.py", "panel"): "the name of a random stream, which shapes the shipped suites",
    ("generate/dataset/training_suite.py", "panel"): "the name of a random stream, which shapes the data",
    ("generate/dataset/training_suite.py", "taught"): "the name of a random stream, which shapes the data",
    ("generate/synthesis/examples/attributes.py", "shop"): "a topic for the teacher",
    ("evaluate/scoring/text.py", "doubt"): "a word of an answer",
    ("evaluate/scoring/phrases.py", "doubt"): "a word of an answer",
    ("tests/unit/test_scoring.py", "doubt"): "a word of an answer",
    ("evaluate/heldout/uneven.py", "told"): "the instruction of a held-out task",
    ("configs/synthesis.yaml", "shop"): "the id of a task",
    ("configs/quickstart.yaml", "shop"): "the id of a task",
    ("configs/default.yaml", "shop"): "the id of a task",
    ("evaluate/heldout/reasoning.py", "shop"): "a text of a held-out task",
    ("docs/experiments/lora-layers.md", "gate"): "gate_proj, a layer",
    ("tests/integration/test_gguf.py", "gate"): "gate_proj, a layer",
    ("examples/minimal_loop.py", "forest"): "a word of a task",
    ("tests/scripted.py", "told"): "a reply of the scripted teacher",
    ("tests/integration/test_synthesis.py", "told"): "a reply of the scripted teacher",
}
"""(file, word) -> why it stays."""


def _files() -> Iterator[Path]:
    yield from (ROOT / name for name in FILES if (ROOT / name).exists())
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*")):
            # The links of the stages lead to folders that are listed already.
            if path.suffix in SUFFIXES and path.is_file():
                yield path


def _is_data(path: Path) -> bool:
    return any(_name(path).startswith(data) for data in DATA)


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


TEXTS = {_name(path): path.read_text(encoding="utf-8") for path in _files() if not _is_data(path)}


def find_words(text: str, word: str) -> list[int]:
    """The lines on which the word or phrase occurs, whole, also as a part of a name_with_underscores."""
    pattern = re.compile(rf"(?<![A-Za-z]){re.escape(word)}(?![A-Za-z])".replace(r"\ ", r"[\s_]+"), re.IGNORECASE)
    return [text.count("\n", 0, match.start()) + 1 for match in pattern.finditer(text)]


def find_all(word: str) -> list[str]:
    """FILE:LINE of each occurrence that is not allowed."""
    return [
        f"{name}:{line}"
        for name, text in TEXTS.items()
        if (name, word) not in ALLOWED
        for line in find_words(text, word)
    ]


def test_find_words_sees_whole_words_and_parts_of_names() -> None:
    assert find_words("a\nwrite_panel(Panel, panels)\npaneled", "panel") == [2, 2]
    assert find_words("told\n  apart, told_apart", "told apart") == [1, 2]


def test_the_files_are_found() -> None:
    assert len(TEXTS) > 300
    assert {"README.md", "evaluate/report/answers.js", "configs/quickstart.yaml"} <= set(TEXTS)


@pytest.mark.parametrize("word", RETIRED)
def test_a_retired_word_is_gone(word: str) -> None:
    assert find_all(word) == [], f"write {RETIRED[word]!r} instead of {word!r}"


@pytest.mark.parametrize("name", IDENTIFIERS)
def test_a_retired_class_name_is_gone(name: str) -> None:
    pattern = re.compile(rf"\bclass {name}\b|import .*\b{name}\b|\b{name}[(\[]")
    assert [file for file, text in TEXTS.items() if pattern.search(text)] == [], f"it is {IDENTIFIERS[name]} now"


@pytest.mark.parametrize("section", KEYS)
def test_retired_config_keys_are_gone(section: str) -> None:
    pattern = re.compile(rf"(?<![\w.]){section}\.({'|'.join(KEYS[section].split())})(?![\w(])")
    assert [(name, match.group()) for name, text in TEXTS.items() for match in pattern.finditer(text)] == []


@pytest.mark.parametrize("key", UNIQUE_KEYS)
def test_a_retired_config_key_is_gone_alone_too(key: str) -> None:
    assert find_all(key) == []


@pytest.mark.parametrize(("name", "word"), ALLOWED)
def test_what_is_allowed_still_occurs(name: str, word: str) -> None:
    assert find_words(TEXTS[name], word), "remove it from ALLOWED"
