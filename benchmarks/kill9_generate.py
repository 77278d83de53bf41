"""Does `kill -9` lose or double a reply? `python benchmarks/kill9_generate.py --json FILE`.

A child process sends requests to a local server through the client, and appends the replies to a log. The benchmark
kills it at random moments and starts it again, `--kills` times. After a finished run the next one gets new requests and
the same cache.
lost      replies that the child got, or that a finished run requested, and that are not in the cache
doubled   keys that are twice in the cache, and requests answered twice in one run
rebought  requests that the server got again though their reply was committed before that child started, and requests
          that one child sent twice
"""

import argparse
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from _server import Answer, completion, serve

from kshot.core.files import read_log, write_json

REQUESTS = 400


class Counting:
    """Appends each prompt to a file, in order, so that the parent can read it at any time."""

    def __call__(self, index: int, body: dict[str, Any]) -> Answer:
        prompt = body["messages"][-1]["content"]
        path, number = prompt.rsplit("#", 1)
        with Path(path).open("a") as log:
            log.write(f"{number}\n")
        return Answer(random.uniform(0.001, 0.05), body=completion(f"Reply to {number}"))


def run_child(url: str, folder: Path, first: int) -> None:
    import orjson

    from kshot.config import TeacherConfig
    from kshot.generate.teacher import Request
    from kshot.generate.teacher.cache import ReplyCache
    from kshot.generate.teacher.client import make_client

    cache = ReplyCache(folder / "replies.sqlite")
    client = make_client(TeacherConfig(endpoint=url, model="m", concurrency=32), "", cache, folder)
    requests = [Request(f"{folder / 'sent.log'}#{first + n}") for n in range(REQUESTS)]
    with (folder / "received.log").open("wb", buffering=0) as log:
        for request, reply in client.stream(requests, "sending", len(requests)):
            log.write(orjson.dumps({"prompt": request.prompt, "reply": reply.text}, option=orjson.OPT_APPEND_NEWLINE))


def read_cached(folder: Path) -> list[str]:
    """Return the numbers of the requests with a committed reply, as another process sees them."""
    path = folder / "replies.sqlite"
    if not path.exists():
        return []
    with sqlite3.connect(path) as database:
        if not database.execute("SELECT 1 FROM sqlite_master WHERE name = 'replies'").fetchone():
            return []
        return [text.removeprefix("Reply to ") for (text,) in database.execute("SELECT reply FROM replies")]


def read_sent(folder: Path) -> list[str]:
    path = folder / "sent.log"
    return path.read_text().split() if path.exists() else []


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--child", nargs=3)
    options = parser.parse_args()
    if options.child:
        run_child(options.child[0], Path(options.child[1]), int(options.child[2]))
        return
    rng = random.Random(3)
    kills = runs = first = lost = doubled = rebought = 0
    with serve(Counting) as server, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        while kills < options.kills:
            before, sent_before = set(read_cached(folder)), len(read_sent(folder))
            command = [sys.executable, __file__, "--child", server.url, name, str(first)]
            process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
            try:
                # Kill shortly after the first request, or in some runs before it.
                wait_for_request(process, folder, sent_before, rng.random() < 0.9)
                process.wait(rng.uniform(0, 0.6))
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
                kills += process.wait() == -signal.SIGKILL
            new = read_sent(folder)[sent_before:]
            rebought += len(set(new) & before) + len(new) - len(set(new))
            received = [row["prompt"].rsplit("#", 1)[1] for row in read_log(folder / "received.log")]
            cached = read_cached(folder)
            lost += len(set(received) - set(cached))
            doubled += len(received) - len(set(received)) + sum(count - 1 for count in Counter(cached).values())
            if process.returncode == 0:
                lost += len({str(first + n) for n in range(REQUESTS)} - set(received))
                runs, first = runs + 1, first + REQUESTS
        repeated = len(read_sent(folder)) - len(set(read_sent(folder)))
        result = {
            "kills": kills,
            "lost": lost,
            "doubled": doubled,
            "rebought": rebought,
            "finished_runs": runs,
            "replies": len(cached),
            "sent_again_because_killed_before_the_commit": repeated,
        }
    print(result)
    if options.json:
        write_json(options.json, result)


def wait_for_request(process: "subprocess.Popen[bytes]", folder: Path, before: int, wanted: bool) -> None:
    while wanted and process.poll() is None and len(read_sent(folder)) == before:
        time.sleep(0.005)


if __name__ == "__main__":
    main()
