"""Do endpoint failures change the data? `python benchmarks/storm.py --json FILE`.

Sends the same requests to a reliable local server and to an unreliable one. That one answers 30 % with 429 (some with
an absurd Retry-After) and 10 % with 5xx, hangs on 5 % and resets 5 % of the connections. `same_set`: every request got
the same reply from both.
"""

import argparse
import random
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

from _server import Answer, completion, serve

from kshot.config import TeacherConfig
from kshot.core.files import write_json
from kshot.generate.teacher import Request
from kshot.generate.teacher.cache import ReplyCache
from kshot.generate.teacher.client import make_client

ABSURD = [b"", b"0", b"86400", b"-5", b"1e300", b"nan", b"soon", b"Fri, 31 Dec 9999 23:59:59 GMT", b"0.01"]


class Unreliable:
    """Replies depend on the prompt alone; failures are drawn."""

    def __init__(self, fails: bool) -> None:
        self._fails = fails
        self._rng = random.Random(5)
        self.seen = {"429": 0, "5xx": 0, "hang": 0, "reset": 0, "reply": 0}

    def __call__(self, index: int, body: dict[str, Any]) -> Answer:
        draw = self._rng.random() if self._fails else 1.0
        seconds = self._rng.uniform(0.002, 0.03)
        if draw < 0.3:
            self.seen["429"] += 1
            retry_after = self._rng.choice(ABSURD)
            return Answer(seconds, 429, headers=b"Retry-After: %b\r\n" % retry_after if retry_after else b"")
        if draw < 0.4:
            self.seen["5xx"] += 1
            return Answer(seconds, self._rng.choice([500, 502, 503, 504]), b"<html>oh no</html>")
        if draw < 0.45:
            self.seen["hang"] += 1
            return Answer(hang=True)
        if draw < 0.5:
            self.seen["reset"] += 1
            return Answer(seconds, reset=True)
        self.seen["reply"] += 1
        return Answer(seconds, body=completion("Reply to " + body["messages"][-1]["content"]))


def send_all(fails: bool, count: int) -> tuple[set[tuple[str, str]], int, float, dict[str, int]]:
    with serve(partial(Unreliable, fails)) as server, tempfile.TemporaryDirectory() as folder:
        cache = ReplyCache(Path(folder) / "replies.sqlite")
        # Short pauses and timeouts suit the short latencies.
        teacher = TeacherConfig(endpoint=server.url, model="m", timeout=0.5, max_backoff_seconds=0.3, max_attempts=10)
        client = make_client(teacher, "", cache, Path(folder))
        began = time.monotonic()
        pairs = [(request.prompt, reply.text) for request, reply in client.stream(requests(count), "sending", count)]
        seconds = time.monotonic() - began
        cache.close()
    assert len(pairs) == count
    return set(pairs), client.failed, seconds, server.seen


def requests(count: int) -> list[Request]:
    return [Request(f"prompt {n}") for n in range(count)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--requests", type=int, default=600)
    options = parser.parse_args()
    reliable, _, _, _ = send_all(False, options.requests)
    unreliable, failed, seconds, seen = send_all(True, options.requests)
    result = {
        "same_set": reliable == unreliable,
        "replies": len(unreliable),
        "failed": failed,
        "seconds": round(seconds, 1),
        "server": seen,
    }
    print(result)
    if options.json:
        write_json(options.json, result)


if __name__ == "__main__":
    main()
