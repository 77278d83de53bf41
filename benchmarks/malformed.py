"""Twenty thousand malformed replies: `python benchmarks/malformed.py --json FILE`.

A local server answers with what broken endpoints send: torn JSON, NUL, lone surrogates, 10 MB, the wrong shape,
refusals, bodies without JSON, broken chunks, broken HTTP. `crashes` counts exceptions that a user would see;
`unaccounted` the requests that did not end as one cached reply or one failure with its reason.
"""

import argparse
import random
import sqlite3
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
from _server import Answer, completion, serve

from kshot.config import TeacherConfig
from kshot.core.files import write_json
from kshot.generate.teacher import Request
from kshot.generate.teacher.cache import ReplyCache
from kshot.generate.teacher.client import make_client

SCHEMA = {"type": "object", "properties": {"input": {"type": "string"}}, "required": ["input"]}
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
BIG_EVERY = 500


def content(text: str) -> Answer:
    return Answer(body=completion(text))


def envelope(value: Any) -> Answer:
    return Answer(body=orjson.dumps(value))


def message(value: Any) -> Answer:
    return envelope({"choices": [{"message": value, "finish_reason": 7}], "usage": {"prompt_tokens": "many"}})


KINDS: list[Callable[[random.Random], Answer]] = [
    lambda rng: content('{"input": "cut of'),
    lambda rng: content("a\x00b\x00" * rng.randint(1, 50)),
    lambda rng: Answer(body=completion("half").replace(b"half", b"half \\ud83d and \\udc00")),
    lambda rng: Answer(body=completion("bytes").replace(b"bytes", bytes(rng.randrange(128, 256) for _ in range(20)))),
    lambda rng: content(orjson.dumps({"output": [1, {"deep": None}]}).decode()),
    lambda rng: content("I'm sorry, but I cannot help with that."),
    lambda rng: content(""),
    lambda rng: content("[" * rng.randint(1, 5000)),
    lambda rng: content(chr(rng.choice([0x7F, 0x85, 0x2028, 0xFEFF, 0x202E, 0x10FFFF])) * 30),
    lambda rng: message({"role": "assistant", "content": None, "refusal": "No."}),
    lambda rng: message({"content": [{"type": "text", "text": "part"}, {"type": "image"}]}),
    lambda rng: envelope(
        {"choices": [{"message": {"content": "x"}}], "usage": {"prompt_tokens": -(10**18), "completion_tokens": 1e400}}
    ),
    lambda rng: Answer(body=completion("torn")[: rng.randint(1, 150)]),
    lambda rng: Answer(body=b"<html><body>502 Bad Gateway</body></html>"),
    lambda rng: Answer(body=b""),
    lambda rng: Answer(body=b"null"),
    lambda rng: Answer(body=b"[" * 100_000),
    lambda rng: Answer(body=b"9" * 10_000),
    lambda rng: Answer(body=rng.randbytes(rng.randint(1, 300))),
    lambda rng: envelope({"choices": []}),
    lambda rng: envelope({"choices": "none"}),
    lambda rng: envelope({"error": {"message": "inside a 200"}}),
    lambda rng: message({"content": {"not": "text"}}),
    lambda rng: message(None),
    lambda rng: Answer(raw=HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nZZ\r\n" + rng.randbytes(30)),
    lambda rng: Answer(raw=HEAD + b"Content-Length: 500\r\n\r\nshort"),
    lambda rng: Answer(raw=HEAD + b"Content-Encoding: gzip\r\nContent-Length: 9\r\n\r\nnot gzip!"),
    lambda rng: Answer(raw=rng.randbytes(80) + b"\r\n\r\n"),
    lambda rng: Answer(raw=HEAD + b"X: " + b"y" * 70_000 + b"\r\n\r\n"),
    lambda rng: Answer(status=rng.choice([204, 301, 400, 413, 422, 418]), body=rng.randbytes(50)),
]


class Fuzzer:
    def __init__(self) -> None:
        self._rng = random.Random(11)

    def __call__(self, index: int, body: dict[str, Any]) -> Answer:
        if index % BIG_EVERY == 0:
            return content("ten million " * 875_000)
        # Half of the replies are valid, or the client would rightly suspend the endpoint.
        kinds = KINDS[:12] if self._rng.random() < 0.5 else KINDS
        return self._rng.choice(kinds)(self._rng)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--replies", type=int, default=20_000)
    options = parser.parse_args()
    crashes, sent, errors, accounted = 0, 0, 0, set[str]()
    with serve(Fuzzer) as server, tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "replies.sqlite"
        while True:
            cache = ReplyCache(path)
            teacher = TeacherConfig(
                endpoint=server.url, model="m", max_backoff_seconds=0.02, timeout=20.0, max_attempts=4
            )
            client = make_client(teacher, "", cache, Path(folder))
            prompts = [Request(f"prompt {sent + n}", schema=SCHEMA) for n in range(2000)]
            try:
                for request, reply in client.stream(prompts, "sending", len(prompts)):
                    errors += bool(reply.error)
                    assert reply.error or len(reply.text) <= 1_000_000
                    accounted.add(request.prompt)
            except Exception:
                crashes += 1
                traceback.print_exc()
            sent += len(prompts)
            cache.close()
            with sqlite3.connect(path) as database:
                stored = database.execute("SELECT count(*) FROM replies").fetchone()[0]
                failures = database.execute("SELECT count(*) FROM failures").fetchone()[0]
                attempts = stored + failures
            if attempts >= options.replies or crashes > 3:
                break
    result = {
        "replies": server.stats.served,
        "requests": sent,
        "stored": stored,
        "failed": failures,
        "crashes": crashes,
        "unaccounted": abs(sent - len(accounted)) + abs(sent - stored - failures) + abs(failures - errors),
    }
    print(result)
    if options.json:
        write_json(options.json, result)


if __name__ == "__main__":
    main()
