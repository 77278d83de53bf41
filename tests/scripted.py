"""A teacher that answers well: an OpenAI-compatible server on loopback whose replies follow from the prompt."""

import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from kshot.config import TeacherConfig, VerifyConfig
from kshot.generate.curation.decontaminate import Decontaminator
from kshot.generate.synthesis.shared.context import SynthesisContext
from kshot.generate.synthesis.shared.prompt_templates import PromptTemplates
from kshot.generate.teacher import open_teacher
from kshot.generate.teacher.servers.loopback import serve_on_loopback
from tests.teacher_profiles import Profile, plain

SKILLS: dict[str, Callable[[str], str]] = {
    "Write the text in capitals.": str.upper,
    "Write the text in small letters.": str.lower,
    "Spell the word backwards, from its last letter to its first.": lambda text: text[::-1],
    "Answer 'long' if there are more than three words in it, otherwise 'short'.": (
        lambda text: "long" if len(text.split()) > 3 else "short"
    ),
    "Give the initial of the name, followed by a full stop.": lambda text: text[:1].upper() + ".",
    "Say the phrase twice, with a comma in between.": lambda text: f"{text}, {text}",
}
CAPITALS, _, _, LENGTH, *_ = SKILLS
TASK_ROWS = [
    {"id": "capitals", "category": "c", "descriptions": [CAPITALS],
     "examples": [{"input": t, "output": t.upper()} for t in ("a bee", "an old cat", "two dogs")]},
    {"id": "length", "category": "c", "descriptions": [LENGTH], "labels": ["long", "short"],
     "examples": [{"input": "a cat", "output": "short"}, {"input": "a b c d", "output": "long"}]},
]  # fmt: skip
"""Two tasks that the script can do, as a task file holds them."""
WORDS = "amber basil cedar delta ember fjord grape hazel inlet jolly kiosk lemon maple nylon ocean piano".split()  # noqa: SIM905


def solve(prompt: str) -> str:
    """Return the right answer to a prompt that ends in `Input: ...` and `Output:`."""
    skill = next(skill for text, skill in SKILLS.items() if text in prompt)
    query = prompt.rsplit("Input: ", 1)[1].rsplit("\nOutput:", 1)[0]
    if "step by step" in prompt:
        return f"First I read the text once, then I do as told.\nAnswer: {skill(query)}"
    return skill(query)


class HttpAnswer(NamedTuple):
    """What an endpoint answers in place of a reply."""

    status: int
    body: bytes
    headers: Mapping[str, str] = {}


class Script:
    """Replies by the kind of prompt; `ruin` may change a reply before it is sent, and `profile` wraps it.

    `endpoint` may answer in place of the reply.
    """

    def __init__(self, profile: Profile = plain) -> None:
        self.profile = profile
        self.ruin: Callable[[str, str], str] = lambda prompt, reply: reply
        self.endpoint: Callable[[dict[str, Any]], HttpAnswer | None] = lambda body: None
        self.asked: list[dict[str, Any]] = []
        self._numbers = count()
        self._lock = threading.Lock()

    def reply(self, body: dict[str, Any]) -> str:
        prompt = body["messages"][-1]["content"]
        with self._lock:
            self.asked.append(body)
            number = next(self._numbers)
        return self.ruin(prompt, self._answer(prompt, number))

    def _answer(self, prompt: str, number: int) -> str:
        phrase = " ".join(WORDS[(number * step + step) % len(WORDS)] for step in (1, 3, 5)) + f" {number}"
        if "\nDescription: " in prompt:
            original = prompt.rsplit("Description: ", 1)[1].rsplit("\n", 1)[0]
            return f"Please look at what is given here first, and then do this with it. {original}"
        if prompt.startswith("Invent a new task"):
            return self._task(list(SKILLS)[2 + number % 4], phrase)
        if "neighbouring task" in prompt:
            return self._task("Write the text in small letters.", phrase.title())
        if wanted := re.match(r"Write (\w+) new (input|example)", prompt):
            count = 1 if wanted[1] == "one" else int(wanted[1])
            examples = [
                self._example(prompt, wanted[2], f"{phrase} {item}" if item else phrase) for item in range(count)
            ]
            return "Here it is:\n```json\n" + _json(examples=examples) + "\n```"
        if prompt.startswith("Somebody wants many different inputs"):
            return _json(topics=["ships", "tea"], lengths=["short", "long"], levels=["easy", "hard"])
        if prompt.startswith("Write the input again"):
            old = prompt.split("Input: ")[1].split("\n")[0]
            return _json(input=" ".join(reversed(old.split())))
        if "reverse task" in prompt:
            return _json(instruction="Write the text in small letters.")
        if prompt.startswith("Is the output right"):
            return "Yes."
        return solve(prompt)

    def _example(self, prompt: str, part: str, phrase: str) -> dict[str, str]:
        if part == "example":
            skill = next(skill for text, skill in SKILLS.items() if text in prompt)
            return {"input": phrase, "output": skill(phrase)}
        label = re.findall(r'right output is "(\w+)"', prompt)[0]
        return {"input": phrase if label == "long" else f"{phrase.split()[0]} {'x'.join(phrase.split()[3:])}"}

    def _task(self, instruction: str, phrase: str) -> str:
        labels = ["long", "short"] if "'long'" in instruction else []
        output = SKILLS[instruction](phrase)
        return _json(
            name="../../etc/passwd", family="{{ family }}", instruction=instruction, input=phrase, output=output,
            labels=labels,
        )  # fmt: skip


def _json(**fields: Any) -> str:
    return orjson.dumps(fields).decode()


@contextmanager
def serving(script: Script) -> Iterator[str]:
    """Run the script behind a real server; yield its base URL."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = orjson.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if answer := script.endpoint(body):
                self.send(answer)
                return
            choice = {"index": 0, **script.profile(script.reply(body))}
            tokens = sum(len(part["content"].split()) for part in body["messages"])
            usage = {"prompt_tokens": tokens, "completion_tokens": 5, "total_tokens": tokens + 5}
            text = orjson.dumps(
                {
                    "id": "1",
                    "object": "chat.completion",
                    "created": 0,
                    "model": "m",
                    "choices": [choice],
                    "usage": usage,
                }
            )
            self.send(HttpAnswer(200, text, {"Content-Type": "application/json"}))

        def send(self, answer: HttpAnswer) -> None:
            self.send_response(answer.status)
            for name, value in {"Content-Length": str(len(answer.body)), **answer.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer.body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with serve_on_loopback(Handler) as url:
        yield url


@contextmanager
def synthesis_context(script: Script, folder: Path, max_tokens: int) -> Iterator[SynthesisContext]:
    """What the modes work with, where the script is the teacher."""
    with serving(script) as url, open_teacher(TeacherConfig(endpoint=url, model="m"), "", folder) as teacher:
        yield SynthesisContext(teacher, PromptTemplates(None), VerifyConfig(), Decontaminator([]), 1, 0.8, max_tokens)
