"""Write docs/reference from the code: `python docs/build_reference.py [--check]`.

cli.md, config.md, files.md (with JSON Schemas), api.md, families.md and train-settings.md are generated; `--check`
writes nothing and exits 1 if a page is out of date.
"""

import argparse
import inspect
import json
import os
import re
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel

import kshot
from kshot import api
from kshot.config import Config
from kshot.core.run_files import FileModel
from kshot.core.seeding import stream
from kshot.evaluate.run_files import FILES as EVALUATE_FILES
from kshot.generate.bank import FAMILIES
from kshot.generate.run_files import FILES as GENERATE_FILES
from kshot.tasks.family import Family
from kshot.train.run_files import FILES as TRAIN_FILES
from kshot.train.settings import LORA_SETTINGS, SFT_SETTINGS
from kshot.train.trainer_config import LORA_DEFAULTS, SFT_DEFAULTS

REFERENCE = Path(__file__).parent / "reference"
COMMANDS = (
    (), ("run",), ("generate",), ("train",), ("evaluate",), ("ablate",), ("compare",), ("view",), ("chat",), ("serve",),
    ("export",), ("plan",),
    ("push",), ("recipes",), ("recipes", "list"), ("recipes", "show"), ("recipes", "copy"), ("tasks",),
    ("tasks", "list"), ("tasks", "show"), ("tasks", "sample"), ("tasks", "training-suite"), ("models",),
    ("models", "list"), ("models", "pull"),
)  # fmt: skip
HEADER = "<!-- Written by docs/build_reference.py; change the code, not this page. -->\n\n"
GALLERY_SEED = 7
MAX_EXAMPLE_CHARS = 400


def cli_page() -> str:
    """The help of every command."""
    parts = ["# Command line"]
    environment = {**os.environ, "COLUMNS": "100", "NO_COLOR": "1", "TERM": "dumb"}
    for command in COMMANDS:
        arguments = [sys.executable, "-m", "kshot.cli", *command, "--help"]
        done = subprocess.run(arguments, capture_output=True, text=True, check=True, env=environment)
        text = "\n".join(line.rstrip() for line in done.stdout.strip().splitlines())
        parts += [f"## {' '.join(('kshot', *command))}", f"```text\n{text}\n```"]
    return "\n\n".join(parts)


def config_page() -> str:
    """Every key of the config, its type, default and meaning."""
    parts = [
        "# Config",
        "A run is one YAML file. Unknown keys are refused, and all faults are reported at once. `--set KEY=VALUE` "
        "overrides a key for one run.",
    ]
    for path, section in _sections(Config, ()):
        parts += [f"## {'.'.join(path) or 'top level'}", inspect.getdoc(section) or "", _field_table(section)]
    return "\n\n".join(parts)


def _sections(section: type[BaseModel], path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], type[BaseModel]]]:
    yield path, section
    for name, field in section.model_fields.items():
        for option in (field.annotation, *get_args(field.annotation)):
            for kind in (option, *get_args(option)):
                if isinstance(kind, type) and issubclass(kind, BaseModel):
                    yield from _sections(kind, (*path, name))


def _field_table(section: type[BaseModel]) -> str:
    properties = section.model_json_schema()["properties"]
    rows = ["| key | type | default | meaning |", "|---|---|---|---|"]
    for name, field in section.model_fields.items():
        default = "" if field.is_required() else field.get_default()
        shown = "" if isinstance(default, BaseModel) else f"`{json.dumps(default, default=str)}`"
        kind = _spell_type(properties[field.alias or name])
        meaning = " ".join((field.description or "").split()).replace("|", "\\|")
        rows.append(f"| `{name}` | {kind} | {shown} | {meaning} |")
    return "\n".join(rows)


def _spell_type(spec: dict[str, Any]) -> str:
    """A JSON Schema's type in words."""
    if "$ref" in spec:
        return str(spec["$ref"]).rpartition("/")[2]
    if options := spec.get("anyOf") or spec.get("allOf"):
        return " or ".join(_spell_type(option) for option in options)
    if "enum" in spec or "const" in spec:
        return ", ".join(str(value) for value in spec.get("enum", [spec.get("const")]))
    kind = str(spec.get("type", "any value"))
    if kind == "array":
        return f"list of {_spell_type(spec['items'])}" if "items" in spec else "list"
    low, high = spec.get("minimum", spec.get("exclusiveMinimum")), spec.get("maximum", spec.get("exclusiveMaximum"))
    if low is not None and high is not None:
        return f"{kind}, {low:g} to {high:g}"
    return f"{kind}, at least {low:g}" if low is not None else kind


def files_page() -> str:
    """Every file of a run, with its fields."""
    parts = [
        "# Files of a run",
        "Each JSON file that a stage writes has one model. JSON Schemas: `docs/reference/schemas/`. Lists and `.jsonl` "
        "files hold a row each. Scores and gains are fractions, not percent.",
    ]
    for title, files in (("generate", GENERATE_FILES), ("train", TRAIN_FILES), ("evaluate", EVALUATE_FILES)):
        parts.append(f"## {title}")
        for name, model in files.items():
            parts += [f"### {name}", inspect.getdoc(model) or "", f"[JSON Schema](schemas/{name}.json)"]
            parts.append(_field_table(model))
    return "\n\n".join(parts)


def schemas() -> dict[str, str]:
    """The JSON Schema of every file."""
    models: dict[str, type[FileModel]] = {**GENERATE_FILES, **TRAIN_FILES, **EVALUATE_FILES}
    return {
        f"schemas/{name}.json": json.dumps(model.model_json_schema(mode="serialization"), indent=2) + "\n"
        for name, model in models.items()
    }


def api_page() -> str:
    """Every public name of `import kshot`."""
    parts = ["# Python API", "```python\nimport kshot\n```", textwrap.dedent(inspect.getdoc(api) or "")]
    for name in kshot.__all__:
        value = getattr(api, name, None) or getattr(kshot, name)
        signature = f"{inspect.signature(value)}" if inspect.isfunction(value) else ""
        parts += [f"## {name}", *([f"```python\n{name}{signature}\n```"] if signature else [])]
        parts.append(f"```text\n{inspect.getdoc(value) or ''}\n```")
    return re.sub(r" object at 0x[0-9a-f]+", "", "\n\n".join(parts))


def families_page() -> str:
    """The gallery: every programmatic family with two examples."""
    parts = [
        "# Families",
        f"The {len(FAMILIES)} programmatic families of training tasks, by category, each with an instruction and two "
        "examples. Every output is computed by the family's solver. `kshot tasks sample ID -k 2` prints whole prompts.",
    ]
    by_category: dict[str, list[Family]] = {}
    for family in FAMILIES:
        by_category.setdefault(family.category, []).append(family)
    for category, families in sorted(by_category.items()):
        parts.append(f"## {category}")
        for family in sorted(families, key=lambda each: each.id):
            parts.append(_family_entry(family))
    return "\n\n".join(parts)


def _family_entry(family: Family) -> str:
    rng = stream(GALLERY_SEED, "gallery", family.id)
    params = family.params(rng)
    lines = [f"**{family.id}**: {family.descriptions[0].format(**params)}"]
    for _ in range(2):
        problem = family.sample(rng, params)
        text = f"{problem.text}\n=> {family.solve(problem.facts, params)}"
        if len(text) > MAX_EXAMPLE_CHARS:
            text = text[:MAX_EXAMPLE_CHARS] + " ..."
        lines.append(f"```text\n{text}\n```")
    return "\n\n".join(lines)


def train_settings_page() -> str:
    """Every field of TRL's SFTConfig and PEFT's LoraConfig, and what kshot does with it."""
    parts = [
        "# Settings of TRL and PEFT",
        "`train.sft` takes fields of TRL's `SFTConfig`, `train.lora` those of PEFT's `LoraConfig`. Each field of the "
        "installed versions is in one of three tables: kshot honours it, sets it itself, or does not support it. A "
        "field of the last two is refused in one line; one that is not supported may state its default. "
        "`python -m tests.settings` tries values of each on a tiny student.",
    ]
    for section, settings, defaults in (("sft", SFT_SETTINGS, SFT_DEFAULTS), ("lora", LORA_SETTINGS, LORA_DEFAULTS)):
        for status, heading, column in (
            ("honoured", "honoured", "values"),
            ("ours", "set by kshot", "from"),
            ("unsupported", "not supported", "why, or what to use"),
        ):
            rows: dict[str, list[str]] = {}
            for name, setting in settings.items():
                if setting.status == status:
                    note = setting.note.replace("|", "\\|")
                    default = f"; default {defaults[name]}" if name in defaults else ""
                    rows.setdefault(note + default, []).append(f"`{name}`")
            lines = [f"| {', '.join(names)} | {note} |" for note, names in rows.items()]
            parts += [f"## train.{section}: {heading}", "\n".join([f"| field | {column} |", "|---|---|", *lines])]
    return "\n\n".join(parts)


def build() -> dict[str, str]:
    """All pages: file name below docs/reference to contents."""
    pages = {
        "cli.md": cli_page(),
        "config.md": config_page(),
        "files.md": files_page(),
        "api.md": api_page(),
        "families.md": families_page(),
        "train-settings.md": train_settings_page(),
    }
    return {name: f"{HEADER}{text}\n" for name, text in pages.items()} | schemas()


def main() -> int:
    parser = argparse.ArgumentParser(description="Write docs/reference from the code.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if a page is out of date")
    check = parser.parse_args().check
    for name, text in build().items():
        path = REFERENCE / name
        if check and (not path.is_file() or path.read_text(encoding="utf-8") != text):
            sys.stderr.write(f"{path}: out of date; run python docs/build_reference.py\n")
            return 1
        if not check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
