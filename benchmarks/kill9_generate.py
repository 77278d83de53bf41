"""Does `kill -9` lose or double a reply? `python benchmarks/kill9_generate.py --json FILE`.

A child asks a local server through the engine and appends what it is given to a log, as a stage would; it is killed at
random moments and started again, until it has been killed so often. When a run comes to its end, the next gets new
requests and the same store.
lost      replies that were given to the caller, or asked for in a finished run, and are not in the store
doubled   keys that are twice in the store, and requests given twice in one run
rebought  requests that the server got again though their reply was committed before the child that asked was started,
          and those that one child asked twice
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
    """Notes each prompt in a file as it is asked, in order, so that the parent can read it at any time."""

    def __call__(self, index: int, body: dict[str, Any]) -> Answer:
        prompt = body["messages"][-1]["content"]
        path, number = prompt.rsplit("#", 1)
        with Path(path).open("a") as log:
            log.write(f"{number}\n")
        return Answer(random.uniform(0.001, 0.05), body=completion(f"Reply to {number}"))


def child(url: str, folder: Path, first: int) -> None:
    import orjson

    from kshot.config import TeacherConfig
    from kshot.generate.teacher.cache import ReplyCache
    from kshot.generate.teacher.client import make_client
    from kshot.generate.teacher.messages import Request

    store = ReplyCache(folder / "replies.sqlite")
    asker = make_client(TeacherConfig(endpoint=url, model="m", concurrency=32), "", store, folder)
    requests = [Request(f"{folder / 'asked.log'}#{first + n}") for n in range(REQUESTS)]
    with (folder / "given.log").open("wb", buffering=0) as log:
        for request, reply in asker.stream(requests, "asking", len(requests)):
            log.write(orjson.dumps({"prompt": request.prompt, "reply": reply.text}, option=orjson.OPT_APPEND_NEWLINE))


def stored(folder: Path) -> list[str]:
    """The numbers of the requests whose reply is committed, as another process sees them."""
    path = folder / "replies.sqlite"
    if not path.exists():
        return []
    with sqlite3.connect(path) as database:
        if not database.execute("SELECT 1 FROM sqlite_master WHERE name = 'replies'").fetchone():
            return []
        return [text.removeprefix("Reply to ") for (text,) in database.execute("SELECT reply FROM replies")]


def asked(folder: Path) -> list[str]:
    path = folder / "asked.log"
    return path.read_text().split() if path.exists() else []


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--child", nargs=3)
    options = parser.parse_args()
    if options.child:
        child(options.child[0], Path(options.child[1]), int(options.child[2]))
        return
    rng = random.Random(3)
    kills = runs = first = lost = doubled = rebought = 0
    with serve(Counting) as server, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        while kills < options.kills:
            before, asked_before = set(stored(folder)), len(asked(folder))
            command = [sys.executable, __file__, "--child", server.url, name, str(first)]
            process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
            try:
                # A moment after the first request, or in some runs before it.
                wait_for_request(process, folder, asked_before, rng.random() < 0.9)
                process.wait(rng.uniform(0, 0.6))
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
                kills += process.wait() == -signal.SIGKILL
            got = asked(folder)[asked_before:]
            rebought += len(set(got) & before) + len(got) - len(set(got))
            given = [row["prompt"].rsplit("#", 1)[1] for row in read_log(folder / "given.log")]
            now = stored(folder)
            lost += len(set(given) - set(now))
            doubled += len(given) - len(set(given)) + sum(count - 1 for count in Counter(now).values())
            if process.returncode == 0:
                lost += len({str(first + n) for n in range(REQUESTS)} - set(given))
                runs, first = runs + 1, first + REQUESTS
        repeated = len(asked(folder)) - len(set(asked(folder)))
        result = {
            "kills": kills,
            "lost": lost,
            "doubled": doubled,
            "rebought": rebought,
            "finished_runs": runs,
            "replies": len(now),
            "asked_again_because_killed_before_the_commit": repeated,
        }
    print(result)
    if options.json:
        write_json(options.json, result)


def wait_for_request(process: "subprocess.Popen[bytes]", folder: Path, before: int, wanted: bool) -> None:
    while wanted and process.poll() is None and len(asked(folder)) == before:
        time.sleep(0.005)


if __name__ == "__main__":
    main()
