"""Replays recorded replies behind an OpenAI-compatible endpoint on loopback, so they pass the real client and checks.

A line of the file is `{"for": KEY, "reply": TEXT}`. A key names what was asked for rather than how, so another wording
of the prompts finds the same reply: the label and attributes of the examples to write, or the input to solve.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kshot.core.errors import TeacherError
from kshot.core.files import read_jsonl
from kshot.core.seeding import digest
from kshot.generate.teacher.servers.loopback import JsonHandler, serve_on_loopback

_WANTED = re.compile(r"^\d+\. ((?:topic|length|level|style|writer): .*)$", re.M)
_LABEL = re.compile(r'right output is ("(?:[^"\\]|\\.)*")')
_TASK = re.compile(r"^Task: (.*)$", re.M)
_SOLVE = re.compile(r"(?:^|\n)Input: (?P<input>(?:(?!\nInput: ).)*)\nOutput:\s*\Z", re.S)
ATTRIBUTES = "Somebody wants many different inputs"


def find_key(prompt: str) -> str:
    """Return the key under which a prompt's reply is recorded."""
    if wanted := _WANTED.findall(prompt):
        label = _LABEL.search(prompt)
        return f"write {label[1] if label else 'examples'} {digest(*wanted)}"
    if solve := _SOLVE.search(prompt):
        return f"solve {solve['input']}"
    if prompt.startswith(ATTRIBUTES) and (task := _TASK.search(prompt)):
        return f"attributes {task[1]}"
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
            self.send_reply(replies.get(key, f"{path.name} holds no reply for {key!r:.200}"))

    return Handler
