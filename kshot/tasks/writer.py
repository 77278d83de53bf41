"""Writes example-based tasks as YAML that a person edits and `reader` reads back to the same task.

The first line carries a hash of the rest: a file whose hash does not fit was edited by hand, or is somebody else's.
"""

import hashlib
import re
from dataclasses import asdict
from pathlib import Path

import yaml

from kshot.core.files import write_text
from kshot.core.types import Example, Task

_HASH = "# Written by kshot, sha256 "
_NULLS = re.compile(r"~|null|Null|NULL|")
_OTHER_BREAKS = re.compile("[\r\x85\u2028\u2029]")
HEAD = """\
# Edit it freely: an edited file is never written again. To use it, name it in `generate.tasks` in place of the
# task's own file. `mode` says how the teacher made an example, `verified_by` what confirmed its output; an example
# without them is gold.
"""


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as blocks, and nothing as an alias."""

    def ignore_aliases(self, data: object) -> bool:
        return True


def _represent_text(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    # PyYAML falls back to double quotes where a block cannot hold the text. Only these escape other line breaks.
    style = '"' if _OTHER_BREAKS.search(text) else "|" if "\n" in text else "'" if _NULLS.fullmatch(text) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style)


_Dumper.add_representer(str, _represent_text)


def render_task(task: Task) -> str:
    """The YAML of a list of this one task; `load_tasks` gives the same task."""
    text = yaml.dump([task_fields(task)], Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)
    return str(text)


def task_fields(task: Task) -> dict[str, object]:
    """A task as a file of tasks holds it: the fields that differ from what a reader assumes."""
    fields: dict[str, object] = {"id": task.id}
    if task.family != task.id:
        fields["family"] = task.family
    fields["category"] = task.category
    if task.mode != Task.mode:
        fields["mode"] = task.mode
    optional = {
        "labels": list(task.labels),
        "anchors": [list(words) for words in task.anchors],
        "descriptions": list(task.descriptions),
        "no_label_instructions": list(task.no_label_instructions),
        "inverse": list(task.inverse),
        "allow_empty_outputs": task.allow_empty_outputs,
        "system": task.system,
    }
    fields |= {name: value for name, value in optional.items() if value}
    fields["examples"] = [_example_fields(example) for example in task.examples]
    return fields


def _example_fields(example: Example) -> dict[str, object]:
    """The fields of an example that differ from those of a gold one."""
    defaults = asdict(Example(example.input, example.output))
    fields = {name: value for name, value in asdict(example).items() if value != defaults[name]}
    if example.attributes:
        fields["attributes"] = dict(example.attributes)
    if example.mode != Example.mode:
        fields["verified_by"] = example.verified_by
    return {"input": example.input, "output": example.output, **fields}


def write_task(path: Path, task: Task) -> bool:
    """Write a task's file; False if it was edited by hand, and so stays as it is."""
    if is_edited(path):
        return False
    body = HEAD + render_task(task)
    write_text(path, f"{_HASH}{_hash(body.encode())}\n{body}")
    return True


def is_edited(path: Path) -> bool:
    """Whether a file stands there that is not, byte for byte, as `write_task` wrote it."""
    try:
        head, _, body = path.read_bytes().partition(b"\n")
    except FileNotFoundError:
        return False
    return head != f"{_HASH}{_hash(body)}".encode()


def _hash(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()
