"""Replays recorded replies behind an OpenAI-compatible endpoint on loopback, so they pass the real client and checks.

A line of the file is `{"for": KEY, "reply": TEXT}`. A key names what was asked for rather than how, so another wording
of the prompts finds the same reply: the label and attributes of the examples to write, the input to solve, the
description to reword.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kshot.core.errors import TeacherError
from kshot.core.files import read_jsonl
from kshot.core.prompting import COT_INSTRUCTION
from kshot.core.seeding import digest
from kshot.generate.teacher.servers.loopback import JsonHandler, serve_on_loopback

_WANTED = re.compile(r"^\d+\. ((?:topic|length|level|style|writer): .*)$", re.M)
_LABEL = re.compile(r'right output is ("(?:[^"\\]|\\.)*")')
NOT_RECORDED = "holds no recorded reply for"
MAX_KEY_CHARS = 400
"""Longer data stand as their digest in a key."""
_SOLVE = re.compile(r"(?:^|\n)Input: (?P<input>(?:(?!\nInput: ).)*)\nOutput:\s*\Z", re.S)
_DATA = (
    ("attributes", re.compile(r"\ASomebody wants many different inputs.*?\nTask: (.*?)\n", re.S)),
    ("invent", re.compile(r"\AInvent a new task .*?(?:What the task is like: (.*?))?\n\n(.*)\Z", re.S)),
    ("vary", re.compile(r"\ABelow is a task with an example\. Write a neighbouring .*\n\n(.*)\Z", re.S)),
    ("invert", re.compile(r"\ABelow is a task with examples\. .* reverse task.*?\n\n(.*)\Z", re.S)),
    ("augment", re.compile(r"\AWrite the input again (.*?)\. .*?\nInput: (.*)\nRight output: .*\Z", re.S)),
    ("judge", re.compile(r"\AIs the output right, and complete, .*?\nInput: (.*)\nOutput: (.*)\Z", re.S)),
    ("rephrase", re.compile(r"\nDescription: ((?:(?!\nDescription: ).)*)\nOther words:\s*\Z", re.S)),
    ("abstract", re.compile(r"\nDescription: ((?:(?!\nDescription: ).)*)\nGeneral:\s*\Z", re.S)),
    ("restyle", re.compile(r"\nDescription: ((?:(?!\nDescription: ).)*)\nAs ([^\n]*):\s*\Z", re.S)),
)
"""By mode, the data in a prompt; the first pattern that fits counts."""


def find_key(prompt: str) -> str:
    """Return the key under which a prompt's reply is recorded."""
    if wanted := _WANTED.findall(prompt):
        label = _LABEL.search(prompt)
        return f"write {label[1] if label else 'examples'} {digest(*wanted)}"
    if solve := _SOLVE.search(prompt):
        return f"{'reason' if COT_INSTRUCTION in prompt else 'solve'} {solve['input']}"
    for mode, pattern in _DATA:
        if data := pattern.search(prompt):
            text = " | ".join(filter(None, data.groups()))
            return f"{mode} {text if len(text) <= MAX_KEY_CHARS else digest(text)}"
    return f"prompt {digest(prompt)}"


def read_replies(path: Path) -> dict[str, str]:
    """Return the recorded replies by key.

    Raises:
        DataError: the file is missing or broken.
        TeacherError: a line is none of a recording; names it.
    """
    replies: dict[str, str] = {}
    for line, row in read_jsonl(path):
        key, reply = row.get("for"), row.get("reply")
        if not isinstance(key, str) or not isinstance(reply, str):
            raise TeacherError(f'{path}:{line}: expected {{"for": KEY, "reply": TEXT}}')
        replies[key] = reply
    return replies


@contextmanager
def recorded_server(path: Path) -> Iterator[str]:
    """Serve the replies of a file; yield the base URL. Where none is recorded, the reply says so.

    Raises:
        KshotError: see `read_replies`.
    """
    with serve_on_loopback(_make_handler(read_replies(path), path)) as url:
        yield url


def _make_handler(replies: dict[str, str], path: Path) -> type[JsonHandler]:
    class Handler(JsonHandler):
        def do_POST(self) -> None:  # noqa: N802 - as http.server calls it
            key = find_key(self.read_json()["messages"][-1]["content"])
            # A refusal of all requests of a kind would end the run.
            self.send_reply(replies.get(key, f"{path.name} {NOT_RECORDED} {key!r:.200}"))

    return Handler
